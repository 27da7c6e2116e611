/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scatter lists of coherent memory that belongs to a device, for kernel/dma/.
 */
#ifndef _LINUX_DMA_COHERENT_SGTABLE_H
#define _LINUX_DMA_COHERENT_SGTABLE_H

#include <linux/types.h>

struct device;
struct sg_table;

#ifdef CONFIG_DMA_COHERENT_SGTABLE

int dma_get_sgtable_from_coherent(struct device *dev, struct sg_table *sgt,
				  void *vaddr, size_t size, int *ret);

#else

static inline int dma_get_sgtable_from_coherent(struct device *dev,
						struct sg_table *sgt, void *vaddr,
						size_t size, int *ret)
{
	return 0;
}

#endif /* CONFIG_DMA_COHERENT_SGTABLE */

#endif /* _LINUX_DMA_COHERENT_SGTABLE_H */
