/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests for the faults of the tree's own kernel/dma/coherent.c share.
 */
#ifndef _DMA_COHERENT_FAULTS_H
#define _DMA_COHERENT_FAULTS_H

#include <linux/types.h>

struct device;
struct reserved_mem;
struct vm_area_struct;

/**
 * struct implementation - ours, or the tree's own
 * @declare: dma_declare_coherent_memory()
 * @release: dma_release_coherent_memory()
 * @alloc: dma_alloc_from_dev_coherent()
 * @free: dma_release_from_dev_coherent()
 * @mmap: dma_mmap_from_dev_coherent()
 * @probe: what a driver's probe calls for a region of the device tree
 * @mark_behind: mark what lies behind the records of a device's pool
 * @mark_is_there: nobody has written to it since
 * @forget: take all away from two devices, no matter what is out; mainline's alone
 */
struct implementation {
	int (*declare)(struct device *dev, phys_addr_t base, dma_addr_t handle,
		       size_t size);
	void (*release)(struct device *dev);
	int (*alloc)(struct device *dev, ssize_t size, dma_addr_t *handle,
		     void **ret);
	int (*free)(struct device *dev, int order, void *vaddr);
	int (*mmap)(struct device *dev, struct vm_area_struct *vma, void *vaddr,
		    size_t size, int *ret);
	int (*probe)(struct reserved_mem *rmem, struct device *dev);
	void (*mark_behind)(struct device *dev);
	bool (*mark_is_there)(struct device *dev);
	void (*forget)(struct device *dev, struct device *other);
};

/* NULL where the tree has no kernel/dma/coherent.c any more. */
const struct implementation *dma_coherent_faults_mainline(void);

/* Of the fixture, whose header and mainline's code have a structure of one name. */
void *fx_map_bank(phys_addr_t base, size_t size, const char **why);

#endif /* _DMA_COHERENT_FAULTS_H */
