// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for what debugfs shows of per-device coherent memory, in the words
 * of Documentation/ABI/testing/debugfs-dma-coherent
 *
 * The files are opened as user space would, and read by their own iterators into
 * memory of the kernel. Texts are compared whole. Where the address of a pool
 * would decide what is shown, the pool begins behind an address aligned better
 * than that.
 */

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mount.h>
#include <linux/of.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/suspend.h>
#include <linux/uio.h>

#include "dma-coherent-fixture.h"

#define SKIPPED		4		/* pages in front: aligned to so many */
#define PAGES		16
#define TEXT_SIZE	SZ_64K

/**
 * struct reader - what the tests have besides the fixture
 * @mnt: debugfs
 * @bank: what the device has declared
 * @path: its directory below @mnt
 * @text: for what is read, TEXT_SIZE bytes
 * @wanted: for what is compared with it
 */
struct reader {
	struct vfsmount *mnt;
	struct bank *bank;
	char path[80];
	char *text;
	char *wanted;
};

static struct reader *reader_of(struct kunit *test)
{
	struct fixture *fx = test->priv;

	return fx->priv;
}

static void unmount(void *mnt)
{
	kern_unmount(mnt);
}

static void mount_debugfs(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct reader *reader = reader_of(test);

	KUNIT_ASSERT_NOT_NULL(test, type);
	reader->mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reader->mnt);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmount, reader->mnt), 0);
}

static void declare(struct kunit *test, struct device *dev, unsigned long pages)
{
	struct reader *reader = reader_of(test);
	size_t size = pages * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(dev, reader->bank->base, HANDLE, size),
			0);
	snprintf(reader->path, sizeof(reader->path), "dma-coherent/declared@%llx+%zx",
		 (u64)reader->bank->base, size);
}

static int debugfs_init(struct kunit *test)
{
	struct reader *reader = kunit_kzalloc(test, sizeof(*reader), GFP_KERNEL);
	int err = fixture_init(test);
	struct fixture *fx = test->priv;

	if (err)
		return err;
	KUNIT_ASSERT_NOT_NULL(test, reader);
	fx->priv = reader;
	if (!debugfs_initialized())
		kunit_skip(test, "no debugfs");
	mount_debugfs(test);
	reader->text = kunit_kmalloc(test, TEXT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, reader->text);
	reader->wanted = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, reader->wanted);
	reader->bank = fx_add_bank_behind(test, SKIPPED, PAGES);
	declare(test, fx->dev, PAGES);
	return 0;
}

/* Reading */

static struct file *open_file_as(struct kunit *test, const char *name, int flags)
{
	struct reader *reader = reader_of(test);
	char path[sizeof(reader->path) + 16];

	snprintf(path, sizeof(path), "%s/%s", reader->path, name);
	return file_open_root_mnt(reader->mnt, path, flags, 0);
}

static struct file *open_file(struct kunit *test, const char *name)
{
	return open_file_as(test, name, O_RDONLY);
}

static ssize_t read_some(struct file *file, char *text, size_t size)
{
	struct kvec vec = { .iov_base = text, .iov_len = size };
	struct iov_iter iter;
	struct kiocb iocb;
	ssize_t got;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = file->f_pos;
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	got = seq_read_iter(&iocb, &iter);
	file->f_pos = iocb.ki_pos;
	return got;
}

static const char *text_of(struct kunit *test, const char *name)
{
	struct reader *reader = reader_of(test);
	struct file *file = open_file(test, name);
	ssize_t got, n = 0;

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(file), "%s: %ld", name, PTR_ERR(file));
	KUNIT_EXPECT_EQ(test, file_inode(file)->i_mode & 0777, 0444);
	do {
		got = read_some(file, reader->text + n, TEXT_SIZE - 1 - n);
		n += max_t(ssize_t, got, 0);
	} while (got > 0);
	fput(file);
	KUNIT_ASSERT_EQ(test, got, 0);
	reader->text[n] = '\0';
	return reader->text;
}

static __printf(2, 3) void want(struct kunit *test, const char *format, ...)
{
	struct reader *reader = reader_of(test);
	size_t n = strlen(reader->wanted);
	va_list args;

	va_start(args, format);
	vscnprintf(reader->wanted + n, TEXT_SIZE - n, format, args);
	va_end(args);
}

