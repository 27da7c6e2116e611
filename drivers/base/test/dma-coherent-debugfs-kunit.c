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
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mount.h>
#include <linux/of.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "../dma-coherent.h"
#include "dma-coherent-drain.h"

#define BANK_PAGES	64
#define SKIPPED		4		/* pages in front: aligned to so many */
#define POOL_PAGES	16
#define HANDLE		((dma_addr_t)0x40000000)
#define TEXT_SIZE	SZ_64K

/**
 * struct fixture - what each test starts with
 * @dev: a device that declared @pool
 * @other: a device without memory of its own
 * @mnt: debugfs
 * @bank: pages from the page allocator
 * @base: physical address of @pool
 * @path: its directory below @mnt
 * @text: for what is read, TEXT_SIZE bytes
 * @wanted: for what is compared with it
 */
struct fixture {
	struct device *dev;
	struct device *other;
	struct vfsmount *mnt;
	void *bank;
	phys_addr_t base;
	char path[80];
	char *text;
	char *wanted;
};

static void *map_stub(phys_addr_t base, size_t size, const char **why)
{
	return phys_to_virt(base);
}

static void free_bank(void *bank)
{
	free_pages_exact(bank, BANK_PAGES * PAGE_SIZE);
}

static void unmount(void *mnt)
{
	kern_unmount(mnt);
}

static void mount_debugfs(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, type);
	fx->mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fx->mnt);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmount, fx->mnt), 0);
}

static void declare(struct kunit *test, struct device *dev, unsigned long pages)
{
	struct fixture *fx = test->priv;
	size_t size = pages * PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(dev, fx->base, HANDLE, size), 0);
	snprintf(fx->path, sizeof(fx->path), "dma-coherent/declared@%llx+%zx",
		 (u64)fx->base, size);
}

static int fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fx);
	test->priv = fx;
	if (!debugfs_initialized())
		kunit_skip(test, "no debugfs");
	mount_debugfs(test);
	fx->text = kunit_kmalloc(test, TEXT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx->text);
	fx->wanted = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx->wanted);
	fx->bank = alloc_pages_exact(BANK_PAGES * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx->bank);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_bank, fx->bank), 0);
	/* Elsewhere the pages are mapped already, with other attributes. */
	if (!IS_ENABLED(CONFIG_UML))
		kunit_activate_static_stub(test, dma_coherent_map, map_stub);
	fx->base = virt_to_phys(fx->bank) + SKIPPED * PAGE_SIZE;
	fx->dev = kunit_device_register(test, "dev");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fx->dev);
	fx->other = kunit_device_register(test, "other");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fx->other);
	declare(test, fx->dev, POOL_PAGES);
	return 0;
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx || IS_ERR_OR_NULL(fx->other))
		return;
	dma_coherent_drain(fx->dev);
	dma_coherent_drain(fx->other);
	dma_coherent_device_release(fx->dev);
	dma_coherent_device_release(fx->other);
	dma_coherent_reap();
}

/* Reading */

static struct file *open_file(struct kunit *test, const char *name)
{
	struct fixture *fx = test->priv;
	char path[sizeof(fx->path) + 16];

	snprintf(path, sizeof(path), "%s/%s", fx->path, name);
	return file_open_root_mnt(fx->mnt, path, O_RDONLY, 0);
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
	struct fixture *fx = test->priv;
	struct file *file = open_file(test, name);
	ssize_t got, n = 0;

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(file), "%s: %ld", name, PTR_ERR(file));
	KUNIT_EXPECT_EQ(test, file_inode(file)->i_mode & 0777, 0444);
	do {
		got = read_some(file, fx->text + n, TEXT_SIZE - 1 - n);
		n += max_t(ssize_t, got, 0);
	} while (got > 0);
	fput(file);
	KUNIT_ASSERT_EQ(test, got, 0);
	fx->text[n] = '\0';
	return fx->text;
}

