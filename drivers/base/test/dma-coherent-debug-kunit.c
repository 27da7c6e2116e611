// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: stray writes
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/pfn.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "dma-coherent-fixture.h"

static struct dma_coherent_region *declare_debug(struct kunit *test)
{
	struct fixture *fx = test->priv;

	dma_coherent_debug = true;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_NOT_NULL(test, fx_region(fx->dev)->debug);
	fx_log_start(test);
	return fx_region(fx->dev);
}

static void debug_exit(struct kunit *test)
{
	fixture_exit(test);
	dma_coherent_debug = false;
}

static void debug_is_off_unless_asked_for(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_NULL(test, fx_region(fx->dev)->debug);
	vaddr = fx_alloc(test, fx->dev, 1);
	fx_expect_pool(test, fx->dev, 1);
	fx_free(fx->dev, 1, vaddr);
}

/* Stray writes, each found once */

enum when { LIVE, RELEASED, REUSED };

static const char *const whens[] = { "in use", "released", "much later" };

/**
 * struct plant - a stray write
 * @name: for the log
 * @pages: size of the buffer
 * @at: where, from the start of the buffer
 * @from_end: @at counts from its end
 * @bytes: how many
 */
struct plant {
	const char *name;
	unsigned long pages;
	size_t at;
	bool from_end;
	size_t bytes;
};

static const struct plant plants[] = {
	{ "first byte", 3, 0, false, 1 },
	{ "first word", 3, 0, false, 4 },
	{ "byte in the middle", 3, PAGE_SIZE + 77, false, 1 },
	{ "across pages", 3, PAGE_SIZE - 2, false, 4 },
	{ "last byte of a page", 3, PAGE_SIZE - 1, false, 1 },
	{ "first byte of the last page", 3, 2 * PAGE_SIZE, false, 1 },
	{ "last byte", 3, 3 * PAGE_SIZE - 1, false, 1 },
	{ "last word", 3, 3 * PAGE_SIZE - 4, false, 4 },
	{ "a page", 3, PAGE_SIZE, false, PAGE_SIZE },
	{ "all of it", 3, 0, false, 3 * PAGE_SIZE },
	{ "a page's worth across two", 3, 100, false, PAGE_SIZE },
	{ "one page, a byte", 1, 9, false, 1 },
	{ "one page, all", 1, 0, false, PAGE_SIZE },
	{ "eight pages, a byte", 8, 5 * PAGE_SIZE + 1, false, 1 },
	{ "byte past the end", 3, 0, true, 1 },
	{ "word past the end", 3, 0, true, 4 },
	{ "line past the end", 3, 0, true, 64 },
	{ "page past the end", 3, 0, true, PAGE_SIZE },
	{ "byte further past the end", 3, 1000, true, 1 },
	{ "last byte of the guard", 3, PAGE_SIZE - 1, true, 1 },
	{ "one page, a byte past the end", 1, 0, true, 1 },
	{ "one page, a page past the end", 1, 0, true, PAGE_SIZE },
	{ "eight pages, a word past the end", 8, 0, true, 4 },
};

KUNIT_ARRAY_PARAM_DESC(plant, plants, name);

static u64 stat_of(struct kunit *test, struct dma_coherent_region *region, const char *name)
{
	char *buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL), *line;
	struct seq_file s = { .buf = buf, .size = PAGE_SIZE };
	u64 value = ~0ULL;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	dma_coherent_debug_show(&s, region);
	line = strstr(buf, name);
	if (line)
		sscanf(line + strlen(name), ": %llu", &value);
	return value;
}

static void expect_found(struct kunit *test, const struct plant *plant, const char *when,
			 unsigned long page)
{
	struct fixture *fx = test->priv;
	size_t at = plant->at + (plant->from_end ? PFN_PHYS(plant->pages) : 0);
	char text[160];
	int len;

	len = snprintf(text, sizeof(text), "%s: pool %s: stray write %s of the buffer ",
		       dev_name(fx->dev), fx_region(fx->dev)->name,
		       plant->from_end ? "past the end" : "after the release");
	snprintf(text + len, sizeof(text) - len, "at pages %lu to %lu: %zu bytes at offset %zu: ",
		 page, page + plant->pages - 1, plant->bytes, at);
	KUNIT_EXPECT_EQ_MSG(test, fx_log_count(test, text), 1, "%s, %s: %s", plant->name, when,
			    text);
}

static void plant_now(const struct plant *plant, void *vaddr)
{
	memset(vaddr + plant->at + (plant->from_end ? PFN_PHYS(plant->pages) : 0), 0x31,
	       plant->bytes);
}

