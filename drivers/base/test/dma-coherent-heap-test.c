// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-device coherent memory that user space may have, for tests
 *
 * A device with this compatible in the device tree opens its memory-region to user
 * space, as a heap with the name of its node. Another device with the same
 * memory-region can import the buffers.
 */

#include <linux/dma-coherent-heap.h>
#include <linux/dma-mapping.h>
#include <linux/init.h>
#include <linux/mod_devicetable.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/platform_device.h>

static void release_memory(void *dev)
{
	of_reserved_mem_device_release(dev);
}

static int heap_test_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	int err;

	err = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	err = of_reserved_mem_device_init(dev);
	if (err)
		return err;
	err = devm_add_action_or_reset(dev, release_memory, dev);
	if (err)
		return err;
	return dma_coherent_heap_open(dev, NULL, dev->of_node->name);
}

static const struct of_device_id heap_test_match[] = {
	{ .compatible = "test,dma-coherent-heap" },
	{}
};

static struct platform_driver heap_test_driver = {
	.probe = heap_test_probe,
	.driver = {
		.name = "dma-coherent-heap-test",
		.of_match_table = heap_test_match,
	},
};
builtin_platform_driver(heap_test_driver);
