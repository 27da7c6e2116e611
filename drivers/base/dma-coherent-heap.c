// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: dma-buf heaps
 *
 * A driver may open a region of its device to user space. Then there is a node in
 * /dev/dma_heap/, and user space allocates buffers through the attachment of that
 * device: within its reach, counted in its statistics, shown in debugfs with the
 * name of the task. Nothing opens a region but a call of its driver.
 *
 * The kernel cannot remove a dma-buf heap. So a heap is created once for each name,
 * and stays. It serves allocations while it is open, and as long as its region is
 * attached; otherwise they fail with -ENODEV. A driver that opens the name again
 * revives it.
 *
 * Lifetime: a buffer has a reference to the device, since its attachment is found
 * and its pages are released through the device, and one to the region. As with
 * every other buffer, the attachment and the mapping stay until it is released. So
 * a buffer remains valid after the driver is unbound and the device is removed.
 *
 * Importers: an importer that is attached to the same region gets the DMA address
 * that it sees the region at. For any other device the DMA API must map the buffer
 * like the registers of a device, which involves neither the CPU's caches nor a
 * bounce buffer. Either happens when the importer attaches, and what cannot work
 * fails there. The scatter lists have DMA addresses only: no struct pages, not even
 * entries that the CPU could look at, see dma_buf_phys_vec_to_sgt().
 *
 * Locking: everything in this file may sleep. heaps_mutex guards the list of heaps,
 * and serializes open and close. The lock of a heap guards who has opened it: read
 * during an allocation, written by open and close. It is taken inside of
 * heaps_mutex. A buffer does not change while it exists.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-coherent-heap.h>
#include <linux/dma-heap.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "dma-coherent.h"
#include "dma-coherent-heap.h"

/**
 * struct dma_coherent_heap - a dma-buf heap, which is created once and stays
 * @node: on the list of heaps; under heaps_mutex
 * @lock: guards @dev, @base and @size
 * @dev: the device whose driver opened it; NULL if it is closed
 * @base: physical address of the region
 * @size: size of the region in bytes
 * @name: of the node
 */
struct dma_coherent_heap {
	struct list_head node;
	struct rw_semaphore lock;
	struct device *dev;
	phys_addr_t base;
	phys_addr_t size;
	char name[];
};

/**
 * struct heap_buffer - a buffer of a heap
 * @dev: the device through whose attachment it was allocated; has a reference
 * @region: the region; has a reference
 * @vaddr: address in the kernel's mapping
 * @size: size in bytes, whole pages
 * @owner: number in @region's owners
 */
struct heap_buffer {
	struct device *dev;
	struct dma_coherent_region *region;
	void *vaddr;
	size_t size;
	u16 owner;
};

/**
 * struct importer - a device that is attached to a buffer
 * @addr: DMA address of the buffer for the device
 * @mapped: it comes from the DMA API
 */
struct importer {
	dma_addr_t addr;
	bool mapped;
};

static DEFINE_MUTEX(heaps_mutex);
static LIST_HEAD(heaps);

/* Importers */

static unsigned long buffer_page(const struct heap_buffer *buffer)
{
	return PFN_DOWN(buffer->vaddr - buffer->region->vaddr);
}

static phys_addr_t buffer_phys(const struct heap_buffer *buffer)
{
	return buffer->region->base + PFN_PHYS(buffer_page(buffer));
}

static struct dma_coherent_mem *attachment_to(struct device *dev,
					      const struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	dma_coherent_for_each_mem_rcu(mem, dev)
		if (mem->region == region && READ_ONCE(mem->attached))
			return mem;
	return NULL;
}

/*
 * Where an attached device sees the buffer.
 *
 * Return: 1; 0 if the device is not attached to the region; -ERANGE if it cannot
 * address all of the buffer.
 */
static int find_own_address(struct device *dev, const struct heap_buffer *buffer,
			    dma_addr_t *addr)
{
	unsigned long page = buffer_page(buffer), reach;
	struct dma_coherent_mem *mem;
	struct dma_coherent_view view;

	guard(rcu)();
	mem = attachment_to(dev, buffer->region);
	if (!mem)
		return 0;
	scoped_guard(raw_spinlock_irqsave, &buffer->region->lock)
		view = dma_coherent_mem_view(mem, dev);
	reach = dma_coherent_reach(dev, &view);
	if (page + PFN_DOWN(buffer->size) > reach)
		return -ERANGE;
	*addr = view.handle + PFN_PHYS(page);
	return 1;
}

/*
 * dma_map_resource() ignores dma-ranges, and warns of memory that the device cannot
 * address.
 */
