// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: clean pages
 */

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/suspend.h>

#include "dma-coherent-model.h"

static void *page_of(struct fixture *fx, unsigned long page)
{
	return fx->bank[0].mem + PFN_PHYS(page);
}

static bool is_all(const void *mem, u8 value, unsigned long pages)
{
	return !memchr_inv(mem, value, PFN_PHYS(pages));
}

/* A region that is cleaned; its bank is DIRT until it was handed out. */
static struct dma_coherent_region *declare_clean(struct kunit *test)
{
	struct fixture *fx = test->priv;

	dma_coherent_clean = true;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_NOT_NULL(test, fx_region(fx->dev)->clean);
	return fx_region(fx->dev);
}

static void clean_exit(struct kunit *test)
{
	dma_coherent_clean_pm(NULL, PM_POST_SUSPEND, NULL);
	fixture_exit(test);
	dma_coherent_clean = false;
}

/* Write to a buffer, as a device does, and give it back. */
static void use_and_free(struct kunit *test, unsigned long pages, void *vaddr)
{
	struct fixture *fx = test->priv;

	memset(vaddr, DIRT, PFN_PHYS(pages));
	KUNIT_ASSERT_EQ(test, fx_free(fx->dev, pages, vaddr), 1);
}

static void off_unless_asked_for(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_NULL(test, fx_region(fx->dev)->clean);
	vaddr = fx_alloc(test, fx->dev, 2);
	use_and_free(test, 2, vaddr);
	dma_coherent_clean_wait(fx_region(fx->dev));
	KUNIT_EXPECT_TRUE(test, is_all(vaddr, DIRT, 2));
}

/* Only what was given back is zeroed: not what was never handed out, nor a buffer. */
static void released_pages_are_zeroed(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	void *a = fx_alloc(test, fx->dev, 3), *b = fx_alloc(test, fx->dev, 2);

	memset(b, DIRT, PFN_PHYS(2));
	use_and_free(test, 3, a);
	dma_coherent_clean_wait(region);
	KUNIT_EXPECT_TRUE(test, is_all(a, 0, 3));
	KUNIT_EXPECT_TRUE(test, is_all(b, DIRT, 2));
	KUNIT_EXPECT_TRUE(test, is_all(page_of(fx, 3), DIRT, 1));
	KUNIT_EXPECT_TRUE(test, is_all(page_of(fx, 6), DIRT, POOL_PAGES - 6));
	fx_free(fx->dev, 2, b);
}

/* An allocation does not write to pages that are known to be zero. */
static void clean_pages_are_not_zeroed_again(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	void *vaddr = fx_alloc(test, fx->dev, 4);

	use_and_free(test, 4, vaddr);
	dma_coherent_clean_wait(region);
	/* This is a stray write: it shows that the page is not zeroed again. */
	*(u8 *)(vaddr + PFN_PHYS(2) + 5) = 1;
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->dev, 4), vaddr);
	KUNIT_EXPECT_EQ(test, *(u8 *)(vaddr + PFN_PHYS(2) + 5), 1);
	fx_free(fx->dev, 4, vaddr);
}

/* Buffers of pages that were never handed out, are dirty, and are clean. */
static void buffer_of_all_kinds_is_zeroed(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	void *a = fx_alloc(test, fx->dev, 16), *b;

	use_and_free(test, 16, a);
	dma_coherent_clean_wait(region);
	dma_coherent_clean_pm(NULL, PM_SUSPEND_PREPARE, NULL);
	dma_coherent_clean_pm(NULL, PM_POST_SUSPEND, NULL);
	a = fx_alloc(test, fx->dev, 8);
	use_and_free(test, 8, a);
	dma_coherent_clean_wait(region);
	b = fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, is_all(b, 0, POOL_PAGES));
	fx_free(fx->dev, POOL_PAGES, b);
}

/* No block becomes clean while the system sleeps, and nothing is known after it. */
static void nothing_is_known_after_sleep(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	void *a = fx_alloc(test, fx->dev, 2), *b = fx_alloc(test, fx->dev, 2);

	use_and_free(test, 2, a);
	dma_coherent_clean_wait(region);
	dma_coherent_clean_pm(NULL, PM_HIBERNATION_PREPARE, NULL);
	use_and_free(test, 2, b);
	dma_coherent_clean_wait(region);
	KUNIT_EXPECT_TRUE(test, is_all(b, DIRT, 2));
	memset(a, DIRT, PFN_PHYS(2));
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->dev, 2), a);
	KUNIT_EXPECT_TRUE(test, is_all(a, 0, 2));
	dma_coherent_clean_pm(NULL, PM_POST_HIBERNATION, NULL);
	fx_free(fx->dev, 2, a);
	dma_coherent_clean_wait(region);
	KUNIT_EXPECT_TRUE(test, is_all(a, 0, 2));
	KUNIT_EXPECT_TRUE(test, is_all(b, DIRT, 2));
	a = fx_alloc(test, fx->dev, 4);
	KUNIT_EXPECT_TRUE(test, is_all(a, 0, 4));
	fx_free(fx->dev, 4, a);
}

