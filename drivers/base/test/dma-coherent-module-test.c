// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-device coherent memory from a module: what it can declare, allocate and give
 * back while it is loaded, and that nothing is left when it is unloaded, so that it
 * can be loaded again. Loading it fails where something is wrong.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/array_size.h>
#include <linux/dma-coherent.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>

#define SIZE	SZ_64K
#define HANDLE	((dma_addr_t)0x40000000)

static void *mem;

static int use_memory(struct device *dev)
{
	dma_addr_t handle;
	void *vaddr;

	vaddr = dma_alloc_coherent(dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	if (!vaddr)
		return -ENOMEM;
	dma_free_coherent(dev, 3 * PAGE_SIZE, vaddr, handle);
	return handle < HANDLE || handle >= HANDLE + SIZE ? -ERANGE : 0;
}

static int use_declared(struct device *dev)
{
	int err;

	err = dma_declare_coherent_memory(dev, virt_to_phys(mem), HANDLE, SIZE);
	if (err)
		return err;
	err = use_memory(dev);
	dma_release_coherent_memory(dev);
	return err;
}

/* Occupied ranges */

static int use_occupied(struct device *dev)
{
	const dma_addr_t last = HANDLE + SIZE - PAGE_SIZE;
	int err;

	err = dma_declare_coherent_memory(dev, virt_to_phys(mem), HANDLE, SIZE);
	if (err)
		return err;
	err = PTR_ERR_OR_ZERO(dma_mark_declared_memory_occupied(dev, last, PAGE_SIZE)) ?:
	      dma_unmark_declared_memory_occupied(dev, last, PAGE_SIZE);
	dma_release_coherent_memory(dev);
	return err;
}

/* Managed */

/* The driver's unbinding takes this one back. */
static int use_managed(struct device *dev)
{
	return dmam_declare_coherent_memory(dev, virt_to_phys(mem), HANDLE, SIZE) ?:
	       use_memory(dev);
}

/* The driver and its device */

static int (*const uses[])(struct device *dev) = {
	use_declared,
	use_occupied,
	use_managed,
};

static int test_probe(struct platform_device *pdev)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(uses) && !err; i++)
		err = uses[i](&pdev->dev);
	return err;
}

static struct platform_driver test_driver = {
	.driver.name = KBUILD_MODNAME,
	.probe = test_probe,
};

static struct platform_device *test_device;

static void test_down(void)
{
	platform_device_unregister(test_device);
	platform_driver_unregister(&test_driver);
	free_pages_exact(mem, SIZE);
}

static int __init test_init(void)
{
	int err;

	mem = alloc_pages_exact(SIZE, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	err = platform_driver_register(&test_driver);
	if (err)
		goto free_mem;
	test_device = platform_device_register_simple(KBUILD_MODNAME, PLATFORM_DEVID_NONE, NULL, 0);
	err = PTR_ERR_OR_ZERO(test_device);
	if (err)
		goto unregister;
	if (!device_is_bound(&test_device->dev)) {
		test_down();
		return -ENXIO;
	}
	pr_info("declared, allocated and given back\n");
	return 0;

unregister:
	platform_driver_unregister(&test_driver);
free_mem:
	free_pages_exact(mem, SIZE);
	return err;
}
module_init(test_init);

static void __exit test_exit(void)
{
	test_down();
	pr_info("unloaded\n");
}
module_exit(test_exit);

MODULE_DESCRIPTION("Test of per-device coherent memory from a module");
MODULE_LICENSE("GPL");