static __printf(2, 3) void want(struct fixture *fx, const char *format, ...)
{
	size_t n = strlen(fx->wanted);
	va_list args;

	va_start(args, format);
	vscnprintf(fx->wanted + n, TEXT_SIZE - n, format, args);
	va_end(args);
}

static void expect_text(struct kunit *test, const char *name)
{
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_STREQ(test, text_of(test, name), fx->wanted);
	fx->wanted[0] = '\0';
}

static void *take(struct kunit *test, struct device *dev, unsigned long pages)
{
	dma_addr_t handle;
	void *vaddr = NULL;

	KUNIT_ASSERT_NE(test, dma_alloc_from_coherent(dev, pages * PAGE_SIZE, &handle, &vaddr), 0);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	return vaddr;
}

static void give(struct device *dev, unsigned long pages, void *vaddr)
{
	dma_release_from_coherent(dev, order_base_2(pages), vaddr);
}

static bool is_refused(struct device *dev, ssize_t size)
{
	dma_addr_t handle;
	void *vaddr = dev;

	return dma_alloc_from_coherent(dev, size, &handle, &vaddr) && !vaddr;
}

static const char *owner(struct device *dev)
{
	return IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS) ? dev_name(dev) : "?";
}

/* stat */

static void want_sizes(struct fixture *fx, unsigned long used, unsigned long most)
{
	want(fx, "base: %#llx\n", (u64)fx->base);
	want(fx, "size: %lu\n", POOL_PAGES * PAGE_SIZE);
	want(fx, "used: %lu\n", used * PAGE_SIZE);
	want(fx, "free: %lu\n", (POOL_PAGES - used) * PAGE_SIZE);
	want(fx, "high_water: %lu\n", most * PAGE_SIZE);
}

static void want_runs(struct fixture *fx, unsigned int runs, unsigned long lost,
		      unsigned long largest)
{
	want(fx, "free_runs: %u\n", runs);
	want(fx, "lost_to_alignment: %lu\n", lost * PAGE_SIZE);
	want(fx, "largest_aligned_%lu: %lu\n", PAGE_SIZE, largest * PAGE_SIZE);
	want(fx, "largest_aligned_%lu: %lu\n", 2 * PAGE_SIZE, largest * PAGE_SIZE);
	want(fx, "largest_aligned_%lu: %lu\n", 4 * PAGE_SIZE, largest * PAGE_SIZE);
	want(fx, "mapping: write-combined\n");
}

static void stat_of_an_empty_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;

	want_sizes(fx, 0, 0);
	want(fx, "live: 0\nallocations: 0\nreleases: 0\n");
	want(fx, "failed_bad_size: 0\nfailed_too_large: 0\nfailed_full: 0\n");
	want(fx, "failed_fragmented: 0\nfailed_out_of_reach: 0\n");
	want(fx, "bad_free_wrong_order: 0\nbad_free_interior: 0\nbad_free_not_live: 0\n");
	want_runs(fx, 1, 0, POOL_PAGES);
	expect_text(test, "stat");
}

static void stat_of_a_full_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;

	take(test, fx->dev, POOL_PAGES);
	want_sizes(fx, POOL_PAGES, POOL_PAGES);
	want(fx, "live: 1\nallocations: 1\nreleases: 0\n");
	want(fx, "failed_bad_size: 0\nfailed_too_large: 0\nfailed_full: 0\n");
	want(fx, "failed_fragmented: 0\nfailed_out_of_reach: 0\n");
	want(fx, "bad_free_wrong_order: 0\nbad_free_interior: 0\nbad_free_not_live: 0\n");
	want_runs(fx, 0, 0, 0);
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

	for (i = 0; i < POOL_PAGES; i++)
		vaddr = lower(vaddr, take(test, fx->dev, 1));
	for (i = 0; i < ARRAY_SIZE(holes); i++)
		give(fx->dev, 1, vaddr + holes[i] * PAGE_SIZE);
}

