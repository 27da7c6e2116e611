/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the page pool's benchmark share.
 */
#ifndef _DMA_COHERENT_BENCH_H
#define _DMA_COHERENT_BENCH_H

#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "../../drivers/base/dma-coherent-pool.h"

struct device;

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
	BENCH_GENALLOC,
	BENCH_DRM,
	BENCH_COLUMNS,
};

#define BENCH_MIB(pages)	((unsigned long)((pages) >> (20 - PAGE_SHIFT)))
#define BENCH_PAGES(bytes)	((unsigned long)((bytes) >> PAGE_SHIFT))

/* The order that a pool is made with unless a row says otherwise. */
#define BENCH_ALIGN_ORDER	8
/* 64 KiB */
#define BENCH_SMALL_ALIGN_ORDER	(16 - PAGE_SHIFT)

/* A row's values where only some columns have one. */
#define BENCH_NO_VALUES	{ [0 ... BENCH_COLUMNS - 1] = BENCH_NONE }

/* Each operation of the page pool and of drm_mm takes it. */
extern raw_spinlock_t bench_lock;

void bench_print(const char *benchmark, const char *name,
		 const u64 value[BENCH_COLUMNS], const char *unit);
bool bench_wanted(const char *name);
void bench_bytes_name(char *buf, size_t size, u64 bytes);
u32 bench_below(struct rnd_state *rnd, u32 ceil);
void bench_seed(struct rnd_state *rnd, u64 seed);
void bench_shuffle(u32 *list, unsigned long count);

struct dma_coherent_pool *bench_pool_create(unsigned long pages,
					    unsigned int max_align_order);
void bench_pool_destroy(struct dma_coherent_pool *pool);

void bench_churn(unsigned int seeds);

/* Called by the sources that are compiled with dma-coherent-bench-irqs-off.h. */
void bench_irqs_off(void);
void bench_irqs_on(void);

/*
 * The first steps of a trace, through the hooks: the handle of each buffer;
 * DMA_MAPPING_ERROR if it failed, 0 for a release.
 */
#define BENCH_MIXES		4
#define BENCH_PLACES		2000

const char *bench_mix_name(unsigned int mix);
int bench_find_places(struct device *dev, unsigned int mix, u32 pool_bytes,
		      void (*settle)(struct device *dev),
		      dma_addr_t place[BENCH_PLACES]);

int bench_hooks(unsigned int passes, bool irqs_off);

/* UML's clock has steps of 256 ns. The processor's has steps of a nanosecond or less. */
static inline u64 bench_ticks(void)
{
	u32 low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
}

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

/*
 * The peers, in dma-coherent-bench-peers.c. The caller of drm_mm brings a slot
 * for each allocation.
 */
struct bench_genalloc;
struct bench_drm;

struct bench_genalloc *bench_genalloc_create(unsigned long pages,
					     unsigned int max_align_order);
void bench_genalloc_destroy(struct bench_genalloc *genalloc);
unsigned long bench_genalloc_alloc(struct bench_genalloc *genalloc,
				   unsigned long pages);
void bench_genalloc_free(struct bench_genalloc *genalloc, unsigned long addr,
			 unsigned long pages);
bool bench_genalloc_take(struct bench_genalloc *genalloc, unsigned long page,
			 unsigned long pages);

struct bench_drm *bench_drm_create(unsigned long pages,
				   unsigned int max_align_order,
				   unsigned long slots);
void bench_drm_destroy(struct bench_drm *drm);
bool bench_drm_alloc(struct bench_drm *drm, unsigned long slot,
		     unsigned long pages);
void bench_drm_free(struct bench_drm *drm, unsigned long slot);
bool bench_drm_take(struct bench_drm *drm, unsigned long slot,
		    unsigned long page, unsigned long pages);
size_t bench_drm_node_bytes(void);

#endif /* _DMA_COHERENT_BENCH_H */
