// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: dma-buf heaps
 *
 * A heap cannot be removed, so all tests use the same name. The file of a
 * dma-buf is closed from a work item, which free_buffer() waits for. What user space
 * sees of a heap is tested by tools/testing/selftests/dmabuf-heaps.
 */

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-coherent-heap.h>
#include <linux/dma-direct.h>
#include <linux/dma-heap.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fcntl.h>
#include <linux/gfp.h>
#include <linux/iosys-map.h>
#include <linux/mman.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "../dma-coherent-heap.h"
#include "dma-coherent-fixture.h"

#define HEAP	"kunit-heap"

static struct dma_buf *alloc_buffer(const char *heap, size_t size)
{
	return dma_coherent_heap_alloc(dma_coherent_heap_by_name(heap), size,
				       O_RDWR | O_CLOEXEC);
}

static int alloc_error(const char *heap, size_t size)
{
	struct dma_buf *dmabuf = alloc_buffer(heap, size);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	dma_buf_put(dmabuf);
	flush_delayed_fput();
	return 0;
}

static struct dma_buf *must_alloc(struct kunit *test, const char *heap, unsigned long pages)
{
	struct dma_buf *dmabuf = alloc_buffer(heap, pages * PAGE_SIZE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	return dmabuf;
}

static void free_buffer(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	flush_delayed_fput();
}

/* Where the kernel sees it. */
static void *address_of(struct kunit *test, struct dma_buf *dmabuf)
{
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, dma_buf_vmap_unlocked(dmabuf, &map), 0);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	KUNIT_EXPECT_FALSE(test, map.is_iomem);
	return map.vaddr;
}

static void declare_and_open(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, dma_coherent_heap_open(fx->dev, NULL, HEAP), 0);
}

/* Open and close */

static void heap_serves_while_it_is_open(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare_and_open(test);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), 0);
	dma_coherent_heap_close(fx->dev, HEAP);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), -ENODEV);
	KUNIT_ASSERT_EQ(test, dma_coherent_heap_open(fx->dev, NULL, HEAP), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 2);
	fx_expect_pool(test, fx->dev, 0);
}

static void heap_closes_with_the_driver(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *driver = devres_open_group(fx->dev, NULL, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, driver);
	declare_and_open(test);
	devres_release_group(fx->dev, driver);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), -ENODEV);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 0);

	/* Another device may have the name then. */
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, dma_coherent_heap_open(fx->other, NULL, HEAP), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 1);
}

static void heap_without_its_region(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare_and_open(test);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), -ENODEV);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), 0);
}

/* A detached attachment that has buffers is still there, but serves no more. */
static void heap_of_a_detached_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;

	declare_and_open(test);
	dmabuf = must_alloc(test, HEAP, 2);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_NOT_NULL(test, fx_mem(fx->dev, 0));
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), -ENODEV);
	free_buffer(dmabuf);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
}

static void open_needs_an_attached_region(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_coherent_heap_open(fx->dev, NULL, HEAP), -ENODEV);
	fx_expect_message(test, "%s: heap %s cannot be opened, its region is not attached: %d",
			  dev_name(fx->dev), HEAP, -ENODEV);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_coherent_heap_open(fx->dev, "no-such", NULL), -ENODEV);
	fx_expect_message(test, "%s: heap no-such cannot be opened, its region is not attached: %d",
			  dev_name(fx->dev), -ENODEV);
	fx_detach(fx->dev, DMA_COHERENT_FIRMWARE, &fx->bank[0]);
	KUNIT_EXPECT_EQ(test, dma_coherent_heap_open(fx->dev, "bank0", HEAP), -ENODEV);
}

static void open_twice(struct kunit *test)
{
	struct bank *more = fx_add_bank(test, 4);
	struct fixture *fx = test->priv;

	declare_and_open(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->other, more), 0);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_coherent_heap_open(fx->other, NULL, HEAP), -EBUSY);
	fx_expect_message(test, "%s: heap %s is open already: %d", dev_name(fx->other), HEAP,
			  -EBUSY);
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 1);
	/* What is not its own, a device cannot close. */
	dma_coherent_heap_close(fx->other, HEAP);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, PAGE_SIZE), 0);
}

static struct dma_heap *refuse_heap(const struct dma_heap_export_info *info)
{
	return ERR_PTR(-EBUSY);
}

