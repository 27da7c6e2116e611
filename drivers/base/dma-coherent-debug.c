// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: stray writes
 *
 * A device or a CPU may write past the end of a buffer, or to a buffer that was
 * released. To find this, a buffer has a *guard* behind it, a page that is filled
 * with a pattern and checked when the buffer is released. Pages that are given back
 * are filled with another pattern, and checked when they are handed out again.
 *
 * A guard is a run of one page in the pool that is no buffer. When a request fails,
 * all guards of the pool are dropped, that is they become free pages, and it is tried
 * again: a buffer without a guard is better than none. The page keeps its pattern,
 * so that a write to it is found when it is handed out.
 *
 * Locking: @debug is under the region's lock, which is held to fill or to check
 * one page at most. Findings are printed without it.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/poison.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <trace/events/dma_coherent.h>

#include "dma-coherent.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent."

bool dma_coherent_debug;
module_param_named(debug, dma_coherent_debug, bool, 0444);
MODULE_PARM_DESC(debug, "Find stray writes to per-device coherent memory (default 0)");

/**
 * struct last_buffer - the buffer that a page was in, or was the guard of
 * @first: its first page
 * @pages: its number of pages
 * @owner: number of its owner in the region
 */
struct last_buffer {
	u32 first;
	u32 pages;
	u16 owner;
};

/**
 * struct dma_coherent_debug - what is known of the contents of a region
 * @guard: bitmap of the pages that are guards
 * @filled: bitmap of the pages that have a pattern
 * @last: for each page with a pattern
 * @unguarded: buffers that were allocated without a guard
 * @past_end: findings in guards, or in pages that were guards
 * @after_release: findings in pages that were given back
 */
struct dma_coherent_debug {
	unsigned long *guard;
	unsigned long *filled;
	struct last_buffer *last;
	unsigned long unguarded;
	unsigned long past_end;
	unsigned long after_release;
};

/* Findings */

/**
 * struct finding - wrong bytes in pages that have the same last buffer
 * @last: that buffer
 * @offset: of the first wrong byte, from the start of the buffer
 * @bytes: number of wrong bytes
 * @head: bytes from @offset on
 * @head_len: how many
 */
struct finding {
	struct last_buffer last;
	size_t offset;
	size_t bytes;
	u8 head[16];
	size_t head_len;
};

static bool is_past_end(const struct finding *finding)
{
	return finding->offset >= PFN_PHYS(finding->last.pages);
}

/* Print a finding, if there is one, and be ready for the next. Not under the lock. */
static void report(struct dma_coherent_region *region, struct finding *finding)
{
	struct dma_coherent_debug *debug = region->debug;
	char owner[DMA_COHERENT_NAME_SIZE];
	bool past_end = is_past_end(finding);
	unsigned long flags;

	if (!finding->bytes)
		return;
	raw_spin_lock_irqsave(&region->lock, flags);
	dma_coherent_owner_name(region, finding->last.owner, owner);
	if (past_end)
		debug->past_end++;
	else
		debug->after_release++;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (trace_dma_coherent_stray_enabled())
		trace_dma_coherent_stray(owner, region->name, finding->last.first,
					 finding->last.pages, finding->offset, finding->bytes);
	pr_err("%s: pool %s: stray write %s of the buffer at pages %u to %u: %zu bytes at offset %zu: %*ph\n",
	       owner, region->name, past_end ? "past the end" : "after the release",
	       finding->last.first, finding->last.first + finding->last.pages - 1,
	       finding->bytes, finding->offset, (int)finding->head_len, finding->head);
	finding->bytes = 0;
}

/* The buffer that starts at @page. */
static struct last_buffer last_buffer(const struct dma_coherent_region *region,
				      unsigned long page, unsigned long pages)
{
	return (struct last_buffer) {
		.first = page,
		.pages = pages,
		.owner = region->owners ? region->owners[page] : 0,
	};
}

static bool same_buffer(const struct last_buffer *a, const struct last_buffer *b)
{
	return a->first == b->first && a->pages == b->pages && a->owner == b->owner;
}

static u8 pattern(const struct last_buffer *last, unsigned long page)
{
	return page >= last->first + last->pages ? SLUB_RED_ACTIVE : POISON_FREE;
}

static void fill(struct dma_coherent_region *region, unsigned long page)
{
	memset(region->vaddr + PFN_PHYS(page), pattern(&region->debug->last[page], page),
	       PAGE_SIZE);
	__set_bit(page, region->debug->filled);
}

/* Wrong bytes of a page: add them to a finding about the same buffer. */
static void add_bytes(struct finding *finding, const u8 *mem, size_t offset, u8 right)
{
	size_t n;

	for (n = 0; n < PAGE_SIZE; n++) {
		if (mem[n] == right)
			continue;
		if (!finding->bytes++) {
			finding->offset = offset + n;
			finding->head_len = min(PAGE_SIZE - n, sizeof(finding->head));
			memcpy(finding->head, mem + n, finding->head_len);
		}
	}
}

