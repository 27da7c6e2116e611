// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: the global pool, one for each boot.
 * It may be the device tree's.
 */

#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dma-coherent-fixture.h"

/* The memory of the pool, which is never freed. */
static struct bank global_bank;

#ifdef CONFIG_DMA_GLOBAL_POOL
static int global_init(phys_addr_t base, size_t size)
{
	return dma_init_global_coherent(base, size);
}
#else
static int global_init(phys_addr_t base, size_t size)
{
	return -EOPNOTSUPP;
}
#endif

static void make_global_bank(struct kunit *test)
{
	if (global_bank.mem)
		return;
	global_bank.size = POOL_SIZE;
	global_bank.mem = alloc_pages_exact(POOL_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, global_bank.mem);
	global_bank.base = virt_to_phys(global_bank.mem);
	memset(global_bank.mem, DIRT, POOL_SIZE);
}

/* The region has a part of a page at each end, which the pool leaves out. */
static int global_init_bank(void)
{
	return global_init(global_bank.base - 100, 100 + global_bank.size + 50);
}

static void global_is_there(struct kunit *test)
{
	int err;

	make_global_bank(test);
	err = global_init_bank();
	if (err == -EOPNOTSUPP)
		kunit_skip(test, "no global pool in this kernel");
	if (err)
		KUNIT_ASSERT_EQ(test, err, -EBUSY);
}

/* The device tree's default region, or else ours. */
static struct bank global_pool_bank(void)
{
	struct device_node *node = of_find_node_by_path("/reserved-memory/kunit-default");
	struct reserved_mem *rmem = node ? of_reserved_mem_lookup(node) : NULL;
	struct bank bank = global_bank;

	of_node_put(node);
	if (rmem) {
		bank.base = rmem->base;
		bank.size = rmem->size;
	}
	return bank;
}

/* Runs first, when there is none yet. */
static void global_init_that_fails_leaves_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nth, failed = 0;
	dma_addr_t handle = 1234;
	bool injected = true;
	int err;

	fx_add_bank(test, POOL_PAGES);
	fx_stub_mapping(test);
	fx->map_fails = true;
	err = global_init(fx->bank[0].base, POOL_SIZE);
	if (err == -EBUSY || err == -EOPNOTSUPP)
		kunit_skip(test, "there is a global pool already, or never one");
	KUNIT_EXPECT_EQ(test, err, -EINVAL);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, PAGE_SIZE - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, global_init(-(phys_addr_t)PAGE_SIZE, POOL_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "region global"), 3);
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(fx->dev, 1, &handle));
	KUNIT_EXPECT_EQ(test, handle, 1234);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, fx->bank[0].mem), 0);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_global_coherent(NULL, fx->bank[0].mem, 1, &err), 0);

	/*
	 * Two allocations come before the mapping: the region, and the pool's metadata.
	 * each_allocation_of_declare_may_fail() has the others.
	 */
	for (nth = 1; injected && fx_failslab_set_up(); nth++) {
		fx_failslab_arm(nth);
		err = global_init(fx->bank[1].base, POOL_SIZE);
		injected = fx_failslab_disarm();
		KUNIT_EXPECT_TRUE_MSG(test, err == -EINVAL || (injected && err == -ENOMEM),
				      "allocation %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, fx_log_count(test, "region global"), 1,
				    "allocation %u", nth);
		failed += err == -ENOMEM;
		dma_coherent_reap();
	}
	KUNIT_EXPECT_TRUE(test, failed >= 2 || !fx_failslab_set_up());
}

/* The global pool may be a region that a device has attached already. */
static void global_pool_shares_a_devices_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_mem *mem;
	dma_addr_t handle;
	void *vaddr;
	int err;

	make_global_bank(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &global_bank), 0);
	err = global_init_bank();
	if (err == -EBUSY || err == -EOPNOTSUPP)
		kunit_skip(test, "there is a global pool already, or never one");
	KUNIT_ASSERT_EQ(test, err, 0);
	vaddr = fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(fx->other, 1, &handle));
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, POOL_PAGES, vaddr), 1);
	mem = list_last_entry(&fx_region(fx->dev)->users, typeof(*mem), node);
	KUNIT_EXPECT_NULL(test, mem->dev);
	KUNIT_EXPECT_EQ(test, mem->view.handle, global_bank.base);
}