/* The name is taken by another heap, or there are too many. */
static void open_without_a_node(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	kunit_activate_static_stub(test, dma_coherent_heap_add, refuse_heap);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_coherent_heap_open(fx->dev, NULL, "kunit-refused"), -EBUSY);
	fx_expect_message(test, "%s: heap kunit-refused cannot be created: %d",
			  dev_name(fx->dev), -EBUSY);
	fx_expect_no_message(test);
	KUNIT_EXPECT_NULL(test, dma_coherent_heap_by_name("kunit-refused"));
}

static const char *added;

static struct dma_heap *note_heap(const struct dma_heap_export_info *info)
{
	added = info->name;
	return ERR_PTR(-EBUSY);
}

static void heap_has_the_name_of_its_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_spec spec = fx_spec(&fx->bank[0]);

	spec.name = "kunit-region";
	KUNIT_ASSERT_EQ(test, dma_coherent_attach(fx->dev, &spec), 0);
	kunit_activate_static_stub(test, dma_coherent_heap_add, note_heap);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_coherent_heap_open(fx->dev, NULL, NULL), -EBUSY);
	fx_expect_message(test, "%s: heap kunit-region cannot be created: %d",
			  dev_name(fx->dev), -EBUSY);
}

/* The name of the region, the devres entry, and the first time the heap. */
static void each_allocation_of_open_may_fail(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nth, failed = 0;
	bool injected = true;
	int err;

	fx_need_failslab(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	for (nth = 1; injected; nth++) {
		fx_log_start(test);
		fx_failslab_arm(nth);
		err = dma_coherent_heap_open(fx->dev, NULL, HEAP);
		injected = fx_failslab_disarm();
		failed += !!err;
		KUNIT_EXPECT_TRUE_MSG(test, !err || err == -ENOMEM, "allocation %u: %d", nth, err);
		KUNIT_EXPECT_EQ_MSG(test, fx_log_count(test, HEAP), !!err, "allocation %u", nth);
		if (!err)
			dma_coherent_heap_close(fx->dev, HEAP);
	}
	KUNIT_EXPECT_GE(test, failed, 2);
}

/* Buffers */

static void heap_buffer_is_one_of_the_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;
	unsigned int i;
	u8 *byte;

	declare_and_open(test);
	fx_alloc(test, fx->dev, 1);
	dmabuf = alloc_buffer(HEAP, 2 * PAGE_SIZE + 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_EXPECT_EQ(test, dmabuf->size, 3 * PAGE_SIZE);
	KUNIT_EXPECT_STREQ(test, dmabuf->exp_name, HEAP);
	fx_expect_pool(test, fx->dev, 4);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->live, 2);
	byte = address_of(test, dmabuf);
	KUNIT_EXPECT_EQ(test, fx_page(fx->dev, byte), 4);
	for (i = 0; i < dmabuf->size && !byte[i]; i++)
		;
	KUNIT_EXPECT_EQ(test, i, 3 * PAGE_SIZE);
	free_buffer(dmabuf);
	fx_expect_pool(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

static void heap_never_takes_another_region(struct kunit *test)
{
	struct bank *mine = fx_add_bank(test, 4);
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, mine), 0);
	KUNIT_ASSERT_EQ(test, dma_coherent_heap_open(fx->dev, mine->name, HEAP), 0);
	dmabuf = must_alloc(test, HEAP, 4);
	KUNIT_EXPECT_PTR_EQ(test, address_of(test, dmabuf), mine->mem);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, 1), -ENOMEM);
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, fx_used(fx->dev), 0);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->stats.failures[DMA_COHERENT_FULL], 1);
	free_buffer(dmabuf);
}

static void heap_refuses_what_cannot_be(struct kunit *test)
{
	struct fixture *fx = test->priv;

	declare_and_open(test);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, SIZE_MAX), -ENOMEM);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, SIZE_MAX / 2 + 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, POOL_SIZE + 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, POOL_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 1);
	fx_expect_pool(test, fx->dev, 0);
}

static void heap_buffer_is_within_reach(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;

	fx->dev->coherent_dma_mask = HANDLE + 4 * PAGE_SIZE - 1;
	declare_and_open(test);
	dmabuf = must_alloc(test, HEAP, 4);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx_failures(fx->dev, DMA_COHERENT_OUT_OF_REACH), 1);
	free_buffer(dmabuf);
}

static void expect_unmapped(struct dma_coherent_region *region)
{
	struct kunit *test = kunit_get_current_test();
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_NE(test, region->base, fx->bank[0].base);
}

