// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory as remoteproc uses it
 *
 * A remote processor has a pool. Its core allocates a carve-out from that for the
 * buffers of a virtio device, and declares the carve-out on the virtio device's
 * parent, a child of the processor: a pool that lies in a buffer of another one.
 * All of it comes and goes each time the processor is started and stopped.
 *
 * The core is the true one. It finds the processor running, so that no firmware
 * needs to be loaded.
 */

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/pfn.h>
#include <linux/platform_device.h>
#include <linux/remoteproc.h>
#include <linux/string.h>
#include <linux/virtio_ids.h>

#include "dma-coherent-fixture.h"

#define CARVEOUT_SIZE	(8 * PAGE_SIZE)
#define VRING_PAGES	1
#define RUNNING_PAGES	(PFN_DOWN(CARVEOUT_SIZE) + 2 * VRING_PAGES)

/* Where its parts are in what a firmware says that it needs. */
enum {
	CARVEOUT = struct_size_t(struct resource_table, offset, 2),
	VDEV = CARVEOUT + sizeof(struct fw_rsc_hdr) + sizeof(struct fw_rsc_carveout),
	TABLE_SIZE = VDEV + sizeof(struct fw_rsc_hdr) +
		     struct_size_t(struct fw_rsc_vdev, vring, 2),
};

static void *write_header(void *table, unsigned int n, u32 offset, u32 type)
{
	struct resource_table *resources = table;
	struct fw_rsc_hdr *hdr = table + offset;

	resources->offset[n] = offset;
	hdr->type = type;
	return hdr->data;
}

/* Memory for the buffers of a virtio device, and that device with two rings. */
static void write_table(void *table)
{
	struct fw_rsc_carveout *carveout = write_header(table, 0, CARVEOUT, RSC_CARVEOUT);
	struct fw_rsc_vdev *vdev = write_header(table, 1, VDEV, RSC_VDEV);
	struct resource_table *resources = table;
	unsigned int i;

	resources->ver = 1;
	resources->num = 2;
	carveout->da = FW_RSC_ADDR_ANY;
	carveout->pa = FW_RSC_ADDR_ANY;
	carveout->len = CARVEOUT_SIZE;
	strscpy(carveout->name, "vdev0buffer");
	vdev->id = VIRTIO_ID_RPMSG;
	vdev->num_of_vrings = 2;
	for (i = 0; i < 2; i++) {
		vdev->vring[i].da = FW_RSC_ADDR_ANY;
		vdev->vring[i].align = 64;
		vdev->vring[i].num = 4;
	}
}

/**
 * struct remote_cpu - what the tests have besides the fixture, whose device it is
 * @rproc: what the core knows of it
 * @table: what its firmware says it needs
 */
struct remote_cpu {
	struct rproc *rproc;
	u8 table[TABLE_SIZE] __aligned(8);
};

static int processor_attach(struct rproc *rproc)
{
	return 0;
}

static int processor_detach(struct rproc *rproc)
{
	return 0;
}

static void processor_kick(struct rproc *rproc, int vqid)
{
}

static struct resource_table *processor_table(struct rproc *rproc, size_t *size)
{
	struct remote_cpu **cpu = rproc->priv;

	*size = TABLE_SIZE;
	return (struct resource_table *)(*cpu)->table;
}

static const struct rproc_ops processor_ops = {
	.attach = processor_attach,
	.detach = processor_detach,
	.kick = processor_kick,
	.get_loaded_rsc_table = processor_table,
};

static void free_rproc(void *rproc)
{
	rproc_free(rproc);
}

static void delete_rproc(void *rproc)
{
	rproc_del(rproc);
}

static int processor_init(struct kunit *test)
{
	struct remote_cpu *cpu;
	struct fixture *fx;
	int err;

	if (!IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "elsewhere RAM is no pool");
	err = fixture_init(test);
	if (err)
		return err;
	fx = test->priv;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);

	cpu = kunit_kzalloc(test, sizeof(*cpu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cpu);
	fx->priv = cpu;
	write_table(cpu->table);
	cpu->rproc = rproc_alloc(fx->dev, "kunit", &processor_ops, NULL, sizeof(cpu));
	KUNIT_ASSERT_NOT_NULL(test, cpu->rproc);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_rproc, cpu->rproc), 0);
	*(struct remote_cpu **)cpu->rproc->priv = cpu;
	cpu->rproc->auto_boot = false;
	cpu->rproc->state = RPROC_DETACHED;
	KUNIT_ASSERT_EQ(test, rproc_add(cpu->rproc), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, delete_rproc, cpu->rproc), 0);
	return 0;
}

