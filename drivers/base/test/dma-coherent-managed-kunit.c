// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: regions that a driver's unbinding releases
 */

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/gfp.h>

#include "dma-coherent-fixture.h"

static void managed_region_goes_with_the_driver(struct kunit *test)
{
	struct bank *mine = fx_add_bank(test, 4);
	struct fixture *fx = test->priv;
	void *driver;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, mine), 0);
	driver = devres_open_group(fx->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, driver);
	KUNIT_ASSERT_EQ(test, dmam_declare_coherent_memory(fx->dev, fx->bank[0].base, 2 * HANDLE,
							   POOL_SIZE), 0);
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->base, fx->bank[0].base);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 1)->view.handle, 2 * HANDLE);
	devres_release_group(fx->dev, driver);
	dma_coherent_reap();
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->base, mine->base);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 1));
}

/* The region that was declared before stays. */
static void managed_declare_that_fails_leaves_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	phys_addr_t base = fx->bank[0].base;
	void *driver;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	driver = devres_open_group(fx->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, driver);
	KUNIT_EXPECT_EQ(test, dmam_declare_coherent_memory(fx->dev, base, HANDLE, POOL_SIZE),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, dmam_declare_coherent_memory(NULL, base, HANDLE, POOL_SIZE),
			-ENODEV);
	devres_release_group(fx->dev, driver);
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_EXPECT_TRUE(test, fx_mem(fx->dev, 0)->attached);
}

static int declare_managed(struct device *dev, const struct bank *bank)
{
	return dmam_declare_coherent_memory(dev, bank->base, HANDLE, bank->size);
}

static bool was_attached;

static void note_attached(void *dev)
{
	was_attached = fx_mem(dev, 0) && fx_mem(dev, 0)->attached;
}

/* Resources that were added later may still use its buffers. */
static void managed_region_outlives_what_came_later(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *driver = devres_open_group(fx->dev, NULL, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, driver);
	was_attached = false;
	KUNIT_ASSERT_EQ(test, declare_managed(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, devm_add_action(fx->dev, note_attached, fx->dev), 0);
	devres_release_group(fx->dev, driver);
	KUNIT_EXPECT_TRUE(test, was_attached);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
}

/* Those of declare, and the devres entry. */
static void each_allocation_of_managed_declare_may_fail(struct kunit *test)
{
	fx_fail_each_allocation(test, declare_managed, 4);
}

static void failed_managed_declare_is_reported(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_need_failslab(test);
	fx_log_start(test);
	fx_failslab_arm(1);
	KUNIT_EXPECT_EQ(test, declare_managed(fx->dev, &fx->bank[0]), -ENOMEM);
	fx_failslab_disarm();
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "cannot be declared"), 1);
}

static struct kunit_case dma_coherent_managed_cases[] = {
	KUNIT_CASE(managed_region_goes_with_the_driver),
	KUNIT_CASE(managed_declare_that_fails_leaves_nothing),
	KUNIT_CASE(managed_region_outlives_what_came_later),
	KUNIT_CASE(each_allocation_of_managed_declare_may_fail),
	KUNIT_CASE(failed_managed_declare_is_reported),
	{}
};

static struct kunit_suite dma_coherent_managed_suite = {
	.name = "dma_coherent_managed",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_managed_cases,
};

kunit_test_suite(dma_coherent_managed_suite);

MODULE_DESCRIPTION("KUnit tests for managed per-device coherent memory");
MODULE_LICENSE("GPL");
