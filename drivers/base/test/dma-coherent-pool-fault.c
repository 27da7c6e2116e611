// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests of per-device coherent memory: check everything that a page pool knows
 *
 * Works out the same facts the long way, from the bitmaps alone. Builds on the
 * host, too.
 */

#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>

#include "dma-coherent-pool-fault.h"

#define FANOUT		16	/* children of a node of the tree */

/**
 * dma_coherent_pool_metadata() - size of the metadata of a pool
 * @pool: the pool
 *
 * Return: bytes.
 */
size_t dma_coherent_pool_metadata(const struct dma_coherent_pool *pool)
{
	return (void *)(pool->bin + BITS_TO_LONGS(pool->pages)) - pool->mem;
}

static unsigned long slow_fit(const struct dma_coherent_pool *pool,
			      unsigned long start, unsigned long end)
{
	unsigned long pages = end - start;

	while (ALIGN(start, BIT(min_t(unsigned int, order_base_2(pages),
				      pool->max_align_order))) + pages > end)
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
		nodes = DIV_ROUND_UP(nodes, FANOUT);
		for (i = 0; i < nodes; i++) {
			for (max = 0, j = 0; j < FANOUT; j++)
				max = max(max, pool->tree[n - 1][i * FANOUT + j]);
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
	unsigned long page = chunk * BITS_PER_LONG, end, fit, best_short = 0, best_long = 0;
	unsigned int map;

	for (; page < min((chunk + 1) * BITS_PER_LONG, pool->pages); page++) {
		if (test_bit(page, pool->used) || page == pool->open_start ||
		    (page && !test_bit(page - 1, pool->used)))
			continue;
		end = find_next_bit(pool->used, pool->pages, page);
		fit = slow_fit(pool, page, end);
		if (fit > BITS_PER_LONG)
			best_long = max(best_long, fit);
		else
			best_short = max(best_short, fit);
	}
	if (pool->bin[chunk] != best_short || pool->tree[0][chunk] != best_long)
		return "a chunk's hints are not what its runs fit";
	for (map = 0; map < BITS_PER_LONG; map++)
		if (test_bit(chunk, pool->bins.level[0] + map * pool->bins.words[0]) !=
		    (map + 1 == best_short))
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
	if (pool->open_start >= pool->open_end)
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
	for (map = 0; map < BITS_PER_LONG && !fault; map++) {
		fault = layers_fault(&pool->bins, map, chunks);
		member = !bitmap_empty(pool->bins.level[0] +
				       map * pool->bins.words[0], chunks);
		if (!fault && member != !!(pool->bins_present & BIT(map)))
			fault = "the bins that have members are not those noted";
	}
	return fault;
}
