// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: declare, attach and detach, several
 * devices and several regions, and what of it fails
 */

#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <trace/events/dma_coherent.h>

#include "dma-coherent-fixture.h"

/* Declare */

struct declare_case {
	const char *name;
	phys_addr_t base;
	dma_addr_t handle;
	size_t size;
	unsigned int flags;
};

static const struct declare_case bad_regions[] = {
	{ "empty", SZ_16M, HANDLE, 0 },
	{ "empty at the top", (phys_addr_t)-1, HANDLE, 0 },
	{ "wraps", -(phys_addr_t)PAGE_SIZE, HANDLE, 2 * PAGE_SIZE },
	{ "wraps by a byte", -(phys_addr_t)PAGE_SIZE, HANDLE, PAGE_SIZE + 1 },
	{ "wraps for the device", SZ_16M, -(dma_addr_t)PAGE_SIZE, 2 * PAGE_SIZE },
	{ "wraps for the device by a byte", SZ_16M, -(dma_addr_t)PAGE_SIZE, PAGE_SIZE + 1 },
	{ "a byte", SZ_16M, HANDLE, 1 },
	{ "less than a page", SZ_16M, HANDLE, PAGE_SIZE - 1 },
	/* Two bytes that touch two pages are not a whole page. */
	{ "across the end of a page", SZ_16M - 1, HANDLE, 2 },
	{ "no whole page in nearly two", SZ_16M + 1, HANDLE, 2 * PAGE_SIZE - 2 },
	{ "the last bytes of all", (phys_addr_t)-100, HANDLE, 100 },
	{ "unknown flag", SZ_16M, HANDLE, PAGE_SIZE, DMA_COHERENT_FALLBACK << 1 },
	{ "unknown flags and a known one", SZ_16M, HANDLE, PAGE_SIZE, ~0 },
#ifdef CONFIG_64BIT
	{ "more pages than a pool can have", SZ_16M, HANDLE, (size_t)BIT(31) << PAGE_SHIFT },
#endif
};

KUNIT_ARRAY_PARAM_DESC(bad_region, bad_regions, name);

static void declare_refuses_a_bad_region(struct kunit *test)
{
	const struct declare_case *c = test->param_value;
	struct fixture *fx = test->priv;

	fx_stub_mapping(test);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory_flags(fx->dev, c->base, c->handle,
								c->size, c->flags), -EINVAL);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_EXPECT_EQ(test, fx->maps, 0);
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));
}

struct shrink_case {
	const char *name;
	size_t offset;
	size_t size;
	unsigned long first;
	unsigned long pages;
};

static const struct shrink_case shrink_cases[] = {
	{ "whole pages", 0, 3 * PAGE_SIZE, 0, 3 },
	{ "end inside a page", 0, 2 * PAGE_SIZE + PAGE_SIZE / 2, 0, 2 },
	{ "a byte short", 0, 3 * PAGE_SIZE - 1, 0, 2 },
	{ "base inside a page", 100, 3 * PAGE_SIZE - 100, 1, 2 },
	{ "both inside a page", 100, 3 * PAGE_SIZE, 1, 2 },
	{ "the last byte of a page and a page", PAGE_SIZE - 1, PAGE_SIZE + 1, 1, 1 },
};

KUNIT_ARRAY_PARAM_DESC(shrink_case, shrink_cases, name);

/* Physical, virtual and device page numbers agree. */
static void region_is_cut_down_to_whole_pages(struct kunit *test)
{
	const struct shrink_case *c = test->param_value;
	struct fixture *fx = test->priv;
	phys_addr_t base = fx->bank[0].base;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(fx->dev, base + c->offset,
							  HANDLE + c->offset, c->size), 0);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->base, base + PFN_PHYS(c->first));
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->pool.pages, c->pages);
	vaddr = dma_alloc_coherent(fx->dev, c->pages * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, fx->bank[0].mem + PFN_PHYS(c->first));
	KUNIT_EXPECT_EQ(test, handle, HANDLE + PFN_PHYS(c->first));
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(fx->dev, base + c->offset,
							  HANDLE + c->offset, c->size), -EBUSY);
	dma_free_coherent(fx->dev, c->pages * PAGE_SIZE, vaddr, handle);

	dma_coherent_detach(fx->dev, DMA_COHERENT_DECLARED, base + c->offset,
			    c->size + PAGE_SIZE);
	KUNIT_EXPECT_NOT_NULL(test, fx_mem(fx->dev, 0));
	dma_coherent_detach(fx->dev, DMA_COHERENT_DECLARED, base + c->offset, c->size);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
}

