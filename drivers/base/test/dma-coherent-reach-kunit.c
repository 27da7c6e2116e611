// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: masks, bus limits and dma-ranges
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "dma-coherent-fixture.h"

struct reach_case {
	const char *name;
	u64 mask;
	u64 bus_limit;
	unsigned long pages;
	bool warns;
};

static const struct reach_case reach_cases[] = {
	{ "no mask", 0, 0, POOL_PAGES },
	{ "mask beyond", U64_MAX, 0, POOL_PAGES },
	{ "mask at the end", HANDLE + POOL_SIZE - 1, 0, POOL_PAGES },
	{ "mask a byte short", HANDLE + POOL_SIZE - 2, 0, POOL_PAGES - 1 },
	{ "half", HANDLE + POOL_SIZE / 2 - 1, 0, POOL_PAGES / 2 },
	{ "mask inside a page", HANDLE + 3 * PAGE_SIZE + 100, 0, 3 },
	{ "one page", HANDLE + PAGE_SIZE - 1, 0, 1 },
	{ "bus limit", U64_MAX, HANDLE + 4 * PAGE_SIZE - 1, 4 },
	{ "bus limit, no mask", 0, HANDLE + 4 * PAGE_SIZE - 1, 4 },
	{ "mask below bus limit", HANDLE + 2 * PAGE_SIZE - 1, HANDLE + POOL_SIZE, 2 },
	{ "a byte less than a page", HANDLE + PAGE_SIZE - 2, 0, POOL_PAGES, true },
	{ "nothing", DMA_BIT_MASK(24), 0, POOL_PAGES, true },
	{ "nothing for the bus", U64_MAX, DMA_BIT_MASK(24), POOL_PAGES, true },
};

KUNIT_ARRAY_PARAM_DESC(reach_case, reach_cases, name);

/* Return: how many single pages a device gets, all of them among the first. */
static unsigned long count_served(struct kunit *test, struct device *dev)
{
	unsigned long served, first = ULONG_MAX, last = 0, page;
	dma_addr_t handle;
	void *vaddr;

	for (served = 0; served <= POOL_PAGES; served++) {
		dma_alloc_from_coherent(dev, PAGE_SIZE, &handle, &vaddr);
		if (!vaddr)
			break;
		page = fx_page(dev, vaddr);
		first = min(first, page);
		last = max(last, page);
	}
	KUNIT_EXPECT_TRUE(test, !served || (!first && last == served - 1));
	return served;
}

/* Every byte of a buffer is within the mask and the bus limit. */
static void buffers_are_within_reach(struct kunit *test)
{
	const struct reach_case *c = test->param_value;
	struct fixture *fx = test->priv;
	void *vaddr;

	fx->dev->coherent_dma_mask = c->mask;
	fx->dev->bus_dma_limit = c->bus_limit;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), c->pages);
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_OUT_OF_REACH),
			c->pages < POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->warned, c->warns);

	fx_drain(fx->dev);
	vaddr = fx_alloc(test, fx->dev, c->pages);
	KUNIT_EXPECT_EQ(test, fx_page(fx->dev, vaddr), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, c->pages, vaddr), 1);
	if (c->pages < POOL_PAGES)
		KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, (c->pages + 1) * PAGE_SIZE));
}

/* A region out of reach does not keep from one behind it that is not. */
static void regions_in_reach_come_first(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *low = fx_add_bank(test, 2);
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, &fx->bank[0], 2 * HANDLE, 0), 0);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, low, HANDLE, 0), 0);
	fx->dev->coherent_dma_mask = 2 * HANDLE - 1;
	vaddr = fx_alloc(test, fx->dev, 2);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, low->mem);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 2, vaddr), 1);

	/* Where all are out of reach, they serve. */
	fx->dev->coherent_dma_mask = HANDLE - 1;
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, fx_alloc(test, fx->dev, 1)), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

/* It goes on to the generic allocator, which obeys the mask. */
static void fallback_region_serves_reachable_pages_only(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, &fx->bank[0], HANDLE, DMA_COHERENT_FALLBACK),
			0);
	fx->dev->coherent_dma_mask = HANDLE - 1;
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), 0);
	fx->dev->coherent_dma_mask = HANDLE + PAGE_SIZE - 1;
	fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));
}

static void mask_is_read_at_each_request(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx->dev->coherent_dma_mask = 0;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx->dev->coherent_dma_mask = HANDLE + POOL_SIZE / 2 - 1;
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), POOL_PAGES / 2);
	fx->dev->coherent_dma_mask = DMA_BIT_MASK(32);
	fx_alloc(test, fx->dev, POOL_PAGES / 2);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->warned, 0);
}

/* Two devices, two masks, one region. */
static void each_device_has_its_own_reach(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx->dev->coherent_dma_mask = HANDLE + 4 * PAGE_SIZE - 1;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->other, &fx->bank[0], 2 * HANDLE, 0), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), 4);
	vaddr = fx_alloc(test, fx->other, 16);
	KUNIT_EXPECT_EQ(test, fx_page(fx->other, vaddr), 16);
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, 16, vaddr), 1);
	vaddr = fx_alloc(test, fx->other, 8);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, 8, vaddr), 1);
}

