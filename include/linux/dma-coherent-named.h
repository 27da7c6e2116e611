/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coherent memory that belongs to a device: the region that a driver means.
 * See Documentation/core-api/dma-coherent-named.rst.
 */
#ifndef _LINUX_DMA_COHERENT_NAMED_H
#define _LINUX_DMA_COHERENT_NAMED_H

#include <linux/err.h>
#include <linux/types.h>

struct device;

#ifdef CONFIG_DMA_COHERENT_NAMED

void *dma_alloc_coherent_by_name(struct device *dev, const char *name, size_t size,
				 dma_addr_t *handle, gfp_t gfp);
void *dma_alloc_coherent_by_index(struct device *dev, unsigned int index, size_t size,
				  dma_addr_t *handle, gfp_t gfp);

/* In kernel/dma/mapping.c */
void dma_account_coherent(struct device *dev, size_t size, void *cpu_addr,
			  dma_addr_t handle, gfp_t gfp);

#else

static inline void *dma_alloc_coherent_by_name(struct device *dev, const char *name,
					       size_t size, dma_addr_t *handle, gfp_t gfp)
{
	return ERR_PTR(-ENOSYS);
}

static inline void *dma_alloc_coherent_by_index(struct device *dev, unsigned int index,
						size_t size, dma_addr_t *handle, gfp_t gfp)
{
	return ERR_PTR(-ENOSYS);
}

#endif /* CONFIG_DMA_COHERENT_NAMED */

#endif /* _LINUX_DMA_COHERENT_NAMED_H */