static bool is_wrong(const struct dma_coherent_region *region, unsigned long page)
{
	const struct last_buffer *last = &region->debug->last[page];

	return memchr_inv(region->vaddr + PFN_PHYS(page), pattern(last, page), PAGE_SIZE);
}

/* What was found in pages of another buffer, or of another kind, is another finding. */
static bool continues(const struct finding *finding, const struct last_buffer *last,
		      unsigned long page)
{
	return same_buffer(&finding->last, last) &&
	       is_past_end(finding) == (page >= last->first + last->pages);
}

static void add_page(const struct dma_coherent_region *region, unsigned long page,
		     struct finding *finding)
{
	const struct last_buffer *last = &region->debug->last[page];

	if (!finding->bytes)
		finding->last = *last;
	add_bytes(finding, region->vaddr + PFN_PHYS(page), PFN_PHYS(page - last->first),
		  pattern(last, page));
}

/*
 * Check a page that is in no buffer, and repair it.
 * Return: false, with nothing done, if it is not part of @finding but of a new one.
 */
static bool check_page(struct dma_coherent_region *region, unsigned long page,
		       struct finding *finding)
{
	struct dma_coherent_debug *debug = region->debug;

	lockdep_assert_held(&region->lock);
	if (region->shared || !test_bit(page, debug->filled) || !is_wrong(region, page))
		return true;
	if (finding->bytes && !continues(finding, &debug->last[page], page))
		return false;
	add_page(region, page, finding);
	fill(region, page);
	return true;
}

/* The last finding is not printed: it may continue in the next pages. */
static void check_pages(struct dma_coherent_region *region, unsigned long page,
			unsigned long end, struct finding *finding)
{
	unsigned long flags;
	bool done;

	for (; page < end; page += done) {
		raw_spin_lock_irqsave(&region->lock, flags);
		done = check_page(region, page, finding);
		raw_spin_unlock_irqrestore(&region->lock, flags);
		if (!done)
			report(region, finding);
	}
}

/* Allocate */

static bool has_guard(const struct dma_coherent_region *region, unsigned long end)
{
	return end < region->pool.pages && test_bit(end, region->debug->guard);
}

static long drop_guard(struct dma_coherent_region *region, unsigned long page)
{
	__clear_bit(page, region->debug->guard);
	return dma_coherent_pool_free(&region->pool, page);
}

static bool drop_guards(struct dma_coherent_region *region, unsigned long first,
			unsigned long pages)
{
	unsigned long page = first;
	bool dropped = false;

	for_each_set_bit_from(page, region->debug->guard, first + pages)
		dropped |= drop_guard(region, page) > 0;
	return dropped;
}

/* A run of one page more, of which the last becomes the guard. */
static long alloc_guarded(struct dma_coherent_region *region, unsigned long pages,
			  unsigned long limit)
{
	struct dma_coherent_pool *pool = &region->pool;
	long page = dma_coherent_pool_alloc(pool, pages + 1, limit);

	if (page < 0)
		return page;
	dma_coherent_pool_free(pool, page);
	dma_coherent_pool_take(pool, page, pages);
	dma_coherent_pool_take(pool, page + pages, 1);
	__set_bit(page + pages, region->debug->guard);
	return page;
}

/**
 * dma_coherent_debug_alloc() - allocate pages, and a guard if there is room
 * @region: the region
 * @pages: number of pages
 * @limit: as for dma_coherent_pool_alloc()
 *
 * Context: any, under the region's lock.
 * Return: as dma_coherent_pool_alloc().
 */
long dma_coherent_debug_alloc(struct dma_coherent_region *region, unsigned long pages,
			      unsigned long limit)
{
	struct dma_coherent_pool *pool = &region->pool;
	long page = -ENOMEM;

	lockdep_assert_held(&region->lock);
	if (pages && !region->shared)
		page = alloc_guarded(region, pages, limit);
	if (page >= 0)
		return page;
	page = dma_coherent_pool_alloc(pool, pages, limit);
	if (page == -ENOMEM && drop_guards(region, 0, pool->pages))
		page = dma_coherent_pool_alloc(pool, pages, limit);
	if (page >= 0)
		region->debug->unguarded++;
	return page;
}

/**
 * dma_coherent_debug_take() - allocate given pages
 * @region: the region
 * @page: first page
 * @pages: number of pages
 *
 * Context: any, under the region's lock.
 * Return: as dma_coherent_pool_take().
 */
long dma_coherent_debug_take(struct dma_coherent_region *region, unsigned long page,
			     unsigned long pages)
{
	long ret;

	lockdep_assert_held(&region->lock);
	ret = dma_coherent_pool_take(&region->pool, page, pages);
	if (ret == -EBUSY && drop_guards(region, page, pages))
		ret = dma_coherent_pool_take(&region->pool, page, pages);
	if (ret < 0)
		return ret;
	region->debug->unguarded++;
	bitmap_clear(region->debug->filled, page, pages);
	return ret;
}

/**
 * dma_coherent_debug_new() - check the pages of a new buffer, and fill its guard
 * @region: the region
 * @page: first page of the buffer
 * @pages: number of pages
 *
 * Context: any, but not under the region's lock.
 */