/* Nothing is left of a finding: everything that is handed out is zeroed, and silent. */
static void expect_sound(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx_log_start(test);
	vaddr = fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, POOL_SIZE));
	fx_free(fx->dev, POOL_PAGES, vaddr);
	dma_coherent_debug_check(fx_region(fx->dev));
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write"), 0);
	fx_expect_pool(test, fx->dev, 0);
}

static void one_stray_write(struct kunit *test, enum when when)
{
	const struct plant *plant = test->param_value;
	struct dma_coherent_region *region = declare_debug(test);
	struct fixture *fx = test->priv;
	void *before = fx_alloc(test, fx->dev, 1);
	void *vaddr = fx_alloc(test, fx->dev, plant->pages), *other;
	unsigned long page = fx_page(fx->dev, vaddr);

	if (when == LIVE)
		plant_now(plant, vaddr);
	fx_free(fx->dev, plant->pages, vaddr);
	if (when != LIVE)
		plant_now(plant, vaddr);
	if (when == REUSED) {
		/* Buffers elsewhere come and go meanwhile. */
		fx_free(fx->dev, 1, before);
		before = fx_alloc(test, fx->dev, 1);
	}
	other = fx_alloc(test, fx->dev, POOL_PAGES / 2);
	dma_coherent_debug_check(region);
	fx_free(fx->dev, POOL_PAGES / 2, other);
	expect_found(test, plant, whens[when], page);
	KUNIT_EXPECT_EQ(test, stat_of(test, region, plant->from_end ? "stray_past_end" :
						"stray_after_release"), 1);
	fx_free(fx->dev, 1, before);
	expect_sound(test);
}

/* A write into a buffer in use is the driver's own. */
static void stray_write_in_use(struct kunit *test)
{
	const struct plant *plant = test->param_value;

	if (!plant->from_end)
		kunit_skip(test, "inside a buffer that is in use");
	one_stray_write(test, LIVE);
}

static void stray_write_after_release(struct kunit *test)
{
	one_stray_write(test, RELEASED);
}

static void stray_write_much_later(struct kunit *test)
{
	one_stray_write(test, REUSED);
}

static void message_shows_sixteen_bytes(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	declare_debug(test);
	vaddr = fx_alloc(test, fx->dev, 2);
	memcpy(vaddr + PFN_PHYS(2), "0123456789abcdefgh", 18);
	fx_free(fx->dev, 2, vaddr);
	fx_expect_message(test, "%s: pool %s: stray write %s: 18 bytes at offset %lu: %s",
			  dev_name(fx->dev), fx_region(fx->dev)->name,
			  "past the end of the buffer at pages 0 to 1", 2 * PAGE_SIZE,
			  "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66");
}

/* A program keeps its mapping of a buffer that its driver released. */
static void user_space_writes_after_the_release(struct kunit *test)
{
	struct view view = { .size = 3 * PAGE_SIZE };
	struct fixture *fx = test->priv;
	unsigned long addr;

	declare_debug(test);
	view.dev = fx->dev;
	view.vaddr = fx_alloc(test, fx->dev, 3);
	addr = fx_mmap(test, &view, 3);
	fx_free(fx->dev, 3, view.vaddr);
	fx_write_user_word(test, addr + PAGE_SIZE + 8, 0x31323334);
	dma_coherent_debug_check(fx_region(fx->dev));
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write after the release"), 1);
	expect_sound(test);
}

/* Requests of every size are met as long as there is room, guards or not. */
static void guards_give_way(struct kunit *test)
{
	struct dma_coherent_region *region = declare_debug(test);
	struct fixture *fx = test->priv;
	void *a = fx_alloc(test, fx->dev, POOL_PAGES / 2), *b;

	fx_expect_pool(test, fx->dev, POOL_PAGES / 2 + 1);
	KUNIT_EXPECT_EQ(test, stat_of(test, region, "unguarded"), 0);
	b = fx_alloc(test, fx->dev, POOL_PAGES / 2);
	KUNIT_EXPECT_EQ(test, stat_of(test, region, "unguarded"), 1);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
	fx_free(fx->dev, POOL_PAGES / 2, a);
	fx_free(fx->dev, POOL_PAGES / 2, b);
	a = fx_alloc(test, fx->dev, POOL_PAGES);
	fx_free(fx->dev, POOL_PAGES, a);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "dma-coherent"), 0);
	expect_sound(test);
}

/* A write to the guard is found although the guard had to go. */
static void dropped_guard_is_checked(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *a, *b;

	declare_debug(test);
	a = fx_alloc(test, fx->dev, POOL_PAGES / 2);
	*(u8 *)(a + POOL_SIZE / 2) = 1;
	b = fx_alloc(test, fx->dev, POOL_PAGES / 2);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write past the end"), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(b, 0, POOL_SIZE / 2));
	fx_free(fx->dev, POOL_PAGES / 2, a);
	fx_free(fx->dev, POOL_PAGES / 2, b);
	expect_sound(test);
}

