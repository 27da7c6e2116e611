/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coherent memory that belongs to a device: the hooks that an architecture
 * calls from its dma_alloc_coherent() and friends, and what platform code
 * declares such memory with. See Documentation/core-api/dma-coherent.rst.
 */
#ifndef _LINUX_DMA_COHERENT_H
#define _LINUX_DMA_COHERENT_H

#include <linux/bits.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/types.h>

struct device;
struct sg_table;
struct vm_area_struct;

/*
 * When the memory declared for a device is exhausted, go on to the generic
 * allocator. Without it such a request fails.
 */
#define DMA_COHERENT_FALLBACK	BIT(0)

#ifdef CONFIG_DMA_DECLARE_COHERENT

/* Hooks */

int dma_alloc_from_coherent(struct device *dev, ssize_t size,
			    dma_addr_t *dma_handle, void **ret);
int dma_alloc_from_coherent_attrs(struct device *dev, ssize_t size,
				  dma_addr_t *dma_handle, void **ret, gfp_t gfp,
				  unsigned long attrs);
int dma_release_from_coherent(struct device *dev, int order, void *vaddr);
int dma_mmap_from_coherent(struct device *dev, struct vm_area_struct *vma,
			   void *vaddr, size_t size, int *ret);

/* Scatter lists */

int dma_get_sgtable_from_coherent(struct device *dev, struct sg_table *sgt,
				  void *vaddr, size_t size, int *ret);

/* Addresses */

bool dma_coherent_to_phys(struct device *dev, const void *vaddr, phys_addr_t *phys);

/* Occupied ranges */

void *dma_mark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size);
int dma_unmark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size);

/* Declaring memory */

int dma_declare_coherent_memory_flags(struct device *dev, phys_addr_t phys_addr,
				      dma_addr_t device_addr, size_t size,
				      unsigned int flags);

/* Managed */

int dmam_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				 dma_addr_t device_addr, size_t size);

#else

/* Hooks */

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

/* Scatter lists */

static inline int dma_get_sgtable_from_coherent(struct device *dev,
						struct sg_table *sgt, void *vaddr,
						size_t size, int *ret)
{
	return 0;
}

/* Addresses */

static inline bool dma_coherent_to_phys(struct device *dev, const void *vaddr,
					phys_addr_t *phys)
{
	return false;
}

/* Occupied ranges */

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

/* Declaring memory */

static inline int dma_declare_coherent_memory_flags(struct device *dev,
						    phys_addr_t phys_addr,
						    dma_addr_t device_addr,
						    size_t size,
						    unsigned int flags)
{
	return -ENOSYS;
}

/* Managed */

static inline int dmam_declare_coherent_memory(struct device *dev,
					       phys_addr_t phys_addr,
					       dma_addr_t device_addr, size_t size)
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

#endif /* _LINUX_DMA_COHERENT_H */
