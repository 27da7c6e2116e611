// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: clean pages
 *
 * Pages that were given back are zeroed in the background, so that an allocation
 * only zeroes pages that are not known to be zero. Where a buffer goes does not
 * depend on it.
 *
 * Data structures: @back has a bit for each page, @dirty one for each block of
 * BLOCK_PAGES pages. The bit of a free page in @back says that it was given back
 * at some time: pages that were never handed out keep their contents. Such a page
 * is known to be zero if its block is not dirty. The bit of a used page says that
 * it was known to be zero when it was handed out.
 *
 * No page is handed out with old contents:
 *  - A page is known to be zero only if its bit in @back is set and its block is
 *    not dirty. Only a release sets bits in @back, and it makes the blocks dirty.
 *  - Only the cleaner makes a block not dirty: after it has zeroed each page of
 *    it that was free and given back, and if nothing was given back to the block
 *    since it began. A page that was used meanwhile is given back later, which
 *    makes the block dirty again.
 *  - The cleaner zeroes under the region's lock, and only free pages. An
 *    allocation reads the bits under the same hold of the lock that takes the
 *    pages, so the cleaner never writes to a page that somebody uses.
 *  - An allocation clears the bits of its pages in dirty blocks. Nobody else
 *    changes the bits of a used page, except to clear them, so the decision still
 *    stands when the pages are zeroed, after the lock was dropped.
 *  - A write-combining buffer may hold zeroes back. The cleaner has a write
 *    barrier after each step, before it drops the lock: the next step may run on
 *    another CPU, and whoever is handed the page may start the device at once.
 *  - A sleep may take the contents. Before it nothing is known any more, and until
 *    it is over the cleaner does nothing, so that no block becomes clean. Nor is
 *    anything known then: what was given back meanwhile waits for the next time.
 *  - Memory that is also in another pool is never cleaned: a page that is free
 *    here may be in use there.
 *
 * Locking: everything in @clean is under the region's lock. The cleaner holds it
 * for one step, at most STEP bytes, so that no allocation waits for longer.
 */

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>

#include "dma-coherent.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent."

bool dma_coherent_clean;
module_param_named(clean, dma_coherent_clean, bool, 0444);
MODULE_PARM_DESC(clean,
		 "Zero released pages in the background; only if all such memory can be written at any time, without its device (default 0)");

#define BLOCK_PAGES	16
#define STEP		min(PAGE_SIZE, 4096UL)

/**
 * struct dma_coherent_clean - which pages of a region are known to be zero
 * @region: the region
 * @work: the cleaner
 * @block: the block that is being cleaned
 * @at: the byte of the region that the cleaner continues at
 * @again: pages were given back to @block since the cleaner began it
 * @dirty: bitmap of the blocks that pages were given back to
 * @back: bitmap of the pages that were given back
 */
struct dma_coherent_clean {
	struct dma_coherent_region *region;
	struct work_struct work;
	unsigned long block;
	size_t at;
	bool again;
	unsigned long *dirty;
	unsigned long back[];
};

static struct workqueue_struct *cleaners;
static bool asleep;

static unsigned long block_count(const struct dma_coherent_region *region)
{
	return DIV_ROUND_UP(region->pool.pages, BLOCK_PAGES);
}

/* The cleaner */

static bool next_block(struct dma_coherent_clean *clean)
{
	unsigned long blocks = block_count(clean->region), block;

	block = find_next_bit(clean->dirty, blocks, clean->block + 1);
	if (block == blocks)
		block = find_first_bit(clean->dirty, blocks);
	if (block == blocks)
		return false;
	clean->block = block;
	clean->at = PFN_PHYS(block * BLOCK_PAGES);
	clean->again = false;
	return true;
}

static unsigned long block_end(const struct dma_coherent_clean *clean)
{
	return min((clean->block + 1) * BLOCK_PAGES, clean->region->pool.pages);
}

/* Return: true if there is something to zero at @at, in this block. */
static bool find_in_block(struct dma_coherent_clean *clean)
{
	unsigned long page, end = block_end(clean);

	for (page = PFN_DOWN(clean->at); page < end; page++) {
		if (test_bit(page, clean->back) &&
		    dma_coherent_page_is_free(clean->region, page))
			return true;
		clean->at = PFN_PHYS(page + 1);
	}
	return false;
}

