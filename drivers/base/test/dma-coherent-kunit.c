// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: alloc and release
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <trace/events/dma_coherent.h>

#include "dma-coherent-fixture.h"

/* Alloc */

struct size_case {
	const char *name;
	ssize_t size;
	unsigned long pages;
};

static const struct size_case good_sizes[] = {
	{ "one byte", 1, 1 },
	{ "a byte less than a page", PAGE_SIZE - 1, 1 },
	{ "a page", PAGE_SIZE, 1 },
	{ "a page and a byte", PAGE_SIZE + 1, 2 },
	{ "three pages", 3 * PAGE_SIZE, 3 },
	{ "three pages and a half", 3 * PAGE_SIZE + PAGE_SIZE / 2, 4 },
	{ "a byte less than the pool", POOL_SIZE - 1, POOL_PAGES },
	{ "the pool", POOL_SIZE, POOL_PAGES },
};

KUNIT_ARRAY_PARAM_DESC(good_size, good_sizes, name);

/* The size is rounded up to pages, not to a power of two of them. */
static void alloc_takes_exact_pages(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, c->size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	fx_expect_pool(test, fx->dev, c->pages);
	KUNIT_EXPECT_EQ(test, handle, HANDLE + (vaddr - fx_region(fx->dev)->vaddr));
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.high_water, c->pages);

	dma_free_coherent(fx->dev, c->size, vaddr, handle);
	fx_expect_pool(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

static const struct size_case bad_sizes[] = {
	{ "zero", 0 },
	{ "minus one", -1 },
	{ "minus a page", -(ssize_t)PAGE_SIZE },
	{ "the most negative", LONG_MIN },
};

KUNIT_ARRAY_PARAM_DESC(bad_size, bad_sizes, name);

static void alloc_refuses_bad_sizes(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, c->size));
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, c->size, &handle,
						   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_BAD_SIZE), 2);
	fx_expect_pool(test, fx->dev, 0);
}

static const struct size_case large_sizes[] = {
	{ "a byte more than the pool", POOL_SIZE + 1 },
	{ "one page too many", POOL_SIZE + PAGE_SIZE },
	{ "twice the pool", 2 * POOL_SIZE },
#ifdef CONFIG_64BIT
	{ "2 GiB", SZ_2G },
	{ "4 GiB and a page", SZ_4G + PAGE_SIZE },
	{ "8 TiB and a page", SZ_8T + PAGE_SIZE },
#endif
	{ "the largest", LONG_MAX },
};

KUNIT_ARRAY_PARAM_DESC(large_size, large_sizes, name);

/* No size or page number is truncated to 32 bits. */
static void alloc_refuses_more_than_the_pool(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, c->size));
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_TOO_LARGE), 1);
	fx_expect_pool(test, fx->dev, 0);
}

static void whole_pool_fits_an_empty_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, fx_region(fx->dev)->vaddr);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_FULL), 1);

	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, POOL_PAGES, vaddr), 1);
	KUNIT_EXPECT_PTR_EQ(test, fx_alloc(test, fx->dev, POOL_PAGES), vaddr);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
}

/* STM32MP15's vdev0buffer: 16 KiB at a base that is aligned to 8 KiB. */
static void whole_pool_fits_at_a_badly_aligned_base(struct kunit *test)
{
	unsigned long pages = max(SZ_16K / PAGE_SIZE, 2UL);
	struct fixture *fx = test->priv;
	struct bank *bank;
	void *vaddr;

	bank = fx_add_bank_at(test, pages, PAGE_SIZE * (0x10040000 / PAGE_SIZE + pages / 2));
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	vaddr = fx_alloc(test, fx->dev, pages);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, bank->mem);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, pages, vaddr), 1);

	/* Buffers are aligned no better than the base, so no page is lost. */
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->pool.max_align_order,
			min(ilog2(pages / 2), CONFIG_DMA_COHERENT_ALIGN_ORDER));
	fx_alloc(test, fx->dev, pages / 2);
	fx_alloc(test, fx->dev, pages / 2);
	fx_expect_pool(test, fx->dev, pages);
}