static bool can_map(struct device *dev, const struct heap_buffer *buffer)
{
	phys_addr_t phys = buffer_phys(buffer);
	unsigned long pages = PFN_DOWN(buffer->size);
	struct dma_coherent_view view = dma_coherent_translate(dev, phys, pages);
	u64 last = (u64)phys + buffer->size - 1;

	if (!dev->dma_mask || view.handle != phys || view.pages != pages)
		return false;
	return device_iommu_mapped(dev) ||
	       last <= min_not_zero(*dev->dma_mask, dev->bus_dma_limit);
}

static int map_address(struct device *dev, const struct heap_buffer *buffer,
		       dma_addr_t *addr)
{
	if (!can_map(dev, buffer))
		return -ERANGE;
	*addr = dma_map_resource(dev, buffer_phys(buffer), buffer->size,
				 DMA_BIDIRECTIONAL, 0);
	return dma_mapping_error(dev, *addr) ? -EIO : 0;
}

static __cold int attach_error(struct device *dev, const struct heap_buffer *buffer, int err)
{
	if (__ratelimit(&buffer->region->misuse_rs))
		pr_warn("%s: cannot import a buffer of region %s, %s: %d\n",
			dma_coherent_name(dev), buffer->region->name,
			err == -ERANGE ? "which the device cannot address" :
					 "which the DMA API cannot map", err);
	return err;
}

static int heap_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	const struct heap_buffer *buffer = dmabuf->priv;
	struct device *dev = attachment->dev;
	struct importer *importer;
	int ret;

	importer = kzalloc_obj(*importer);
	if (!importer)
		return -ENOMEM;
	ret = find_own_address(dev, buffer, &importer->addr);
	if (!ret) {
		ret = map_address(dev, buffer, &importer->addr);
		importer->mapped = true;
	}
	if (ret < 0) {
		kfree(importer);
		return attach_error(dev, buffer, ret);
	}
	attachment->priv = importer;
	return 0;
}

static void heap_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	const struct heap_buffer *buffer = dmabuf->priv;
	struct importer *importer = attachment->priv;

	if (importer->mapped)
		dma_unmap_resource(attachment->dev, importer->addr, buffer->size,
				   DMA_BIDIRECTIONAL, 0);
	kfree(importer);
}

/**
 * dma_coherent_heap_table() - make the table of DMA addresses of a buffer
 * @table: the table
 * @addr: DMA address of the buffer
 * @size: size of the buffer in bytes
 *
 * An entry holds less than 4 GiB.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int dma_coherent_heap_table(struct sg_table *table, dma_addr_t addr, size_t size)
{
	const unsigned int most = UINT_MAX & PAGE_MASK;
	struct scatterlist *sg;
	unsigned int i;
	int err;

	err = sg_alloc_table(table, (size - 1) / most + 1, GFP_KERNEL);
	if (err)
		return err;
	for_each_sgtable_dma_sg(table, sg, i) {
		sg_set_page(sg, NULL, 0, 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = min_t(size_t, size, most);
		addr += sg_dma_len(sg);
		size -= sg_dma_len(sg);
	}
	/* There is nothing for the CPU. */
	table->orig_nents = 0;
	return 0;
}

/**
 * dma_coherent_heap_free_table() - undo dma_coherent_heap_table()
 * @table: the table
 *
 * Context: may sleep.
 */
void dma_coherent_heap_free_table(struct sg_table *table)
{
	table->orig_nents = table->nents;
	sg_free_table(table);
}

static struct sg_table *heap_map_dma_buf(struct dma_buf_attachment *attachment,
					 enum dma_data_direction dir)
{
	const struct heap_buffer *buffer = attachment->dmabuf->priv;
	const struct importer *importer = attachment->priv;
	struct sg_table *table;
	int err;

	table = kzalloc_obj(*table);
	if (!table)
		return ERR_PTR(-ENOMEM);
	err = dma_coherent_heap_table(table, importer->addr, buffer->size);
	if (!err)
		return table;
	kfree(table);
	return ERR_PTR(err);
}

static void heap_unmap_dma_buf(struct dma_buf_attachment *attachment,
			       struct sg_table *table, enum dma_data_direction dir)
{
	dma_coherent_heap_free_table(table);
	kfree(table);
}

/* Buffers */

/* Pages of a private mapping would be copies, which the device does not see. */
static int heap_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct heap_buffer *buffer = dmabuf->priv;
	int ret = -ENXIO;

	if (!(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	dma_mmap_from_coherent(buffer->dev, vma, buffer->vaddr, buffer->size, &ret);
	return ret;
}

static int heap_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct heap_buffer *buffer = dmabuf->priv;

	iosys_map_set_vaddr(map, buffer->vaddr);
	return 0;
}

static void buffer_free(struct heap_buffer *buffer)
{
	dma_release_from_coherent(buffer->dev, get_order(buffer->size), buffer->vaddr);
	dma_coherent_owner_put(buffer->region, buffer->owner);
	dma_coherent_region_put(buffer->region);
	put_device(buffer->dev);
	kfree(buffer);
}

