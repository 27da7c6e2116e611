// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: regions in the device tree
 *
 * A region is a node below /reserved-memory with compatible = "shared-dma-pool"
 * and without "reusable".
 *
 * The base and size of a region are read from struct reserved_mem when a device is
 * attached, as the array of these structures is copied during boot.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <linux/dma-map-ops.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/of_fdt.h>
#include <linux/of_reserved_mem.h>
#include <linux/printk.h>

#include "dma-coherent.h"

static int rmem_attach(struct reserved_mem *rmem, struct device *dev)
{
	const struct dma_coherent_spec spec = {
		.name = rmem->name,
		.base = rmem->base,
		.size = rmem->size,
		.source = DMA_COHERENT_FIRMWARE,
	};

	return dev ? dma_coherent_attach(dev, &spec) : -ENODEV;
}

static void rmem_detach(struct reserved_mem *rmem, struct device *dev)
{
	if (dev)
		dma_coherent_detach(dev, DMA_COHERENT_FIRMWARE, rmem->base, rmem->size);
}

#ifdef CONFIG_DMA_GLOBAL_POOL

static phys_addr_t default_base __initdata;
static phys_addr_t default_size __initdata;

static void __init set_default(struct reserved_mem *rmem)
{
	if (default_size)
		pr_err("region %s: a second linux,dma-default, it replaces the one at %pa\n",
		       rmem->name, &default_base);
	default_base = rmem->base;
	default_size = rmem->size;
}

static int __init init_default(void)
{
	return default_size ? dma_init_global_coherent(default_base, default_size) : 0;
}
core_initcall(init_default);

#else

static void __init set_default(struct reserved_mem *rmem)
{
}

#endif /* CONFIG_DMA_GLOBAL_POOL */

static bool __init has_prop(unsigned long node, const char *name)
{
	return of_get_flat_dt_prop(node, name, NULL);
}

/*
 * Reusable regions are left to the contiguous memory allocator. Without
 * CONFIG_DMA_CMA nothing uses them, and nothing else reports that.
 */
static int __init rmem_setup(unsigned long node, struct reserved_mem *rmem)
{
	if (has_prop(node, "reusable")) {
		if (!IS_ENABLED(CONFIG_DMA_CMA))
			pr_err("region %s: is reusable, which needs CONFIG_DMA_CMA\n",
			       rmem->name);
		return -ENODEV;
	}
	if (IS_ENABLED(CONFIG_ARM) && !has_prop(node, "no-map")) {
		pr_err("region %s: cannot be a pool without no-map on this architecture\n",
		       rmem->name);
		return -EINVAL;
	}
	if (has_prop(node, "linux,dma-default"))
		set_default(rmem);
	pr_info("region %s: %pa bytes at %pa\n", rmem->name, &rmem->size,
		&rmem->base);
	return 0;
}

static const struct reserved_mem_ops rmem_ops = {
	.node_init = rmem_setup,
	.device_init = rmem_attach,
	.device_release = rmem_detach,
};

RESERVEDMEM_OF_DECLARE(dma, "shared-dma-pool", &rmem_ops);