static void expect_text(struct kunit *test, const char *name)
{
	struct reader *reader = reader_of(test);

	KUNIT_EXPECT_STREQ(test, text_of(test, name), reader->wanted);
	reader->wanted[0] = '\0';
}

static const char *owner(struct device *dev)
{
	return IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS) ? dev_name(dev) : "?";
}

/* stat */

static void want_sizes(struct kunit *test, unsigned long used, unsigned long most)
{
	struct reader *reader = reader_of(test);

	want(test, "base: %#llx\n", (u64)reader->bank->base);
	want(test, "size: %lu\n", PAGES * PAGE_SIZE);
	want(test, "used: %lu\n", used * PAGE_SIZE);
	want(test, "free: %lu\n", (PAGES - used) * PAGE_SIZE);
	want(test, "high_water: %lu\n", most * PAGE_SIZE);
}

static void want_runs(struct kunit *test, unsigned int runs, unsigned long lost,
		      unsigned long largest)
{
	want(test, "free_runs: %u\n", runs);
	want(test, "lost_to_alignment: %lu\n", lost * PAGE_SIZE);
	want(test, "largest_aligned_%lu: %lu\n", PAGE_SIZE, largest * PAGE_SIZE);
	want(test, "largest_aligned_%lu: %lu\n", 2 * PAGE_SIZE, largest * PAGE_SIZE);
	want(test, "largest_aligned_%lu: %lu\n", 4 * PAGE_SIZE, largest * PAGE_SIZE);
	want(test, "mapping: write-combined\n");
}

static void stat_of_an_empty_pool(struct kunit *test)
{
	want_sizes(test, 0, 0);
	want(test, "live: 0\nallocations: 0\nreleases: 0\n");
	want(test, "failed_bad_size: 0\nfailed_too_large: 0\nfailed_full: 0\n");
	want(test, "failed_fragmented: 0\nfailed_out_of_reach: 0\n");
	want(test, "bad_free_wrong_order: 0\nbad_free_interior: 0\nbad_free_not_live: 0\n");
	want_runs(test, 1, 0, PAGES);
	expect_text(test, "stat");
}

static void stat_of_a_full_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_alloc(test, fx->dev, PAGES);
	want_sizes(test, PAGES, PAGES);
	want(test, "live: 1\nallocations: 1\nreleases: 0\n");
	want(test, "failed_bad_size: 0\nfailed_too_large: 0\nfailed_full: 0\n");
	want(test, "failed_fragmented: 0\nfailed_out_of_reach: 0\n");
	want(test, "bad_free_wrong_order: 0\nbad_free_interior: 0\nbad_free_not_live: 0\n");
	want_runs(test, 0, 0, 0);
	expect_text(test, "stat");
}

static void *lower(void *a, void *b)
{
	return a && a < b ? a : b;
}

/* The pages of a pool, each a buffer, but for 1 to 3, 8 to 11 and 14. */
static void make_holes(struct kunit *test)
{
	static const unsigned long holes[] = { 1, 2, 3, 8, 9, 10, 11, 14 };
	struct fixture *fx = test->priv;
	void *vaddr = NULL;
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		vaddr = lower(vaddr, fx_alloc(test, fx->dev, 1));
	for (i = 0; i < ARRAY_SIZE(holes); i++)
		fx_free(fx->dev, 1, vaddr + holes[i] * PAGE_SIZE);
}

/* Three pages begin at a multiple of four, so what 1 to 3 fit is two. */
static void stat_counts_everything(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *four;

	make_holes(test);
	four = fx_alloc(test, fx->dev, 4);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 0));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, -1));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, PAGES * PAGE_SIZE + 1));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 5 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 3 * PAGE_SIZE));
	fx->dev->coherent_dma_mask = HANDLE + PAGE_SIZE - 1;
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, PAGE_SIZE));
	fx_free(fx->dev, 1, four + PAGE_SIZE);
	fx_free(fx->dev, 2, four + 2 * PAGE_SIZE);
	fx_free(fx->dev, 8, four);
	fx_free(fx->dev, 4, four);

	want_sizes(test, 8, PAGES);
	want(test, "live: 8\nallocations: 17\nreleases: 9\n");
	want(test, "failed_bad_size: 2\nfailed_too_large: 1\nfailed_full: 1\n");
	want(test, "failed_fragmented: 1\nfailed_out_of_reach: 1\n");
	want(test, "bad_free_wrong_order: 1\nbad_free_interior: 2\nbad_free_not_live: 1\n");
	want_runs(test, 3, 1, 4);
	expect_text(test, "stat");
}

