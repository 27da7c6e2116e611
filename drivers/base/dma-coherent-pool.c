// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page pool for per-device coherent memory
 *
 * An allocation is a run of pages of exactly the requested length. Its first page is
 * a multiple of the length, rounded up to a power of two, up to the alignment limit
 * of the pool. A pool only knows page numbers and counts. It never accesses the
 * memory of the pages, which may be slow, secret or not readable.
 *
 * Data structures: the pages of a pool are divided into runs. A run is an allocation,
 * or all free pages between two allocations. Two bits per page say whether the page
 * is used, and whether it is the last one of its run:
 *
 *	page  0   1   2   3   4   5   6   7   8   9  10  11
 *	    | a   a   a | b | .   .   .   . | c   c | .   . |
 *	used  1   1   1   1   0   0   0   0   1   1   0   0
 *	last  0   0   1   1   0   0   0   1   0   1   0   1
 *
 * @last has summaries, with one bit per word, so that both ends of a run are found
 * in a few steps, however long the run is.
 *
 * A free run *fits* n pages if n pages can be allocated from it at the alignment that
 * n requires. A run that fits n pages also fits fewer pages, so one number is enough
 * to describe it. The pages of one bitmap word are a chunk. A free run is recorded
 * in the chunk that it begins in:
 *
 * - Short runs, which fit at most one chunk, are in bins. There is a set of chunks
 *   for each number of pages from 1 to BITS_PER_LONG. Each chunk is in the set of
 *   its best short run. A search takes a chunk from the first set that is not empty
 *   and large enough: this is best fit. It reads one word that says which sets have
 *   members, and one word for each level of the set's summary.
 * - Long runs are in a tree of maxima with sixteen children per node. At most one
 *   long run begins in a chunk; the number of pages that it fits is a leaf. A search
 *   descends to the child with the smallest value that is large enough.
 * - One run, the open run, is in neither. At first it is the whole pool. It serves
 *   requests that nothing else can serve. Pages are taken from its front, and no hint
 *   describes it, so taking and freeing them updates no hints.
 *
 * The hints are exact: an allocation fails if and only if no aligned run of the
 * requested length is free below the limit.
 *
 * Cost: an operation reads at most 12 + 8 d + 68 b + 52 (t - 1) words, where d, b and t
 * are the levels of @last, of the bins and of the tree. This is 200 words in a pool of
 * 4096 pages and 456 in a pool of 4 Mi pages, however full it is; tests have seen up
 * to 102 and 206. Marking pages writes one word per BITS_PER_LONG pages.
 *
 * Alternatives: with only a tree of maxima over all free runs, the code is a third
 * smaller, but each small allocation walks the tree down and up, and took twice as
 * long in fragmented pools. Nodes with eight children are not faster, and cost more
 * the larger the pool is. A descent to the first child that is large enough, instead
 * of the smallest one, failed to allocate a third more bytes.
 *
 * Units: pages; an order is a power of two of pages.
 *
 * Locking: by the caller. Each operation asserts the lock that the caller stored in
 * @lock. Nothing is allocated after dma_coherent_pool_init().
 *
 * Not tracked: the owner of an allocation, and anything about it but its length.
 */

#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dma-coherent-pool.h"

/* Tests outside the kernel redefine this to count how many words are read. */
#ifndef POOL_READ
#define POOL_READ(word)		(word)
#endif

#define CHUNK			BITS_PER_LONG
#define CHUNK_ORDER		ilog2(BITS_PER_LONG)
#define TREE_SHIFT		4
#define TREE_FANOUT		BIT(TREE_SHIFT)
#define NOWHERE			ULONG_MAX

/* Twice a page number must fit an unsigned long, and a run's length a u32. */
#define POOL_MAX_PAGES		(U32_MAX / 2)

/* Layered bitmaps */

static void layers_set(const struct dma_coherent_layers *layers,
		       unsigned int map, unsigned long bit)
{
	unsigned int n;

	for (n = 0; n < layers->depth; n++) {
		unsigned long *word = layers->level[n] +
				      map * layers->words[n] + BIT_WORD(bit);
		unsigned long old = POOL_READ(*word);

		*word = old | BIT_MASK(bit);
		if (old)
			return;
		bit = BIT_WORD(bit);
	}
}

