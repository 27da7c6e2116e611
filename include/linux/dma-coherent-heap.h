/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coherent memory that belongs to a device, opened to user space by its driver.
 * See Documentation/core-api/dma-coherent-heap.rst.
 */
#ifndef _LINUX_DMA_COHERENT_HEAP_H
#define _LINUX_DMA_COHERENT_HEAP_H

#include <linux/errno.h>

struct device;

#ifdef CONFIG_DMA_COHERENT_HEAP

int dma_coherent_heap_open(struct device *dev, const char *region, const char *name);
void dma_coherent_heap_close(struct device *dev, const char *name);

#else

static inline int dma_coherent_heap_open(struct device *dev, const char *region,
					 const char *name)
{
	return -ENOSYS;
}

static inline void dma_coherent_heap_close(struct device *dev, const char *name)
{
}

#endif /* CONFIG_DMA_COHERENT_HEAP */

#endif /* _LINUX_DMA_COHERENT_HEAP_H */
