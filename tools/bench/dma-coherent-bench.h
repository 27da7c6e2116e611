/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the page pool's benchmark share.
 */
#ifndef _DMA_COHERENT_BENCH_H
#define _DMA_COHERENT_BENCH_H

#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "../../drivers/base/dma-coherent-pool.h"

/*
 * One value of a result row, in thousandths of the row's unit: picoseconds
 * where that is "ns".
 */
#define BENCH_NONE		U64_MAX

enum bench_column {
	BENCH_OURS,
	BENCH_MAINLINE,
	BENCH_BEST,		/* mainline in an empty pool, same request */
	BENCH_FLOOR,		/* lock, bitmap_set(), unlock */
	BENCH_COLUMNS,
};

#define BENCH_MIB(pages)	((unsigned long)((pages) >> (20 - PAGE_SHIFT)))
#define BENCH_PAGES(bytes)	((unsigned long)((bytes) >> PAGE_SHIFT))

/* The order that a pool is made with unless a row says otherwise. */
#define BENCH_ALIGN_ORDER	8
/* 64 KiB */
#define BENCH_SMALL_ALIGN_ORDER	(16 - PAGE_SHIFT)

void bench_print(const char *benchmark, const char *name,
		 const u64 value[BENCH_COLUMNS], const char *unit);
u32 bench_below(struct rnd_state *rnd, u32 ceil);
void bench_seed(struct rnd_state *rnd, u64 seed);

struct dma_coherent_pool *bench_pool_create(unsigned long pages,
					    unsigned int max_align_order);
void bench_pool_destroy(struct dma_coherent_pool *pool);

void bench_churn(unsigned int seeds);

/*
 * The tree's own allocator; dma-coherent-bench-mainline.c includes it. Without
 * memory, the addresses that it hands out must not be touched. It hands out
 * NULL where it refuses.
 */
struct dma_coherent_mem;

struct dma_coherent_mem *bench_mainline_create(unsigned long pages,
					       void *memory);
void bench_mainline_destroy(struct dma_coherent_mem *mem);
unsigned long *bench_mainline_bitmap(struct dma_coherent_mem *mem);
void *bench_mainline_alloc(struct dma_coherent_mem *mem, size_t bytes);
void bench_mainline_free(struct dma_coherent_mem *mem, size_t bytes, void *addr);

#endif /* _DMA_COHERENT_BENCH_H */