static void buffers_are_aligned_to_their_order(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long pages, align;
	unsigned int limit;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	limit = fx_region(fx->dev)->pool.max_align_order;
	fx_alloc(test, fx->dev, 1);
	for (pages = 1; pages <= POOL_PAGES / 2; pages++) {
		align = BIT(min_t(unsigned int, order_base_2(pages), limit));
		vaddr = fx_alloc(test, fx->dev, pages);
		KUNIT_EXPECT_EQ_MSG(test, fx_page(fx->dev, vaddr) % align, 0, "%lu pages", pages);
		KUNIT_EXPECT_EQ_MSG(test, fx_free(fx->dev, pages, vaddr), 1, "%lu pages", pages);
	}
}

/* The variable behind the parameter; nothing declares it. */
static unsigned int *find_align_order(void)
{
	const struct kernel_param *kp;

	for (kp = __start___param; kp < __stop___param; kp++)
		if (!strcmp(kp->name, "dma_coherent.align_order"))
			return kp->arg;
	return NULL;
}

static void command_line_limits_the_alignment(struct kunit *test)
{
	struct bank *bank = fx_add_bank_at(test, 16, SZ_256M);
	unsigned int *limit = find_align_order(), before;
	struct fixture *fx = test->priv;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, limit);
	before = *limit;
	*limit = 1;
	err = fx_declare(fx->dev, bank);
	*limit = before;
	KUNIT_ASSERT_EQ(test, err, 0);
	fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, fx_page(fx->dev, fx_alloc(test, fx->dev, 8)), 2);
}

/* The alignment of the base decides whether the third buffer fits. */
static void two_128k_then_640k(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long page;
	struct bank *bank;

	if (CONFIG_DMA_COHERENT_ALIGN_ORDER < 8 || PAGE_SIZE != SZ_4K)
		kunit_skip(test, "needs pages of 4 KiB, aligned up to 1 MiB");
	bank = fx_add_bank_at(test, SZ_1M / PAGE_SIZE, SZ_256M);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	fx_alloc(test, fx->dev, SZ_128K / PAGE_SIZE);
	fx_alloc(test, fx->dev, SZ_128K / PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, SZ_512K + SZ_128K));
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_FRAGMENTED), 1);

	bank = fx_add_bank_at(test, SZ_1M / PAGE_SIZE, SZ_512M + SZ_64K);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, bank), 0);
	fx_alloc(test, fx->other, SZ_128K / PAGE_SIZE);
	fx_alloc(test, fx->other, SZ_128K / PAGE_SIZE);
	page = fx_page(fx->other, fx_alloc(test, fx->other, (SZ_512K + SZ_128K) / PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, page % (SZ_64K / PAGE_SIZE), 0);
	fx_expect_pool(test, fx->other, (SZ_1M - SZ_128K) / PAGE_SIZE);
}

#ifdef CONFIG_64BIT

/* Offsets in a pool have more than 32 bits. */
static void release_above_4g(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr = fx->bank[0].mem;

	fx_fill_5g(test, vaddr, 4);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, SZ_4G));
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_FULL), 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr + 7UL * SZ_1G), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 4, vaddr + 5UL * SZ_1G), 1);
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), BEHIND_5G);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, BEHIND_5G, vaddr), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 2);
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), 0);
}

/* Only the allocated pages exist; nothing touches the other addresses. */
static void alloc_above_4g(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr = NULL, *mem = fx->bank[0].mem;
	struct dma_coherent_region *region;
	dma_addr_t handle = 0;
	unsigned long flags;

	fx_fill_5g(test, mem - PFN_PHYS(BEHIND_5G), 1);
	region = fx_region(fx->dev);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent(fx->dev, 4 * PAGE_SIZE, &handle, &vaddr), 1);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, mem + 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, handle, HANDLE + PFN_PHYS(BEHIND_5G + 4));
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), BEHIND_5G + 5);

	/* Where memory lies low, the addresses wrap, and release can't find it. */
	raw_spin_lock_irqsave(&region->lock, flags);
	dma_coherent_pool_free(&region->pool, BEHIND_5G);
	region->stats.frees[DMA_COHERENT_FREE_GOOD]++;
	dma_coherent_pool_free(&region->pool, BEHIND_5G + 4);
	region->stats.frees[DMA_COHERENT_FREE_GOOD]++;
	fx_mem(fx->dev, 0)->live--;
	raw_spin_unlock_irqrestore(&region->lock, flags);
}