/* map */

static void map_has_one_line_a_run(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long page;

	want(test, "0x0 %#lx -\n", PAGES * PAGE_SIZE);
	expect_text(test, "map");

	make_holes(test);
	fx_alloc(test, fx->dev, 4);
	want(test, "0x0 %#lx %s\n", PAGE_SIZE, owner(fx->dev));
	want(test, "%#lx %#lx -\n", PAGE_SIZE, 3 * PAGE_SIZE);
	for (page = 4; page < 8; page++)
		want(test, "%#lx %#lx %s\n", page * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	want(test, "%#lx %#lx %s\n", 8 * PAGE_SIZE, 4 * PAGE_SIZE, owner(fx->dev));
	want(test, "%#lx %#lx %s\n", 12 * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	want(test, "%#lx %#lx %s\n", 13 * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	want(test, "%#lx %#lx -\n", 14 * PAGE_SIZE, PAGE_SIZE);
	want(test, "%#lx %#lx %s\n", 15 * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	expect_text(test, "map");
}

/* Owners are named even if they have detached or are gone. */
static void map_names_owners(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare(test, fx->other, PAGES);
	fx_alloc(test, fx->other, 8);
	fx_free(fx->dev, 4, fx_alloc(test, fx->dev, 4));
	fx_alloc(test, fx->dev, 8);
	dma_coherent_device_release(fx->other);
	want(test, "0x0 %#lx %s\n", 8 * PAGE_SIZE, owner(fx->other));
	want(test, "%#lx %#lx %s\n", 8 * PAGE_SIZE, 8 * PAGE_SIZE, owner(fx->dev));
	expect_text(test, "map");
}

static void change_something(struct fixture *fx, struct rnd_state *rnd, void **pages)
{
	unsigned int i = prandom_u32_state(rnd) % PAGES;
	dma_addr_t handle;

	if (pages[i]) {
		fx_free(fx->dev, 1, pages[i]);
		pages[i] = NULL;
	} else {
		dma_alloc_from_coherent(fx->dev, PAGE_SIZE, &handle, &pages[i]);
	}
}

/* Return: how many lines there are; each begins where the one before ended. */
static unsigned int count_lines(struct kunit *test, char *text)
{
	unsigned long long first, length, end = 0;
	unsigned int lines = 0;
	char *line;
	int fields;

	while ((line = strsep(&text, "\n")) && *line) {
		fields = sscanf(line, "0x%llx 0x%llx", &first, &length);
		KUNIT_ASSERT_EQ_MSG(test, fields, 2, "%s", line);
		KUNIT_EXPECT_EQ_MSG(test, first, end, "%s", line);
		KUNIT_EXPECT_NE_MSG(test, length, 0, "%s", line);
		end = first + length;
		lines++;
	}
	KUNIT_EXPECT_EQ(test, end, PAGES * PAGE_SIZE);
	return lines;
}

/* The pool changes after every few characters. */
static void map_has_neither_gaps_nor_overlaps(struct kunit *test)
{
	void *pages[PAGES] = {};
	struct fixture *fx = test->priv;
	struct reader *reader = reader_of(test);
	struct rnd_state rnd;
	struct file *file;
	unsigned int i, lines = 0;
	ssize_t got, n;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 200; i++) {
		file = open_file(test, "map");
		KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(file), "round %u", i);
		for (n = 0; (got = read_some(file, reader->text + n, 7)) > 0; n += got)
			change_something(fx, &rnd, pages);
		fput(file);
		reader->text[n] = '\0';
		lines += count_lines(test, reader->text);
	}
	KUNIT_EXPECT_GT(test, lines, 200 * PAGES / 3);
}

/* devices */

static void devices_have_a_line_each(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct reader *reader = reader_of(test);

	want(test, "# device handle reach live policy state\n");
	want(test, "%s 0x40000000 %lu 0 exclusive attached\n", dev_name(fx->dev),
	     PAGES * PAGE_SIZE);
	expect_text(test, "devices");

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory_flags(fx->other, reader->bank->base,
								2 * HANDLE, PAGES * PAGE_SIZE,
								DMA_COHERENT_FALLBACK), 0);
	fx->other->coherent_dma_mask = 2 * HANDLE + 3 * PAGE_SIZE;
	fx_alloc(test, fx->other, 1);
	fx_alloc(test, fx->other, 1);
	fx_alloc(test, fx->dev, 8);
	dma_release_coherent_memory(fx->dev);
	want(test, "# device handle reach live policy state\n");
	want(test, "%s 0x40000000 %lu 1 exclusive detached\n", dev_name(fx->dev),
	     PAGES * PAGE_SIZE);
	want(test, "%s 0x80000000 %lu 2 fallback attached\n", dev_name(fx->other),
	     3 * PAGE_SIZE);
	expect_text(test, "devices");
}

static void device_that_frees_anothers_buffers_is_negative(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare(test, fx->other, PAGES);
	fx_alloc(test, fx->dev, 1);
	fx_free(fx->other, 1, fx_alloc(test, fx->dev, 1));
	want(test, "# device handle reach live policy state\n");
	want(test, "%s 0x40000000 %lu 2 exclusive attached\n", dev_name(fx->dev),
	     PAGES * PAGE_SIZE);
	want(test, "%s 0x40000000 %lu -1 exclusive attached\n", dev_name(fx->other),
	     PAGES * PAGE_SIZE);
	expect_text(test, "devices");
}

static void long_names_are_cut(struct kunit *test)
{
	struct fixture *fx = test->priv;

	kunit_device_unregister(test, fx->other);
	fx->other = kunit_device_register(test, "0123456789012345678901234567890123456789012345");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fx->other);
	KUNIT_ASSERT_GT(test, strlen(dev_name(fx->other)), 63);
	dma_coherent_device_release(fx->dev);
	declare(test, fx->other, PAGES);
	fx_alloc(test, fx->other, PAGES);
	want(test, "# device handle reach live policy state\n");
	want(test, "%.63s 0x40000000 %lu 1 exclusive attached\n", dev_name(fx->other),
	     PAGES * PAGE_SIZE);
	expect_text(test, "devices");
	want(test, "0x0 %#lx %.63s\n", PAGES * PAGE_SIZE, owner(fx->other));
	expect_text(test, "map");
}