/* Return: true if the bitmap is empty now. */
static bool layers_clear(const struct dma_coherent_layers *layers,
			 unsigned int map, unsigned long bit)
{
	unsigned int n;

	for (n = 0; n < layers->depth; n++) {
		unsigned long *word = layers->level[n] +
				      map * layers->words[n] + BIT_WORD(bit);
		unsigned long left = POOL_READ(*word) & ~BIT_MASK(bit);

		*word = left;
		if (left)
			return false;
		bit = BIT_WORD(bit);
	}
	return true;
}

/* Return: the first bit that is set. The bitmap must not be empty. */
static unsigned long layers_first(const struct dma_coherent_layers *layers,
				  unsigned int map)
{
	unsigned int n = layers->depth;
	unsigned long bit = 0;

	while (n--)
		bit = bit * CHUNK +
		      __ffs(POOL_READ(layers->level[n][map * layers->words[n] + bit]));
	return bit;
}

/*
 * Find the lowest bit that is set in any of the bitmaps @maps, none of which may be
 * empty. On each level, only the bitmaps with the lowest word remain.
 */
static unsigned long layers_lowest(const struct dma_coherent_layers *layers,
				   unsigned long maps)
{
	unsigned int n = layers->depth, map;
	unsigned long bit = 0;

	while (n--) {
		unsigned long with_lowest = 0, rest, word;
		unsigned int lowest = CHUNK;

		for (rest = maps; rest; rest &= rest - 1) {
			map = __ffs(rest);
			word = POOL_READ(layers->level[n][map * layers->words[n] + bit]);
			if (__ffs(word) < lowest) {
				lowest = __ffs(word);
				with_lowest = 0;
			}
			if (__ffs(word) == lowest)
				with_lowest |= BIT(map);
		}
		maps = with_lowest;
		bit = bit * CHUNK + lowest;
	}
	return bit;
}

/* Runs */

static bool page_used(const struct dma_coherent_pool *pool, unsigned long page)
{
	return POOL_READ(pool->used[BIT_WORD(page)]) & BIT_MASK(page);
}

static bool page_last(const struct dma_coherent_pool *pool, unsigned long page)
{
	return POOL_READ(pool->last.level[0][BIT_WORD(page)]) & BIT_MASK(page);
}

/* Return: the page after the run of @page. The last page of the pool ends a run. */
static unsigned long run_end(const struct dma_coherent_pool *pool,
			     unsigned long page)
{
	const struct dma_coherent_layers *last = &pool->last;
	unsigned long bit = page, word;
	unsigned int n = 0;

	while (!(word = POOL_READ(last->level[n][BIT_WORD(bit)]) >> (bit % CHUNK))) {
		bit = BIT_WORD(bit) + 1;
		n++;
	}
	bit += __ffs(word);
	while (n--)
		bit = bit * CHUNK + __ffs(POOL_READ(last->level[n][bit]));
	return bit + 1;
}

/* Return: the first page of the run of @page: the one after the previous run. */
static unsigned long run_start(const struct dma_coherent_pool *pool,
			       unsigned long page)
{
	const struct dma_coherent_layers *last = &pool->last;
	unsigned long bit = page - 1, word;
	unsigned int n = 0;

	if (!page)
		return 0;
	while (!(word = POOL_READ(last->level[n][BIT_WORD(bit)]) <<
			(CHUNK - 1 - bit % CHUNK))) {
		if (!BIT_WORD(bit))
			return 0;
		bit = BIT_WORD(bit) - 1;
		n++;
	}
	bit -= CHUNK - 1 - __fls(word);
	while (n--)
		bit = bit * CHUNK + __fls(POOL_READ(last->level[n][bit]));
	return bit + 1;
}

static bool has_open(const struct dma_coherent_pool *pool)
{
	return pool->open_start < pool->open_end;
}

static bool is_start(const struct dma_coherent_pool *pool, unsigned long page)
{
	return !page || page_last(pool, page - 1);
}

/* How many pages a run fits */

static unsigned int align_order(const struct dma_coherent_pool *pool,
				unsigned long pages)
{
	return min_t(unsigned int, order_base_2(pages), pool->max_align_order);
}

