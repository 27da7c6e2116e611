// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: the region that a driver means
 *
 * dma_alloc_coherent() tries the regions of a device in turn. A driver whose device
 * has several banks may have to say which one a buffer must be in. Here, it names an
 * entry of memory-region in the device tree. The buffer comes from this region or
 * from nowhere; it is released and mapped like any other.
 *
 * Locking: takes no lock of its own.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <linux/device.h>
#include <linux/dma-coherent-named.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/printk.h>

#include "dma-coherent.h"

static struct reserved_mem *find_memory(struct device *dev, unsigned int index)
{
	struct device_node *node = of_parse_phandle(dev->of_node, "memory-region", index);
	struct reserved_mem *rmem = node ? of_reserved_mem_lookup(node) : NULL;

	of_node_put(node);
	return rmem;
}

static void *alloc_from(struct device *dev, const struct reserved_mem *rmem, size_t size,
			dma_addr_t *handle, gfp_t gfp)
{
	bool quiet = gfp & __GFP_NOWARN;
	void *vaddr;
	int err;

	err = dma_coherent_alloc_from(dev, rmem->base, rmem->size, size, handle, &vaddr, quiet);
	if (err == -ENODEV && !quiet)
		pr_warn_ratelimited("%s: region %s is not attached to the device: %d\n",
				    dma_coherent_name(dev), rmem->name, err);
	if (err)
		return ERR_PTR(err);
	dma_account_coherent(dev, size, vaddr, *handle, gfp);
	return vaddr;
}

/**
 * dma_alloc_coherent_by_index() - allocate from the region that a driver means
 * @dev: the device
 * @index: which entry of memory-region in the device tree the region is
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @handle: set to the DMA address of the buffer; to DMA_MAPPING_ERROR on failure
 * @gfp: __GFP_NOWARN suppresses the message on failure; everything else is ignored
 *
 * Like dma_alloc_coherent(), but only from this region, even if it is full and another
 * one is not. Release the buffer with dma_free_coherent().
 *
 * Context: as dma_alloc_coherent().
 * Return: address of the buffer in the kernel's mapping, all of it zeroed; or an
 * errno as an ERR_PTR(), with a message that names the device and the region: -ENOENT
 * if there is no such entry, or it is no reserved memory; -ENODEV if the region is not
 * attached to @dev; -ENOMEM if it cannot serve the request.
 */
void *dma_alloc_coherent_by_index(struct device *dev, unsigned int index, size_t size,
				  dma_addr_t *handle, gfp_t gfp)
{
	struct reserved_mem *rmem = find_memory(dev, index);

	*handle = DMA_MAPPING_ERROR;
	if (rmem)
		return alloc_from(dev, rmem, size, handle, gfp);
	if (!(gfp & __GFP_NOWARN))
		pr_warn_ratelimited("%s: entry %u of memory-region is no reserved memory: %d\n",
				    dma_coherent_name(dev), index, -ENOENT);
	return ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(dma_alloc_coherent_by_index);

/**
 * dma_alloc_coherent_by_name() - allocate from the region that a driver means
 * @dev: the device
 * @name: name of the region in memory-region-names in the device tree
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @handle: set to the DMA address of the buffer; to DMA_MAPPING_ERROR on failure
 * @gfp: as for dma_alloc_coherent_by_index()
 *
 * Context: as dma_alloc_coherent().
 * Return: as dma_alloc_coherent_by_index(); -ENOENT also if there is no such name.
 */
void *dma_alloc_coherent_by_name(struct device *dev, const char *name, size_t size,
				 dma_addr_t *handle, gfp_t gfp)
{
	int index = of_property_match_string(dev->of_node, "memory-region-names", name);

	if (index >= 0)
		return dma_alloc_coherent_by_index(dev, index, size, handle, gfp);
	*handle = DMA_MAPPING_ERROR;
	if (!(gfp & __GFP_NOWARN))
		pr_warn_ratelimited("%s: %s is not in memory-region-names: %d\n",
				    dma_coherent_name(dev), name, -ENOENT);
	return ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(dma_alloc_coherent_by_name);
