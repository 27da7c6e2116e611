// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: what the DMA API's own trace events
 * and debugging know of it
 */

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/device/bus.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <trace/events/dma.h>

#include "dma-coherent-fixture.h"

/* Other devices may allocate meanwhile: only @dev's events count. */
struct api_trace {
	struct device *dev;
	unsigned int allocs;
	unsigned int frees;
	void *vaddr;
	dma_addr_t handle;
	size_t size;
};

static void note_api_alloc(void *data, struct device *dev, void *vaddr, dma_addr_t handle,
			   size_t size, enum dma_data_direction dir, gfp_t flags,
			   unsigned long attrs)
{
	struct api_trace *trace = data;

	if (dev != trace->dev)
		return;
	trace->allocs++;
	trace->vaddr = vaddr;
	trace->handle = handle;
	trace->size = size;
}

static void note_api_free(void *data, struct device *dev, void *vaddr, dma_addr_t handle,
			  size_t size, enum dma_data_direction dir, unsigned long attrs)
{
	struct api_trace *trace = data;

	trace->frees += trace->dev == dev && trace->vaddr == vaddr &&
			trace->handle == handle && trace->size == size;
}

/* The API's events come in pairs, and each has a handle that was set. */
static void api_traces_alloc_and_free(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct api_trace trace = { .dev = fx->dev };
	dma_addr_t handle = 0;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	if (register_trace_dma_alloc(note_api_alloc, &trace))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	KUNIT_EXPECT_EQ(test, register_trace_dma_free(note_api_free, &trace), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, trace.allocs, 1);
	KUNIT_EXPECT_EQ(test, trace.frees, 1);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, 2 * POOL_SIZE, &handle, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, trace.allocs, 2);
	KUNIT_EXPECT_EQ(test, trace.handle, DMA_MAPPING_ERROR);
	unregister_trace_dma_alloc(note_api_alloc, &trace);
	unregister_trace_dma_free(note_api_free, &trace);
	tracepoint_synchronize_unregister();
}

/* Errors are found even if the pool's physical address is not that of its mapping. */
static void api_debug_knows_buffers(struct kunit *test)
{
	struct bank *bank = fx_add_bank_at(test, 8, SZ_1G);
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	fx_need_api_debug(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	fx_check_api_errors(test);
	fx_expect_api_errors(test, 1);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	fx_check_api_errors(test);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	fx_expect_api_errors(test, 1);
	dma_free_coherent(fx->dev, 2 * PAGE_SIZE, vaddr, handle);
}

/* A buffer inside of another one is not reported. */
static void api_debug_knows_nested_pools(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;
	dma_addr_t outer_handle, handle;
	void *vaddr;

	fx_need_api_debug(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	inner.mem = dma_alloc_coherent(fx->dev, inner.size, &outer_handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, inner.mem);
	inner.base = fx->bank[0].base + (inner.mem - fx_region(fx->dev)->vaddr);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &inner), 0);
	vaddr = dma_alloc_coherent(fx->other, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, inner.mem);
	dma_free_coherent(fx->other, PAGE_SIZE, vaddr, handle);
	dma_free_coherent(fx->dev, inner.size, inner.mem, outer_handle);
}

/* As an occupied range is: what the hook returned, the API did not allocate. */
static void api_debug_reports_the_free_of_unknown_memory(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx_need_api_debug(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->dev, 1);
	fx_expect_api_errors(test, 1);
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, HANDLE);
}

/* A bus that DMA-API debug watches until the system halts. */

static struct bank *leaky_bank;

static int leaky_probe(struct device *dev)
{
	dma_addr_t handle;
	int err;

	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	err = fx_declare(dev, leaky_bank);
	return err ?: dma_alloc_coherent(dev, PAGE_SIZE, &handle, GFP_KERNEL) ? 0 : -ENOMEM;
}

static const struct bus_type leaky_bus = { .name = "dma-coherent-kunit" };

static void leaky_release(struct device *dev)
{
	kfree(dev);
}

static struct device_driver leaky_driver = {
	.name = "leaky",
	.bus = &leaky_bus,
	.probe = leaky_probe,
};

static bool leaky_bus_is_there(void)
{
	static bool there;

	if (!there && !bus_register(&leaky_bus)) {
		dma_debug_add_bus(&leaky_bus);
		there = true;
	}
	return there;
}

static void api_debug_reports_a_drivers_leak(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *dev;

	fx_need_api_debug(test);
	dev = kzalloc_obj(*dev);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_TRUE(test, leaky_bus_is_there());
	leaky_bank = &fx->bank[0];
	dev->init_name = "leaky";
	dev->bus = &leaky_bus;
	dev->release = leaky_release;
	KUNIT_EXPECT_EQ(test, driver_register(&leaky_driver), 0);
	KUNIT_EXPECT_EQ(test, device_register(dev), 0);
	KUNIT_EXPECT_NOT_NULL(test, fx_mem(dev, 0));
	fx_check_api_errors(test);
	fx_expect_api_errors(test, 1);
	fx_drain(dev);
	driver_unregister(&leaky_driver);
	device_unregister(dev);
	dma_coherent_reap();
}

static struct kunit_case dma_coherent_api_cases[] = {
	KUNIT_CASE(api_traces_alloc_and_free),
	KUNIT_CASE(api_debug_knows_buffers),
	KUNIT_CASE(api_debug_knows_nested_pools),
	KUNIT_CASE(api_debug_reports_the_free_of_unknown_memory),
	KUNIT_CASE(api_debug_reports_a_drivers_leak),
	{}
};

static struct kunit_suite dma_coherent_api_suite = {
	.name = "dma_coherent_api",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_api_cases,
};

kunit_test_suite(dma_coherent_api_suite);

MODULE_DESCRIPTION("KUnit tests for accounting for per-device coherent memory");
MODULE_LICENSE("GPL");