#else

static void release_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits");
}

static void alloc_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits");
}

#endif

/* mmap exposes whole pages, so whole pages are zeroed, and no others. */
static void alloc_zeroes_the_last_page_to_its_end(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	u8 *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE + 100, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr + 2 * PAGE_SIZE, DIRT,
					   POOL_SIZE - 2 * PAGE_SIZE));
	dma_free_coherent(fx->dev, PAGE_SIZE + 100, vaddr, handle);
}

/**
 * struct zeroing - a buffer that is observed while it is zeroed
 * @timer: looks, in an interrupt
 * @ticks: how often it did
 * @region: where the buffer is from
 * @mem: the buffer, which is all of it
 * @size: bytes
 * @halfway: zeroes were seen at the front and none at the end, and the lock free
 */
struct zeroing {
	struct timer_list timer;
	unsigned int ticks;
	struct dma_coherent_region *region;
	u8 *mem;
	size_t size;
	bool halfway;
};

static bool is_halfway(const struct zeroing *z)
{
	return !READ_ONCE(z->mem[0]) && READ_ONCE(z->mem[z->size - 1]) == DIRT;
}

static void look_at_zeroing(struct zeroing *z)
{
	if (is_halfway(z) && !raw_spin_is_locked(&z->region->lock) && is_halfway(z))
		WRITE_ONCE(z->halfway, true);
}

static void look_by_timer(struct timer_list *timer)
{
	struct zeroing *z = container_of(timer, struct zeroing, timer);

	look_at_zeroing(z);
	WRITE_ONCE(z->ticks, z->ticks + 1);
}

static int look_by_thread(void *z)
{
	while (!kthread_should_stop()) {
		look_at_zeroing(z);
		cond_resched();
	}
	return 0;
}

/*
 * A timer on this processor, or a thread on another one, interrupts the zeroing and
 * finds the lock free. The zeroing takes a good part of each turn, so one
 * of a thousand ticks comes in the middle of it, however slow the machine is.
 */
static void zeroing_leaves_interrupts_on(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, SZ_4M / PAGE_SIZE);
	struct zeroing *z = kunit_kzalloc(test, sizeof(*z), GFP_KERNEL);
	struct task_struct *thread;

	KUNIT_ASSERT_NOT_NULL(test, z);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	z->region = fx_region(fx->dev);
	z->mem = bank->mem;
	z->size = bank->size;
	thread = kthread_run(look_by_thread, z, "look");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	timer_setup(&z->timer, look_by_timer, TIMER_PINNED);
	while (READ_ONCE(z->ticks) < 1000 && !READ_ONCE(z->halfway)) {
		memset(bank->mem, DIRT, bank->size);
		mod_timer(&z->timer, jiffies);
		fx_free(fx->dev, SZ_4M / PAGE_SIZE, fx_alloc(test, fx->dev, SZ_4M / PAGE_SIZE));
		cond_resched();
	}
	timer_delete_sync(&z->timer);
	kthread_stop(thread);
	KUNIT_EXPECT_TRUE(test, z->halfway);
}

/* The pointer is NULL and the handle is DMA_MAPPING_ERROR. */
static void failed_alloc_defines_its_outputs(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle,
						   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
}

static void no_pool_leaves_outputs_untouched(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct vm_area_struct vma = {};
	int ret = 1234;

	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, 0));
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, fx->bank[0].mem), 0);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(fx->dev, &vma, fx->bank[0].mem, PAGE_SIZE,
						     &ret), 0);
	KUNIT_EXPECT_EQ(test, ret, 1234);
}

static void null_device_is_no_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct vm_area_struct vma = {};
	int ret = 1234;

	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(NULL, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, fx_free(NULL, 1, fx->bank[0].mem), 0);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(NULL, &vma, fx->bank[0].mem, PAGE_SIZE, &ret),
			0);
	KUNIT_EXPECT_EQ(test, ret, 1234);
	KUNIT_EXPECT_EQ(test, fx_declare(NULL, &fx->bank[0]), -ENODEV);
	dma_release_coherent_memory(NULL);
}

