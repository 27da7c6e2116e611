/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coherent memory that belongs to a device, declared as long as a driver is bound.
 * See Documentation/core-api/dma-coherent-managed.rst.
 */
#ifndef _LINUX_DMA_COHERENT_MANAGED_H
#define _LINUX_DMA_COHERENT_MANAGED_H

#include <linux/errno.h>
#include <linux/types.h>

struct device;

#ifdef CONFIG_DMA_COHERENT_MANAGED

int dmam_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				 dma_addr_t device_addr, size_t size);

#else

static inline int dmam_declare_coherent_memory(struct device *dev,
					       phys_addr_t phys_addr,
					       dma_addr_t device_addr, size_t size)
{
	return -ENOSYS;
}

#endif /* CONFIG_DMA_COHERENT_MANAGED */

#endif /* _LINUX_DMA_COHERENT_MANAGED_H */