static unsigned long align_page(const struct dma_coherent_pool *pool,
				unsigned long page, unsigned long pages)
{
	return ALIGN(page, BIT(align_order(pool, pages)));
}

/* Return: the largest request that the free pages from @start to @end - 1 fit. */
static unsigned long fit_run(const struct dma_coherent_pool *pool,
			     unsigned long start, unsigned long end)
{
	unsigned int order = align_order(pool, end - start);
	unsigned long behind;

	/* A request with this order has more than half of 1 << order pages. */
	for (; order; order--) {
		behind = ALIGN(start, BIT(order)) + BIT(order) / 2;
		if (behind < end)
			break;
	}
	start = ALIGN(start, BIT(order));
	if (order < pool->max_align_order)
		return min(end - start, BIT(order));
	return end - start;
}

/*
 * Find the places in the free pages of a chunk where 1 << n aligned pages can be
 * allocated: @cuts[n], for each n up to @order while there are any. @free must not
 * be 0.
 * Return: the largest n with such a place.
 */
static unsigned int chunk_aligned(const struct dma_coherent_pool *pool,
				  unsigned long free, unsigned int order,
				  unsigned long *aligned)
{
	unsigned int n;

	aligned[0] = free;
	for (n = 0; n < order; n++) {
		aligned[n + 1] = aligned[n] & (aligned[n] >> BIT(n)) & pool->grid[n + 1];
		if (!aligned[n + 1])
			break;
	}
	return n;
}

/* Return: the largest request that @free fits, which is less than a whole chunk. */
static unsigned int fit_chunk(const struct dma_coherent_pool *pool,
			      unsigned long free)
{
	unsigned long aligned[CHUNK_ORDER], at, longer;
	unsigned int n, pages;

	if (!free)
		return 0;
	n = chunk_aligned(pool, free, CHUNK_ORDER - 1, aligned);
	pages = BIT(n);
	/* A longer request needs the next alignment. Find the longest run there. */
	at = aligned[n] & pool->grid[n + 1];
	while (at && n--) {
		longer = at & (aligned[n] >> pages);
		if (longer) {
			at = longer;
			pages += BIT(n);
		}
	}
	return pages;
}

/* Return: the bits of a chunk where @pages of the @free pages can be allocated. */
static unsigned long chunk_starts(const struct dma_coherent_pool *pool,
				  unsigned long free, unsigned long pages)
{
	unsigned long aligned[CHUNK_ORDER], at;
	unsigned int n, len;

	if (!free || pages >= CHUNK)
		return 0;
	n = ilog2(pages);
	if (chunk_aligned(pool, free, n, aligned) < n)
		return 0;
	at = aligned[n] & pool->grid[order_base_2(pages)];
	for (len = BIT(n); n--;) {
		if (pages & BIT(n)) {
			at &= aligned[n] >> len;
			len += BIT(n);
		}
	}
	return at;
}

/* Clear the run of set bits that begins at @bit. */
static unsigned long drop_run(unsigned long bits, unsigned int bit)
{
	return bits & (bits + BIT(bit));
}

/*
 * Find the free runs that are recorded in a chunk.
 * @across: set to the first page of the run that continues in the next chunk, or to
 *	NOWHERE
 * Return: the pages of the other runs.
 */
static unsigned long chunk_runs(const struct dma_coherent_pool *pool,
				unsigned long chunk, unsigned long *across)
{
	unsigned long free = ~POOL_READ(pool->used[chunk]);
	unsigned int start;

	*across = NOWHERE;
	if (chunk && !(POOL_READ(pool->used[chunk - 1]) >> (CHUNK - 1)))
		free = drop_run(free, 0);
	if (has_open(pool) && BIT_WORD(pool->open_start) == chunk)
		free = drop_run(free, pool->open_start % CHUNK);
	if (!(free >> (CHUNK - 1)))
		return free;
	start = fls_long(~free);
	*across = chunk * CHUNK + start;
	return free & (BIT(start) - 1);
}

/* Hints */

static void chunk_hints(const struct dma_coherent_pool *pool,
			unsigned long chunk, u8 *best_short, u32 *best_long)
{
	unsigned long across, inside, fit;

	inside = chunk_runs(pool, chunk, &across);
	*best_short = fit_chunk(pool, inside);
	*best_long = 0;
	if (across == NOWHERE)
		return;
	fit = fit_run(pool, across, run_end(pool, across));
	if (fit > CHUNK)
		*best_long = fit;
	else
		*best_short = max_t(unsigned long, *best_short, fit);
}