/* Some boards declare before the device has a name, and before any mask. */
static void device_needs_no_name_and_no_mask(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	void *vaddr;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	device_initialize(dev);
	KUNIT_EXPECT_STREQ(test, dma_coherent_name(dev), "unnamed device");
	KUNIT_EXPECT_STREQ(test, dma_coherent_name(NULL), "global pool");
	KUNIT_ASSERT_EQ(test, fx_declare(dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(dev, 1));
	KUNIT_EXPECT_EQ(test, fx_free(dev, 1, vaddr + PAGE_SIZE), 1);
	KUNIT_EXPECT_EQ(test, fx_free(dev, POOL_PAGES, vaddr), 1);
	KUNIT_EXPECT_EQ(test, fx_declare(dev, &fx->bank[0]), -EBUSY);
	dma_release_coherent_memory(dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(dev, 0));
}

static void same_region_twice_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), -EBUSY);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
	fx_expect_pool(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr), 1);
	fx_expect_pool(test, fx->dev, 0);
}

/* The region is mapped anew each time, so the release has unmapped it. */
static void declare_release_declare_again(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	fx_stub_mapping(test);
	for (i = 1; i <= 50; i++) {
		KUNIT_ASSERT_EQ_MSG(test, fx_declare(fx->dev, &fx->bank[0]), 0, "round %u", i);
		KUNIT_EXPECT_EQ_MSG(test, fx->maps, i, "round %u", i);
		KUNIT_EXPECT_EQ_MSG(test, fx_region(fx->dev)->stats.allocs, 0, "round %u", i);
		fx_free(fx->dev, 3, fx_alloc(test, fx->dev, 3));
		if (i % 2)
			dma_release_coherent_memory(fx->dev);
		else
			fx_detach(fx->dev, DMA_COHERENT_DECLARED, &fx->bank[0]);
		KUNIT_EXPECT_TRUE_MSG(test, fx_alloc_ignored(fx->dev, PAGE_SIZE), "round %u", i);
		KUNIT_EXPECT_NULL_MSG(test, fx_mem(fx->dev, 0), "round %u", i);
	}
}

/* The description may be freed as soon as the region is attached. */
static void region_keeps_no_pointer_to_its_description(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_spec spec = fx_spec(&fx->bank[0]);
	char name[] = "passing";

	spec.name = name;
	KUNIT_ASSERT_EQ(test, dma_coherent_attach(fx->dev, &spec), 0);
	memset(name, 'x', sizeof(name) - 1);
	memset(&spec, DIRT, sizeof(spec));
	KUNIT_EXPECT_STREQ(test, fx_region(fx->dev)->name, "passing");
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->base, fx->bank[0].base);
	fx_alloc(test, fx->dev, POOL_PAGES);
}

/* dma_release_coherent_memory() detaches declared regions only. */
static void release_leaves_firmware_regions(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->base, bank->base);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->base, fx->bank[0].base);
	fx_alloc(test, fx->dev, POOL_PAGES);
}

static void detach_finds_its_region_only(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, bank), 0);
	fx_detach(fx->dev, DMA_COHERENT_DECLARED, bank);
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank->base + PAGE_SIZE, bank->size);
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank->base - 1, 1);
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank->base, 0);
	KUNIT_EXPECT_NOT_NULL(test, fx_mem(fx->dev, 1));
	fx_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank);
	fx_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->base, fx->bank[0].base);
}

