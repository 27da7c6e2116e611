// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory from the device tree
 *
 * The nodes are those of dma-coherent-of-kunit.dts, which the machine must have
 * been booted with; each test is skipped where it was not. A test makes devices
 * of some of the nodes, a platform driver probes them as drivers do, and from
 * then on it is dma_alloc_coherent() and its siblings that are called.
 *
 * The regions outlive the tests, so each test frees what it allocates.
 */

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "dma-coherent-fixture.h"

#define NODES		"/dma-coherent-kunit"
#define REGIONS		"/reserved-memory"

/* The driver, which keeps the result of its probe for the tests. */

static int consumer_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;

	dev_set_drvdata(dev, ERR_PTR(of_reserved_mem_device_init(dev)));
	return 0;
}

static void consumer_remove(struct platform_device *pdev)
{
	of_reserved_mem_device_release(&pdev->dev);
}

static const struct of_device_id consumer_match[] = {
	{ .compatible = "test,dma-coherent-kunit" },
	{}
};

static struct platform_driver consumer_driver = {
	.probe = consumer_probe,
	.remove = consumer_remove,
	.driver = {
		.name = "dma-coherent-kunit",
		.of_match_table = consumer_match,
	},
};

static int probe_result(struct device *dev)
{
	return PTR_ERR(dev_get_drvdata(dev));
}

/* Nodes, devices and regions */

static struct device_node *find_node(const char *parent, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	return of_find_node_by_path(path);
}

static void destroy_device(void *pdev)
{
	of_platform_device_destroy(&((struct platform_device *)pdev)->dev, NULL);
}

/* A device that the driver has probed. */
static struct device *add_device(struct kunit *test, const char *name)
{
	struct device_node *node = find_node(NODES, name);
	struct platform_device *pdev;

	KUNIT_ASSERT_NOT_NULL(test, node);
	pdev = of_platform_device_create(node, NULL, NULL);
	of_node_put(node);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_device, pdev), 0);
	KUNIT_ASSERT_PTR_EQ(test, pdev->dev.driver, &consumer_driver.driver);
	return &pdev->dev;
}

static struct reserved_mem *find_region(struct kunit *test, const char *name)
{
	struct device_node *node = find_node(REGIONS, name);
	struct reserved_mem *rmem;

	KUNIT_ASSERT_NOT_NULL(test, node);
	rmem = of_reserved_mem_lookup(node);
	of_node_put(node);
	return rmem;
}

static struct dma_coherent_mem *first_mem(struct device *dev)
{
	return fx_mem(dev, 0);
}

static struct dma_coherent_mem *second_mem(struct device *dev)
{
	struct dma_coherent_mem *mem = first_mem(dev);

	return mem ? rcu_dereference_raw(mem->next) : NULL;
}

static void expect_region(struct kunit *test, const struct dma_coherent_mem *mem,
			  const char *name)
{
	const struct reserved_mem *rmem = find_region(test, name);

	KUNIT_ASSERT_NOT_NULL(test, rmem);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_STREQ(test, mem->region->name, name);
	KUNIT_EXPECT_EQ(test, mem->region->base, rmem->base);
	KUNIT_EXPECT_EQ(test, mem->region->pool.pages, rmem->size / PAGE_SIZE);
}

static bool lies_in(const struct reserved_mem *rmem, dma_addr_t handle, size_t size)
{
	return handle >= rmem->base && handle + size <= rmem->base + rmem->size;
}

/* Allocates and frees through the generic code: does it come from a pool? */
static bool is_served(struct kunit *test, struct device *dev, const char *name)
{
	const struct reserved_mem *rmem = find_region(test, name);
	dma_addr_t handle = 0;
	void *vaddr;

	vaddr = dma_alloc_coherent(dev, 3 * PAGE_SIZE - 1, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 3 * PAGE_SIZE));
	memset(vaddr, 0xa5, 3 * PAGE_SIZE);
	dma_free_coherent(dev, 3 * PAGE_SIZE - 1, vaddr, handle);
	return rmem && lies_in(rmem, handle, 3 * PAGE_SIZE);
}

static int of_init(struct kunit *test)
{
	struct device_node *node = of_find_node_by_path(NODES);

	of_node_put(node);
	if (!node)
		kunit_skip(test, "needs the nodes of dma-coherent-of-kunit.dts");
	return platform_driver_register(&consumer_driver);
}

static void of_exit(struct kunit *test)
{
	struct device_node *node = of_find_node_by_path(NODES);

	of_node_put(node);
	if (node)
		platform_driver_unregister(&consumer_driver);
	dma_coherent_reap();
}

/* Probe and remove */

static void probed_device_is_served_from_its_region(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");

	KUNIT_EXPECT_EQ(test, probe_result(dev), 0);
	expect_region(test, first_mem(dev), "kunit-first");
	KUNIT_EXPECT_NULL(test, second_mem(dev));
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-first"));
}

static void whole_region_is_served_and_no_more(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");
	struct reserved_mem *rmem = find_region(test, "kunit-first");
	dma_addr_t handle = 0, more = 0;
	void *vaddr;

	vaddr = dma_alloc_coherent(dev, rmem->size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, rmem->base);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(dev, 1, &more, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, more, DMA_MAPPING_ERROR);
	dma_free_coherent(dev, rmem->size, vaddr, handle);
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-first"));
}