static void second_global_pool_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;

	global_is_there(test);
	fx_stub_mapping(test);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, POOL_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "region global"), 1);
	KUNIT_EXPECT_EQ(test, fx->maps, 0);
}

static void global_pool_serves(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0, again;
	void *vaddr, *more;

	global_is_there(test);
	vaddr = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE + 100, &handle);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, phys_to_dma(fx->dev, virt_to_phys(vaddr)));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 2 * PAGE_SIZE));
	memset(vaddr, DIRT, 2 * PAGE_SIZE);

	/* A bad release is the pool's, too, and is rejected there. */
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, vaddr + PAGE_SIZE), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, vaddr), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, vaddr), 1);
	more = dma_alloc_from_global_coherent(fx->dev, 2 * PAGE_SIZE, &again);
	KUNIT_ASSERT_PTR_EQ(test, more, vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, again, handle);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, vaddr), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, fx), 0);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, NULL), 0);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, (void *)-PAGE_SIZE), 0);
}

static void global_pool_refuses_bad_sizes(struct kunit *test)
{
	static const ssize_t sizes[] = { 0, -1, LONG_MIN, LONG_MAX };
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	unsigned int i;
	void *vaddr;

	global_is_there(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		handle = 0;
		vaddr = dma_alloc_from_global_coherent(fx->dev, sizes[i], &handle);
		KUNIT_EXPECT_NULL_MSG(test, vaddr, "size %zd", sizes[i]);
		KUNIT_EXPECT_EQ_MSG(test, handle, DMA_MAPPING_ERROR, "size %zd", sizes[i]);
	}
}

static void global_pool_obeys_each_devices_reach(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0, other = 0;
	void *a, *b;

	global_is_there(test);
	a = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	KUNIT_ASSERT_NOT_NULL(test, a);
	dma_release_from_global_coherent(0, a);

	fx->dev->coherent_dma_mask = handle + PAGE_SIZE - 1;
	KUNIT_EXPECT_PTR_EQ(test, a, dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE,
								    &handle));
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &other));
	KUNIT_EXPECT_EQ(test, other, DMA_MAPPING_ERROR);
	b = dma_alloc_from_global_coherent(fx->other, PAGE_SIZE, &other);
	KUNIT_EXPECT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, a), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, b), 1);
}

/* A device's own region serves it in that case, too. */
static void global_pool_out_of_reach_serves(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;
	void *vaddr;

	global_is_there(test);
	fx->dev->coherent_dma_mask = PAGE_SIZE - 1;
	vaddr = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, phys_to_dma(fx->dev, virt_to_phys(vaddr)));
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, vaddr), 1);
}

/* A message about one device does not suppress that about another. */
static void each_device_out_of_reach_of_the_global_pool_is_reported(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_region *region;
	dma_addr_t handle = 0;
	struct bank bank;
	unsigned int i;
	void *vaddr;

	global_is_there(test);
	bank = global_pool_bank();
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &bank), 0);
	region = fx_region(fx->dev);
	KUNIT_ASSERT_NULL(test, list_first_entry(&region->users, struct dma_coherent_mem,
						 node)->dev);
	/* Forget the messages of earlier tests. */
	ratelimit_state_init(&region->alloc_rs, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	fx_log_start(test);
	fx->dev->coherent_dma_mask = PAGE_SIZE - 1;
	fx->other->coherent_dma_mask = PAGE_SIZE - 1;
	for (i = 0; i < 2; i++) {
		vaddr = dma_alloc_from_global_coherent(i ? fx->other : fx->dev, 1, &handle);
		KUNIT_ASSERT_NOT_NULL_MSG(test, vaddr, "device %u", i);
		KUNIT_EXPECT_EQ_MSG(test, dma_release_from_global_coherent(0, vaddr), 1,
				    "device %u", i);
	}
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "cannot be addressed by the device"), 2);
}

