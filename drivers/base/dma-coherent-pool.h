/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page pool of per-device coherent memory. It only knows page numbers and
 * counts. It can also be built outside the kernel, see tools/testing/dma-coherent/.
 */
#ifndef _DMA_COHERENT_POOL_H
#define _DMA_COHERENT_POOL_H

#include <linux/spinlock.h>
#include <linux/types.h>

#define DMA_COHERENT_POOL_MAX_DEPTH	8

/**
 * struct dma_coherent_layers - bitmaps with summaries
 * @depth: number of levels
 * @words: number of words of one bitmap on each level
 * @level: the levels. Level 0 is the bitmap; bit i of level n + 1 is set if word i
 *	of level n is not zero
 *
 * Several bitmaps of the same length can share this structure. On each level they
 * are stored one after the other.
 */
struct dma_coherent_layers {
	unsigned int depth;
	unsigned long words[DMA_COHERENT_POOL_MAX_DEPTH];
	unsigned long *level[DMA_COHERENT_POOL_MAX_DEPTH];
};

/**
 * struct dma_coherent_pool - which pages of a region are used
 * @pages: number of pages in the pool
 * @used_pages: number of pages in use
 * @max_align_order: largest page order that allocations are aligned to
 * @lock: the caller's lock, which each operation asserts; may be NULL
 * @open_start: first page of the open run
 * @open_end: first page after the open run; not above @open_start if there is no
 *	open run
 * @used: bitmap of the pages that are allocated
 * @last: bitmap of the pages that are the last page of an allocation or of a free
 *	run
 * @bins: bitmap n has the chunks whose best short run fits n + 1 pages
 * @bins_present: bit n is set if bitmap n of @bins is not empty
 * @bin: for each chunk the number of pages that its best short run fits; 0 if no
 *	short run begins in the chunk
 * @tree_depth: number of levels of @tree
 * @tree: level 0 has for each chunk the number of pages that its long run fits, 0 if
 *	no long run begins in it. Each entry of the levels above is the maximum of
 *	sixteen entries of the level below
 * @grid: grid[n] has the bits of a chunk where 1 << n pages may begin
 * @mem: the allocation that contains all of these arrays
 *
 * @pages, @used_pages and @max_align_order may be read by the caller, and @lock is set
 * by the caller once, after dma_coherent_pool_init(). The other members are private
 * to dma-coherent-pool.c.
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
 * struct dma_coherent_run - an allocation, or the free pages between two of them
 * @first: first page
 * @pages: number of pages
 * @used: true for an allocation
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
void dma_coherent_pool_free_run(struct dma_coherent_pool *pool,
				const struct dma_coherent_run *run);
unsigned long dma_coherent_pool_starts(const struct dma_coherent_pool *pool,
				       unsigned long page);
long dma_coherent_pool_span(const struct dma_coherent_pool *pool,
			    unsigned long page, unsigned long *first);
bool dma_coherent_pool_run(const struct dma_coherent_pool *pool,
			   unsigned long page, struct dma_coherent_run *run);
unsigned long dma_coherent_pool_fit(const struct dma_coherent_pool *pool,
				    const struct dma_coherent_run *run);
unsigned long dma_coherent_pool_largest(const struct dma_coherent_pool *pool);

#endif /* _DMA_COHERENT_POOL_H */