static void bin_set(struct dma_coherent_pool *pool, unsigned long chunk, u8 fit)
{
	u8 old = POOL_READ(pool->bin[chunk]);

	if (fit == old)
		return;
	pool->bin[chunk] = fit;
	if (old && layers_clear(&pool->bins, old - 1, chunk))
		pool->bins_present &= ~BIT(old - 1);
	if (fit) {
		layers_set(&pool->bins, fit - 1, chunk);
		pool->bins_present |= BIT(fit - 1);
	}
}

/* Return: the maximum of the children of a node, which is at most @enough. */
static u32 tree_max(const u32 *child, u32 enough)
{
	unsigned int i;
	u32 value, max = 0;

	for (i = 0; i < TREE_FANOUT; i++) {
		value = POOL_READ(child[i]);
		if (value == enough)
			return enough;
		max = max(max, value);
	}
	return max;
}

static void tree_set(struct dma_coherent_pool *pool, unsigned long chunk, u32 fit)
{
	unsigned long i = chunk;
	unsigned int n;
	u32 old, parent;

	for (n = 0; ; n++) {
		old = POOL_READ(pool->tree[n][i]);
		if (fit == old)
			return;
		pool->tree[n][i] = fit;
		if (n == pool->tree_depth - 1)
			return;
		i >>= TREE_SHIFT;
		parent = POOL_READ(pool->tree[n + 1][i]);
		if (fit >= parent)
			continue;
		if (old < parent)
			return;
		fit = tree_max(pool->tree[n] + (i << TREE_SHIFT), parent);
	}
}

static u32 tree_top(const struct dma_coherent_pool *pool)
{
	return POOL_READ(pool->tree[pool->tree_depth - 1][0]);
}

/* Return: the best chunk, by descending to the smallest child that is large enough. */
static unsigned long tree_best(const struct dma_coherent_pool *pool, u32 pages)
{
	unsigned int n = pool->tree_depth - 1, k, best;
	unsigned long i = 0;
	u32 more, least;

	while (n--) {
		const u32 *child = pool->tree[n] + (i << TREE_SHIFT);

		/* The difference wraps around if the child is too small. */
		for (k = 0, best = 0, least = U32_MAX; least && k < TREE_FANOUT; k++) {
			more = POOL_READ(child[k]) - pages;
			if (more < least) {
				least = more;
				best = k;
			}
		}
		i = (i << TREE_SHIFT) + best;
	}
	return i;
}

static unsigned long tree_lowest(const struct dma_coherent_pool *pool, u32 pages)
{
	unsigned int n = pool->tree_depth - 1;
	unsigned long i = 0;

	while (n--)
		for (i <<= TREE_SHIFT; POOL_READ(pool->tree[n][i]) < pages;)
			i++;
	return i;
}

static void update_hints(struct dma_coherent_pool *pool, unsigned long page)
{
	unsigned long chunk = BIT_WORD(page);
	u8 best_short;
	u32 best_long;

	chunk_hints(pool, chunk, &best_short, &best_long);
	bin_set(pool, chunk, best_short);
	tree_set(pool, chunk, best_long);
}

/* Search */

static unsigned long bins_for(const struct dma_coherent_pool *pool,
			      unsigned long pages)
{
	return pages > CHUNK ? 0 : pool->bins_present & (~0UL << (pages - 1));
}

/* Return: the page to allocate at, in a chunk that fits the request. */
static unsigned long pick_start(const struct dma_coherent_pool *pool,
				unsigned long chunk, unsigned long pages, bool lowest)
{
	unsigned long across, inside, at, tight;

	inside = chunk_runs(pool, chunk, &across);
	at = chunk_starts(pool, inside, pages);
	if (!at)
		return align_page(pool, across, pages);
	/* Prefer a place at the end of a free run to the first place. */
	tight = at & ~(inside >> pages);
	return chunk * CHUNK + __ffs(tight && !lowest ? tight : at);
}