static void mapping_that_fails_leaves_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_stub_mapping(test);
	fx->map_fails = true;
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), -EINVAL);
	KUNIT_EXPECT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), -EINVAL);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));

	fx->map_fails = false;
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 3);
	fx_alloc(test, fx->dev, POOL_PAGES);
}

/* Allocations that fail */

/* The region, its pool's records, the attachment. */
static void each_allocation_of_declare_may_fail(struct kunit *test)
{
	fx_fail_each_allocation(test, fx_declare, 3);
}

/* The other device goes on using the region. */
static void each_allocation_of_sharing_may_fail(struct kunit *test)
{
	unsigned int nth, failed = 0;
	struct fixture *fx = test->priv;
	bool injected = true;
	int err;

	fx_need_failslab(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	fx_alloc(test, fx->other, 1);
	for (nth = 1; injected; nth++) {
		fx_failslab_arm(nth);
		err = fx_declare(fx->dev, &fx->bank[0]);
		injected = fx_failslab_disarm();
		KUNIT_EXPECT_TRUE_MSG(test, !err || (injected && err == -ENOMEM),
				      "allocation %u", nth);
		failed += !!err;
		KUNIT_EXPECT_EQ_MSG(test, !fx_mem(fx->dev, 0), !!err, "allocation %u", nth);
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
		fx_expect_pool(test, fx->other, 1);
	}
	KUNIT_EXPECT_GE(test, failed, 1);
}

/* Sharing */

/* They have one region, one lock and one mapping. */
static void two_devices_share_a_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *a, *b;

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_ASSERT_PTR_EQ(test, fx_region(fx->dev), fx_region(fx->other));
	a = fx_alloc(test, fx->dev, POOL_PAGES / 2);
	b = fx_alloc(test, fx->other, POOL_PAGES / 2);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->live, 1);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->other, 0)->live, 1);

	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, POOL_PAGES / 2, a), 1);
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->other, POOL_PAGES / 2), a);
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, POOL_PAGES / 2, a), 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, POOL_PAGES / 2, b), 1);
	fx_expect_pool(test, fx->dev, 0);
}

static void one_detaches_while_the_other_goes_on(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_region *region;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	region = fx_region(fx->other);
	vaddr = fx_alloc(test, fx->other, 2);
	memset(vaddr, 'o', 2 * PAGE_SIZE);

	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_EXPECT_PTR_EQ(test, fx_region(fx->other), region);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 'o', 2 * PAGE_SIZE));
	fx_free(fx->other, 1, fx_alloc(test, fx->other, 1));
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, 2, vaddr), 1);
	fx_expect_pool(test, fx->other, 0);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&region->users));
}

/* The region stays mapped although none of its pages is in use. */
static void one_detaches_from_an_unused_region(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_EXPECT_PTR_EQ(test, fx_region(fx->dev), fx_region(fx->other));
}

/* Platform code can declare a region that the device tree describes, too. */
static void sources_share_a_region(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), -EBUSY);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, fx_region(fx->dev), fx_region(fx->other));
	KUNIT_EXPECT_TRUE(test, strstarts(fx_region(fx->other)->name, "declared@"));
	fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->other, 1));

	/* A source detaches its own attachments only. */
	dma_release_coherent_memory(fx->other);
	KUNIT_EXPECT_TRUE(test, fx_mem(fx->other, 0)->attached);
	fx_detach(fx->other, DMA_COHERENT_FIRMWARE, &fx->bank[0]);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->other, 0));
}