static void device_without_region_uses_the_generic_allocator(struct kunit *test)
{
	struct device *dev = add_device(test, "without");

	KUNIT_EXPECT_EQ(test, probe_result(dev), -ENODEV);
	KUNIT_EXPECT_NULL(test, first_mem(dev));
	KUNIT_EXPECT_FALSE(test, is_served(test, dev, "kunit-first"));
}

static void second_index_adds_a_second_pool(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");
	struct reserved_mem *rmem = find_region(test, "kunit-first");
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, of_reserved_mem_device_init_by_idx(dev, dev->of_node, 1), 0);
	expect_region(test, first_mem(dev), "kunit-first");
	expect_region(test, second_mem(dev), "kunit-second");
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-first"));

	vaddr = dma_alloc_coherent(dev, rmem->size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-second"));
	dma_free_coherent(dev, rmem->size, vaddr, handle);
}

static void region_is_found_by_name(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");

	of_reserved_mem_device_release(dev);
	KUNIT_EXPECT_EQ(test, of_reserved_mem_device_init_by_name(dev, dev->of_node, "rings"), 0);
	expect_region(test, first_mem(dev), "kunit-second");
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-second"));
	KUNIT_EXPECT_NE(test, of_reserved_mem_device_init_by_name(dev, dev->of_node, "no such"), 0);
}

static void same_region_twice_is_busy(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");

	KUNIT_EXPECT_EQ(test, of_reserved_mem_device_init(dev), -EBUSY);
	KUNIT_EXPECT_NULL(test, second_mem(dev));
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-first"));
}

static void disabled_region_is_no_pool(struct kunit *test)
{
	struct device *dev = add_device(test, "off");

	KUNIT_EXPECT_EQ(test, probe_result(dev), 0);
	KUNIT_EXPECT_NULL(test, first_mem(dev));
	KUNIT_EXPECT_FALSE(test, is_served(test, dev, "kunit-off"));
}

/* CMA takes the region where it is built in. */
static void reusable_region_is_declined(struct kunit *test)
{
	struct device *dev = add_device(test, "reusable");

	if (!IS_ENABLED(CONFIG_DMA_CMA))
		KUNIT_EXPECT_EQ(test, probe_result(dev), -EINVAL);
	KUNIT_EXPECT_NULL(test, first_mem(dev));
}

static void region_is_cut_down_to_whole_pages(struct kunit *test)
{
	struct reserved_mem *rmem = find_region(test, "kunit-odd");
	struct device *dev;

	if (PAGE_ALIGNED(rmem->size))
		kunit_skip(test, "the region is whole pages on this machine");
	dev = add_device(test, "odd");
	KUNIT_EXPECT_EQ(test, probe_result(dev), 0);
	expect_region(test, first_mem(dev), "kunit-odd");
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-odd"));
}

static void unbind_detaches(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");

	device_release_driver(dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, first_mem(dev));
	KUNIT_EXPECT_FALSE(test, is_served(test, dev, "kunit-first"));

	KUNIT_ASSERT_EQ(test, device_attach(dev), 1);
	KUNIT_EXPECT_EQ(test, probe_result(dev), 0);
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-first"));
}

static void unbind_with_a_buffer_out(struct kunit *test)
{
	struct device *dev = add_device(test, "plain");
	dma_addr_t handle;
	void *vaddr;

	vaddr = dma_alloc_coherent(dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	device_release_driver(dev);
	dma_coherent_reap();
	KUNIT_ASSERT_NOT_NULL(test, first_mem(dev));
	KUNIT_EXPECT_FALSE(test, is_served(test, dev, "kunit-first"));

	KUNIT_ASSERT_EQ(test, device_attach(dev), 1);
	KUNIT_EXPECT_EQ(test, probe_result(dev), 0);
	KUNIT_EXPECT_NULL(test, second_mem(dev));
	KUNIT_EXPECT_EQ(test, first_mem(dev)->live, 1);
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-first"));
	dma_free_coherent(dev, PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, first_mem(dev)->live, 0);
}

static void two_devices_share_a_region(struct kunit *test)
{
	struct device *a = add_device(test, "plain");
	struct device *b = add_device(test, "sharer");
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_NOT_NULL(test, first_mem(a));
	KUNIT_ASSERT_NOT_NULL(test, first_mem(b));
	KUNIT_EXPECT_PTR_EQ(test, first_mem(a)->region, first_mem(b)->region);
	vaddr = dma_alloc_coherent(b, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	device_release_driver(a);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, first_mem(a));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, PAGE_SIZE));
	dma_free_coherent(b, PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_TRUE(test, is_served(test, b, "kunit-first"));
}

/* The bus swaps the halves of the first 4 GiB. */
static void handles_follow_dma_ranges(struct kunit *test)
{
	struct reserved_mem *rmem = find_region(test, "kunit-first");
	struct device *dev = add_device(test, "bus/translated");
	dma_addr_t handle;
	void *vaddr;

	KUNIT_EXPECT_EQ(test, probe_result(dev), 0);
	vaddr = dma_alloc_coherent(dev, rmem->size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, rmem->base ^ SZ_2G);
	dma_free_coherent(dev, rmem->size, vaddr, handle);
}