static unsigned long find_best(const struct dma_coherent_pool *pool,
			       unsigned long pages)
{
	unsigned long bins = bins_for(pool, pages);

	if (bins)
		return pick_start(pool, layers_first(&pool->bins, __ffs(bins)),
				  pages, false);
	if (tree_top(pool) >= pages)
		return pick_start(pool, tree_best(pool, pages), pages, false);
	return NOWHERE;
}

static unsigned long find_open(const struct dma_coherent_pool *pool,
			       unsigned long pages)
{
	unsigned long at = align_page(pool, pool->open_start, pages);

	return at + pages <= pool->open_end ? at : NOWHERE;
}

/* Return: the lowest place in all runs except the open run. */
static unsigned long find_lowest(const struct dma_coherent_pool *pool,
				 unsigned long pages)
{
	unsigned long bins = bins_for(pool, pages);
	unsigned long chunk = NOWHERE;

	if (bins)
		chunk = layers_lowest(&pool->bins, bins);
	if (tree_top(pool) >= pages)
		chunk = min(chunk, tree_lowest(pool, pages));
	return chunk == NOWHERE ? NOWHERE : pick_start(pool, chunk, pages, true);
}

/*
 * Below a limit, take the lowest place rather than the best. Runs do not overlap, so
 * the first run that fits has the lowest place. If that one is above the limit, all
 * others are, too.
 */
static unsigned long pool_find(const struct dma_coherent_pool *pool,
			       unsigned long pages, unsigned long limit)
{
	unsigned long at;

	at = limit < pool->pages ? find_lowest(pool, pages) :
				   find_best(pool, pages);
	return at <= limit - pages ? at : find_open(pool, pages);
}

/* Allocate and free */

/* Return: true if the previous page exists and is free. */
static bool free_before(const struct dma_coherent_pool *pool, unsigned long page)
{
	return page && !page_used(pool, page - 1);
}

/* Return: true if this page exists and is free. */
static bool free_at(const struct dma_coherent_pool *pool, unsigned long page)
{
	return page < pool->pages && !page_used(pool, page);
}

static void pool_take(struct dma_coherent_pool *pool, unsigned long page,
		      unsigned long pages)
{
	bool head = free_before(pool, page), tail = free_at(pool, page + pages);
	unsigned long start = head ? run_start(pool, page - 1) : page;
	unsigned long end = page + pages;
	bool was_open = has_open(pool) && start == pool->open_start;

	bitmap_set(pool->used, page, pages);
	pool->used_pages += pages;
	if (head)
		layers_set(&pool->last, 0, page - 1);
	if (tail)
		layers_set(&pool->last, 0, end - 1);

	if (was_open)
		pool->open_start = end;
	if (!was_open || head)
		update_hints(pool, start);
	if (!was_open && tail && BIT_WORD(end) != BIT_WORD(start))
		update_hints(pool, end);
}

static void pool_give_back(struct dma_coherent_pool *pool, unsigned long page,
			   unsigned long end)
{
	bool head = free_before(pool, page), tail = free_at(pool, end);
	unsigned long start = head ? run_start(pool, page - 1) : page;
	bool head_open = head && start == pool->open_start;
	bool tail_open = tail && end == pool->open_start;
	bool is_open = head_open || tail_open || !has_open(pool);

	bitmap_clear(pool->used, page, end - page);
	pool->used_pages -= end - page;
	if (head)
		layers_clear(&pool->last, 0, page - 1);
	if (tail)
		layers_clear(&pool->last, 0, end - 1);

	/* The open run grows. If there was none, this run becomes the open run. */
	if (is_open) {
		pool->open_start = start;
		if (!tail_open)
			pool->open_end = tail ? run_end(pool, end) : end;
	}
	/* Update the hints of chunks that a run was recorded in, or is now. */
	if (!is_open || (head && !head_open))
		update_hints(pool, start);
	if (tail && !tail_open && (is_open || BIT_WORD(end) != BIT_WORD(start)))
		update_hints(pool, end);
}

/* Interface */

static void assert_held(const struct dma_coherent_pool *pool)
{
	if (pool->lock)
		lockdep_assert_held(pool->lock);
}

/**
 * dma_coherent_pool_alloc() - allocate pages
 * @pool: the pool
 * @pages: number of pages
 * @limit: only use pages below this one; no limit if it is at least the size of the
 *	pool
 *
 * The first page is a multiple of @pages, rounded up to a power of two, or of the
 * alignment limit of the pool if that is smaller.
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: the first page; -EINVAL if @pages is 0; -ENOMEM if no such run is free.
 */
