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

/* All that it includes comes first, since the names below are changed. */
#include <linux/bitmap.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>
#include <linux/slab.h>

#include "dma-coherent-bench.h"

#undef dma_declare_coherent_memory
#undef dma_release_coherent_memory
#undef dma_alloc_from_dev_coherent
#undef dma_release_from_dev_coherent
#undef dma_mmap_from_dev_coherent
#undef dma_alloc_from_global_coherent
#undef dma_release_from_global_coherent
#undef dma_mmap_from_global_coherent
#undef dma_init_global_coherent
#undef memremap
#undef memunmap
#undef memset
#undef core_initcall
#undef RESERVEDMEM_OF_DECLARE

#define dma_declare_coherent_memory	 bench_declare_coherent_memory
#define dma_release_coherent_memory	 bench_release_coherent_memory
#define dma_alloc_from_dev_coherent	 bench_alloc_from_dev_coherent
#define dma_release_from_dev_coherent	 bench_release_from_dev_coherent
#define dma_mmap_from_dev_coherent	 bench_mmap_from_dev_coherent
#define dma_alloc_from_global_coherent	 bench_alloc_from_global_coherent
#define dma_release_from_global_coherent bench_release_from_global_coherent
#define dma_mmap_from_global_coherent	 bench_mmap_from_global_coherent
#define dma_init_global_coherent	 bench_init_global_coherent

/* The device's own field may be gone or of another type; never used here. */
#define dma_mem				 platform_data

#define memremap			 bench_memremap
#define memunmap			 bench_memunmap
#define memset				 bench_memset
#define core_initcall(fn)		 \
	static const void *bench_initcall __maybe_unused = fn
#define RESERVEDMEM_OF_DECLARE(name, values...) \
	static const void *bench_of_##name[] __maybe_unused = { values }

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
#include "../../../kernel/dma/coherent.c"
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