static void heap_release(struct dma_buf *dmabuf)
{
	buffer_free(dmabuf->priv);
}

static const struct dma_buf_ops heap_buf_ops = {
	.attach = heap_attach,
	.detach = heap_detach,
	.map_dma_buf = heap_map_dma_buf,
	.unmap_dma_buf = heap_unmap_dma_buf,
	.mmap = heap_mmap,
	.vmap = heap_vmap,
	.release = heap_release,
};

/* Let debugfs show the name of the task; other readers of the file split at spaces. */
static void buffer_set_owner(struct heap_buffer *buffer)
{
	char name[sizeof("heap:") + TASK_COMM_LEN], comm[TASK_COMM_LEN], *c;

	get_task_comm(comm, current);
	snprintf(name, sizeof(name), "heap:%s", comm);
	for (c = name; *c; c++)
		if (!isascii(*c) || !isgraph(*c))
			*c = '_';
	buffer->owner = dma_coherent_owner_get(buffer->region, name);
	dma_coherent_owner_set(buffer->region, buffer_page(buffer), buffer->owner);
}

/* Return: the buffer; an errno as an ERR_PTR() if there is none. */
static struct heap_buffer *buffer_alloc(struct dma_coherent_heap *heap, size_t size)
{
	struct heap_buffer *buffer;
	dma_addr_t handle;
	int err;

	lockdep_assert_held_read(&heap->lock);
	buffer = kzalloc_obj(*buffer);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	/* Anyone who may use the node could fill the log: be quiet. */
	err = dma_coherent_alloc_from(heap->dev, heap->base, heap->size, size, &handle,
				      &buffer->vaddr, true);
	if (err) {
		kfree(buffer);
		return ERR_PTR(err);
	}
	buffer->dev = get_device(heap->dev);
	buffer->size = PAGE_ALIGN(size);
	scoped_guard(rcu) {
		buffer->region = dma_coherent_mem_by_vaddr(buffer->dev, buffer->vaddr)->region;
		kref_get(&buffer->region->ref);
	}
	buffer_set_owner(buffer);
	return buffer;
}

/**
 * dma_coherent_heap_alloc() - allocate a buffer from a heap
 * @heap: the heap
 * @size: size in bytes
 * @fd_flags: flags for the file
 *
 * Context: may sleep.
 * Return: the dma-buf; an errno as an ERR_PTR(): -ENODEV if the heap is closed or
 * its region is not attached, -ENOMEM if the region cannot serve the request.
 */
struct dma_buf *dma_coherent_heap_alloc(struct dma_coherent_heap *heap, size_t size, u32 fd_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct heap_buffer *buffer = ERR_PTR(-ENODEV);
	struct dma_buf *dmabuf;

	scoped_guard(rwsem_read, &heap->lock)
		if (heap->dev)
			buffer = buffer_alloc(heap, size);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	info.exp_name = heap->name;
	info.ops = &heap_buf_ops;
	info.size = buffer->size;
	info.flags = fd_flags;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		buffer_free(buffer);
	return dmabuf;
}

static struct dma_buf *heap_allocate(struct dma_heap *heap, unsigned long len,
				     u32 fd_flags, u64 heap_flags)
{
	return dma_coherent_heap_alloc(dma_heap_get_drvdata(heap), len, fd_flags);
}

static const struct dma_heap_ops heap_ops = {
	.allocate = heap_allocate,
};

/* Heaps */

/**
 * dma_coherent_heap_add() - dma_heap_add(), which tests replace
 * @info: the heap
 *
 * Context: may sleep.
 * Return: the heap; an errno as an ERR_PTR().
 */
struct dma_heap *dma_coherent_heap_add(const struct dma_heap_export_info *info)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_heap_add, info);

	return dma_heap_add(info);
}

static struct dma_coherent_heap *heap_find(const char *name)
{
	struct dma_coherent_heap *heap;

	lockdep_assert_held(&heaps_mutex);
	list_for_each_entry(heap, &heaps, node)
		if (!strcmp(heap->name, name))
			return heap;
	return NULL;
}

/**
 * dma_coherent_heap_by_name() - find a heap, for tests
 * @name: name of the heap
 *
 * Context: may sleep.
 * Return: the heap, which stays; NULL if there is none of this name.
 */
struct dma_coherent_heap *dma_coherent_heap_by_name(const char *name)
{
	guard(mutex)(&heaps_mutex);
	return heap_find(name);
}

static struct dma_coherent_heap *heap_create(const char *name)
{
	struct dma_heap_export_info info = { .ops = &heap_ops };
	size_t len = strlen(name) + 1;
	struct dma_heap *dma_heap;
	struct dma_coherent_heap *heap;