/* Three pages begin at a multiple of four, so what 1 to 3 fit is two. */
static void stat_counts_everything(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *four;

	make_holes(test);
	four = take(test, fx->dev, 4);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 0));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, -1));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, POOL_PAGES * PAGE_SIZE + 1));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 5 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 3 * PAGE_SIZE));
	fx->dev->coherent_dma_mask = HANDLE + PAGE_SIZE - 1;
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, PAGE_SIZE));
	give(fx->dev, 1, four + PAGE_SIZE);
	give(fx->dev, 2, four + 2 * PAGE_SIZE);
	give(fx->dev, 8, four);
	give(fx->dev, 4, four);

	want_sizes(fx, 8, POOL_PAGES);
	want(fx, "live: 8\nallocations: 17\nreleases: 9\n");
	want(fx, "failed_bad_size: 2\nfailed_too_large: 1\nfailed_full: 1\n");
	want(fx, "failed_fragmented: 1\nfailed_out_of_reach: 1\n");
	want(fx, "bad_free_wrong_order: 1\nbad_free_interior: 2\nbad_free_not_live: 1\n");
	want_runs(fx, 3, 1, 4);
	expect_text(test, "stat");
}

/* map */

static void map_has_one_line_a_run(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long page;

	want(fx, "0x0 %#lx -\n", POOL_PAGES * PAGE_SIZE);
	expect_text(test, "map");

	make_holes(test);
	take(test, fx->dev, 4);
	want(fx, "0x0 %#lx %s\n", PAGE_SIZE, owner(fx->dev));
	want(fx, "%#lx %#lx -\n", PAGE_SIZE, 3 * PAGE_SIZE);
	for (page = 4; page < 8; page++)
		want(fx, "%#lx %#lx %s\n", page * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	want(fx, "%#lx %#lx %s\n", 8 * PAGE_SIZE, 4 * PAGE_SIZE, owner(fx->dev));
	want(fx, "%#lx %#lx %s\n", 12 * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	want(fx, "%#lx %#lx %s\n", 13 * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	want(fx, "%#lx %#lx -\n", 14 * PAGE_SIZE, PAGE_SIZE);
	want(fx, "%#lx %#lx %s\n", 15 * PAGE_SIZE, PAGE_SIZE, owner(fx->dev));
	expect_text(test, "map");
}

/* Also of a device that has none out any more, or is gone. */
static void map_names_owners(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare(test, fx->other, POOL_PAGES);
	take(test, fx->other, 8);
	give(fx->dev, 4, take(test, fx->dev, 4));
	take(test, fx->dev, 8);
	dma_coherent_device_release(fx->other);
	want(fx, "0x0 %#lx %s\n", 8 * PAGE_SIZE, owner(fx->other));
	want(fx, "%#lx %#lx %s\n", 8 * PAGE_SIZE, 8 * PAGE_SIZE, owner(fx->dev));
	expect_text(test, "map");
}

static void change_something(struct fixture *fx, struct rnd_state *rnd, void **pages)
{
	unsigned int i = prandom_u32_state(rnd) % POOL_PAGES;
	dma_addr_t handle;

	if (pages[i]) {
		give(fx->dev, 1, pages[i]);
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
		KUNIT_EXPECT_EQ(test, first, end);
		KUNIT_EXPECT_NE(test, length, 0);
		end = first + length;
		lines++;
	}
	KUNIT_EXPECT_EQ(test, end, POOL_PAGES * PAGE_SIZE);
	return lines;
}

/* The pool changes after every few characters. */
static void map_has_neither_gaps_nor_overlaps(struct kunit *test)
{
	void *pages[POOL_PAGES] = {};
	struct fixture *fx = test->priv;
	struct rnd_state rnd;
	struct file *file;
	unsigned int i, lines = 0;
	ssize_t got, n;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 200; i++) {
		file = open_file(test, "map");
		KUNIT_ASSERT_FALSE(test, IS_ERR(file));
		for (n = 0; (got = read_some(file, fx->text + n, 7)) > 0; n += got)
			change_something(fx, &rnd, pages);
		fput(file);
		fx->text[n] = '\0';
		lines += count_lines(test, fx->text);
	}
	KUNIT_EXPECT_GT(test, lines, 200 * POOL_PAGES / 3);
}

/* devices */

static void devices_have_a_line_each(struct kunit *test)
{
	struct fixture *fx = test->priv;

	want(fx, "# device handle reach live policy state\n");
	want(fx, "%s 0x40000000 %lu 0 exclusive attached\n", dev_name(fx->dev),
	     POOL_PAGES * PAGE_SIZE);
	expect_text(test, "devices");

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory_flags(fx->other, fx->base,
								2 * HANDLE, POOL_PAGES * PAGE_SIZE,
								DMA_COHERENT_FALLBACK), 0);
	fx->other->coherent_dma_mask = 2 * HANDLE + 3 * PAGE_SIZE;
	take(test, fx->other, 1);
	take(test, fx->other, 1);
	take(test, fx->dev, 8);
	dma_release_coherent_memory(fx->dev);
	want(fx, "# device handle reach live policy state\n");
	want(fx, "%s 0x40000000 %lu 1 exclusive detached\n", dev_name(fx->dev),
	     POOL_PAGES * PAGE_SIZE);
	want(fx, "%s 0x80000000 %lu 2 fallback attached\n", dev_name(fx->other),
	     3 * PAGE_SIZE);
	expect_text(test, "devices");
}

static void device_that_gave_back_anothers_is_negative(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare(test, fx->other, POOL_PAGES);
	take(test, fx->dev, 1);
	give(fx->other, 1, take(test, fx->dev, 1));
	want(fx, "# device handle reach live policy state\n");
	want(fx, "%s 0x40000000 %lu 2 exclusive attached\n", dev_name(fx->dev),
	     POOL_PAGES * PAGE_SIZE);
	want(fx, "%s 0x40000000 %lu -1 exclusive attached\n", dev_name(fx->other),
	     POOL_PAGES * PAGE_SIZE);
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
	declare(test, fx->other, POOL_PAGES);
	take(test, fx->other, POOL_PAGES);
	want(fx, "# device handle reach live policy state\n");
	want(fx, "%.63s 0x40000000 %lu 1 exclusive attached\n", dev_name(fx->other),
	     POOL_PAGES * PAGE_SIZE);
	expect_text(test, "devices");
	want(fx, "0x0 %#lx %.63s\n", POOL_PAGES * PAGE_SIZE, owner(fx->other));
	expect_text(test, "map");
}

/* Else the numbers would come to an end. */
static void owner_keeps_its_number(struct kunit *test)
{
	struct fixture *fx = test->priv;
	u16 number;

	declare(test, fx->other, POOL_PAGES);
	number = fx->other->dma_mem->owner;
	KUNIT_EXPECT_EQ(test, !number, !IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS));
	dma_release_coherent_memory(fx->other);
	KUNIT_ASSERT_NULL(test, fx->other->dma_mem);
	declare(test, fx->other, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx->other->dma_mem->owner, number);
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
	unsigned long size;
	dma_addr_t handle;
	void *vaddr;

	of_node_put(node);
	dma_coherent_each_region(find_global);
	if (!global_region)
		kunit_skip(test, "no global pool in this kernel");
	/* The device tree's comes first; else a device may have described it before. */
	if (node)
		KUNIT_EXPECT_STREQ(test, global_region->name, "global");
	snprintf(fx->path, sizeof(fx->path), "dma-coherent/%s", global_region->name);
	size = global_region->pool.pages * PAGE_SIZE;
	vaddr = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	KUNIT_ASSERT_PTR_EQ(test, vaddr, global_region->vaddr);
	want(fx, "# device handle reach live policy state\n");
	want(fx, "global pool %#llx %lu 1 exclusive attached\n", (u64)global_region->base, size);
	expect_text(test, "devices");
	want(fx, "0x0 %#lx ?\n%#lx %#lx -\n", PAGE_SIZE, PAGE_SIZE, size - PAGE_SIZE);
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
	void *vaddr = take(test, fx->dev, 1);

	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_TRUE(test, is_shown(test));
	give(fx->dev, 1, vaddr);
	dma_coherent_reap();
	KUNIT_EXPECT_FALSE(test, is_shown(test));
}

