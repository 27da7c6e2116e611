// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: the region that a driver means
 *
 * The device is the first node of dma-coherent-of-kunit.dts, which has two regions,
 * "buffers" and "rings". Each test is skipped where the machine was not booted with
 * that file.
 */

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-coherent-named.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "dma-coherent-fixture.h"

#define RINGS	SZ_256K

static struct device *banks_of(struct kunit *test)
{
	struct fixture *fx = test->priv;

	return fx->priv;
}

static void destroy_device(void *dev)
{
	of_reserved_mem_device_release(dev);
	of_platform_device_destroy(dev, NULL);
}

static int named_init(struct kunit *test)
{
	struct device_node *node = of_find_node_by_path("/dma-coherent-kunit/plain");
	struct platform_device *pdev;
	int err = fixture_init(test);
	struct fixture *fx = test->priv;

	if (err)
		return err;
	if (!node)
		kunit_skip(test, "needs the nodes of dma-coherent-of-kunit.dts");
	fx_use_true_mapping(test);
	pdev = of_platform_device_create(node, NULL, NULL);
	of_node_put(node);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_device, &pdev->dev), 0);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64)), 0);
	fx->priv = &pdev->dev;
	return 0;
}

static void attach(struct kunit *test, unsigned int index)
{
	struct device *dev = banks_of(test);

	KUNIT_ASSERT_EQ(test, of_reserved_mem_device_init_by_idx(dev, dev->of_node, index), 0);
}

static void attach_both(struct kunit *test)
{
	attach(test, 0);
	attach(test, 1);
}

static void named_region_serves(struct kunit *test)
{
	struct device *dev = banks_of(test);
	dma_addr_t ring_handle, handle;
	void *ring, *buffer;

	attach_both(test);
	ring = dma_alloc_coherent_by_name(dev, "rings", PAGE_SIZE + 1, &ring_handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ring);
	KUNIT_EXPECT_PTR_EQ(test, ring, fx_nth_region(dev, 1)->vaddr);
	KUNIT_EXPECT_EQ(test, ring_handle, fx_nth_region(dev, 1)->base);
	KUNIT_EXPECT_NULL(test, memchr_inv(ring, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, fx_nth_region(dev, 1)->pool.used_pages, 2);
	buffer = dma_alloc_coherent_by_index(dev, 0, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buffer);
	KUNIT_EXPECT_PTR_EQ(test, buffer, fx_region(dev)->vaddr);
	memset(ring, DIRT, 2 * PAGE_SIZE);
	dma_free_coherent(dev, PAGE_SIZE + 1, ring, ring_handle);
	dma_free_coherent(dev, PAGE_SIZE, buffer, handle);
	KUNIT_EXPECT_EQ(test, fx_nth_region(dev, 1)->pool.used_pages, 0);
	KUNIT_EXPECT_EQ(test, fx_used(dev), 0);
	KUNIT_EXPECT_EQ(test, fx_frees(dev, DMA_COHERENT_FREE_GOOD), 1);
}

static void named_region_that_is_full(struct kunit *test)
{
	struct device *dev = banks_of(test);
	dma_addr_t handle, more = 0;
	void *ring;

	attach_both(test);
	ring = dma_alloc_coherent_by_name(dev, "rings", RINGS, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ring);
	fx_log_start(test);
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_name(dev, "rings", 1, &more, GFP_KERNEL),
			    ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "pool kunit-second: cannot allocate 1 pages"), 1);
	KUNIT_EXPECT_EQ(test, more, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_index(dev, 1, 1, &more,
							      GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENOMEM));
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_index(dev, 1, 0, &more,
							      GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENOMEM));
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, fx_used(dev), 0);
	dma_free_coherent(dev, RINGS, ring, handle);
}

static void named_region_that_is_not_attached(struct kunit *test)
{
	struct device *dev = banks_of(test);
	dma_addr_t handle = 0;

	attach(test, 0);
	fx_log_start(test);
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_name(dev, "rings", 1, &handle, GFP_KERNEL),
			    ERR_PTR(-ENODEV));
	fx_expect_message(test, "%s: region kunit-second is not attached to the device: %d",
			  dev_name(dev), -ENODEV);
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_index(dev, 1, 1, &handle,
							      GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENODEV));
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, fx_used(dev), 0);
}

/* Detached, but with a buffer in use. */
static void named_region_that_was_detached(struct kunit *test)
{
	struct device *dev = banks_of(test);
	dma_addr_t handle, more;
	void *buffer;

	attach(test, 0);
	buffer = dma_alloc_coherent_by_index(dev, 0, 1, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buffer);
	of_reserved_mem_device_release(dev);
	KUNIT_EXPECT_NOT_NULL(test, fx_mem(dev, 0));
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_index(dev, 0, 1, &more,
							      GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENODEV));
	dma_free_coherent(dev, 1, buffer, handle);
}

static void name_that_does_not_exist(struct kunit *test)
{
	struct device *dev = banks_of(test);
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;

	attach_both(test);
	fx_log_start(test);
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_name(dev, "ring", 1, &handle, GFP_KERNEL),
			    ERR_PTR(-ENOENT));
	fx_expect_message(test, "%s: ring is not in memory-region-names: %d", dev_name(dev),
			  -ENOENT);
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	handle = 0;
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_index(dev, 2, 1, &handle, GFP_KERNEL),
			    ERR_PTR(-ENOENT));
	fx_expect_message(test, "%s: entry 2 of memory-region is no reserved memory: %d",
			  dev_name(dev), -ENOENT);
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_name(dev, "ring", 1, &handle,
							     GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENOENT));
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_index(dev, 2, 1, &handle,
							      GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENOENT));
	/* It has no node in the device tree. */
	KUNIT_EXPECT_PTR_EQ(test, dma_alloc_coherent_by_name(fx->dev, "rings", 1, &handle,
							     GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENOENT));
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, fx_used(dev), 0);
}

static void named_buffer_can_be_mapped(struct kunit *test)
{
	struct view view = { .dev = banks_of(test), .size = 2 * PAGE_SIZE };
	dma_addr_t handle;
	unsigned long addr;

	attach_both(test);
	view.vaddr = dma_alloc_coherent_by_name(view.dev, "rings", view.size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, view.vaddr);
	addr = fx_mmap(test, &view, 2);
	fx_write_user_word(test, addr + PAGE_SIZE, 0x1234);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)(view.vaddr + PAGE_SIZE)), 0x1234);
	dma_free_coherent(view.dev, view.size, view.vaddr, handle);
}

static struct kunit_case dma_coherent_named_cases[] = {
	KUNIT_CASE(named_region_serves),
	KUNIT_CASE(named_region_that_is_full),
	KUNIT_CASE(named_region_that_is_not_attached),
	KUNIT_CASE(named_region_that_was_detached),
	KUNIT_CASE(name_that_does_not_exist),
	KUNIT_CASE(named_buffer_can_be_mapped),
	{}
};

static struct kunit_suite dma_coherent_named_suite = {
	.name = "dma_coherent_named",
	.init = named_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_named_cases,
};

kunit_test_suite(dma_coherent_named_suite);

MODULE_DESCRIPTION("KUnit tests for named regions of per-device coherent memory");
MODULE_LICENSE("GPL");
