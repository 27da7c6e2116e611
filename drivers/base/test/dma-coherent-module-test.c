// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-device coherent memory from a module: what it can declare, allocate, mark
 * as occupied and give back while it is loaded, and that nothing is left when it
 * is unloaded, so that it can be loaded again. Loading it fails where something is
 * wrong.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-coherent.h>
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
	dma_addr_t handle, occupied = HANDLE + SIZE - PAGE_SIZE;
	void *vaddr;

	if (IS_ERR(dma_mark_declared_memory_occupied(dev, occupied, PAGE_SIZE)))
		return -EBUSY;
	vaddr = dma_alloc_coherent(dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	if (!vaddr)
		return -ENOMEM;
	dma_free_coherent(dev, 3 * PAGE_SIZE, vaddr, handle);
	if (handle < HANDLE || handle >= HANDLE + SIZE)
		return -ERANGE;
	return dma_unmark_declared_memory_occupied(dev, occupied, PAGE_SIZE);
}

static int test_probe(struct platform_device *pdev)
{
	phys_addr_t base = virt_to_phys(mem);
	int err;

	err = dma_declare_coherent_memory(&pdev->dev, base, HANDLE, SIZE);
	if (err)
		return err;
	err = use_memory(&pdev->dev);
	dma_release_coherent_memory(&pdev->dev);
	/* The driver's unbinding takes this one back. */
	return err ?: dmam_declare_coherent_memory(&pdev->dev, base, HANDLE, SIZE) ?:
		      use_memory(&pdev->dev);
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
	pr_info("declared, allocated, marked and given back\n");
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