long dma_coherent_pool_alloc(struct dma_coherent_pool *pool,
			     unsigned long pages, unsigned long limit)
{
	unsigned long page;

	assert_held(pool);
	if (!pages)
		return -EINVAL;
	if (pages > limit)
		return -ENOMEM;
	page = pool_find(pool, pages, limit);
	if (page > limit - pages)
		return -ENOMEM;
	pool_take(pool, page, pages);
	return page;
}

/**
 * dma_coherent_pool_take() - allocate given pages
 * @pool: the pool
 * @page: the first page, which need not be aligned
 * @pages: number of pages
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: @page; -EINVAL if @pages is 0 or the pages are not all in the pool; -EBUSY
 * if one of them is in use. Nothing changes on error.
 */
long dma_coherent_pool_take(struct dma_coherent_pool *pool, unsigned long page,
			    unsigned long pages)
{
	assert_held(pool);
	if (!pages || page >= pool->pages || pages > pool->pages - page)
		return -EINVAL;
	if (page_used(pool, page) || pages > run_end(pool, page) - page)
		return -EBUSY;
	pool_take(pool, page, pages);
	return page;
}

/**
 * dma_coherent_pool_free() - free an allocation by its first page
 * @pool: the pool
 * @page: first page of the allocation
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: the number of pages that were freed; -EINVAL if no allocation starts at
 * @page. Nothing changes on error.
 */
long dma_coherent_pool_free(struct dma_coherent_pool *pool, unsigned long page)
{
	unsigned long end;

	assert_held(pool);
	if (page >= pool->pages || !page_used(pool, page) || !is_start(pool, page))
		return -EINVAL;
	end = run_end(pool, page);
	pool_give_back(pool, page, end);
	return end - page;
}

/**
 * dma_coherent_pool_free_run() - free an allocation by its run
 * @pool: the pool
 * @run: the whole allocation, from dma_coherent_pool_run()
 *
 * Context: any; the caller holds the lock of the pool.
 */
void dma_coherent_pool_free_run(struct dma_coherent_pool *pool,
				const struct dma_coherent_run *run)
{
	assert_held(pool);
	pool_give_back(pool, run->first, run->first + run->pages);
}

/**
 * dma_coherent_pool_run() - look up the run that a page is in
 * @pool: the pool
 * @page: the page
 * @run: set to the run
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: true on success; false if @page is outside the pool.
 */
bool dma_coherent_pool_run(const struct dma_coherent_pool *pool,
			   unsigned long page, struct dma_coherent_run *run)
{
	assert_held(pool);
	if (page >= pool->pages)
		return false;
	run->first = run_start(pool, page);
	run->pages = run_end(pool, page) - run->first;
	run->used = page_used(pool, page);
	return true;
}

/**
 * dma_coherent_pool_starts() - length of the allocation that starts at a page
 * @pool: the pool
 * @page: the page
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: the length in pages; 0 if no allocation starts at @page.
 */
unsigned long dma_coherent_pool_starts(const struct dma_coherent_pool *pool,
				       unsigned long page)
{
	assert_held(pool);
	if (page >= pool->pages || !page_used(pool, page) || !is_start(pool, page))
		return 0;
	return run_end(pool, page) - page;
}

/**
 * dma_coherent_pool_span() - length of the allocation that a page is in
 * @pool: the pool
 * @page: the page
 * @first: set to the first page of the allocation; may be NULL
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: the length in pages; -ENOENT if @page is free or outside the pool.
 */
long dma_coherent_pool_span(const struct dma_coherent_pool *pool,
			    unsigned long page, unsigned long *first)
{
	struct dma_coherent_run run;

	if (!dma_coherent_pool_run(pool, page, &run) || !run.used)
		return -ENOENT;
	if (first)
		*first = run.first;
	return run.pages;
}

/**
 * dma_coherent_pool_fit() - largest request that a free run can serve
 * @pool: the pool
 * @run: a free run, from dma_coherent_pool_run()
 *
 * Context: any.
 * Return: the number of pages, which is at most the length of the run, and more than
 * a third of it.
 */