/* Two pools of one device never share pages. */
static void overlapping_region_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank part = fx->bank[0];

	part.size = POOL_SIZE / 2;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &part), -EBUSY);
	part.base += POOL_SIZE - PAGE_SIZE;
	part.size = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &part), -EBUSY);
	/* A region may lie in one buffer, but not across two. */
	fx_alloc(test, fx->dev, POOL_PAGES / 2);
	fx_alloc(test, fx->dev, POOL_PAGES / 2);
	part.base = fx->bank[0].base + POOL_SIZE / 2 - PAGE_SIZE;
	part.size = 2 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &part), -EBUSY);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));

	/* From below, too. */
	dma_coherent_device_release(fx->other);
	part = fx->bank[0];
	part.base += PAGE_SIZE;
	part.size = PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &part), 0);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->other, &fx->bank[0]), -EBUSY);
	part.base += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, fx_declare_at(fx->other, &part, HANDLE + PAGE_SIZE, 0), 0);
}

/* Two pools of one device never share device addresses. */
static void overlapping_device_addresses_are_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, bank), -EBUSY);
	KUNIT_EXPECT_EQ(test, fx_declare_at(fx->dev, bank, HANDLE + POOL_SIZE - PAGE_SIZE, 0),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, fx_declare_at(fx->dev, bank, HANDLE - 3 * PAGE_SIZE, 0), -EBUSY);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_declare_at(fx->dev, bank, HANDLE + POOL_SIZE, 0), 0);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->other, bank), 0);
}

static void sizes_are_kept_apart(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank front = fx->bank[0];

	front.size = POOL_SIZE / 2;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &front), 0);
	KUNIT_EXPECT_PTR_NE(test, fx_region(fx->dev), fx_region(fx->other));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->other, POOL_SIZE));
	fx_alloc(test, fx->dev, POOL_PAGES);
}

static void second_region_serves_when_the_first_is_full(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 2 * POOL_PAGES);
	dma_addr_t handle = 0;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, bank, 2 * HANDLE, 0), 0);
	fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->pool.used_pages, 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, bank->mem);
	KUNIT_EXPECT_EQ(test, handle, 2 * HANDLE);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 2 * POOL_SIZE));

	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->pool.used_pages, 0);
	fx_alloc(test, fx->dev, 2 * POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->pool.used_pages, 2 * POOL_PAGES);
}

/* As remoteproc does: a pool for a child, out of a buffer of the parent. */
static void pools_may_nest(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank inner = { .size = 8 * PAGE_SIZE };

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_alloc(test, fx->dev, 8);
	inner.mem = fx_alloc(test, fx->dev, 8);
	inner.base = virt_to_phys(inner.mem);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &inner), 0);
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->other, 2), inner.mem);
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, 2, inner.mem), 1);
	fx_expect_pool(test, fx->other, 0);
	fx_expect_pool(test, fx->dev, 16);
}

/* Also where all of the parent's pool is that one buffer. */
static void whole_pool_may_nest(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *parent = fx->other->parent;
	struct bank inner = fx->bank[0];

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	inner.mem = fx_alloc(test, fx->dev, POOL_PAGES);
	fx->other->parent = fx->dev;
	KUNIT_EXPECT_EQ(test, fx_declare(fx->other, &inner), 0);
	fx->other->parent = parent;
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(fx->other, 0));
	KUNIT_EXPECT_PTR_NE(test, fx_region(fx->other), fx_region(fx->dev));
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->other, 2), inner.mem);
	KUNIT_EXPECT_EQ(test, fx_free(fx->other, 2, inner.mem), 1);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
	dma_release_coherent_memory(fx->other);
	dma_coherent_reap();

	/* A device that is no child shares the region, although it is full. */
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, fx_region(fx->other), fx_region(fx->dev));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->other, 1));
}

/* Where pools of one device nest, the innermost has allocated the buffer. */
static void release_goes_to_the_innermost_pool(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_alloc(test, fx->dev, 16);
	inner.mem = fx_alloc(test, fx->dev, 8);
	inner.base = virt_to_phys(inner.mem);
	fx_alloc(test, fx->dev, 8);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &inner), 0);
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->dev, 8), inner.mem);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 8, inner.mem), 1);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->pool.used_pages, 0);

	fx_detach(fx->dev, DMA_COHERENT_DECLARED, &inner);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 8, inner.mem), 1);
	fx_expect_pool(test, fx->dev, POOL_PAGES - 8);
}