static void heap_buffer_outlives_the_device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "mortal");
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;
	u32 *word;

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	KUNIT_ASSERT_EQ(test, fx_declare(dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, dma_coherent_heap_open(dev, NULL, HEAP), 0);
	dmabuf = must_alloc(test, HEAP, 2);
	fx_log_start(test);
	kunit_device_unregister(test, dev);
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, alloc_error(HEAP, 1), -ENODEV);
	word = address_of(test, dmabuf);
	*word = 0x1234;
	KUNIT_EXPECT_EQ(test, *word, 0x1234);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_expect_pool(test, fx->dev, 2);
	dma_release_coherent_memory(fx->dev);
	free_buffer(dmabuf);
	dma_coherent_reap();
	dma_coherent_each_region(expect_unmapped);
}

static void each_allocation_of_a_heap_may_fail(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nth, failed = 0;
	bool injected = true;
	int err;

	fx_need_failslab(test);
	declare_and_open(test);
	for (nth = 1; injected; nth++) {
		fx_failslab_arm(nth);
		err = alloc_error(HEAP, PAGE_SIZE);
		injected = fx_failslab_disarm();
		failed += !!err;
		KUNIT_EXPECT_TRUE_MSG(test, !err || err == -ENOMEM, "allocation %u: %d", nth, err);
		fx_expect_pool(test, fx->dev, 0);
	}
	KUNIT_EXPECT_GE(test, failed, 2);
}

/* Mappings */

static unsigned long map_buffer(struct kunit *test, struct dma_buf *dmabuf,
				unsigned long pages, unsigned long flags, unsigned long offset)
{
	return kunit_vm_mmap(test, dmabuf->file, 0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     flags, offset * PAGE_SIZE);
}

static void heap_mmap_is_the_buffer(struct kunit *test)
{
	struct dma_buf *dmabuf;
	unsigned long addr;
	pgprot_t prot, wc;
	u32 *word;

	declare_and_open(test);
	dmabuf = must_alloc(test, HEAP, 3);
	word = address_of(test, dmabuf) + 2 * PAGE_SIZE + 8;
	*word = 0x1111;
	addr = map_buffer(test, dmabuf, 1, MAP_SHARED, 2);
	fx_expect_user_word(test, addr + 8, 0x1111);
	fx_write_user_word(test, addr + 8, 0x2222);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*word), 0x2222);
	mmap_read_lock(current->mm);
	prot = find_vma(current->mm, addr)->vm_page_prot;
	mmap_read_unlock(current->mm);
	wc = pgprot_decrypted(pgprot_writecombine(prot));
	KUNIT_EXPECT_EQ(test, pgprot_val(prot), pgprot_val(wc));
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	free_buffer(dmabuf);
}

static void heap_mmap_stays_in_the_buffer(struct kunit *test)
{
	struct dma_buf *dmabuf;

	declare_and_open(test);
	dmabuf = must_alloc(test, HEAP, 3);
	must_alloc(test, HEAP, 1);
	KUNIT_EXPECT_EQ(test, (long)map_buffer(test, dmabuf, 4, MAP_SHARED, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)map_buffer(test, dmabuf, 1, MAP_SHARED, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)map_buffer(test, dmabuf, 2, MAP_SHARED, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, (long)map_buffer(test, dmabuf, 3, MAP_PRIVATE, 0), -EINVAL);
	free_buffer(dmabuf);
}

/* Importers */

static struct sg_table *must_map(struct kunit *test, struct dma_buf_attachment *attachment)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attachment, DMA_BIDIRECTIONAL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	return sgt;
}

static void expect_address(struct kunit *test, struct dma_buf *dmabuf, struct device *dev,
			   dma_addr_t addr)
{
	struct dma_buf_attachment *attachment = dma_buf_attach(dmabuf, dev);
	struct sg_table *sgt;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attachment);
	sgt = must_map(test, attachment);
	KUNIT_EXPECT_EQ(test, sgt->nents, 1);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt->sgl), addr);
	KUNIT_EXPECT_EQ(test, sg_dma_len(sgt->sgl), dmabuf->size);
	KUNIT_EXPECT_NULL(test, sg_page(sgt->sgl));
	/* Nothing for the CPU to synchronize. */
	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG))
		KUNIT_EXPECT_EQ(test, sgt->orig_nents, 0);
	/* Elsewhere, it is the same as the DMA length. */
	if (IS_ENABLED(CONFIG_NEED_SG_DMA_LENGTH))
		KUNIT_EXPECT_EQ(test, sgt->sgl->length, 0);
	dma_buf_unmap_attachment_unlocked(attachment, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attachment);
}

