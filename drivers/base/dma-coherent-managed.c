// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: declared as long as a driver is bound
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <linux/device.h>
#include <linux/dma-coherent-managed.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/printk.h>

#include "dma-coherent.h"

struct managed_range {
	phys_addr_t base;
	size_t size;
};

static void managed_detach(struct device *dev, void *res)
{
	const struct managed_range *range = res;

	dma_coherent_detach(dev, DMA_COHERENT_DECLARED, range->base, range->size);
}

/**
 * dmam_declare_coherent_memory() - declare memory of a device, managed
 * @dev: the device
 * @phys_addr: physical address of the memory
 * @device_addr: DMA address of the memory
 * @size: size in bytes
 *
 * dma_declare_coherent_memory() for a driver: the memory is detached when the
 * driver is unbound, after all managed resources that were added later.
 *
 * Context: may sleep.
 * Return: as dma_declare_coherent_memory().
 */
int dmam_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				 dma_addr_t device_addr, size_t size)
{
	struct managed_range *range;
	int err;

	range = devres_alloc(managed_detach, sizeof(*range), GFP_KERNEL);
	if (!range) {
		pr_warn("%s: memory at %pa cannot be declared: %d\n",
			dma_coherent_name(dev), &phys_addr, -ENOMEM);
		return -ENOMEM;
	}
	*range = (struct managed_range) { phys_addr, size };
	err = dma_declare_coherent_memory(dev, phys_addr, device_addr, size);
	if (err)
		devres_free(range);
	else
		devres_add(dev, range);
	return err;
}
EXPORT_SYMBOL_GPL(dmam_declare_coherent_memory);