/* The inner pool is detached, though both begin with the same page. */
static void detach_tells_nested_pools_apart(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	inner.mem = fx_alloc(test, fx->dev, 8);
	inner.base = fx->bank[0].base;
	KUNIT_ASSERT_EQ(test, fx_page(fx->dev, inner.mem), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &inner), 0);
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(fx->dev, 1));
	fx_detach(fx->dev, DMA_COHERENT_DECLARED, &inner);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
	KUNIT_EXPECT_TRUE(test, fx_mem(fx->dev, 0)->attached);
}

/* The outer pool is attached again while the inner one exists. */
static void outer_pool_revives_around_the_inner_one(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	inner.mem = fx_alloc(test, fx->dev, 8);
	inner.base = fx->bank[0].base;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &inner), 0);
	fx_detach(fx->dev, DMA_COHERENT_DECLARED, &fx->bank[0]);
	KUNIT_EXPECT_FALSE(test, fx_mem(fx->dev, 0)->attached);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_TRUE(test, fx_mem(fx->dev, 0)->attached);
	/* While the inner pool exists, a release goes to it. */
	fx_detach(fx->dev, DMA_COHERENT_DECLARED, &inner);
}

struct prober {
	struct kunit *test;
	struct task_struct *thread;
	struct completion go;
	struct completion done;
	int err;
};

static struct prober *prober;

static int probe(void *data)
{
	struct fixture *fx = prober->test->priv;

	/* For the stub. */
	current->kunit_test = prober->test;
	wait_for_completion(&prober->go);
	prober->err = fx_declare(fx->other, &fx->bank[0]);
	complete(&prober->done);
	return 0;
}

/* Return when the other device has declared, or sleeps until this one has. */
static void let_probe(struct kunit *test)
{
	complete(&prober->go);
	while (!completion_done(&prober->done) &&
	       READ_ONCE(prober->thread->__state) != TASK_UNINTERRUPTIBLE)
		schedule_timeout_uninterruptible(1);
}

/* The second device probes while the first one maps the region. */
static void two_devices_probe_at_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	int err;

	prober = kunit_kzalloc(test, sizeof(*prober), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, prober);
	prober->test = test;
	init_completion(&prober->go);
	init_completion(&prober->done);
	prober->thread = kthread_run(probe, NULL, "probe");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, prober->thread);
	get_task_struct(prober->thread);
	fx_stub_mapping(test);
	fx->while_mapping = let_probe;
	err = fx_declare(fx->dev, &fx->bank[0]);
	complete(&prober->go);
	wait_for_completion(&prober->done);
	put_task_struct(prober->thread);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, prober->err, 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_EXPECT_PTR_EQ(test, fx_region(fx->dev), fx_region(fx->other));
}

/* Lifetime */

/* Allocations end, but live buffers can still be mapped and freed. */
static void detached_with_buffers_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };
	void *a, *b;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	a = fx_alloc(test, fx->dev, 1);
	b = fx_alloc(test, fx->dev, 2);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));

	view.vaddr = a;
	*(u32 *)a = 0x600d;
	fx_expect_user_word(test, fx_mmap(test, &view, 1), 0x600d);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, a), 1);
	dma_coherent_reap();
	fx_expect_pool(test, fx->dev, 2);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, b + PAGE_SIZE), 1);
	dma_coherent_reap();
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(fx->dev, 0));

	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 2, b), 1);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 2, b), 0);
}

/* A thread that has detached memory and has not unmapped it yet */

static struct completion unmapping, released;
static struct task_struct *waiter;
static bool unmapped, came_back;

/* Return when the other thread sleeps, or has returned too early. */
static void unmap_late(void *vaddr)
{
	complete(&unmapping);
	while (!READ_ONCE(came_back) && READ_ONCE(waiter->__state) != TASK_UNINTERRUPTIBLE)
		schedule_timeout_uninterruptible(1);
	WRITE_ONCE(unmapped, true);
}