/* Callers in kernel/dma/ use these names. */
static void old_names_are_the_same_hooks(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE, .vm_pgoff = 1 };
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;
	int ret = 0;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_dev_coherent(fx->dev, PAGE_SIZE, &handle, &vaddr), 1);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_dev_coherent(fx->dev, &vma, vaddr, PAGE_SIZE, &ret), 1);
	KUNIT_EXPECT_EQ(test, ret, -ENXIO);
	KUNIT_EXPECT_EQ(test, dma_release_from_dev_coherent(fx->dev, 0, vaddr), 1);
	fx_expect_pool(test, fx->dev, 0);
}

static void device_without_pool_uses_the_generic_allocator(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_FALSE(test, fx_bank_at(&fx->bank[0], virt_to_phys(vaddr)));
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
	fx_expect_pool(test, fx->other, 0);
}

static void fallback_uses_the_generic_allocator(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *mine, *generic;

	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, &fx->bank[0], HANDLE, DMA_COHERENT_FALLBACK),
			0);
	mine = fx_alloc(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, fx_alloc_ignored(fx->dev, PAGE_SIZE));
	generic = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, generic);
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_FULL), 2);

	dma_free_coherent(fx->dev, PAGE_SIZE, generic, handle);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, POOL_PAGES, mine), 1);
	fx_expect_pool(test, fx->dev, 0);
}

/* The device does not fall back while one of its pools must serve it. */
static void one_exclusive_pool_prevents_fallback(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 1);

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, bank, 2 * HANDLE, DMA_COHERENT_FALLBACK), 0);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 2 * POOL_SIZE));
}

static void failures_are_counted_by_cause(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr[POOL_PAGES];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	for (i = 0; i < POOL_PAGES; i++)
		vaddr[i] = fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 0));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, POOL_SIZE + 1));
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 1));
	for (i = 0; i < POOL_PAGES; i++)
		if (fx_page(fx->dev, vaddr[i]) % 2)
			fx_free(fx->dev, 1, vaddr[i]);
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, 2 * PAGE_SIZE));
	fx->dev->coherent_dma_mask = HANDLE + PAGE_SIZE - 1;
	KUNIT_EXPECT_TRUE(test, fx_alloc_fails(fx->dev, PAGE_SIZE));

	for (i = 0; i < DMA_COHERENT_FAILURES; i++)
		KUNIT_EXPECT_EQ_MSG(test, fx_failures(fx->dev, i), 1, "cause %u", i);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.high_water, POOL_PAGES);
	fx_expect_pool(test, fx->dev, POOL_PAGES / 2);
}

static void count_pages(void *data, const char *dev, const char *pool,
			unsigned long page, unsigned long pages)
{
	*(unsigned long *)data += pages;
}

static void count_refused(void *data, const char *dev, const char *pool,
			  unsigned long pages, const char *why)
{
	++*(unsigned long *)data;
}

/* Each allocation has an event, and so has its release. */
static void alloc_and_release_are_traced(struct kunit *test)
{
	unsigned long taken = 0, given = 0, refused = 0;
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	if (register_trace_dma_coherent_alloc(count_pages, &taken))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	KUNIT_EXPECT_EQ(test, register_trace_dma_coherent_release(count_pages, &given), 0);
	KUNIT_EXPECT_EQ(test, register_trace_dma_coherent_refuse(count_refused, &refused), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	/* A rejected free has no event; one with a wrong size has. */
	fx_expect_api_errors(test, 2);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	vaddr = dma_alloc_coherent(fx->dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL);
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
	/* A failure has an event even where it prints no message. */
	dma_alloc_from_coherent_attrs(fx->dev, 2 * POOL_SIZE, &handle, &vaddr, __GFP_NOWARN, 0);
	unregister_trace_dma_coherent_alloc(count_pages, &taken);
	unregister_trace_dma_coherent_release(count_pages, &given);
	unregister_trace_dma_coherent_refuse(count_refused, &refused);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, taken, 3 + 2);
	KUNIT_EXPECT_EQ(test, given, 3 + 2);
	KUNIT_EXPECT_EQ(test, refused, 1 + 1);
}