/* New numbers each time would run out. */
static void owner_keeps_its_number(struct kunit *test)
{
	struct fixture *fx = test->priv;
	u16 number;

	declare(test, fx->other, PAGES);
	number = fx_mem(fx->other, 0)->owner;
	KUNIT_EXPECT_EQ(test, !number, !IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS));
	dma_release_coherent_memory(fx->other);
	KUNIT_ASSERT_NULL(test, fx_mem(fx->other, 0));
	declare(test, fx->other, PAGES);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->other, 0)->owner, number);
}

/* The global pool */

static struct dma_coherent_region *global_region;

static void find_global(struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	list_for_each_entry(mem, &region->users, node)
		if (!mem->dev)
			global_region = region;
}

static void global_pool_is_shown(struct kunit *test)
{
	struct device_node *node = of_find_node_by_path("/reserved-memory/kunit-default");
	struct fixture *fx = test->priv;
	struct reader *reader = reader_of(test);
	unsigned long size;
	dma_addr_t handle;
	void *vaddr;

	of_node_put(node);
	dma_coherent_each_region(find_global);
	if (!global_region)
		kunit_skip(test, "no global pool in this kernel");
	/* The device tree's pool comes before any device could name its region. */
	if (node)
		KUNIT_EXPECT_STREQ(test, global_region->name, "global");
	snprintf(reader->path, sizeof(reader->path), "dma-coherent/%s", global_region->name);
	size = global_region->pool.pages * PAGE_SIZE;
	vaddr = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	KUNIT_ASSERT_PTR_EQ(test, vaddr, global_region->vaddr);
	want(test, "# device handle reach live policy state\n");
	want(test, "global pool %#llx %lu 1 exclusive attached\n", (u64)global_region->base, size);
	expect_text(test, "devices");
	want(test, "0x0 %#lx ?\n%#lx %#lx -\n", PAGE_SIZE, PAGE_SIZE, size - PAGE_SIZE);
	expect_text(test, "map");
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, vaddr), 1);
}