static void processor_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (fx && fx->priv) {
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
		KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	}
	fixture_exit(test);
}

/* The device whose driver would allocate the buffers. */
static struct device *start(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct remote_cpu *cpu = fx->priv;
	struct rproc_vdev *rvdev;

	KUNIT_ASSERT_EQ(test, rproc_boot(cpu->rproc), 0);
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), RUNNING_PAGES);
	rvdev = list_first_entry_or_null(&cpu->rproc->rvdevs, struct rproc_vdev, node);
	KUNIT_ASSERT_NOT_NULL(test, rvdev);
	KUNIT_ASSERT_NOT_NULL(test, fx_mem(&rvdev->pdev->dev, 0));
	return &rvdev->pdev->dev;
}

static void stop(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct remote_cpu *cpu = fx->priv;

	KUNIT_ASSERT_EQ(test, rproc_detach(cpu->rproc), 0);
	dma_coherent_reap();
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), 0);
}

static void child_is_served_from_the_carveout(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *child = start(test);
	dma_addr_t handle, more;
	void *vaddr;

	KUNIT_EXPECT_EQ(test, fx_region(child)->pool.pages, PFN_DOWN(CARVEOUT_SIZE));
	vaddr = dma_alloc_coherent(child, CARVEOUT_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_GE(test, handle, HANDLE);
	KUNIT_EXPECT_LE(test, handle, HANDLE + POOL_SIZE - CARVEOUT_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, fx->bank[0].mem + (handle - HANDLE));
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(child, 1, &more, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), RUNNING_PAGES);
	dma_free_coherent(child, CARVEOUT_SIZE, vaddr, handle);
	stop(test);
}

static void starts_and_stops_again(struct kunit *test)
{
	struct device *child;
	unsigned int turn;
	dma_addr_t handle;
	void *vaddr;

	for (turn = 0; turn < 3; turn++) {
		child = start(test);
		vaddr = dma_alloc_coherent(child, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL_MSG(test, vaddr, "turn %u", turn);
		dma_free_coherent(child, 3 * PAGE_SIZE, vaddr, handle);
		stop(test);
	}
}

/* The processor's own buffers and the carve-out do not get in each other's way. */
static void parent_allocates_beside_the_carveout(struct kunit *test)
{
	struct fixture *fx = test->priv;
	const size_t rest = POOL_SIZE / 2;
	dma_addr_t handle, inner;
	struct device *child;
	void *vaddr, *buffer;

	child = start(test);
	vaddr = dma_alloc_coherent(fx->dev, rest, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	buffer = dma_alloc_coherent(child, PAGE_SIZE, &inner, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buffer);
	KUNIT_EXPECT_TRUE(test, buffer < vaddr || buffer >= vaddr + rest);
	dma_free_coherent(fx->dev, rest, vaddr, handle);
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), RUNNING_PAGES);
	dma_free_coherent(child, PAGE_SIZE, buffer, inner);
	stop(test);
}

static struct kunit_case dma_coherent_remoteproc_cases[] = {
	KUNIT_CASE(child_is_served_from_the_carveout),
	KUNIT_CASE(starts_and_stops_again),
	KUNIT_CASE(parent_allocates_beside_the_carveout),
	{}
};

static struct kunit_suite dma_coherent_remoteproc_suite = {
	.name = "dma_coherent_remoteproc",
	.init = processor_init,
	.exit = processor_exit,
	.test_cases = dma_coherent_remoteproc_cases,
};

kunit_test_suite(dma_coherent_remoteproc_suite);

MODULE_DESCRIPTION("KUnit tests for per-device coherent memory as remoteproc uses it");
MODULE_LICENSE("GPL");