/* Release */

#define BUFFERS		5
#define ORDERS		(5 * 4 * 3 * 2)

/* The @nth order of the numbers below BUFFERS. */
static void nth_order(unsigned int nth, unsigned int *order)
{
	unsigned int i, j;

	for (i = 0; i < BUFFERS; i++)
		order[i] = i;
	for (i = BUFFERS; i > 1; i--) {
		j = nth % i;
		nth /= i;
		swap(order[i - 1], order[j]);
	}
}

static void frees_work_in_every_order(struct kunit *test)
{
	static const unsigned int pages[BUFFERS] = { 3, 1, 5, 2, 4 };
	unsigned int order[BUFFERS], nth, i, left;
	struct fixture *fx = test->priv;
	void *vaddr[BUFFERS];

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	for (nth = 0; nth < ORDERS; nth++) {
		for (i = 0, left = 0; i < BUFFERS; left += pages[i], i++) {
			vaddr[i] = fx_alloc(test, fx->dev, pages[i]);
			memset(vaddr[i], 'a' + i, pages[i] * PAGE_SIZE);
		}
		nth_order(nth, order);
		for (i = 0; i < BUFFERS; i++) {
			unsigned int n = order[i];

			KUNIT_EXPECT_NULL_MSG(test, memchr_inv(vaddr[n], 'a' + n,
							       pages[n] * PAGE_SIZE),
					      "order %u, buffer %u", nth, n);
			KUNIT_EXPECT_EQ_MSG(test, fx_free(fx->dev, pages[n], vaddr[n]), 1,
					    "order %u, buffer %u", nth, n);
			left -= pages[n];
			fx_expect_pool(test, fx->dev, left);
		}
	}
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), ORDERS * BUFFERS);
	fx_alloc(test, fx->dev, POOL_PAGES);
}

struct bad_free_case {
	const char *name;
	long page;
	long byte;
	unsigned int order;
	enum dma_coherent_verdict verdict;
};

/* Pages 0 and 1 are a buffer; 2 and 3 were one; 4 to 7 are one; the rest is free. */
static const struct bad_free_case bad_free_cases[] = {
	{ "double free", 2, 0, 1, DMA_COHERENT_FREE_NOT_LIVE },
	{ "second page of a freed buffer", 3, 0, 0, DMA_COHERENT_FREE_NOT_LIVE },
	{ "never allocated", 20, 0, 0, DMA_COHERENT_FREE_NOT_LIVE },
	{ "byte in a free page", 20, 8, 0, DMA_COHERENT_FREE_NOT_LIVE },
	{ "last page of the pool", POOL_PAGES - 1, PAGE_SIZE - 1, 0,
	  DMA_COHERENT_FREE_NOT_LIVE },
	{ "second page of a buffer", 5, 0, 1, DMA_COHERENT_FREE_INTERIOR },
	{ "last page of a buffer", 7, 0, 0, DMA_COHERENT_FREE_INTERIOR },
	{ "byte in the first page", 4, 1, 2, DMA_COHERENT_FREE_INTERIOR },
	{ "last byte of a buffer", 1, PAGE_SIZE - 1, 1, DMA_COHERENT_FREE_INTERIOR },
};

KUNIT_ARRAY_PARAM_DESC(bad_free_case, bad_free_cases, name);