static void importer_of_the_same_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;

	declare_and_open(test);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->other, &fx->bank[0], 2 * HANDLE, 0), 0);
	fx_alloc(test, fx->dev, 1);
	dmabuf = must_alloc(test, HEAP, 2);
	expect_address(test, dmabuf, fx->other, 2 * HANDLE + 2 * PAGE_SIZE);
	expect_address(test, dmabuf, fx->dev, HANDLE + 2 * PAGE_SIZE);
	/* Not attached any more. */
	dma_release_coherent_memory(fx->other);
	fx->other->coherent_dma_mask = DMA_BIT_MASK(64);
	expect_address(test, dmabuf, fx->other, fx->bank[0].base + 2 * PAGE_SIZE);
	free_buffer(dmabuf);
}

static void expect_refused(struct kunit *test, struct dma_buf *dmabuf, int err,
			   const char *why)
{
	struct fixture *fx = test->priv;
	struct dma_buf_attachment *attachment;

	fx_log_start(test);
	attachment = dma_buf_attach(dmabuf, fx->other);
	KUNIT_EXPECT_PTR_EQ(test, attachment, ERR_PTR(err));
	fx_expect_message(test, "%s: cannot import a buffer of region %s, which %s: %d",
			  dev_name(fx->other), fx_region(fx->dev)->name, why, err);
	fx_expect_no_message(test);
}

static void importer_that_cannot_address_the_buffer(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;

	declare_and_open(test);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->other, &fx->bank[0], 2 * HANDLE, 0), 0);
	fx->other->coherent_dma_mask = 2 * HANDLE + 4 * PAGE_SIZE - 1;
	dmabuf = must_alloc(test, HEAP, 4);
	expect_address(test, dmabuf, fx->other, 2 * HANDLE);
	fx->other->coherent_dma_mask -= 1;
	expect_refused(test, dmabuf, -ERANGE, "the device cannot address");
	free_buffer(dmabuf);
}

static void importer_of_another_region(struct kunit *test)
{
	struct bank *another = fx_add_bank(test, 4);
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;

	declare_and_open(test);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->other, another, 2 * HANDLE, 0), 0);
	fx->other->coherent_dma_mask = DMA_BIT_MASK(64);
	dmabuf = must_alloc(test, HEAP, 2);
	expect_address(test, dmabuf, fx->other, fx->bank[0].base);
	free_buffer(dmabuf);
}

/* The DMA API would bounce, or give it an address that is wrong. */
static void importer_that_cannot_map_the_buffer(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bus_dma_region ranges[] = {
		{ .cpu_start = 0, .dma_start = SZ_1G, .size = U64_MAX }, {}
	};
	struct dma_buf *dmabuf;
	u64 *mask = fx->other->dma_mask;

	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	declare_and_open(test);
	dmabuf = must_alloc(test, HEAP, 2);
	fx->other->coherent_dma_mask = PAGE_SIZE - 1;
	expect_refused(test, dmabuf, -ERANGE, "the device cannot address");
	fx->other->coherent_dma_mask = DMA_BIT_MASK(64);
	fx->other->dma_range_map = ranges;
	expect_refused(test, dmabuf, -ERANGE, "the device cannot address");
	fx->other->dma_range_map = NULL;
	fx->other->dma_mask = NULL;
	expect_refused(test, dmabuf, -ERANGE, "the device cannot address");
	fx->other->dma_mask = mask;
	expect_address(test, dmabuf, fx->other, fx->bank[0].base);
	free_buffer(dmabuf);
}

static void importer_outlives_the_exporter(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "mortal");
	struct dma_buf_attachment *attachment;
	struct fixture *fx = test->priv;
	struct dma_buf *dmabuf;
	struct sg_table *sgt;

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	KUNIT_ASSERT_EQ(test, fx_declare(dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, dma_coherent_heap_open(dev, NULL, HEAP), 0);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->other, &fx->bank[0], 2 * HANDLE, 0), 0);
	dmabuf = must_alloc(test, HEAP, 2);
	attachment = dma_buf_attach(dmabuf, fx->other);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attachment);
	kunit_device_unregister(test, dev);
	sgt = must_map(test, attachment);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt->sgl), 2 * HANDLE);
	dma_buf_unmap_attachment_unlocked(attachment, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attachment);
	fx_expect_pool(test, fx->other, 2);
	free_buffer(dmabuf);
	fx_expect_pool(test, fx->other, 0);
}