static int release_memory(void *test)
{
	struct fixture *fx = ((struct kunit *)test)->priv;

	/* For the stub. */
	current->kunit_test = test;
	dma_release_coherent_memory(fx->dev);
	complete(&released);
	return 0;
}

static void release_waits_for_another_that_unmaps(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_stub_mapping(test);
	kunit_activate_static_stub(test, dma_coherent_unmap, unmap_late);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	init_completion(&unmapping);
	init_completion(&released);
	unmapped = false;
	came_back = false;
	waiter = current;
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(release_memory, test, "release")));
	wait_for_completion(&unmapping);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(unmapped));
	WRITE_ONCE(came_back, true);
	wait_for_completion(&released);
}

static void attaching_again_revives(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();

	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
	KUNIT_EXPECT_PTR_NE(test, fx_alloc(test, fx->dev, 1), vaddr);
	fx_expect_pool(test, fx->dev, 2);
	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), -EBUSY);

	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr), 1);
	dma_coherent_reap();
	fx_expect_pool(test, fx->dev, 1);
}

static void released_after_detach_then_attached_again(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr), 1);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));

	KUNIT_EXPECT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
	fx_expect_pool(test, fx->dev, 0);
	fx_alloc(test, fx->dev, POOL_PAGES);
}

/* The second declaration may differ from the first. */
static void revival_takes_the_new_handle_and_flags(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[0];
	dma_addr_t handle = 0;
	void *first, *second;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	first = fx_alloc(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, bank, 2 * HANDLE, DMA_COHERENT_FALLBACK), 0);
	second = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_EQ(test, handle, 2 * HANDLE + (second - first));
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, POOL_SIZE));
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, first), 1);
	dma_free_coherent(fx->dev, PAGE_SIZE, second, handle);
	fx_expect_pool(test, fx->dev, 0);
}

/* The last source that attached a region is the one that detaches it. */
static void revival_takes_the_new_source(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[0];

	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, bank), 0);
	fx_alloc(test, fx->dev, 1);
	fx_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	fx_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank);
	KUNIT_EXPECT_TRUE(test, fx_mem(fx->dev, 0)->attached);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_FALSE(test, fx_mem(fx->dev, 0)->attached);
}

/* Two devices free each other's buffers, and both still count the live ones. */
static void buffers_freed_by_the_other_device(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *mine[2], *theirs[2];

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	mine[0] = fx_alloc(test, fx->dev, 1);
	theirs[0] = fx_alloc(test, fx->other, 1);
	theirs[1] = fx_alloc(test, fx->other, 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, theirs[0]), 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, theirs[1]), 1);
	mine[1] = fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->live, 0);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, mine[0]), 1);
	dma_coherent_reap();
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, mine[1]), 1);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));

	/* The region is unused, and everything counts again. */
	KUNIT_EXPECT_EQ(test, fx_mem(fx->other, 0)->live, 0);
	fx_expect_pool(test, fx->other, 0);
	fx_alloc(test, fx->other, 1);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->other, 0)->live, 1);
}

/* The pages stay in use, since the hardware may still write to them. */
static void device_dies_with_buffers_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->other, 4);
	memset(vaddr, 'd', 4 * PAGE_SIZE);
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	dma_coherent_reap();

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	fx_expect_pool(test, fx->dev, 4);
	fx_alloc(test, fx->dev, POOL_PAGES - 16);
	fx_alloc(test, fx->dev, 8);
	fx_alloc(test, fx->dev, 4);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 1));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 'd', 4 * PAGE_SIZE));
}

static void device_dies_detached_with_buffers_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->other, bank), 0);
	fx_alloc(test, fx->other, 4);
	dma_release_coherent_memory(fx->other);
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	dma_coherent_reap();
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_expect_pool(test, fx->dev, 4);
}

static void device_dies_with_nothing_out(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	fx_free(fx->other, 4, fx_alloc(test, fx->other, 4));
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	dma_coherent_reap();
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 0);
}

