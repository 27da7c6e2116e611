// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page pool for per-device coherent memory
 *
 * What is handed out: runs of pages, of exactly the length asked for, whose
 * first page is a multiple of the request's order, up to a limit that the pool
 * was made with. A pool knows page numbers and counts; it never touches the
 * memory that they stand for, which may be slow, secret or not readable.
 *
 * How the data lies: the pages of a pool fall into runs. An allocation is a
 * run; so are all the free pages between two allocations. Two bits a page say
 * which pages are used and which is the last one of its run:
 *
 *	page  0   1   2   3   4   5   6   7   8   9  10  11
 *	    | a   a   a | b | .   .   .   . | c   c | .   . |
 *	used  1   1   1   1   0   0   0   0   1   1   0   0
 *	last  0   0   1   1   0   0   0   1   0   1   0   1
 *
 * Above @last lie summaries, one bit a word, so that either end of any run is
 * found in a few steps, however long it is.
 *
 * A free run *fits* n pages when n of them can be cut from it at the alignment
 * that n asks for. A run that fits n also fits everything smaller, so one
 * number describes it completely. The pages that one word of a bitmap holds
 * are a chunk, and each free run is booked in the chunk that it begins in:
 *
 * - A short run, which fits no more than a chunk, goes to a bin: there is a set
 *   of chunks for each number of pages from 1 to BITS_PER_LONG, and a chunk is
 *   in the set that its best short run belongs to. The first set at or above
 *   the request that has a member gives the chunk to use: this is best fit,
 *   and costs one look at a word that says which sets have members, and one
 *   step down each level of the set's own summary.
 * - A long run begins at most once in a chunk. What it fits is a leaf of a tree
 *   of maxima with sixteen children a node. A search goes down to the child
 *   with the smallest value that will do.
 * - One run, the open run, is in neither. It is the pool's wilderness, to start
 *   with all of it: it serves what nothing else can, and since no hint speaks
 *   of it, cutting from its front and giving that back changes none.
 *
 * These hints are exact, not only never too low: a request is refused if and
 * only if no aligned run of its length is free below its limit.
 *
 * Cost: no operation reads more than 12 + 8 d + 68 b + 52 (t - 1) words, where
 * @last has d levels, the bins b and the tree t: 200 in a pool of 4096 pages, 456
 * in one of 4 Mi, whatever they hold; the most that tests have seen is 102 and
 * 206. Marking pages writes one word for each BITS_PER_LONG of them.
 *
 * Why so: a tree of maxima over all free runs, with nothing else, needs a third
 * less code, but goes down and up that tree for each small buffer, and took twice
 * as long in fragmented pools. Nodes with eight children are no faster, and cost
 * more the larger the pool. Going down to the first child that will do, rather
 * than the best, refused a third more of the bytes asked for.
 *
 * Units: pages everywhere; an order is a power of two of pages.
 *
 * Locking: the owner's. Each operation asserts the lock that the owner names
 * in @lock. Nothing is allocated after dma_coherent_pool_init().
 *
 * Not tracked: who holds an allocation, and what was asked for beyond its
 * length.
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

/* What the tests outside the kernel count; it stands around each read. */
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

/* Return: true when the bitmap has become empty. */
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

/* The first bit of a bitmap that has one. */
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
 * The lowest bit that any of several bitmaps has. Each of them must have one:
 * those that have none in the lowest word drop out on the way down.
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

/* First page behind the run of @page. The pool's last page always ends one. */
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

/* First page of the run of @page: behind the last page of the one before. */
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

/* What fits where */

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