/* Another pool has the memory, too: a page that is free here may be in use there. */
static void shared_memory_is_not_cleaned(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	struct bank part = fx->bank[0];
	void *vaddr = fx_alloc(test, fx->dev, 2);

	use_and_free(test, 2, vaddr);
	dma_coherent_clean_wait(region);
	part.size /= 2;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &part), 0);
	memset(vaddr, DIRT, PFN_PHYS(2));
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->dev, 2), vaddr);
	KUNIT_EXPECT_TRUE(test, is_all(vaddr, 0, 2));
	use_and_free(test, 2, vaddr);
	dma_coherent_clean_wait(region);
	KUNIT_EXPECT_TRUE(test, is_all(vaddr, DIRT, 2));
	vaddr = fx_alloc(test, fx->other, 2);
	use_and_free(test, 2, vaddr);
	dma_coherent_clean_wait(fx_region(fx->other));
	KUNIT_EXPECT_TRUE(test, is_all(vaddr, DIRT, 2));
}

/*
 * A page that was cleaned, is handed out and given back before the rest of its block is
 * cleaned, is dirty again. On one processor without preemption the cleaner does not run
 * between these steps; otherwise it may be ahead of them.
 */
static void released_while_its_block_is_cleaned(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	void *vaddr = fx_alloc(test, fx->dev, 16), *again;
	unsigned int steps;

	use_and_free(test, 16, vaddr);
	/* The first step chooses the block. */
	for (steps = 0; steps < 2 + PAGE_SIZE / SZ_4K; steps++)
		dma_coherent_clean_step(region);
	again = fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_PTR_EQ(test, again, vaddr);
	KUNIT_EXPECT_TRUE(test, is_all(again, 0, 1));
	use_and_free(test, 1, again);
	dma_coherent_clean_wait(region);
	KUNIT_EXPECT_TRUE(test, is_all(vaddr, 0, 16));
	KUNIT_EXPECT_FALSE(test, dma_coherent_clean_step(region));
	again = fx_alloc(test, fx->dev, 16);
	KUNIT_EXPECT_TRUE(test, is_all(again, 0, 16));
	fx_free(fx->dev, 16, again);
}

static void released_buffers_are_zeroed_again_and_again(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	unsigned int round;
	void *a, *b;

	a = fx_alloc(test, fx->dev, 1);
	for (round = 0; round < 200; round++) {
		b = fx_alloc(test, fx->dev, 15);
		KUNIT_ASSERT_TRUE_MSG(test, is_all(b, 0, 15), "round %u", round);
		use_and_free(test, 15, b);
		if (round % 3 == 0)
			dma_coherent_clean_wait(region);
		KUNIT_ASSERT_TRUE_MSG(test, is_all(a, 0, 1), "round %u", round);
		memset(a, DIRT, PAGE_SIZE);
		fx_free(fx->dev, 1, a);
		a = fx_alloc(test, fx->dev, 1);
	}
	fx_free(fx->dev, 1, a);
}

/* A device died with a buffer in use: its hardware may still write to it. */
static void buffer_of_a_dead_device_is_left_alone(struct kunit *test)
{
	struct dma_coherent_region *region = declare_clean(test);
	struct fixture *fx = test->priv;
	struct device *dying = root_device_register("dying");
	void *vaddr;

	KUNIT_ASSERT_FALSE(test, IS_ERR(dying));
	KUNIT_ASSERT_EQ(test, fx_declare(dying, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, dying, 2);
	memset(vaddr, DIRT, PFN_PHYS(2));
	root_device_unregister(dying);
	use_and_free(test, 2, fx_alloc(test, fx->dev, 2));
	dma_coherent_clean_wait(region);
	KUNIT_EXPECT_TRUE(test, is_all(vaddr, DIRT, 2));
	KUNIT_EXPECT_PTR_NE(test, fx_alloc(test, fx->dev, 2), vaddr);
	fx_drain(fx->dev);
}

KUNIT_ARRAY_PARAM_DESC(model_case, model_cases, name);

/* The sequences are the same as without it, so every buffer is at the same place. */
static void random_sequences_with_clean_pages(struct kunit *test)
{
	dma_coherent_clean = true;
	model_expect_sequence(test, test->param_value, NULL, 0);
}

static struct kunit_case dma_coherent_clean_cases[] = {
	KUNIT_CASE(off_unless_asked_for),
	KUNIT_CASE(released_pages_are_zeroed),
	KUNIT_CASE(clean_pages_are_not_zeroed_again),
	KUNIT_CASE(buffer_of_all_kinds_is_zeroed),
	KUNIT_CASE(nothing_is_known_after_sleep),
	KUNIT_CASE(shared_memory_is_not_cleaned),
	KUNIT_CASE(released_while_its_block_is_cleaned),
	KUNIT_CASE(released_buffers_are_zeroed_again_and_again),
	KUNIT_CASE(buffer_of_a_dead_device_is_left_alone),
	KUNIT_CASE_PARAM(random_sequences_with_clean_pages, model_case_gen_params),
	{}
};

static struct kunit_suite dma_coherent_clean_suite = {
	.name = "dma_coherent_clean",
	.init = fixture_init,
	.exit = clean_exit,
	.test_cases = dma_coherent_clean_cases,
};

kunit_test_suite(dma_coherent_clean_suite);

MODULE_DESCRIPTION("KUnit tests for clean pages of per-device coherent memory");
MODULE_LICENSE("GPL");
