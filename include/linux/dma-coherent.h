/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coherent memory that belongs to a device: the hooks that an architecture
 * calls from its dma_alloc_coherent() and friends, and what drivers and platform
 * code can do with such memory. dma_declare_coherent_memory() and the global pool
 * are in <linux/dma-map-ops.h>. See Documentation/core-api/dma-coherent.rst.
 */
#ifndef _LINUX_DMA_COHERENT_H
#define _LINUX_DMA_COHERENT_H

#include <linux/bits.h>
#include <linux/dma-coherent-managed.h>
#include <linux/errno.h>
#include <linux/types.h>

struct device;
struct vm_area_struct;

/*
 * When the memory declared for a device is exhausted, use the generic allocator.
 * Without this flag the allocation fails.
 */
#define DMA_COHERENT_FALLBACK	BIT(0)

#ifdef CONFIG_DMA_DECLARE_COHERENT

int dma_alloc_from_coherent(struct device *dev, ssize_t size,
			    dma_addr_t *dma_handle, void **ret);
int dma_alloc_from_coherent_attrs(struct device *dev, ssize_t size,
				  dma_addr_t *dma_handle, void **ret, gfp_t gfp,
				  unsigned long attrs);
int dma_release_from_coherent(struct device *dev, int order, void *vaddr);
int dma_mmap_from_coherent(struct device *dev, struct vm_area_struct *vma,
			   void *vaddr, size_t size, int *ret);
bool dma_coherent_to_phys(struct device *dev, const void *vaddr, phys_addr_t *phys);
int dma_declare_coherent_memory_flags(struct device *dev, phys_addr_t phys_addr,
				      dma_addr_t device_addr, size_t size,
				      unsigned int flags);

#else

static inline int dma_alloc_from_coherent(struct device *dev, ssize_t size,
					  dma_addr_t *dma_handle, void **ret)
{
	return 0;
}

static inline int dma_alloc_from_coherent_attrs(struct device *dev, ssize_t size,
						dma_addr_t *dma_handle, void **ret,
						gfp_t gfp, unsigned long attrs)
{
	return 0;
}

static inline int dma_release_from_coherent(struct device *dev, int order,
					    void *vaddr)
{
	return 0;
}

static inline int dma_mmap_from_coherent(struct device *dev,
					 struct vm_area_struct *vma,
					 void *vaddr, size_t size, int *ret)
{
	return 0;
}

static inline bool dma_coherent_to_phys(struct device *dev, const void *vaddr,
					phys_addr_t *phys)
{
	return false;
}

static inline int dma_declare_coherent_memory_flags(struct device *dev,
						    phys_addr_t phys_addr,
						    dma_addr_t device_addr,
						    size_t size,
						    unsigned int flags)
{
	return -ENOSYS;
}

#endif /* CONFIG_DMA_DECLARE_COHERENT */

#ifdef CONFIG_DMA_GLOBAL_POOL

void *dma_alloc_from_global_coherent_attrs(struct device *dev, ssize_t size,
					   dma_addr_t *dma_handle, gfp_t gfp,
					   unsigned long attrs);

#else

static inline void *dma_alloc_from_global_coherent_attrs(struct device *dev,
							 ssize_t size,
							 dma_addr_t *dma_handle,
							 gfp_t gfp,
							 unsigned long attrs)
{
	return NULL;
}

#endif /* CONFIG_DMA_GLOBAL_POOL */

#include <linux/dma-coherent-occupied.h>

#endif /* _LINUX_DMA_COHERENT_H */