/* A pool for a child, of all that the parent has: both are shown. */
static void pools_of_one_name_have_two_directories(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *parent = fx->other->parent;

	take(test, fx->dev, POOL_PAGES);
	fx->other->parent = fx->dev;
	declare(test, fx->other, POOL_PAGES);
	fx->other->parent = parent;
	want(fx, "0x0 %#lx %s\n", POOL_PAGES * PAGE_SIZE, owner(fx->dev));
	expect_text(test, "map");
	strlcat(fx->path, ".1", sizeof(fx->path));
	want(fx, "0x0 %#lx -\n", POOL_PAGES * PAGE_SIZE);
	expect_text(test, "map");
}

/* A file that is open holds up nobody, and can be read on. */
static void open_file_outlives_its_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct file *file = open_file(test, "map");

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_FALSE(test, is_shown(test));
	KUNIT_EXPECT_GT(test, read_some(file, fx->text, TEXT_SIZE), 0);
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
	struct fixture *fx = test->priv;
	void *vaddr;

	if (!early_mem)
		kunit_skip(test, "only UML's pages can be a pool");
	KUNIT_ASSERT_EQ(test, early_err, 0);
	KUNIT_ASSERT_NOT_NULL(test, early_dev.dma_mem);
	snprintf(fx->path, sizeof(fx->path), "dma-coherent/declared@%llx+%zx",
		 (u64)virt_to_phys(early_mem), (size_t)PAGE_SIZE);
	vaddr = take(test, &early_dev, 1);
	if (!dev_name(&early_dev)) {
		want(fx, "0x0 %#lx %s\n", PAGE_SIZE,
		     IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS) ? "unnamed device" : "?");
		expect_text(test, "map");
		KUNIT_EXPECT_EQ(test, dev_set_name(&early_dev, "late-name"), 0);
	}
	want(fx, "0x0 %#lx %s\n", PAGE_SIZE, owner(&early_dev));
	expect_text(test, "map");
	give(&early_dev, 1, vaddr);
}

