// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two other allocators of the tree, for the benchmark to compare with
 *
 * genalloc is lib/genalloc.c, called as its users call it: it takes no lock. It
 * has no algorithm that is both best fit and aligned, but its users can bring
 * one of their own: aligned_best_fit() below takes the free run that leaves the
 * least behind the first place with the alignment of the page pool.
 *
 * drm_mm is drivers/gpu/drm/drm_mm.c, included, since the rest of DRM is not in
 * this kernel. It has no lock of its own, so each operation takes the lock that
 * the page pool has here. Its nodes belong to the caller, and are made before
 * anything is timed.
 */

#include <linux/bitmap.h>
#include <linux/genalloc.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dma-coherent-bench.h"

/* drm_mm_print() is not called. */
#include <drm/drm_print.h>
#define drm_printf(printer, ...)	((void)(printer))

__diag_push();
__diag_ignore(GCC, 8, "-Wmissing-prototypes", "nobody calls them");
__diag_ignore(GCC, 8, "-Wunused-but-set-variable", "without its debugging");
#include "../../drivers/gpu/drm/drm_mm.c"
__diag_pop();

static unsigned int align_order(unsigned long pages, unsigned int most)
{
	return min_t(unsigned int, order_base_2(pages), most);
}

/* genalloc */

/* An address of 0 says that it is full. */
#define FAKE_BASE	SZ_4G

struct bench_genalloc {
	struct gen_pool *pool;
	unsigned int max_align_order;
};

static unsigned long aligned_best_fit(unsigned long *map, unsigned long size,
				      unsigned long start, unsigned int nr,
				      void *data, struct gen_pool *pool,
				      unsigned long start_addr)
{
	const struct bench_genalloc *genalloc = data;
	unsigned long align = BIT(align_order(nr, genalloc->max_align_order));
	unsigned long best = size, room = ULONG_MAX, from = start, to, at;

	for_each_clear_bitrange_from(from, to, map, size) {
		at = ALIGN(from, align);
		if (at + nr > to || to - at >= room)
			continue;
		best = at;
		room = to - at;
		if (room == nr)
			break;
	}
	return best;
}

struct bench_genalloc *bench_genalloc_create(unsigned long pages,
					     unsigned int max_align_order)
{
	struct bench_genalloc *genalloc = kzalloc_obj(*genalloc);

	if (!genalloc)
		return NULL;
	genalloc->max_align_order = max_align_order;
	genalloc->pool = gen_pool_create(PAGE_SHIFT, NUMA_NO_NODE);
	if (!genalloc->pool)
		goto free;
	if (gen_pool_add(genalloc->pool, FAKE_BASE, pages << PAGE_SHIFT,
			 NUMA_NO_NODE))
		goto destroy;
	gen_pool_set_algo(genalloc->pool, aligned_best_fit, genalloc);
	return genalloc;

destroy:
	gen_pool_destroy(genalloc->pool);
free:
	kfree(genalloc);
	return NULL;
}

/* A pool that is in use can't be destroyed. */
void bench_genalloc_destroy(struct bench_genalloc *genalloc)
{
	struct gen_pool_chunk *chunk = list_first_entry(&genalloc->pool->chunks,
							struct gen_pool_chunk,
							next_chunk);

	bitmap_zero(chunk->bits, PFN_DOWN(gen_pool_size(genalloc->pool)));
	gen_pool_destroy(genalloc->pool);
	kfree(genalloc);
}

/* Return: the address; 0 if it does not fit. */
unsigned long bench_genalloc_alloc(struct bench_genalloc *genalloc,
				   unsigned long pages)
{
	return gen_pool_alloc(genalloc->pool, pages << PAGE_SHIFT);
}

void bench_genalloc_free(struct bench_genalloc *genalloc, unsigned long addr,
			 unsigned long pages)
{
	gen_pool_free(genalloc->pool, addr, pages << PAGE_SHIFT);
}

bool bench_genalloc_take(struct bench_genalloc *genalloc, unsigned long page,
			 unsigned long pages)
{
	struct genpool_data_fixed data = { .offset = page << PAGE_SHIFT };

	return gen_pool_alloc_algo(genalloc->pool, pages << PAGE_SHIFT,
				   gen_pool_fixed_alloc, &data);
}

/* drm_mm; addresses are page numbers */

struct bench_drm {
	struct drm_mm mm;
	unsigned int max_align_order;
	struct drm_mm_node node[];
};

/* @slots: most allocations at once. */
struct bench_drm *bench_drm_create(unsigned long pages,
				   unsigned int max_align_order,
				   unsigned long slots)
{
	struct bench_drm *drm = kvzalloc(struct_size(drm, node, slots), GFP_KERNEL);

	if (!drm)
		return NULL;
	drm->max_align_order = max_align_order;
	drm_mm_init(&drm->mm, 0, pages);
	return drm;
}

/* All that it has is in its nodes. */
void bench_drm_destroy(struct bench_drm *drm)
{
	kvfree(drm);
}

bool bench_drm_alloc(struct bench_drm *drm, unsigned long slot,
		     unsigned long pages)
{
	unsigned int order = align_order(pages, drm->max_align_order);
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&bench_lock, flags);
	ret = drm_mm_insert_node_in_range(&drm->mm, &drm->node[slot], pages,
					  BIT(order), 0, 0, U64_MAX,
					  DRM_MM_INSERT_BEST);
	raw_spin_unlock_irqrestore(&bench_lock, flags);
	return !ret;
}

void bench_drm_free(struct bench_drm *drm, unsigned long slot)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&bench_lock, flags);
	drm_mm_remove_node(&drm->node[slot]);
	raw_spin_unlock_irqrestore(&bench_lock, flags);
}

bool bench_drm_take(struct bench_drm *drm, unsigned long slot,
		    unsigned long page, unsigned long pages)
{
	drm->node[slot].start = page;
	drm->node[slot].size = pages;
	return !drm_mm_reserve_node(&drm->mm, &drm->node[slot]);
}

size_t bench_drm_node_bytes(void)
{
	return sizeof(struct drm_mm_node);
}