void dma_coherent_debug_new(struct dma_coherent_region *region, unsigned long page,
			    unsigned long pages)
{
	struct dma_coherent_debug *debug = region->debug;
	unsigned long end = page + pages, flags;
	struct finding finding = {};

	/* The page behind it, too: a guard may have the pattern of the buffer that it was in. */
	check_pages(region, page, min(end + 1, region->pool.pages), &finding);
	report(region, &finding);
	raw_spin_lock_irqsave(&region->lock, flags);
	bitmap_clear(debug->filled, page, pages);
	if (has_guard(region, end)) {
		debug->last[end] = last_buffer(region, page, pages);
		fill(region, end);
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
}

/* Release */

/**
 * dma_coherent_debug_is_guard() - check if a page is a guard
 * @region: the region
 * @page: the page
 *
 * Context: any, under the region's lock.
 * Return: true if it is.
 */
bool dma_coherent_debug_is_guard(const struct dma_coherent_region *region, unsigned long page)
{
	return test_bit(page, region->debug->guard);
}

/**
 * dma_coherent_debug_check_end() - check the guard of a buffer that is released
 * @region: the region
 * @page: first page of the buffer, as the caller says
 *
 * Context: any, but not under the region's lock.
 */
void dma_coherent_debug_check_end(struct dma_coherent_region *region, unsigned long page)
{
	struct finding finding = {};
	struct dma_coherent_run run;
	unsigned long flags, end = 0;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (dma_coherent_pool_run(&region->pool, page, &run) && run.first == page &&
	    has_guard(region, page + run.pages))
		end = page + run.pages;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (end)
		check_pages(region, end, end + 1, &finding);
	report(region, &finding);
}

/**
 * dma_coherent_debug_free() - give back the guard of a buffer
 * @region: the region
 * @run: the buffer, which is given back next
 *
 * Context: any, under the region's lock.
 */
void dma_coherent_debug_free(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run)
{
	const struct last_buffer last = last_buffer(region, run->first, run->pages);
	unsigned long page, end = run->first + run->pages;

	lockdep_assert_held(&region->lock);
	for (page = run->first; page < end; page++)
		region->debug->last[page] = last;
	if (has_guard(region, end))
		drop_guard(region, end);
}

/**
 * dma_coherent_debug_fill() - fill pages that were given back
 * @region: the region
 * @run: the buffer, which was given back
 *
 * Pages that somebody has been handed meanwhile are left alone.
 *
 * Context: any, but not under the region's lock; under RCU.
 */
void dma_coherent_debug_fill(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run)
{
	unsigned long page;

	for (page = run->first; page < run->first + run->pages; page++)
		scoped_guard(raw_spinlock_irqsave, &region->lock)
			if (dma_coherent_page_is_free(region, page) && !region->shared &&
			    !test_bit(page, region->debug->filled))
				fill(region, page);
}

/* On demand */

/**
 * dma_coherent_debug_check() - check all free pages and all guards of a region
 * @region: the region
 *
 * Context: may sleep.
 */
void dma_coherent_debug_check(struct dma_coherent_region *region)
{
	struct finding finding = {};
	unsigned long page;

	for (page = 0; page < region->pool.pages; page++) {
		check_pages(region, page, page + 1, &finding);
		cond_resched();
	}
	report(region, &finding);
}

/**
 * dma_coherent_debug_show() - show what was found in a region
 * @s: where to
 * @region: the region
 *
 * Context: may sleep.
 */
void dma_coherent_debug_show(struct seq_file *s, struct dma_coherent_region *region)
{
	struct dma_coherent_debug *debug = region->debug;
	unsigned long unguarded, past_end, after_release;

	scoped_guard(raw_spinlock_irqsave, &region->lock) {
		unguarded = debug->unguarded;
		past_end = debug->past_end;
		after_release = debug->after_release;
	}
	seq_printf(s, "unguarded: %lu\n", unguarded);
	seq_printf(s, "stray_past_end: %lu\n", past_end);
	seq_printf(s, "stray_after_release: %lu\n", after_release);
}

/* Create and destroy */

/**
 * dma_coherent_debug_create() - find stray writes to a new region
 * @region: the region
 *
 * Does nothing unless the parameter is set. Without memory for it, the region works
 * as if it were not set.
 *
 * Context: may sleep.
 */
void dma_coherent_debug_create(struct dma_coherent_region *region)
{
	unsigned long pages = region->pool.pages, words = BITS_TO_LONGS(pages);
	struct dma_coherent_debug *debug;

	if (!dma_coherent_debug)
		return;
	debug = kvzalloc(sizeof(*debug) + 2 * words * sizeof(long) +
			 pages * sizeof(*debug->last), GFP_KERNEL);
	if (!debug)
		return;
	debug->guard = (void *)(debug + 1);
	debug->filled = debug->guard + words;
	debug->last = (void *)(debug->filled + words);
	region->debug = debug;
}

/**
 * dma_coherent_debug_destroy() - free what dma_coherent_debug_create() made
 * @region: the region, which nothing refers to
 *
 * Context: may sleep.
 */
void dma_coherent_debug_destroy(struct dma_coherent_region *region)
{
	kvfree(region->debug);
}
