/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page pool behind per-device coherent memory: page numbers and counts,
 * nothing else. It also builds outside the kernel, see
 * tools/testing/dma-coherent/.
 */
#ifndef _DMA_COHERENT_POOL_H
#define _DMA_COHERENT_POOL_H

#include <linux/spinlock.h>
#include <linux/types.h>

#define DMA_COHERENT_POOL_MAX_DEPTH	8

/**
 * struct dma_coherent_layers - bitmaps that can be searched from the top
 * @depth: number of levels
 * @words: words that one bitmap takes on each level
 * @level: bit i of level n + 1 says that word i of level n is not zero
 *
 * Several bitmaps of one length can share it; they lie one behind the other
 * on each level.
 */
struct dma_coherent_layers {
	unsigned int depth;
	unsigned long words[DMA_COHERENT_POOL_MAX_DEPTH];
	unsigned long *level[DMA_COHERENT_POOL_MAX_DEPTH];
};

/**
 * struct dma_coherent_pool - pages of a region, which are used, which are free
 * @pages: size of the pool
 * @used_pages: how many of them are in use
 * @max_align_order: no request is aligned to more than this page order
 * @lock: the owner's lock, asserted by each operation; may be NULL
 * @open_start: first page of the open run
 * @open_end: first page behind the open run; not above @open_start when there
 *	is none
 * @used: one bit a page: belongs to an allocation
 * @last: one bit a page: is the last one of an allocation or of a free run
 * @bins: bitmap n has the chunks whose best short run fits n + 1 pages
 * @bins_present: bit n: bitmap n of @bins is not empty
 * @bin: for each chunk what its best short run fits, 0 where none begins there
 * @tree_depth: number of levels of @tree
 * @tree: level 0 has for each chunk what the long run that begins in it fits,
 *	each level above it the maximum of sixteen entries below
 * @grid: grid[n] has the bits where a chunk may be cut for 1 << n pages
 * @mem: the memory that all of these arrays are in
 *
 * All of it is private to dma-coherent-pool.c except @pages, @used_pages and
 * @max_align_order, which may be read, and @lock, which the owner sets once
 * after dma_coherent_pool_init().
 */
struct dma_coherent_pool {
	unsigned long pages;
	unsigned long used_pages;
	unsigned int max_align_order;
	raw_spinlock_t *lock;

	unsigned long open_start;
	unsigned long open_end;
	unsigned long *used;
	struct dma_coherent_layers last;
	struct dma_coherent_layers bins;
	unsigned long bins_present;
	u8 *bin;
	unsigned int tree_depth;
	u32 *tree[DMA_COHERENT_POOL_MAX_DEPTH];
	unsigned long grid[BITS_PER_LONG == 64 ? 7 : 6];
	void *mem;
};

/**
 * struct dma_coherent_run - pages next to each other that belong together
 * @first: page that it begins with
 * @pages: its length
 * @used: it is an allocation; otherwise all free pages between two of them
 */
struct dma_coherent_run {
	unsigned long first;
	unsigned long pages;
	bool used;
};

int dma_coherent_pool_init(struct dma_coherent_pool *pool, unsigned long pages,
			   unsigned int max_align_order);
void dma_coherent_pool_exit(struct dma_coherent_pool *pool);
long dma_coherent_pool_alloc(struct dma_coherent_pool *pool,
			     unsigned long pages, unsigned long limit);
long dma_coherent_pool_take(struct dma_coherent_pool *pool, unsigned long page,
			    unsigned long pages);
long dma_coherent_pool_free(struct dma_coherent_pool *pool, unsigned long page);
long dma_coherent_pool_span(const struct dma_coherent_pool *pool,
			    unsigned long page, unsigned long *first);
bool dma_coherent_pool_run(const struct dma_coherent_pool *pool,
			   unsigned long page, struct dma_coherent_run *run);
unsigned long dma_coherent_pool_fit(const struct dma_coherent_pool *pool,
				    const struct dma_coherent_run *run);
unsigned long dma_coherent_pool_largest(const struct dma_coherent_pool *pool);
size_t dma_coherent_pool_metadata(const struct dma_coherent_pool *pool);
const char *dma_coherent_pool_fault(const struct dma_coherent_pool *pool);

#endif /* _DMA_COHERENT_POOL_H */