/* Handles are translated for the device that allocates. */
static void global_pool_is_seen_through_each_devices_ranges(struct kunit *test)
{
	struct bus_dma_region *map = kcalloc(2, sizeof(*map), GFP_KERNEL);
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0, other = 0;
	void *a, *b;

	KUNIT_ASSERT_NOT_NULL(test, map);
	fx->dev->dma_range_map = map;
	global_is_there(test);
	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	map->dma_start = HANDLE;
	map->size = SZ_2G;
	a = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	b = dma_alloc_from_global_coherent(fx->other, PAGE_SIZE, &other);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, handle, HANDLE + virt_to_phys(a));
	KUNIT_EXPECT_EQ(test, other, virt_to_phys(b));
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, a), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, b), 1);
}

static void expected_failure_of_the_global_pool_logs_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;

	global_is_there(test);
	fx_log_start(test);
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent_attrs(fx->dev, SZ_1G, &handle,
								     __GFP_NOWARN, 0));
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "cannot allocate"), 0);
}

static void global_pool_maps(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .size = 2 * PAGE_SIZE };
	phys_addr_t phys = 0;
	dma_addr_t handle;

	global_is_there(test);
	view.vaddr = dma_alloc_from_global_coherent(fx->dev, view.size, &handle);
	KUNIT_ASSERT_NOT_NULL(test, view.vaddr);
	KUNIT_EXPECT_TRUE(test, dma_coherent_to_phys(fx->dev, view.vaddr, &phys));
	KUNIT_EXPECT_EQ(test, phys, dma_to_phys(fx->dev, handle));
	*(u32 *)(view.vaddr + PAGE_SIZE) = 0x910ba1;
	fx_expect_user_word(test, fx_mmap(test, &view, 2) + PAGE_SIZE, 0x910ba1);
	KUNIT_EXPECT_EQ(test, (long)fx_mmap(test, &view, 3), -ENXIO);
	view.pgoff = 2;
	KUNIT_EXPECT_EQ(test, (long)fx_mmap(test, &view, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, view.vaddr), 1);
	view.pgoff = 0;
	KUNIT_EXPECT_EQ(test, (long)fx_mmap(test, &view, 1), -ENXIO);
	view.vaddr = fx->bank[0].mem;
	KUNIT_EXPECT_EQ(test, (long)fx_mmap(test, &view, 1), -ENODEV);
}

static int global_fixture_init(struct kunit *test)
{
	int err = fixture_init(test);
	struct fixture *fx = test->priv;

	if (!err)
		fx->permanent_bank = &global_bank;
	return err;
}

static struct kunit_case dma_coherent_global_cases[] = {
	KUNIT_CASE(global_init_that_fails_leaves_nothing),
	KUNIT_CASE(global_pool_shares_a_devices_region),
	KUNIT_CASE(second_global_pool_is_busy),
	KUNIT_CASE(global_pool_serves),
	KUNIT_CASE(global_pool_refuses_bad_sizes),
	KUNIT_CASE(global_pool_obeys_each_devices_reach),
	KUNIT_CASE(global_pool_out_of_reach_serves),
	KUNIT_CASE(each_device_out_of_reach_of_the_global_pool_is_reported),
	KUNIT_CASE(global_pool_is_seen_through_each_devices_ranges),
	KUNIT_CASE(expected_failure_of_the_global_pool_logs_nothing),
	KUNIT_CASE(global_pool_maps),
	{}
};

static struct kunit_suite dma_coherent_global_suite = {
	.name = "dma_coherent_global",
	.init = global_fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_global_cases,
};

kunit_test_suite(dma_coherent_global_suite);

MODULE_DESCRIPTION("KUnit tests for the global pool of coherent memory");
MODULE_LICENSE("GPL");