/**
 * struct range_case - what of a bank a device's dma-ranges cover
 * @name: of the case
 * @range: two ranges, in pages; the first page is counted from the bank's
 *	start, and the DMA address from HANDLE
 * @handle: the DMA address of the bank, in pages from HANDLE
 * @pages: how many of the bank's pages are served
 */
struct range_case {
	const char *name;
	struct {
		long first;
		unsigned long handle;
		unsigned long pages;
	} range[2];
	unsigned long handle;
	unsigned long pages;
};

static const struct range_case range_cases[] = {
	{ "all", { { 0, 0, POOL_PAGES } }, 0, POOL_PAGES },
	{ "more than all", { { -4, 0, POOL_PAGES + 8 } }, 4, POOL_PAGES },
	{ "first half", { { 0, 7, POOL_PAGES / 2 } }, 7, POOL_PAGES / 2 },
	{ "from before to the first page", { { -4, 0, 5 } }, 4, 1 },
	{ "in the second range", { { 100, 0, 50 }, { -2, 64, 34 } }, 66, POOL_PAGES },
	{ "first half in the second range", { { -9, 0, 9 }, { 0, 64, 16 } }, 64, 16 },
	{ "not the first page", { { 1, 0, POOL_PAGES } }, 0, 0 },
	{ "nothing", { { POOL_PAGES, 0, 100 } }, 0, 0 },
	{ "nothing in two", { { POOL_PAGES, 0, 1 }, { -9, 64, 9 } }, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(range_case, range_cases, name);

/* The device frees it when it goes. */
static void set_ranges(struct kunit *test, struct device *dev, phys_addr_t base,
		       const struct range_case *c)
{
	struct bus_dma_region *map = kcalloc(3, sizeof(*map), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, map);
	for (i = 0; i < 2; i++) {
		map[i].cpu_start = base + c->range[i].first * (s64)PAGE_SIZE;
		map[i].dma_start = HANDLE + PFN_PHYS(c->range[i].handle);
		map[i].size = PFN_PHYS(c->range[i].pages);
	}
	dev->dma_range_map = map;
}

/* The handle is translated for the device; pages without a device address are not used. */
static void handles_follow_dma_ranges(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0, want = HANDLE + PFN_PHYS(c->handle);
	unsigned long pages = c->pages;
	void *vaddr;

	set_ranges(test, fx->dev, fx->bank[0].base, c);
	/* An architecture that translates by itself does not look at them. */
	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA)) {
		want = phys_to_dma(fx->dev, fx->bank[0].base);
		pages = POOL_PAGES;
	}
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), pages ? 0 : -ENODEV);
	KUNIT_ASSERT_EQ(test, !fx_mem(fx->dev, 0), !pages);
	if (!pages)
		return;
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), pages);
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_OUT_OF_REACH), pages < POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->warned, 0);
	fx_drain(fx->dev);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent(fx->dev, PFN_PHYS(pages), &handle, &vaddr),
			1);
	KUNIT_EXPECT_EQ(test, handle, want);
}

/* jh7100: 0x107a000000 is 0xfa000000 to its devices, and 32 bits do. */
static void mask_is_compared_with_the_translated_address(struct kunit *test)
{
	static const struct range_case ranges = {
		.range = { { 0, 0, POOL_PAGES } },
	};
	struct fixture *fx = test->priv;
	struct bank *bank;

	if (sizeof(phys_addr_t) < 8)
		kunit_skip(test, "no physical addresses above 4 GiB");
	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	bank = fx_add_bank_at(test, POOL_PAGES, (phys_addr_t)0x107a000000ULL);
	set_ranges(test, fx->dev, bank->base, &ranges);
	fx->dev->coherent_dma_mask = HANDLE + POOL_SIZE / 2 - 1;
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, bank), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), POOL_PAGES / 2);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->warned, 0);
}

/* s5p-mfc's bus did so. */
static void ranges_are_read_at_each_request(struct kunit *test)
{
	static const struct range_case late = {
		.range = { { 0, 3, POOL_PAGES } },
	};
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;
	void *vaddr;

	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent(fx->dev, 1, &handle, &vaddr), 1);
	KUNIT_EXPECT_EQ(test, handle, phys_to_dma(fx->dev, fx->bank[0].base));
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr), 1);
	set_ranges(test, fx->dev, fx->bank[0].base, &late);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent(fx->dev, 1, &handle, &vaddr), 1);
	KUNIT_EXPECT_EQ(test, handle, HANDLE + 3 * PAGE_SIZE);
}

static struct kunit_case dma_coherent_reach_cases[] = {
	KUNIT_CASE_PARAM(buffers_are_within_reach, reach_case_gen_params),
	KUNIT_CASE(regions_in_reach_come_first),
	KUNIT_CASE(fallback_region_serves_reachable_pages_only),
	KUNIT_CASE(mask_is_read_at_each_request),
	KUNIT_CASE(ranges_are_read_at_each_request),
	KUNIT_CASE(each_device_has_its_own_reach),
	KUNIT_CASE_PARAM(handles_follow_dma_ranges, range_case_gen_params),
	KUNIT_CASE(mask_is_compared_with_the_translated_address),
	{}
};

static struct kunit_suite dma_coherent_reach_suite = {
	.name = "dma_coherent_reach",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_reach_cases,
};

kunit_test_suite(dma_coherent_reach_suite);

MODULE_DESCRIPTION("KUnit tests for the reach of per-device coherent memory");
MODULE_LICENSE("GPL");
