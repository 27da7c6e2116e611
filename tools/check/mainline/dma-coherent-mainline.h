/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has to come before the tree's own kernel/dma/coherent.c where a test
 * includes it, so that it can be in one kernel with what takes its place: its
 * public names get the prefix MAINLINE_PREFIX, nothing of it is called at boot,
 * and the device tree does not know it.
 */
#ifndef _DMA_COHERENT_MAINLINE_H
#define _DMA_COHERENT_MAINLINE_H

/* All that it includes comes first, since the names below are changed. */
#include <linux/args.h>
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

#undef dma_declare_coherent_memory
#undef dma_release_coherent_memory
#undef dma_alloc_from_dev_coherent
#undef dma_release_from_dev_coherent
#undef dma_mmap_from_dev_coherent
#undef dma_alloc_from_global_coherent
#undef dma_release_from_global_coherent
#undef dma_mmap_from_global_coherent
#undef dma_init_global_coherent
#undef core_initcall
#undef RESERVEDMEM_OF_DECLARE

#define MAINLINE(name)			 CONCATENATE(MAINLINE_PREFIX, name)

#define dma_declare_coherent_memory	 MAINLINE(declare_coherent_memory)
#define dma_release_coherent_memory	 MAINLINE(release_coherent_memory)
#define dma_alloc_from_dev_coherent	 MAINLINE(alloc_from_dev_coherent)
#define dma_release_from_dev_coherent	 MAINLINE(release_from_dev_coherent)
#define dma_mmap_from_dev_coherent	 MAINLINE(mmap_from_dev_coherent)
#define dma_alloc_from_global_coherent	 MAINLINE(alloc_from_global_coherent)
#define dma_release_from_global_coherent MAINLINE(release_from_global_coherent)
#define dma_mmap_from_global_coherent	 MAINLINE(mmap_from_global_coherent)
#define dma_init_global_coherent	 MAINLINE(init_global_coherent)

/* The device's own field may be gone or of another type; this one is unused. */
#define dma_mem				 platform_data

#define core_initcall(fn)		 \
	static const void *mainline_initcall __maybe_unused = fn
#define RESERVEDMEM_OF_DECLARE(name, values...) \
	static const void *mainline_of_##name[] __maybe_unused = { values }

#endif /* _DMA_COHERENT_MAINLINE_H */