/* The importer's attachment and table are allocated. */
static void each_allocation_of_an_import_may_fail(struct kunit *test)
{
	struct dma_buf_attachment *attachment;
	struct fixture *fx = test->priv;
	unsigned int nth, failed = 0;
	struct dma_buf *dmabuf;
	struct sg_table *sgt;
	bool injected = true;

	fx_need_failslab(test);
	declare_and_open(test);
	dmabuf = must_alloc(test, HEAP, 1);
	for (nth = 1; injected; nth++) {
		fx_failslab_arm(nth);
		attachment = dma_buf_attach(dmabuf, fx->dev);
		sgt = IS_ERR(attachment) ? ERR_CAST(attachment) :
		      dma_buf_map_attachment_unlocked(attachment, DMA_BIDIRECTIONAL);
		injected = fx_failslab_disarm();
		failed += IS_ERR(sgt);
		KUNIT_EXPECT_TRUE_MSG(test, !IS_ERR(sgt) || PTR_ERR(sgt) == -ENOMEM,
				      "allocation %u: %pe", nth, sgt);
		if (!IS_ERR(sgt))
			dma_buf_unmap_attachment_unlocked(attachment, sgt, DMA_BIDIRECTIONAL);
		if (!IS_ERR(attachment))
			dma_buf_detach(dmabuf, attachment);
	}
	KUNIT_EXPECT_GE(test, failed, 4);
	free_buffer(dmabuf);
}

#ifdef CONFIG_64BIT

/* An entry holds less than 4 GiB. */
static void table_above_4g(struct kunit *test)
{
	dma_addr_t next = HANDLE;
	struct scatterlist *sg;
	struct sg_table sgt;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, dma_coherent_heap_table(&sgt, HANDLE, 5UL * SZ_1G), 0);
	for_each_sgtable_dma_sg(&sgt, sg, i) {
		KUNIT_EXPECT_EQ_MSG(test, sg_dma_address(sg), next, "entry %u", i);
		KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(sg_dma_len(sg)));
		next += sg_dma_len(sg);
	}
	KUNIT_EXPECT_EQ(test, sgt.nents, 2);
	KUNIT_EXPECT_EQ(test, next, HANDLE + 5UL * SZ_1G);
	dma_coherent_heap_free_table(&sgt);
}

#else

static void table_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits");
}

#endif

static struct kunit_case dma_coherent_heap_cases[] = {
	KUNIT_CASE(heap_serves_while_it_is_open),
	KUNIT_CASE(heap_closes_with_the_driver),
	KUNIT_CASE(heap_without_its_region),
	KUNIT_CASE(heap_of_a_detached_region),
	KUNIT_CASE(open_needs_an_attached_region),
	KUNIT_CASE(open_twice),
	KUNIT_CASE(open_without_a_node),
	KUNIT_CASE(heap_has_the_name_of_its_region),
	KUNIT_CASE(each_allocation_of_open_may_fail),
	KUNIT_CASE(heap_buffer_is_one_of_the_pool),
	KUNIT_CASE(heap_never_takes_another_region),
	KUNIT_CASE(heap_refuses_what_cannot_be),
	KUNIT_CASE(heap_buffer_is_within_reach),
	KUNIT_CASE(heap_buffer_outlives_the_device),
	KUNIT_CASE(each_allocation_of_a_heap_may_fail),
	KUNIT_CASE(heap_mmap_is_the_buffer),
	KUNIT_CASE(heap_mmap_stays_in_the_buffer),
	KUNIT_CASE(importer_of_the_same_region),
	KUNIT_CASE(importer_that_cannot_address_the_buffer),
	KUNIT_CASE(importer_of_another_region),
	KUNIT_CASE(importer_that_cannot_map_the_buffer),
	KUNIT_CASE(importer_outlives_the_exporter),
	KUNIT_CASE(each_allocation_of_an_import_may_fail),
	KUNIT_CASE(table_above_4g),
	{}
};

static struct kunit_suite dma_coherent_heap_suite = {
	.name = "dma_coherent_heap",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_heap_cases,
};

kunit_test_suite(dma_coherent_heap_suite);

MODULE_DESCRIPTION("KUnit tests for dma-buf heaps of per-device coherent memory");
MODULE_LICENSE("GPL");