/* Directories */

static bool is_shown(struct kunit *test)
{
	struct file *file = open_file(test, "stat");

	if (IS_ERR(file))
		return false;
	fput(file);
	return true;
}

static void directory_stays_until_the_last_buffer_is_back(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr = fx_alloc(test, fx->dev, 1);

	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_TRUE(test, is_shown(test));
	fx_free(fx->dev, 1, vaddr);
	dma_coherent_reap();
	KUNIT_EXPECT_FALSE(test, is_shown(test));
}

/* A child's pool that is all of its parent's has a directory of its own. */
static void pools_of_one_name_have_two_directories(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct reader *reader = reader_of(test);
	struct device *parent = fx->other->parent;

	fx_alloc(test, fx->dev, PAGES);
	fx->other->parent = fx->dev;
	declare(test, fx->other, PAGES);
	fx->other->parent = parent;
	want(test, "0x0 %#lx %s\n", PAGES * PAGE_SIZE, owner(fx->dev));
	expect_text(test, "map");
	strlcat(reader->path, ".1", sizeof(reader->path));
	want(test, "0x0 %#lx -\n", PAGES * PAGE_SIZE);
	expect_text(test, "map");
}

/* An open file delays no release, and can still be read. */
static void open_file_outlives_its_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct reader *reader = reader_of(test);
	struct file *file = open_file(test, "map");

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_FALSE(test, is_shown(test));
	KUNIT_EXPECT_GT(test, read_some(file, reader->text, TEXT_SIZE), 0);
	fput(file);
}

/*
 * Some boards declare memory before there is debugfs, and before the device has a
 * name.
 */

static struct device early_dev;
static void *early_mem;
static int early_err;

static int __init declare_early(void)
{
	if (!IS_ENABLED(CONFIG_UML))
		return 0;
	early_mem = (void *)get_zeroed_page(GFP_KERNEL);
	device_initialize(&early_dev);
	early_err = dma_declare_coherent_memory(&early_dev, virt_to_phys(early_mem), HANDLE,
						PAGE_SIZE);
	return 0;
}
pure_initcall(declare_early);

static void early_pool_is_shown_with_its_late_name(struct kunit *test)
{
	struct reader *reader = reader_of(test);
	void *vaddr;

	if (!early_mem)
		kunit_skip(test, "only UML's pages can be a pool");
	KUNIT_ASSERT_EQ(test, early_err, 0);
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(&early_dev, 0));
	snprintf(reader->path, sizeof(reader->path), "dma-coherent/declared@%llx+%zx",
		 (u64)virt_to_phys(early_mem), (size_t)PAGE_SIZE);
	vaddr = fx_alloc(test, &early_dev, 1);
	if (!dev_name(&early_dev)) {
		want(test, "0x0 %#lx %s\n", PAGE_SIZE,
		     IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS) ? "unnamed device" : "?");
		expect_text(test, "map");
		KUNIT_EXPECT_EQ(test, dev_set_name(&early_dev, "late-name"), 0);
	}
	want(test, "0x0 %#lx %s\n", PAGE_SIZE, owner(&early_dev));
	expect_text(test, "map");
	fx_free(&early_dev, 1, vaddr);
}

/* Two regions with one address have two names. */
static void each_size_has_a_directory(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare(test, fx->other, PAGES / 2);
	want(test, "0x0 %#lx -\n", PAGES / 2 * PAGE_SIZE);
	expect_text(test, "map");
}