/* The attachment has copied what it knows of the region. */
static void region_is_remembered_by_value(struct kunit *test)
{
	struct reserved_mem *rmem = find_region(test, "kunit-second");
	struct device *dev = add_device(test, "without");
	struct reserved_mem early = *rmem;
	phys_addr_t base = rmem->base;

	KUNIT_ASSERT_EQ(test, early.ops->device_init(&early, dev), 0);
	memset(&early, 0xa5, offsetof(struct reserved_mem, ops));
	early.base = ~base;
	early.size = 0;
	expect_region(test, first_mem(dev), "kunit-second");
	KUNIT_EXPECT_TRUE(test, is_served(test, dev, "kunit-second"));
	rmem->ops->device_release(rmem, dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, first_mem(dev));
}

static void no_device_is_refused(struct kunit *test)
{
	struct reserved_mem *rmem = find_region(test, "kunit-first");

	KUNIT_ASSERT_NOT_NULL(test, rmem->ops);
	KUNIT_EXPECT_EQ(test, rmem->ops->device_init(rmem, NULL), -ENODEV);
	rmem->ops->device_release(rmem, NULL);
}

static void default_region_is_the_global_pool(struct kunit *test)
{
	struct reserved_mem *rmem = find_region(test, "kunit-default");
	struct device *dev = add_device(test, "without");
	dma_addr_t handle = 0;
	void *vaddr;

	if (!IS_ENABLED(CONFIG_DMA_GLOBAL_POOL))
		kunit_skip(test, "no global pool in this kernel");
	vaddr = dma_alloc_from_global_coherent(dev, rmem->size, &handle);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, rmem->base);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(get_order(rmem->size), vaddr), 1);
}

/* The device and the global pool share one region, so they never share pages. */
static void default_region_can_be_a_devices_too(struct kunit *test)
{
	struct reserved_mem *rmem = find_region(test, "kunit-default");
	struct device *dev = add_device(test, "default");
	dma_addr_t handle = 0;
	void *vaddr;

	if (!IS_ENABLED(CONFIG_DMA_GLOBAL_POOL))
		kunit_skip(test, "no global pool in this kernel");
	KUNIT_ASSERT_NOT_NULL(test, first_mem(dev));
	vaddr = dma_alloc_coherent(dev, rmem->size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(dev, 1, &handle));
	dma_free_coherent(dev, rmem->size, vaddr, rmem->base);
}

/* Mappings of user space, of memory that the kernel itself has no mapping of */

static void user_space_sees_the_buffer(struct kunit *test)
{
	struct view view = { .size = 4 * PAGE_SIZE };
	unsigned long addr;
	dma_addr_t handle;

	view.dev = add_device(test, "plain");
	view.vaddr = dma_alloc_coherent(view.dev, view.size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, view.vaddr);
	addr = fx_mmap(test, &view, 4);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(addr));
	if (!IS_ERR_VALUE(addr)) {
		*(u32 *)(view.vaddr + 3 * PAGE_SIZE) = 0xcafe;
		fx_expect_user_word(test, addr + 3 * PAGE_SIZE, 0xcafe);
		fx_write_user_word(test, addr, 0xbeef);
		KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)view.vaddr), 0xbeef);
	}
	dma_free_coherent(view.dev, view.size, view.vaddr, handle);
}

static struct kunit_case dma_coherent_of_cases[] = {
	KUNIT_CASE(probed_device_is_served_from_its_region),
	KUNIT_CASE(whole_region_is_served_and_no_more),
	KUNIT_CASE(device_without_region_uses_the_generic_allocator),
	KUNIT_CASE(second_index_adds_a_second_pool),
	KUNIT_CASE(region_is_found_by_name),
	KUNIT_CASE(same_region_twice_is_busy),
	KUNIT_CASE(disabled_region_is_no_pool),
	KUNIT_CASE(reusable_region_is_declined),
	KUNIT_CASE(region_is_cut_down_to_whole_pages),
	KUNIT_CASE(unbind_detaches),
	KUNIT_CASE(unbind_with_a_buffer_out),
	KUNIT_CASE(two_devices_share_a_region),
	KUNIT_CASE(handles_follow_dma_ranges),
	KUNIT_CASE(region_is_remembered_by_value),
	KUNIT_CASE(no_device_is_refused),
	KUNIT_CASE(default_region_is_the_global_pool),
	KUNIT_CASE(default_region_can_be_a_devices_too),
	KUNIT_CASE(user_space_sees_the_buffer),
	{}
};

static struct kunit_suite dma_coherent_of_suite = {
	.name = "dma_coherent_of",
	.init = of_init,
	.exit = of_exit,
	.test_cases = dma_coherent_of_cases,
};

kunit_test_suite(dma_coherent_of_suite);

MODULE_DESCRIPTION("KUnit tests for per-device coherent memory from the device tree");
MODULE_LICENSE("GPL");