/* Return: false if there is nothing to do. */
static bool clean_step(struct dma_coherent_clean *clean)
{
	struct dma_coherent_region *region = clean->region;

	lockdep_assert_held(&region->lock);
	if (READ_ONCE(asleep) || region->shared)
		return false;
	if (!test_bit(clean->block, clean->dirty) || clean->again)
		return next_block(clean);
	if (!find_in_block(clean)) {
		__clear_bit(clean->block, clean->dirty);
		return next_block(clean);
	}
	memset(region->vaddr + clean->at, 0, STEP);
	/* The zeroes are in the memory before anybody can be handed the page. */
	wmb();
	clean->at += STEP;
	return true;
}

/**
 * dma_coherent_clean_step() - one step of the cleaner
 * @region: the region
 *
 * Context: any, but not under the region's lock.
 * Return: false if there was nothing to do.
 */
bool dma_coherent_clean_step(struct dma_coherent_region *region)
{
	unsigned long flags;
	bool more;

	raw_spin_lock_irqsave(&region->lock, flags);
	more = clean_step(region->clean);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return more;
}

static void clean_work(struct work_struct *work)
{
	struct dma_coherent_clean *clean = container_of(work, struct dma_coherent_clean, work);

	while (dma_coherent_clean_step(clean->region))
		cond_resched();
}

/* Allocate and release */

/**
 * dma_coherent_clean_alloc() - remember which pages of a new buffer are zero
 * @region: the region
 * @page: first page of the buffer
 * @pages: number of pages
 *
 * Context: any, under the hold of the region's lock that took the pages.
 * Return: which of them are to be zeroed; some of them by dma_coherent_clean_zero().
 */
enum dma_coherent_to_zero dma_coherent_clean_alloc(struct dma_coherent_region *region,
						   unsigned long page, unsigned long pages)
{
	struct dma_coherent_clean *clean = region->clean;
	unsigned long end = page + pages, block, after, first;

	lockdep_assert_held(&region->lock);
	if (region->shared) {
		bitmap_clear(clean->back, page, pages);
		return DMA_COHERENT_ZERO_ALL;
	}
	block = page / BLOCK_PAGES;
	for_each_set_bitrange_from(block, after, clean->dirty, DIV_ROUND_UP(end, BLOCK_PAGES)) {
		first = max(page, block * BLOCK_PAGES);
		bitmap_clear(clean->back, first, min(end, after * BLOCK_PAGES) - first);
	}
	if (find_next_zero_bit(clean->back, end, page) == end)
		return DMA_COHERENT_ZERO_NONE;
	return find_next_bit(clean->back, end, page) == end ? DMA_COHERENT_ZERO_ALL :
							      DMA_COHERENT_ZERO_SOME;
}

/**
 * dma_coherent_clean_zero() - zero those pages of a new buffer that are not zero
 * @region: the region
 * @page: first page of the buffer
 * @pages: number of pages
 *
 * Context: any.
 */
void dma_coherent_clean_zero(struct dma_coherent_region *region, unsigned long page,
			     unsigned long pages)
{
	unsigned long end = page + pages, flags;

	while (page < end) {
		raw_spin_lock_irqsave(&region->lock, flags);
		page = find_next_zero_bit(region->clean->back, end, page);
		pages = find_next_bit(region->clean->back, end, page) - page;
		raw_spin_unlock_irqrestore(&region->lock, flags);
		memset(region->vaddr + PFN_PHYS(page), 0, PFN_PHYS(pages));
		page += pages;
	}
}

/**
 * dma_coherent_clean_free() - remember that pages were given back
 * @region: the region
 * @run: the buffer
 *
 * Context: any, under the region's lock.
 */
void dma_coherent_clean_free(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run)
{
	struct dma_coherent_clean *clean = region->clean;
	unsigned long first = run->first / BLOCK_PAGES;
	unsigned long last = (run->first + run->pages - 1) / BLOCK_PAGES;

	lockdep_assert_held(&region->lock);
	bitmap_set(clean->back, run->first, run->pages);
	bitmap_set(clean->dirty, first, last - first + 1);
	if (clean->block >= first && clean->block <= last)
		clean->again = true;
}

/**
 * dma_coherent_clean_later() - have the cleaner look at a region
 * @region: the region
 *
 * Context: any, but not under the region's lock; under RCU.
 */