/* Two regions with one address have two names. */
static void each_size_has_a_directory(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare(test, fx->other, POOL_PAGES / 2);
	want(fx, "0x0 %#lx -\n", POOL_PAGES / 2 * PAGE_SIZE);
	expect_text(test, "map");
}

static struct kunit_case debugfs_test_cases[] = {
	KUNIT_CASE(stat_of_an_empty_pool),
	KUNIT_CASE(stat_of_a_full_pool),
	KUNIT_CASE(stat_counts_everything),
	KUNIT_CASE(map_has_one_line_a_run),
	KUNIT_CASE(map_names_owners),
	KUNIT_CASE(map_has_neither_gaps_nor_overlaps),
	KUNIT_CASE(devices_have_a_line_each),
	KUNIT_CASE(device_that_gave_back_anothers_is_negative),
	KUNIT_CASE(long_names_are_cut),
	KUNIT_CASE(owner_keeps_its_number),
	KUNIT_CASE(global_pool_is_shown),
	KUNIT_CASE(directory_stays_until_the_last_buffer_is_back),
	KUNIT_CASE(pools_of_one_name_have_two_directories),
	KUNIT_CASE(open_file_outlives_its_region),
	KUNIT_CASE(early_pool_is_shown_with_its_late_name),
	KUNIT_CASE(each_size_has_a_directory),
	{}
};

static struct kunit_suite debugfs_suite = {
	.name = "dma_coherent_debugfs",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = debugfs_test_cases,
};

kunit_test_suites(&debugfs_suite);

MODULE_DESCRIPTION("KUnit tests for what debugfs shows of per-device coherent memory");
MODULE_LICENSE("GPL");