static void set_up_bad_free(struct kunit *test, struct device *dev)
{
	struct fixture *fx = test->priv;
	void *freed;

	KUNIT_ASSERT_EQ(test, fx_declare(dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_page(dev, fx_alloc(test, dev, 2)), 0);
	freed = fx_alloc(test, dev, 2);
	KUNIT_ASSERT_EQ(test, fx_page(dev, freed), 2);
	KUNIT_ASSERT_EQ(test, fx_page(dev, fx_alloc(test, dev, 4)), 4);
	KUNIT_ASSERT_EQ(test, fx_free(dev, 2, freed), 1);
	fx_expect_pool(test, dev, 6);
}

/* A bad free is counted and changes nothing. */
static void bad_free_is_refused(struct kunit *test)
{
	const struct bad_free_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct dma_coherent_run run;
	unsigned int i;
	void *vaddr;

	set_up_bad_free(test, fx->dev);
	vaddr = fx_region(fx->dev)->vaddr + PFN_PHYS(c->page) + c->byte;
	KUNIT_EXPECT_EQ(test, dma_release_from_coherent(fx->dev, c->order, vaddr), 1);
	for (i = 0; i < DMA_COHERENT_VERDICTS; i++)
		KUNIT_EXPECT_EQ_MSG(test, fx_frees(fx->dev, i),
				    (i == DMA_COHERENT_FREE_GOOD) + (i == c->verdict),
				    "verdict %u", i);
	fx_expect_pool(test, fx->dev, 6);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->live, 2);
	KUNIT_EXPECT_TRUE(test, fx_run_at(fx_region(fx->dev), 0, &run) &&
			  run.used && run.pages == 2);
	KUNIT_EXPECT_TRUE(test, fx_run_at(fx_region(fx->dev), 4, &run) &&
			  run.used && run.pages == 4);
}

static const struct bad_free_case wrong_orders[] = {
	{ .name = "too small", .order = 1 },
	{ .name = "zero", .order = 0 },
	{ .name = "too large", .order = 3 },
	{ .name = "beyond the pool", .order = 20 },
	{ .name = "that of size 0", .order = 52 },
};

KUNIT_ARRAY_PARAM_DESC(wrong_order, wrong_orders, name);

/* The pool knows the length and ignores the order. */
static void wrong_order_frees_the_true_length(struct kunit *test)
{
	const struct bad_free_case *c = test->param_value;
	struct fixture *fx = test->priv;
	void *vaddr;

	set_up_bad_free(test, fx->dev);
	vaddr = fx_region(fx->dev)->vaddr + 4 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, dma_release_from_coherent(fx->dev, c->order, vaddr), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_WRONG_ORDER), 1);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->live, 1);
	fx_expect_pool(test, fx->dev, 2);
}

/* Three pages are of order 2: that is what dma_free_coherent() passes. */
static void order_is_that_of_the_size(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	unsigned long n;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	for (n = 1; n <= POOL_PAGES; n++) {
		vaddr = dma_alloc_coherent(fx->dev, n * PAGE_SIZE - 5, &handle, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL_MSG(test, vaddr, "%lu pages", n);
		dma_free_coherent(fx->dev, n * PAGE_SIZE - 5, vaddr, handle);
	}
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), POOL_PAGES);
	fx_expect_pool(test, fx->dev, 0);
}

/* An address outside of the pool is left to the generic code. */
static void foreign_address_is_not_released(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 2);
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, bank), 0);
	fx_alloc(test, fx->dev, POOL_PAGES);
	fx_alloc(test, fx->other, 2);
	vaddr = fx_region(fx->dev)->vaddr;
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr - 1), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, vaddr + POOL_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, fx_region(fx->other)->vaddr), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, fx), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, (void *)ULONG_MAX), 0);
	fx_expect_pool(test, fx->dev, POOL_PAGES);
	fx_expect_pool(test, fx->other, 2);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 0);
}

/* The generic code would free pages that it does not own. */
static void generic_code_never_gets_a_bad_free(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	fx_expect_api_errors(test, 2);
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr + PAGE_SIZE, handle + PAGE_SIZE);
	fx_expect_pool(test, fx->dev, 3);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	fx_expect_pool(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_INTERIOR), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
}

/* Addresses */

/* Only the pool can translate an address that memremap() returned. */
static void pool_knows_physical_addresses(struct kunit *test)
{
	struct bank *bank = fx_add_bank_at(test, 4, SZ_1G);
	struct fixture *fx = test->priv;
	phys_addr_t phys = 42;

	KUNIT_EXPECT_FALSE(test, dma_coherent_to_phys(fx->dev, bank->mem, &phys));
	KUNIT_EXPECT_FALSE(test, dma_coherent_to_phys(NULL, bank->mem, &phys));
	KUNIT_EXPECT_EQ(test, phys, 42);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	KUNIT_EXPECT_TRUE(test, dma_coherent_to_phys(fx->dev, bank->mem + PAGE_SIZE + 5, &phys));
	KUNIT_EXPECT_EQ(test, phys, SZ_1G + PAGE_SIZE + 5);
}