/* A guard is no buffer: it can neither be released nor be mapped. */
static void guard_is_no_buffer(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	declare_debug(test);
	vaddr = fx_alloc(test, fx->dev, 4);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr + PFN_PHYS(4)), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
	KUNIT_EXPECT_EQ(test, dma_coherent_buffer_pages(fx_region(fx->dev),
							vaddr + PFN_PHYS(4)), 0);
	fx_expect_pool(test, fx->dev, 5);
	fx_free(fx->dev, 4, vaddr);
	fx_expect_pool(test, fx->dev, 0);
}

static void memory_in_two_pools_is_left_alone(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank part = fx->bank[0];
	void *a, *b;

	declare_debug(test);
	part.size /= 2;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &part), 0);
	a = fx_alloc(test, fx->dev, 2);
	fx_expect_pool(test, fx->dev, 2);
	memset(a, DIRT, PFN_PHYS(2));
	fx_free(fx->dev, 2, a);
	KUNIT_EXPECT_NULL(test, memchr_inv(a, DIRT, PFN_PHYS(2)));
	b = fx_alloc(test, fx->other, 2);
	*(u8 *)b = 1;
	fx_log_start(test);
	fx_free(fx->dev, 2, fx_alloc(test, fx->dev, 2));
	fx_free(fx->other, 2, b);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write"), 0);
}

/* Random sequences without a stray write */

#define BUFFERS		24
#define STEPS		20000

struct random_buffer {
	void *vaddr;
	unsigned long pages;
	u8 mark;
};

static bool pool_is_full(const struct random_buffer *buffer)
{
	unsigned long free_pages = POOL_PAGES, n;

	for (n = 0; n < BUFFERS; n++)
		free_pages -= buffer[n].pages;
	return !free_pages;
}

static void random_step(struct kunit *test, struct random_buffer *buffer,
			struct rnd_state *rnd)
{
	struct fixture *fx = test->priv;
	struct random_buffer *b = &buffer[prandom_u32_state(rnd) % BUFFERS];
	unsigned long pages = 1 + prandom_u32_state(rnd) % 6;
	dma_addr_t handle;

	if (b->vaddr) {
		KUNIT_ASSERT_NULL(test, memchr_inv(b->vaddr, b->mark, PFN_PHYS(b->pages)));
		fx_free(fx->dev, b->pages, b->vaddr);
		*b = (struct random_buffer) {};
		return;
	}
	KUNIT_ASSERT_EQ(test, dma_alloc_from_coherent_attrs(fx->dev, PFN_PHYS(pages), &handle,
							    &b->vaddr, __GFP_NOWARN, 0), 1);
	/* One page is never too large for what is free, whatever guards there were. */
	if (!b->vaddr)
		KUNIT_ASSERT_TRUE(test, pages > 1 || pool_is_full(buffer));
	if (!b->vaddr)
		return;
	KUNIT_ASSERT_NULL(test, memchr_inv(b->vaddr, 0, PFN_PHYS(pages)));
	b->pages = pages;
	b->mark = prandom_u32_state(rnd);
	memset(b->vaddr, b->mark, PFN_PHYS(pages));
}

static void random_sequence_finds_nothing(struct kunit *test)
{
	struct random_buffer buffer[BUFFERS] = {};
	struct fixture *fx = test->priv;
	struct rnd_state rnd;
	unsigned int n;

	prandom_seed_state(&rnd, 4711);
	declare_debug(test);
	for (n = 0; n < STEPS; n++)
		random_step(test, buffer, &rnd);
	for (n = 0; n < BUFFERS; n++)
		if (buffer[n].vaddr)
			fx_free(fx->dev, buffer[n].pages, buffer[n].vaddr);
	dma_coherent_debug_check(fx_region(fx->dev));
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "stray write"), 0);
	expect_sound(test);
}

/* A page that becomes a guard has the pattern of the buffer that it was in. */
static void new_guard_is_checked(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	declare_debug(test);
	vaddr = fx_alloc(test, fx->dev, 8);
	fx_free(fx->dev, 8, vaddr);
	*(u8 *)(vaddr + PFN_PHYS(3)) ^= 1;
	KUNIT_ASSERT_PTR_EQ(test, fx_alloc(test, fx->dev, 3), vaddr);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "of the buffer at pages 0 to 7: 1 bytes"), 1);
	fx_free(fx->dev, 3, vaddr);
	expect_sound(test);
}

/* QEMU's "edu" copies between its own buffer and memory, with one command */

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8
#define EDU_FROM	0x80
#define EDU_TO		0x88
#define EDU_BYTES	0x90
#define EDU_COMMAND	0x98
#define EDU_START	BIT(0)
#define EDU_TO_MEMORY	BIT(1)
#define EDU_BUFFER	0x40000
#define EDU_MOST	2048	/* it has 4096 bytes, and QEMU ends if the last one is copied */