static bool had_memory;

static void note_memory(struct device *dev)
{
	had_memory = fx_mem(dev, 0);
	kfree(dev);
}

static void memory_goes_before_the_devices_own_release(struct kunit *test)
{
	struct device *dev = kzalloc_obj(*dev);
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	device_initialize(dev);
	dev->release = note_memory;
	had_memory = true;
	KUNIT_EXPECT_EQ(test, fx_declare(dev, &fx->bank[0]), 0);
	put_device(dev);
	KUNIT_EXPECT_FALSE(test, had_memory);
}

static void count_detach(void *data, const char *dev, const char *pool, long live)
{
	*(long *)data += 100 + live;
}

static void death_is_traced_as_a_detach(struct kunit *test)
{
	struct fixture *fx = test->priv;
	long traced = 0;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	fx_alloc(test, fx->other, 4);
	if (register_trace_dma_coherent_detach(count_detach, &traced))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	unregister_trace_dma_coherent_detach(count_detach, &traced);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, traced, 101);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
}

static struct kunit_case dma_coherent_attach_cases[] = {
	KUNIT_CASE_PARAM(declare_refuses_a_bad_region, bad_region_gen_params),
	KUNIT_CASE_PARAM(region_is_cut_down_to_whole_pages, shrink_case_gen_params),
	KUNIT_CASE(device_needs_no_name_and_no_mask),
	KUNIT_CASE(same_region_twice_is_busy),
	KUNIT_CASE(declare_release_declare_again),
	KUNIT_CASE(region_keeps_no_pointer_to_its_description),
	KUNIT_CASE(release_leaves_firmware_regions),
	KUNIT_CASE(detach_finds_its_region_only),
	KUNIT_CASE(mapping_that_fails_leaves_nothing),
	KUNIT_CASE(each_allocation_of_declare_may_fail),
	KUNIT_CASE(each_allocation_of_sharing_may_fail),
	KUNIT_CASE(two_devices_share_a_region),
	KUNIT_CASE(one_detaches_while_the_other_goes_on),
	KUNIT_CASE(one_detaches_from_an_unused_region),
	KUNIT_CASE(sources_share_a_region),
	KUNIT_CASE(overlapping_region_is_busy),
	KUNIT_CASE(overlapping_device_addresses_are_busy),
	KUNIT_CASE(sizes_are_kept_apart),
	KUNIT_CASE(second_region_serves_when_the_first_is_full),
	KUNIT_CASE(pools_may_nest),
	KUNIT_CASE(whole_pool_may_nest),
	KUNIT_CASE(release_goes_to_the_innermost_pool),
	KUNIT_CASE(detach_tells_nested_pools_apart),
	KUNIT_CASE(outer_pool_revives_around_the_inner_one),
	KUNIT_CASE(two_devices_probe_at_once),
	KUNIT_CASE(detached_with_buffers_out),
	KUNIT_CASE(release_waits_for_another_that_unmaps),
	KUNIT_CASE(attaching_again_revives),
	KUNIT_CASE(released_after_detach_then_attached_again),
	KUNIT_CASE(revival_takes_the_new_handle_and_flags),
	KUNIT_CASE(revival_takes_the_new_source),
	KUNIT_CASE(buffers_freed_by_the_other_device),
	KUNIT_CASE(device_dies_with_buffers_out),
	KUNIT_CASE(device_dies_detached_with_buffers_out),
	KUNIT_CASE(device_dies_with_nothing_out),
	KUNIT_CASE(memory_goes_before_the_devices_own_release),
	KUNIT_CASE(death_is_traced_as_a_detach),
	{}
};

static struct kunit_suite dma_coherent_attach_suite = {
	.name = "dma_coherent_attach",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_attach_cases,
};

kunit_test_suite(dma_coherent_attach_suite);

MODULE_DESCRIPTION("KUnit tests for attaching per-device coherent memory");
MODULE_LICENSE("GPL");