/* The longest request that the free pages from @start to before @end fit. */
static unsigned long fit_run(const struct dma_coherent_pool *pool,
			     unsigned long start, unsigned long end)
{
	unsigned int order = align_order(pool, end - start);
	unsigned long behind;

	/* What asks for an order has more than half of that many pages. */
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
 * Cuts of 1 << n pages in the free pages of a chunk, for each n up to @order
 * as long as there are any.
 * Return: the largest n that has a cut; @free must not be 0.
 */
static unsigned int chunk_cuts(const struct dma_coherent_pool *pool,
			       unsigned long free, unsigned int order,
			       unsigned long *cuts)
{
	unsigned int n;

	cuts[0] = free;
	for (n = 0; n < order; n++) {
		cuts[n + 1] = cuts[n] & (cuts[n] >> BIT(n)) & pool->grid[n + 1];
		if (!cuts[n + 1])
			break;
	}
	return n;
}

/* The longest request that the free pages of a chunk fit, which are not all of it. */
static unsigned int fit_chunk(const struct dma_coherent_pool *pool,
			      unsigned long free)
{
	unsigned long cuts[CHUNK_ORDER], at, longer;
	unsigned int n, pages;

	if (!free)
		return 0;
	n = chunk_cuts(pool, free, CHUNK_ORDER - 1, cuts);
	pages = BIT(n);
	/* Of cuts that are aligned for more, how far does the best one go? */
	at = cuts[n] & pool->grid[n + 1];
	while (at && n--) {
		longer = at & (cuts[n] >> pages);
		if (longer) {
			at = longer;
			pages += BIT(n);
		}
	}
	return pages;
}

/* The bits of a chunk's @free pages where a request may begin. */
static unsigned long chunk_places(const struct dma_coherent_pool *pool,
				  unsigned long free, unsigned long pages)
{
	unsigned long cuts[CHUNK_ORDER], at;
	unsigned int n, len;

	if (!free || pages >= CHUNK)
		return 0;
	n = ilog2(pages);
	if (chunk_cuts(pool, free, n, cuts) < n)
		return 0;
	at = cuts[n] & pool->grid[order_base_2(pages)];
	for (len = BIT(n); n--;) {
		if (pages & BIT(n)) {
			at &= cuts[n] >> len;
			len += BIT(n);
		}
	}
	return at;
}

/* Without the run of set bits that begins at @bit. */
static unsigned long drop_run(unsigned long bits, unsigned int bit)
{
	return bits & (bits + BIT(bit));
}

/*
 * The free runs that are booked in a chunk.
 * @across: set to the page where the run begins that goes on into the next
 *	chunk, or NOWHERE
 * Return: the pages of the others.
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

/* The hints */

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

/* The maximum of a node's children, or @enough as soon as one has it. */
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

/* The chunk to cut from, down the smallest value that will do each time. */
static unsigned long tree_best(const struct dma_coherent_pool *pool, u32 pages)
{
	unsigned int n = pool->tree_depth - 1, k, best;
	unsigned long i = 0;
	u32 more, least;

	while (n--) {
		const u32 *child = pool->tree[n] + (i << TREE_SHIFT);

		/* What is too small wraps around to something very large. */
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

/* Where to cut in a chunk whose hints say that it can be done. */
static unsigned long place_in(const struct dma_coherent_pool *pool,
			      unsigned long chunk, unsigned long pages, bool lowest)
{
	unsigned long across, inside, at, snug;

	inside = chunk_runs(pool, chunk, &across);
	at = chunk_places(pool, inside, pages);
	if (!at)
		return align_page(pool, across, pages);
	/* One that leaves nothing behind it is better than the first. */
	snug = at & ~(inside >> pages);
	return chunk * CHUNK + __ffs(snug && !lowest ? snug : at);
}

static unsigned long find_best(const struct dma_coherent_pool *pool,
			       unsigned long pages)
{
	unsigned long bins = bins_for(pool, pages);

	if (bins)
		return place_in(pool, layers_first(&pool->bins, __ffs(bins)),
				pages, false);
	if (tree_top(pool) >= pages)
		return place_in(pool, tree_best(pool, pages), pages, false);
	return NOWHERE;
}

static unsigned long find_open(const struct dma_coherent_pool *pool,
			       unsigned long pages)
{
	unsigned long at = align_page(pool, pool->open_start, pages);

	return at + pages <= pool->open_end ? at : NOWHERE;
}

/* The lowest place in all runs but the open one. */
static unsigned long find_lowest(const struct dma_coherent_pool *pool,
				 unsigned long pages)
{
	unsigned long bins = bins_for(pool, pages);
	unsigned long chunk = NOWHERE;

	if (bins)
		chunk = layers_lowest(&pool->bins, bins);
	if (tree_top(pool) >= pages)
		chunk = min(chunk, tree_lowest(pool, pages));
	return chunk == NOWHERE ? NOWHERE : place_in(pool, chunk, pages, true);
}

/*
 * Under a limit, what counts is how low a run lies. Runs do not overlap, so the
 * one that begins lowest has the lowest place: if that is out of reach, all are,
 * and one look is enough.
 */
static unsigned long find(const struct dma_coherent_pool *pool,
			  unsigned long pages, unsigned long limit)
{
	unsigned long at;

	at = limit < pool->pages ? find_lowest(pool, pages) :
				   find_best(pool, pages);
	return at <= limit - pages ? at : find_open(pool, pages);
}

/* Take and give back */

/* Is there a free page right before, or at, this one? */
static bool free_before(const struct dma_coherent_pool *pool, unsigned long page)
{
	return page && !page_used(pool, page - 1);
}

static bool free_at(const struct dma_coherent_pool *pool, unsigned long page)
{
	return page < pool->pages && !page_used(pool, page);
}

static void take(struct dma_coherent_pool *pool, unsigned long page,
		 unsigned long pages)
{
	bool head = free_before(pool, page), tail = free_at(pool, page + pages);
	unsigned long start = head ? run_start(pool, page - 1) : page;
	unsigned long behind = page + pages;
	bool was_open = has_open(pool) && start == pool->open_start;

	bitmap_set(pool->used, page, pages);
	pool->used_pages += pages;
	if (head)
		layers_set(&pool->last, 0, page - 1);
	if (tail)
		layers_set(&pool->last, 0, behind - 1);

	if (was_open)
		pool->open_start = behind;
	if (!was_open || head)
		update_hints(pool, start);
	if (!was_open && tail && BIT_WORD(behind) != BIT_WORD(start))
		update_hints(pool, behind);
}

static void give_back(struct dma_coherent_pool *pool, unsigned long page,
		      unsigned long behind)
{
	bool head = free_before(pool, page), tail = free_at(pool, behind);
	unsigned long start = head ? run_start(pool, page - 1) : page;
	bool head_open = head && start == pool->open_start;
	bool tail_open = tail && behind == pool->open_start;
	bool is_open = head_open || tail_open || !has_open(pool);

	bitmap_clear(pool->used, page, behind - page);
	pool->used_pages -= behind - page;
	if (head)
		layers_clear(&pool->last, 0, page - 1);
	if (tail)
		layers_clear(&pool->last, 0, behind - 1);

	/* The open run grows, and where there is none this becomes it. */
	if (is_open) {
		pool->open_start = start;
		if (!tail_open)
			pool->open_end = tail ? run_end(pool, behind) : behind;
	}
	/* Only what was booked, or is now, changes any hint. */
	if (!is_open || (head && !head_open))
		update_hints(pool, start);
	if (tail && !tail_open && (is_open || BIT_WORD(behind) != BIT_WORD(start)))
		update_hints(pool, behind);
}

/* The interface */

static void assert_held(const struct dma_coherent_pool *pool)
{
	if (pool->lock)
		lockdep_assert_held(pool->lock);
}

/**
 * dma_coherent_pool_alloc() - take pages from a pool
 * @pool: the pool
 * @pages: how many
 * @limit: only pages below this one; ULONG_MAX, or anything from the pool's
 *	size up, for no limit
 *
 * The first page is a multiple of the order of @pages, or of the pool's
 * alignment limit where that is less.
 *
 * Context: any; the caller holds the pool's lock.
 * Return: the first page; -EINVAL where @pages is 0; -ENOMEM where no such run
 * is free.
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
	page = find(pool, pages, limit);
	if (page > limit - pages)
		return -ENOMEM;
	take(pool, page, pages);
	return page;
}

/**
 * dma_coherent_pool_take() - take certain pages from a pool
 * @pool: the pool
 * @page: the first one; it need not be aligned
 * @pages: how many
 *
 * Context: any; the caller holds the pool's lock.
 * Return: @page; -EINVAL where they are not all in the pool, or @pages is 0;
 * -EBUSY where one of them is in use. An error changes nothing.
 */
long dma_coherent_pool_take(struct dma_coherent_pool *pool, unsigned long page,
			    unsigned long pages)
{
	assert_held(pool);
	if (!pages || page >= pool->pages || pages > pool->pages - page)
		return -EINVAL;
	if (page_used(pool, page) || pages > run_end(pool, page) - page)
		return -EBUSY;
	take(pool, page, pages);
	return page;
}

/**
 * dma_coherent_pool_free() - give the pages of an allocation back
 * @pool: the pool
 * @page: the allocation's first page
 *
 * Context: any; the caller holds the pool's lock.
 * Return: how many pages were given back; -EINVAL, and nothing is changed,
 * where no allocation starts at @page.
 */
long dma_coherent_pool_free(struct dma_coherent_pool *pool, unsigned long page)
{
	unsigned long behind;

	assert_held(pool);
	if (page >= pool->pages || !page_used(pool, page) || !is_start(pool, page))
		return -EINVAL;
	behind = run_end(pool, page);
	give_back(pool, page, behind);
	return behind - page;
}

/**
 * dma_coherent_pool_run() - look at the run that holds a page
 * @pool: the pool
 * @page: any page of it
 * @run: filled in
 *
 * Context: any; the caller holds the pool's lock.
 * Return: false where the pool has no such page.
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
 * dma_coherent_pool_span() - length of the live allocation that holds a page
 * @pool: the pool
 * @page: any page
 * @first: set to the allocation's first page, unless it is NULL
 *
 * Context: any; the caller holds the pool's lock.
 * Return: the length in pages; -ENOENT where @page is free or not in the pool.
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
 * dma_coherent_pool_fit() - longest request that a free run can serve
 * @pool: the pool
 * @run: a free run, from dma_coherent_pool_run()
 *
 * Context: any.
 * Return: a number of pages, at most the run's own and more than a third of that.
 */
unsigned long dma_coherent_pool_fit(const struct dma_coherent_pool *pool,
				    const struct dma_coherent_run *run)
{
	return fit_run(pool, run->first, run->first + run->pages);
}

/**
 * dma_coherent_pool_largest() - longest request that can be served now
 * @pool: the pool
 *
 * Context: any; the caller holds the pool's lock.
 * Return: a number of pages, 0 in a full pool.
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

/* Making one */

/* Hand out the next @count elements of *@mem, and move it behind them. */
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
 * Lay the arrays of a pool out from address @mem on.
 * Return: the address behind them, which for 0 is the size needed.
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
 * dma_coherent_pool_metadata() - memory that a pool keeps its records in
 * @pool: the pool
 *
 * Return: bytes.
 */
size_t dma_coherent_pool_metadata(const struct dma_coherent_pool *pool)
{
	return (void *)(pool->bin + BITS_TO_LONGS(pool->pages)) - pool->mem;
}

/**
 * dma_coherent_pool_init() - make a pool of free pages
 * @pool: the pool
 * @pages: its size, 1 to 2^31 - 1
 * @max_align_order: no request is aligned to more than this page order. It
 *	should not promise more than the region's own base keeps.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a size that can't be; -ENOMEM.
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
		/* No request can ask for more than the pool's own order. */
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
		/* Dividing all ones sets one bit in each 1 << order. */
		pool->grid[n] = order < CHUNK_ORDER ?
				~0UL / GENMASK(BIT(order) - 1, 0) : 1;
	}
	/* What is behind the last page is nobody's. */
	bitmap_set(pool->used, pages, chunks * CHUNK - pages);
	layers_set(&pool->last, 0, pages - 1);
	return 0;
}

/**
 * dma_coherent_pool_exit() - free what dma_coherent_pool_init() made
 * @pool: the pool
 *
 * Context: may sleep.
 */
void dma_coherent_pool_exit(struct dma_coherent_pool *pool)
{
	kvfree(pool->mem);
	pool->mem = NULL;
}

#if IS_ENABLED(CONFIG_DMA_COHERENT_POOL_KUNIT_TEST)

/* For the tests: the same facts, each worked out again the long way. */

static unsigned long slow_fit(const struct dma_coherent_pool *pool,
			      unsigned long start, unsigned long end)
{
	unsigned long pages = end - start;

	while (align_page(pool, start, pages) + pages > end)
		pages--;
	return pages;
}

static const char *layers_fault(const struct dma_coherent_layers *layers,
				unsigned int map, unsigned long bits)
{
	unsigned long i, *below, *above;
	unsigned int n;

	for (n = 0; n + 1 < layers->depth; n++) {
		bits = BITS_TO_LONGS(bits);
		below = layers->level[n] + map * layers->words[n];
		above = layers->level[n + 1] + map * layers->words[n + 1];
		for (i = 0; i < bits; i++)
			if (test_bit(i, above) != !!below[i])
				return "a summary differs from what it sums up";
	}
	return NULL;
}

static const char *tree_fault(const struct dma_coherent_pool *pool)
{
	unsigned long nodes = BITS_TO_LONGS(pool->pages), i, j;
	unsigned int n;
	u32 max;

	for (n = 1; n < pool->tree_depth; n++) {
		nodes = DIV_ROUND_UP(nodes, TREE_FANOUT);
		for (i = 0; i < nodes; i++) {
			for (max = 0, j = 0; j < TREE_FANOUT; j++)
				max = max(max, pool->tree[n - 1][i * TREE_FANOUT + j]);
			if (pool->tree[n][i] != max)
				return "a node is not the maximum of its children";
		}
	}
	return NULL;
}

/* Compare one chunk's hints with what the runs that begin in it amount to. */
static const char *chunk_fault(const struct dma_coherent_pool *pool,
			       unsigned long chunk)
{
	unsigned long page = chunk * CHUNK, end, fit, best = 0, far = 0;
	unsigned int map;

	for (; page < min((chunk + 1) * CHUNK, pool->pages); page++) {
		if (test_bit(page, pool->used) || page == pool->open_start ||
		    (page && !test_bit(page - 1, pool->used)))
			continue;
		end = find_next_bit(pool->used, pool->pages, page);
		fit = slow_fit(pool, page, end);
		if (fit > CHUNK)
			far = max(far, fit);
		else
			best = max(best, fit);
	}
	if (pool->bin[chunk] != best || pool->tree[0][chunk] != far)
		return "a chunk's hints are not what its runs fit";
	for (map = 0; map < CHUNK; map++)
		if (test_bit(chunk, pool->bins.level[0] + map * pool->bins.words[0]) !=
		    (map + 1 == best))
			return "a chunk is in the wrong bin";
	return NULL;
}

static const char *pages_fault(const struct dma_coherent_pool *pool)
{
	unsigned long page, used = 0;
	bool is_used, is_last, differs;

	for (page = 0; page < pool->pages; page++) {
		is_used = test_bit(page, pool->used);
		is_last = test_bit(page, pool->last.level[0]);
		differs = page + 1 == pool->pages ||
			  is_used != test_bit(page + 1, pool->used);
		if (differs ? !is_last : is_last && !is_used)
			return "a run's last page is not marked, or another is";
		used += is_used;
	}
	return used == pool->used_pages ? NULL : "the count of used pages is off";
}

static const char *open_fault(const struct dma_coherent_pool *pool)
{
	if (!has_open(pool))
		return NULL;
	if (pool->open_end > pool->pages ||
	    (pool->open_start && !test_bit(pool->open_start - 1, pool->used)) ||
	    find_next_bit(pool->used, pool->pages, pool->open_start) !=
	    pool->open_end)
		return "the open run is not a free run";
	return NULL;
}

/**
 * dma_coherent_pool_fault() - check everything that a pool knows
 * @pool: the pool
 *
 * For tests; time grows with the pool.
 *
 * Return: NULL, or what is wrong.
 */
const char *dma_coherent_pool_fault(const struct dma_coherent_pool *pool)
{
	unsigned long chunk, chunks = BITS_TO_LONGS(pool->pages);
	const char *fault;
	unsigned int map;
	bool member;

	fault = pages_fault(pool) ?: open_fault(pool) ?: tree_fault(pool) ?:
		layers_fault(&pool->last, 0, pool->pages);
	for (chunk = 0; chunk < chunks && !fault; chunk++)
		fault = chunk_fault(pool, chunk);
	for (map = 0; map < CHUNK && !fault; map++) {
		fault = layers_fault(&pool->bins, map, chunks);
		member = !bitmap_empty(pool->bins.level[0] +
				       map * pool->bins.words[0], chunks);
		if (!fault && member != !!(pool->bins_present & BIT(map)))
			fault = "the bins that have members are not those noted";
	}
	return fault;
}

#endif