static int edu_copy(void __iomem *edu, u32 from, u32 to, u32 bytes, u32 direction)
{
	u32 command;

	writel(from, edu + EDU_FROM);
	writel(to, edu + EDU_TO);
	writel(bytes, edu + EDU_BYTES);
	writel(EDU_START | direction, edu + EDU_COMMAND);
	return readl_poll_timeout(edu + EDU_COMMAND, command, !(command & EDU_START),
				  USEC_PER_MSEC, 60 * USEC_PER_SEC);
}

/* The next messages: in the order that they were written. */
static void expect_message(struct kunit *test, const char *part)
{
	const char *message = fx_log_next(test);

	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(message, part), "%s: %s", part, message);
}

static void edu_strays(struct kunit *test, struct device *dev, void __iomem *edu)
{
	struct dma_coherent_region *region = fx_region(dev);
	dma_addr_t handle;
	void *vaddr;

	vaddr = dma_alloc_coherent(dev, PFN_PHYS(3), &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	memset(vaddr, 0x31, EDU_MOST);
	KUNIT_EXPECT_EQ(test, edu_copy(edu, handle, EDU_BUFFER, EDU_MOST, 0), 0);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, edu_copy(edu, EDU_BUFFER, handle + PFN_PHYS(2), EDU_MOST,
				       EDU_TO_MEMORY), 0);
	KUNIT_EXPECT_EQ(test, *((u8 *)vaddr + PFN_PHYS(2) + EDU_MOST - 1), 0x31);
	KUNIT_EXPECT_EQ(test, edu_copy(edu, EDU_BUFFER, handle + PFN_PHYS(3), 64,
				       EDU_TO_MEMORY), 0);
	dma_free_coherent(dev, PFN_PHYS(3), vaddr, handle);
	KUNIT_EXPECT_EQ(test, edu_copy(edu, EDU_BUFFER, handle + 4, 4, EDU_TO_MEMORY), 0);
	dma_coherent_debug_check(region);
	expect_message(test, "past the end of the buffer at pages 0 to 2: 64 bytes at");
	expect_message(test, "after the release of the buffer at pages 0 to 2: 4 bytes at");
}

/* A device that was not stopped, and one that writes a line too many. */
static void device_writes_where_it_must_not(struct kunit *test)
{
	struct fixture *fx = test->priv;
	const struct bank *bank = &fx->bank[0];
	struct pci_dev *pdev;
	void __iomem *edu;

	pdev = pci_get_device(EDU_VENDOR, EDU_DEVICE, NULL);
	if (!pdev)
		kunit_skip(test, "needs QEMU's edu device");
	KUNIT_ASSERT_EQ(test, pci_enable_device(pdev), 0);
	pci_set_master(pdev);
	edu = ioremap(pci_resource_start(pdev, 0), pci_resource_len(pdev, 0));
	dma_coherent_debug = true;
	if (edu && !fx_declare_at(&pdev->dev, bank, virt_to_phys(bank->mem), 0)) {
		edu_strays(test, &pdev->dev, edu);
		dma_release_coherent_memory(&pdev->dev);
	} else {
		KUNIT_FAIL(test, "no registers, or no memory");
	}
	iounmap(edu);
	pci_disable_device(pdev);
	pci_dev_put(pdev);
}

static struct kunit_case dma_coherent_debug_cases[] = {
	KUNIT_CASE(debug_is_off_unless_asked_for),
	KUNIT_CASE_PARAM(stray_write_in_use, plant_gen_params),
	KUNIT_CASE_PARAM(stray_write_after_release, plant_gen_params),
	KUNIT_CASE_PARAM(stray_write_much_later, plant_gen_params),
	KUNIT_CASE(message_shows_sixteen_bytes),
	KUNIT_CASE(user_space_writes_after_the_release),
	KUNIT_CASE(device_writes_where_it_must_not),
	KUNIT_CASE(guards_give_way),
	KUNIT_CASE(dropped_guard_is_checked),
	KUNIT_CASE(new_guard_is_checked),
	KUNIT_CASE(guard_is_no_buffer),
	KUNIT_CASE(memory_in_two_pools_is_left_alone),
	KUNIT_CASE(random_sequence_finds_nothing),
	{}
};

static struct kunit_suite dma_coherent_debug_suite = {
	.name = "dma_coherent_debug",
	.init = fixture_init,
	.exit = debug_exit,
	.test_cases = dma_coherent_debug_cases,
};

kunit_test_suite(dma_coherent_debug_suite);

MODULE_DESCRIPTION("KUnit tests for stray writes to per-device coherent memory");
MODULE_LICENSE("GPL");