/* Contexts */

struct irq_call {
	struct irq_work irq;
	struct work_struct bh;
	void (*fn)(void *arg);
	void *arg;
};

static void irq_call_hard(struct irq_work *irq)
{
	struct irq_call *call = container_of(irq, struct irq_call, irq);

	call->fn(call->arg);
}

static void irq_call_soft(struct work_struct *bh)
{
	struct irq_call *call = container_of(bh, struct irq_call, bh);

	call->fn(call->arg);
}

static void call_in_process(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void call_with_irqs_off(void (*fn)(void *arg), void *arg)
{
	unsigned long flags;

	local_irq_save(flags);
	fn(arg);
	local_irq_restore(flags);
}

static void call_in_hardirq(void (*fn)(void *arg), void *arg)
{
	struct irq_call call = {
		.irq = IRQ_WORK_INIT_HARD(irq_call_hard),
		.fn = fn,
		.arg = arg,
	};

	irq_work_queue(&call.irq);
	irq_work_sync(&call.irq);
}

static void call_in_softirq(void (*fn)(void *arg), void *arg)
{
	struct irq_call call = { .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&call.bh, irq_call_soft);
	queue_work(system_bh_wq, &call.bh);
	flush_work(&call.bh);
	destroy_work_on_stack(&call.bh);
}

/* A softirq can't sleep until the interrupt has come. */
static void interrupt_softirq(struct work_struct *bh)
{
	struct irq_call *call = container_of(bh, struct irq_call, bh);

	irq_work_queue(&call->irq);
	while (irq_work_is_busy(&call->irq))
		cpu_relax();
}

static void call_in_hardirq_in_softirq(void (*fn)(void *arg), void *arg)
{
	struct irq_call call = {
		.irq = IRQ_WORK_INIT_HARD(irq_call_hard),
		.fn = fn,
		.arg = arg,
	};

	INIT_WORK_ONSTACK(&call.bh, interrupt_softirq);
	queue_work(system_bh_wq, &call.bh);
	flush_work(&call.bh);
	destroy_work_on_stack(&call.bh);
}

struct context_case {
	const char *name;
	void (*call)(void (*fn)(void *arg), void *arg);
	bool hardirq;
	bool softirq;
	bool irqs_off;
};

static const struct context_case contexts[] = {
	{ "process", call_in_process },
	{ "interrupts off", call_with_irqs_off, .irqs_off = true },
	{ "softirq", call_in_softirq, .softirq = true },
	{ "hard interrupt", call_in_hardirq, .hardirq = true, .irqs_off = true },
	{ "hard interrupt in a softirq", call_in_hardirq_in_softirq, .hardirq = true,
	  .softirq = true, .irqs_off = true },
};

KUNIT_ARRAY_PARAM_DESC(context, contexts, name);

struct round_trip {
	struct device *dev;
	struct context_case seen;
	void *vaddr;
	bool zeroed;
	bool refused;
	int released;
};

static void go_round(void *arg)
{
	struct round_trip *trip = arg;
	dma_addr_t handle;
	void *vaddr = NULL;

	trip->seen.hardirq = in_hardirq();
	trip->seen.softirq = in_serving_softirq();
	trip->seen.irqs_off = irqs_disabled();
	/* The hooks: the debugging of the API has locks that may sleep with PREEMPT_RT. */
	dma_alloc_from_coherent(trip->dev, 3 * PAGE_SIZE, &handle, &vaddr);
	trip->vaddr = vaddr;
	if (!vaddr)
		return;
	trip->zeroed = !memchr_inv(trip->vaddr, 0, 3 * PAGE_SIZE);
	trip->refused = fx_alloc_fails(trip->dev, POOL_SIZE);
	fx_free(trip->dev, 3, vaddr);
	trip->released = fx_free(trip->dev, 3, trip->vaddr);
}

static void alloc_and_release_in_any_context(struct kunit *test)
{
	const struct context_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct round_trip trip = { .dev = fx->dev };

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	c->call(go_round, &trip);
	KUNIT_EXPECT_EQ(test, trip.seen.hardirq, c->hardirq);
	/* Any other interrupt may come in the middle of a softirq, too. */
	if (c->softirq || !c->hardirq)
		KUNIT_EXPECT_EQ(test, trip.seen.softirq, c->softirq);
	KUNIT_EXPECT_EQ(test, trip.seen.irqs_off, c->irqs_off);
	KUNIT_ASSERT_NOT_NULL(test, trip.vaddr);
	KUNIT_EXPECT_TRUE(test, trip.zeroed);
	KUNIT_EXPECT_TRUE(test, trip.refused);
	KUNIT_EXPECT_EQ(test, trip.released, 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
	fx_expect_pool(test, fx->dev, 0);
}

struct last_release {
	struct device *dev;
	void *vaddr;
	bool still_there;
	int released;
};

static void release_the_last(void *arg)
{
	struct last_release *last = arg;

	last->released = fx_free(last->dev, 1, last->vaddr);
	last->still_there = fx_mem(last->dev, 0);
}

/* The pool is unmapped later, in a context that can do that. */
static void last_release_in_any_context(struct kunit *test)
{
	const struct context_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct last_release last = { .dev = fx->dev };

	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	last.vaddr = fx_alloc(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	c->call(release_the_last, &last);
	KUNIT_EXPECT_EQ(test, last.released, 1);
	if (c->irqs_off)
		KUNIT_EXPECT_TRUE(test, last.still_there);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
}

static struct kunit_case dma_coherent_cases[] = {
	KUNIT_CASE_PARAM(alloc_takes_exact_pages, good_size_gen_params),
	KUNIT_CASE_PARAM(alloc_refuses_bad_sizes, bad_size_gen_params),
	KUNIT_CASE_PARAM(alloc_refuses_more_than_the_pool, large_size_gen_params),
	KUNIT_CASE(whole_pool_fits_an_empty_pool),
	KUNIT_CASE(whole_pool_fits_at_a_badly_aligned_base),
	KUNIT_CASE(buffers_are_aligned_to_their_order),
	KUNIT_CASE(command_line_limits_the_alignment),
	KUNIT_CASE(two_128k_then_640k),
	KUNIT_CASE(release_above_4g),
	KUNIT_CASE(alloc_above_4g),
	KUNIT_CASE(alloc_zeroes_the_last_page_to_its_end),
	KUNIT_CASE(zeroing_leaves_interrupts_on),
	KUNIT_CASE(failed_alloc_defines_its_outputs),
	KUNIT_CASE(no_pool_leaves_outputs_untouched),
	KUNIT_CASE(null_device_is_no_pool),
	KUNIT_CASE(old_names_are_the_same_hooks),
	KUNIT_CASE(device_without_pool_uses_the_generic_allocator),
	KUNIT_CASE(fallback_uses_the_generic_allocator),
	KUNIT_CASE(one_exclusive_pool_prevents_fallback),
	KUNIT_CASE(failures_are_counted_by_cause),
	KUNIT_CASE(alloc_and_release_are_traced),
	KUNIT_CASE(frees_work_in_every_order),
	KUNIT_CASE_PARAM(bad_free_is_refused, bad_free_case_gen_params),
	KUNIT_CASE_PARAM(wrong_order_frees_the_true_length, wrong_order_gen_params),
	KUNIT_CASE(order_is_that_of_the_size),
	KUNIT_CASE(foreign_address_is_not_released),
	KUNIT_CASE(generic_code_never_gets_a_bad_free),
	KUNIT_CASE(pool_knows_physical_addresses),
	KUNIT_CASE_PARAM(alloc_and_release_in_any_context, context_gen_params),
	KUNIT_CASE_PARAM(last_release_in_any_context, context_gen_params),
	{}
};

static struct kunit_suite dma_coherent_suite = {
	.name = "dma_coherent",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_cases,
};

kunit_test_suite(dma_coherent_suite);

MODULE_DESCRIPTION("KUnit tests for the hooks of per-device coherent memory");
MODULE_LICENSE("GPL");