	heap = kzalloc(struct_size(heap, name, len), GFP_KERNEL);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&heap->lock);
	memcpy(heap->name, name, len);
	info.name = heap->name;
	info.priv = heap;
	dma_heap = dma_coherent_heap_add(&info);
	if (IS_ERR(dma_heap)) {
		kfree(heap);
		return ERR_CAST(dma_heap);
	}
	list_add_tail(&heap->node, &heaps);
	return heap;
}

/* Sets @why to the reason of a failure. */
static struct dma_coherent_heap *heap_open(struct device *dev, const char *name,
					   phys_addr_t base, phys_addr_t size,
					   const char **why)
{
	struct dma_coherent_heap *heap;

	guard(mutex)(&heaps_mutex);
	heap = heap_find(name) ?: heap_create(name);
	*why = "cannot be created";
	if (IS_ERR(heap))
		return heap;
	*why = "is open already";
	if (heap->dev)
		return ERR_PTR(-EBUSY);
	scoped_guard(rwsem_write, &heap->lock) {
		heap->dev = dev;
		heap->base = base;
		heap->size = size;
	}
	return heap;
}

static void heap_close(struct device *dev, void *res)
{
	struct dma_coherent_heap *heap = *(struct dma_coherent_heap **)res;

	guard(mutex)(&heaps_mutex);
	guard(rwsem_write)(&heap->lock);
	heap->dev = NULL;
}

static int is_named(struct device *dev, void *res, void *name)
{
	const struct dma_coherent_heap *heap = *(struct dma_coherent_heap **)res;

	return !strcmp(heap->name, name);
}

static __cold int open_error(struct device *dev, const char *name, int err, const char *why)
{
	pr_warn("%s: heap %s %s: %d\n", dma_coherent_name(dev), name, why, err);
	return err;
}

/* Return: the name of the region, which the caller frees; NULL on failure. */
static char *find_region(struct device *dev, const char *region, phys_addr_t *base,
			 phys_addr_t *size, int *err)
{
	struct dma_coherent_mem *mem;
	char *name = NULL;

	*err = -ENODEV;
	guard(rcu)();
	if (!dma_coherent_has_mems(dev))
		return NULL;
	dma_coherent_for_each_mem_rcu(mem, dev) {
		if (!READ_ONCE(mem->attached) || (region && strcmp(mem->region->name, region)))
			continue;
		*base = mem->region->base;
		*size = PFN_PHYS(mem->region->pool.pages);
		*err = -ENOMEM;
		name = kstrdup(mem->region->name, GFP_NOWAIT);
		break;
	}
	return name;
}

/**
 * dma_coherent_heap_open() - let user space allocate from a region of a device
 * @dev: the device, which the region is attached to
 * @region: name of the region, as in debugfs; NULL for the first of the device
 * @name: name of the heap in /dev/dma_heap/; NULL for the name of the region
 *
 * For the driver of the device. User space with access to the node can allocate the
 * whole region. The heap is closed when the driver is unbound, or by
 * dma_coherent_heap_close(). The node stays: allocations then fail with -ENODEV until
 * the name is opened again.
 *
 * Context: may sleep.
 * Return: 0, or an errno, with a message that names the device and the heap:
 * -ENODEV if the region is not attached to @dev; -EBUSY if a heap of this name is
 * open; -ENOMEM; or the error of dma_heap_add(), for example if another heap has the
 * name, or if there are too many heaps.
 */
int dma_coherent_heap_open(struct device *dev, const char *region, const char *name)
{
	char *region_name __free(kfree) = NULL;
	const char *why = "cannot be opened";
	phys_addr_t base, size;
	struct dma_coherent_heap **res;
	struct dma_coherent_heap *heap;
	int err;

	region_name = find_region(dev, region, &base, &size, &err);
	name = name ?: region_name ?: region ?: "(unnamed)";
	if (!region_name && err == -ENODEV)
		why = "cannot be opened, its region is not attached";
	if (!region_name)
		return open_error(dev, name, err, why);
	res = devres_alloc(heap_close, sizeof(*res), GFP_KERNEL);
	if (!res)
		return open_error(dev, name, -ENOMEM, why);
	heap = heap_open(dev, name, base, size, &why);
	if (IS_ERR(heap)) {
		devres_free(res);
		return open_error(dev, name, PTR_ERR(heap), why);
	}
	*res = heap;
	devres_add(dev, res);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_coherent_heap_open);

/**
 * dma_coherent_heap_close() - stop what dma_coherent_heap_open() started
 * @dev: the device
 * @name: name of the heap
 *
 * No allocation is in progress when this returns. Buffers stay valid until they are
 * released.
 *
 * Context: may sleep.
 */
void dma_coherent_heap_close(struct device *dev, const char *name)
{
	devres_release(dev, heap_close, is_named, (void *)name);
}
EXPORT_SYMBOL_GPL(dma_coherent_heap_close);
