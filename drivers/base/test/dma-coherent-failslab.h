/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the suites of per-device coherent memory: allocations that fail, one after
 * the other
 */
#ifndef _DMA_COHERENT_FAILSLAB_H
#define _DMA_COHERENT_FAILSLAB_H

#include <kunit/test.h>
#include <linux/sched.h>

#include "dma-coherent-fixture.h"
#include "dma-coherent-log.h"

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

static inline bool failslab_set_up(void)
{
	bool *spares_kernel = debugfs_knob("failslab", "ignore-gfp-wait");
	unsigned long *verbose = debugfs_knob("failslab", "verbose");

	if (spares_kernel)
		*spares_kernel = false;
	if (verbose)
		*verbose = 0;
	return spares_kernel;
}

/* Have the @nth allocation fail from now on, 0 for none. */
static inline void failslab_arm(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Return: true if there were so many that one of them failed. */
static inline bool failslab_disarm(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	failslab_arm(0);
	return !left;
}

#else

static inline bool failslab_set_up(void)
{
	return false;
}

static inline void failslab_arm(unsigned int nth)
{
}

static inline bool failslab_disarm(void)
{
	return false;
}

#endif

static inline void need_failslab(struct kunit *test)
{
	if (!failslab_set_up())
		kunit_skip(test, "needs CONFIG_FAILSLAB and its debugfs files");
}

/*
 * Have each allocation of @declare_it fail once. Some do without: owners and debugfs.
 * Of the others there are @allocations, each must be met, and
 * the failure be told in one message.
 */
static inline void
expect_each_allocation_may_fail(struct kunit *test,
				int (*declare_it)(struct device *dev, const struct bank *bank),
				unsigned int allocations)
{
	unsigned int nth, failed = 0;
	struct fixture *fx = test->priv;
	struct kmsg_dump_iter log = {};
	bool met = true;
	int err;

	need_failslab(test);
	stub_mapping(test);
	for (nth = 1; met; nth++) {
		log_start(test, &log);
		failslab_arm(nth);
		err = declare_it(fx->dev, &fx->bank[0]);
		met = failslab_disarm();
		KUNIT_EXPECT_TRUE(test, !err || (met && err == -ENOMEM));
		failed += !!err;
		KUNIT_EXPECT_EQ(test, !fx->dev->dma_mem, !!err);
		KUNIT_EXPECT_EQ(test, log_count(&log, dev_name(fx->dev)), !!err);
		if (!err)
			give(fx->dev, 1, take(test, fx->dev, 1));

		/* Nothing of it may be found by the next attempt. */
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
		fx->maps = 0;
		KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
		KUNIT_EXPECT_EQ(test, fx->maps, 1);
		give(fx->dev, POOL_PAGES, take(test, fx->dev, POOL_PAGES));
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
	}
	KUNIT_EXPECT_GE(test, failed, allocations);
}

#endif /* _DMA_COHERENT_FAILSLAB_H */