void dma_coherent_clean_later(struct dma_coherent_region *region)
{
	/*
	 * Work that is pending takes the lock later than this release did, and finds
	 * its pages dirty: this is read after the lock was taken.
	 */
	if (!work_pending(&region->clean->work))
		queue_work(cleaners, &region->clean->work);
}

/**
 * dma_coherent_clean_wait() - wait for the cleaner
 * @region: the region
 *
 * Context: may sleep.
 */
void dma_coherent_clean_wait(struct dma_coherent_region *region)
{
	if (dma_coherent_cleans(region))
		flush_work(&region->clean->work);
}

/* Sleep */

static void forget(struct dma_coherent_region *region)
{
	if (!dma_coherent_cleans(region))
		return;
	scoped_guard(raw_spinlock_irqsave, &region->lock)
		bitmap_zero(region->clean->back, region->pool.pages);
}

/**
 * dma_coherent_clean_pm() - a sleep of the system begins or ends
 * @nb: unused
 * @action: which of them
 * @unused: unused
 *
 * Context: may sleep.
 * Return: NOTIFY_OK.
 */
int dma_coherent_clean_pm(struct notifier_block *nb, unsigned long action, void *unused)
{
	bool begins = action == PM_HIBERNATION_PREPARE || action == PM_SUSPEND_PREPARE ||
		      action == PM_RESTORE_PREPARE;

	WRITE_ONCE(asleep, begins);
	dma_coherent_each_region(forget);
	return NOTIFY_OK;
}

static struct notifier_block clean_pm = { .notifier_call = dma_coherent_clean_pm };

/* Create and destroy */

/**
 * dma_coherent_clean_create() - have the pages of a new region cleaned
 * @region: the region
 *
 * Does nothing unless the parameter is set. Without memory for the bitmaps, the
 * region works as if it were not set.
 *
 * Context: may sleep.
 */
void dma_coherent_clean_create(struct dma_coherent_region *region)
{
	unsigned long words = BITS_TO_LONGS(region->pool.pages);
	struct dma_coherent_clean *clean;

	if (!dma_coherent_clean || !cleaners || region->debug)
		return;
	clean = kvzalloc(struct_size(clean, back, words + BITS_TO_LONGS(block_count(region))),
			 GFP_KERNEL);
	if (!clean)
		return;
	clean->region = region;
	clean->dirty = clean->back + words;
	INIT_WORK(&clean->work, clean_work);
	region->clean = clean;
}

/**
 * dma_coherent_clean_stop() - stop the cleaner before the memory is unmapped
 * @region: the region, which nobody can find any more
 *
 * Context: may sleep.
 */
void dma_coherent_clean_stop(struct dma_coherent_region *region)
{
	cancel_work_sync(&region->clean->work);
}

/**
 * dma_coherent_clean_destroy() - free what dma_coherent_clean_create() made
 * @region: the region, which nothing refers to
 *
 * Context: may sleep.
 */
void dma_coherent_clean_destroy(struct dma_coherent_region *region)
{
	kvfree(region->clean);
}

static int __init dma_coherent_clean_init(void)
{
	cleaners = alloc_workqueue("dma-coherent-clean", WQ_UNBOUND | WQ_FREEZABLE, 0);
	if (!cleaners)
		return -ENOMEM;
	return register_pm_notifier(&clean_pm);
}
early_initcall(dma_coherent_clean_init);

/* Statistics */

/**
 * dma_coherent_clean_show() - show how much of a region is clean
 * @s: where to
 * @region: the region
 *
 * Context: may sleep.
 */
void dma_coherent_clean_show(struct seq_file *s, struct dma_coherent_region *region)
{
	unsigned long page, flags, zero = 0, back = 0;

	for (page = 0; page < region->pool.pages; page++) {
		raw_spin_lock_irqsave(&region->lock, flags);
		if (test_bit(page, region->clean->back) &&
		    dma_coherent_page_is_free(region, page)) {
			if (test_bit(page / BLOCK_PAGES, region->clean->dirty))
				back++;
			else
				zero++;
		}
		raw_spin_unlock_irqrestore(&region->lock, flags);
		cond_resched();
	}
	seq_printf(s, "known_zero: %llu\n", (u64)zero << PAGE_SHIFT);
	seq_printf(s, "to_clean: %llu\n", (u64)back << PAGE_SHIFT);
}
