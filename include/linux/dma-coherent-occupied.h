/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Occupied ranges of coherent memory that belongs to a device.
 * See Documentation/core-api/dma-coherent-occupied.rst.
 */
#ifndef _LINUX_DMA_COHERENT_OCCUPIED_H
#define _LINUX_DMA_COHERENT_OCCUPIED_H

#include <linux/err.h>
#include <linux/types.h>

struct device;

#ifdef CONFIG_DMA_COHERENT_OCCUPIED

void *dma_mark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size);
int dma_unmark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size);

#else

static inline void *dma_mark_declared_memory_occupied(struct device *dev,
						      dma_addr_t device_addr,
						      size_t size)
{
	return ERR_PTR(-ENOSYS);
}

static inline int dma_unmark_declared_memory_occupied(struct device *dev,
						      dma_addr_t device_addr,
						      size_t size)
{
	return -ENOSYS;
}

#endif /* CONFIG_DMA_COHERENT_OCCUPIED */

#endif /* _LINUX_DMA_COHERENT_OCCUPIED_H */