unsigned long dma_coherent_pool_fit(const struct dma_coherent_pool *pool,
				    const struct dma_coherent_run *run)
{
	return fit_run(pool, run->first, run->first + run->pages);
}

/**
 * dma_coherent_pool_largest() - largest request that the pool can serve
 * @pool: the pool
 *
 * Context: any; the caller holds the lock of the pool.
 * Return: the number of pages; 0 if the pool is full.
 */
unsigned long dma_coherent_pool_largest(const struct dma_coherent_pool *pool)
{
	unsigned long largest;

	assert_held(pool);
	largest = max_t(unsigned long, tree_top(pool), fls_long(pool->bins_present));
	if (has_open(pool))
		largest = max(largest, fit_run(pool, pool->open_start,
					       pool->open_end));
	return largest;
}

/* Create and destroy */

/* Point @ptr to *@mem, and advance *@mem by @count elements. */
#define carve(mem, ptr, count)						\
	do {								\
		(ptr) = (void *)*(mem);					\
		*(mem) += (count) * sizeof(*(ptr));			\
	} while (0)

static void layers_lay_out(struct dma_coherent_layers *layers, uintptr_t *mem,
			   unsigned int maps, unsigned long bits)
{
	unsigned int n = 0;

	do {
		bits = BITS_TO_LONGS(bits);
		layers->words[n] = bits;
		carve(mem, layers->level[n], maps * bits);
		n++;
	} while (bits > 1);
	layers->depth = n;
}

/*
 * Place the arrays of a pool at address @mem.
 * Return: the address after them; this is the size needed if @mem is 0.
 */
static uintptr_t lay_out(struct dma_coherent_pool *pool, uintptr_t mem)
{
	unsigned long chunks = BITS_TO_LONGS(pool->pages), nodes = chunks;
	unsigned int n = 0;

	carve(&mem, pool->used, chunks);
	layers_lay_out(&pool->last, &mem, 1, pool->pages);
	layers_lay_out(&pool->bins, &mem, CHUNK, chunks);
	do {
		nodes = n ? DIV_ROUND_UP(nodes, TREE_FANOUT) : nodes;
		carve(&mem, pool->tree[n], ALIGN(nodes, TREE_FANOUT));
		n++;
	} while (nodes > 1);
	pool->tree_depth = n;
	carve(&mem, pool->bin, chunks);
	return mem;
}

/**
 * dma_coherent_pool_init() - create a pool of free pages
 * @pool: the pool
 * @pages: number of pages, 1 to 2^31 - 1
 * @max_align_order: largest page order that allocations are aligned to. It should not
 *	exceed the alignment of the base of the region.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL if @pages is out of range; -ENOMEM.
 */
int dma_coherent_pool_init(struct dma_coherent_pool *pool, unsigned long pages,
			   unsigned int max_align_order)
{
	unsigned long chunks = BITS_TO_LONGS(pages);
	unsigned int n, order;

	if (!pages || pages > POOL_MAX_PAGES)
		return -EINVAL;
	*pool = (struct dma_coherent_pool) {
		.pages = pages,
		/* No request has a larger order than the pool. */
		.max_align_order = min_t(unsigned int, max_align_order,
					 order_base_2(pages)),
		.open_end = pages,
	};
	pool->mem = kvzalloc(lay_out(pool, 0), GFP_KERNEL);
	if (!pool->mem)
		return -ENOMEM;
	lay_out(pool, (uintptr_t)pool->mem);

	for (n = 0; n <= CHUNK_ORDER; n++) {
		order = min(n, pool->max_align_order);
		/* The quotient has one bit set in every 1 << order bits. */
		pool->grid[n] = order < CHUNK_ORDER ?
				~0UL / GENMASK(BIT(order) - 1, 0) : 1;
	}
	/* The bits after the last page are never free. */
	bitmap_set(pool->used, pages, chunks * CHUNK - pages);
	layers_set(&pool->last, 0, pages - 1);
	return 0;
}

/**
 * dma_coherent_pool_exit() - destroy a pool
 * @pool: the pool
 *
 * Context: may sleep.
 */
void dma_coherent_pool_exit(struct dma_coherent_pool *pool)
{
	kvfree(pool->mem);
	pool->mem = NULL;
}