/* Declare the region again, with a parameter set. */
static void declare_with(struct kunit *test, bool *param)
{
	struct fixture *fx = test->priv;

	dma_release_coherent_memory(fx->dev);
	*param = true;
	declare(test, fx->dev, PAGES);
	*param = false;
}

static void stat_says_what_is_clean(struct kunit *test)
{
	struct fixture *fx = test->priv;
	char line[64];

	if (!IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN))
		kunit_skip(test, "needs CONFIG_DMA_COHERENT_CLEAN");
	declare_with(test, &dma_coherent_clean);
	dma_coherent_clean_pm(NULL, PM_SUSPEND_PREPARE, NULL);
	fx_free(fx->dev, 3, fx_alloc(test, fx->dev, 3));
	snprintf(line, sizeof(line), "known_zero: 0\nto_clean: %lu\n", 3 * PAGE_SIZE);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text_of(test, "stat"), line));
	dma_coherent_clean_pm(NULL, PM_POST_SUSPEND, NULL);
	fx_free(fx->dev, 3, fx_alloc(test, fx->dev, 3));
	dma_coherent_clean_wait(fx_region(fx->dev));
	snprintf(line, sizeof(line), "known_zero: %lu\nto_clean: 0\n", 3 * PAGE_SIZE);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text_of(test, "stat"), line));
}

static void check_file_finds_stray_writes(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct file *file;
	loff_t pos = 0;
	void *vaddr;

	if (!IS_ENABLED(CONFIG_DMA_COHERENT_DEBUG))
		kunit_skip(test, "needs CONFIG_DMA_COHERENT_DEBUG");
	declare_with(test, &dma_coherent_debug);
	vaddr = fx_alloc(test, fx->dev, 3);
	want(test, "0x0 %#lx %s\n%#lx %#lx (guard)\n%#lx %#lx -\n", 3 * PAGE_SIZE,
	     owner(fx->dev), 3 * PAGE_SIZE, PAGE_SIZE, 4 * PAGE_SIZE, (PAGES - 4) * PAGE_SIZE);
	expect_text(test, "map");
	*(u8 *)(vaddr + 3 * PAGE_SIZE) = 1;
	file = open_file_as(test, "check", O_WRONLY);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, file->f_op->write(file, NULL, 1, &pos), 1);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write past the end"), 1);
	KUNIT_EXPECT_EQ(test, file->f_op->write(file, NULL, 1, &pos), 1);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write"), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text_of(test, "stat"),
					   "stray_past_end: 1\nstray_after_release: 0\n"));
	fx_free(fx->dev, 3, vaddr);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, file->f_op->write(file, NULL, 1, &pos), -EIO);
	fput(file);
}

static struct kunit_case debugfs_test_cases[] = {
	KUNIT_CASE(stat_of_an_empty_pool),
	KUNIT_CASE(stat_of_a_full_pool),
	KUNIT_CASE(stat_counts_everything),
	KUNIT_CASE(map_has_one_line_a_run),
	KUNIT_CASE(map_names_owners),
	KUNIT_CASE(map_has_neither_gaps_nor_overlaps),
	KUNIT_CASE(devices_have_a_line_each),
	KUNIT_CASE(device_that_frees_anothers_buffers_is_negative),
	KUNIT_CASE(long_names_are_cut),
	KUNIT_CASE(owner_keeps_its_number),
	KUNIT_CASE(global_pool_is_shown),
	KUNIT_CASE(directory_stays_until_the_last_buffer_is_back),
	KUNIT_CASE(pools_of_one_name_have_two_directories),
	KUNIT_CASE(open_file_outlives_its_region),
	KUNIT_CASE(early_pool_is_shown_with_its_late_name),
	KUNIT_CASE(each_size_has_a_directory),
	KUNIT_CASE(stat_says_what_is_clean),
	KUNIT_CASE(check_file_finds_stray_writes),
	{}
};

static struct kunit_suite debugfs_suite = {
	.name = "dma_coherent_debugfs",
	.init = debugfs_init,
	.exit = fixture_exit,
	.test_cases = debugfs_test_cases,
};

kunit_test_suites(&debugfs_suite);

MODULE_DESCRIPTION("KUnit tests for what debugfs shows of per-device coherent memory");
MODULE_LICENSE("GPL");
