// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree's own kernel/dma/coherent.c, for the benchmark to compare with
 *
 * It is included, not copied, with its public names changed, so that it can be
 * in one kernel with what takes its place. It is left as it is except that
 *
 * - nothing of it is called at boot or known to the device tree;
 * - the memory of a pool is not mapped and not zeroed: search and zeroing are
 *   to be timed apart, and a pool of 16 GiB needs no memory behind it;
 * - its pools are not attached to devices, so that looking up a device's pool
 *   is in neither side's time.
 */

#define MAINLINE_PREFIX		bench_
#include "../check/mainline/dma-coherent-mainline.h"

#include "dma-coherent-bench.h"

#undef memremap
#undef memunmap
#undef memset

#define memremap			bench_memremap
#define memunmap			bench_memunmap
#define memset				bench_memset

static inline void *bench_memremap(phys_addr_t base, size_t size,
				   unsigned long flags)
{
	return (void *)(unsigned long)base;
}

static inline void bench_memunmap(void *addr)
{
}

static inline void bench_memset(void *addr, int c, size_t size)
{
}

__diag_push();
__diag_ignore(GCC, 8, "-Wmissing-prototypes", "nobody calls them");
#include "../../kernel/dma/coherent.c"
__diag_pop();

/* Any address will do for memory that is never touched. */
#define FAKE_BASE	SZ_4G

struct dma_coherent_mem *bench_mainline_create(unsigned long pages,
					       void *memory)
{
	phys_addr_t base = memory ? (unsigned long)memory : FAKE_BASE;
	struct dma_coherent_mem *mem;

	mem = dma_init_coherent_memory(base, base, pages << PAGE_SHIFT, false);
	return IS_ERR(mem) ? NULL : mem;
}

void bench_mainline_destroy(struct dma_coherent_mem *mem)
{
	_dma_release_coherent_memory(mem);
}

unsigned long *bench_mainline_bitmap(struct dma_coherent_mem *mem)
{
	return mem->bitmap;
}

void *bench_mainline_alloc(struct dma_coherent_mem *mem, size_t bytes)
{
	dma_addr_t handle;

	return __dma_alloc_from_coherent(NULL, mem, bytes, &handle);
}

void bench_mainline_free(struct dma_coherent_mem *mem, size_t bytes, void *addr)
{
	__dma_release_from_coherent(mem, get_order(bytes), addr);
}
