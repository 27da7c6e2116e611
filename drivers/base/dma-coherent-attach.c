// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: declare, attach, detach
 *
 * A region is created when the first device is attached to it, and shared by
 * all devices that have the same memory. Attachments and regions that are unused
 * are retired: taken off the lists, and freed after a grace period.
 *
 * Locking: everything in this file may sleep. dma_coherent_mutex serializes
 * changes of the list of regions and of the lists of attachments; the latter are
 * read under RCU. A region's list of attachments is written under the mutex and
 * the region's lock, and read under either. Regions are unmapped under reap_mutex
 * only, which is taken before dma_coherent_mutex: attach and detach need not wait
 * for a grace period, nor for debugfs.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <trace/events/dma_coherent.h>

#include "dma-coherent.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent."

static unsigned int align_order = CONFIG_DMA_COHERENT_ALIGN_ORDER;
module_param(align_order, uint, 0444);
MODULE_PARM_DESC(align_order,
		 "Largest page order that buffers are aligned to (default "
		 __stringify(CONFIG_DMA_COHERENT_ALIGN_ORDER) ")");

static DEFINE_MUTEX(reap_mutex);
static DEFINE_MUTEX(dma_coherent_mutex);
static LIST_HEAD(regions);		/* under dma_coherent_mutex */

static void reap_work(struct work_struct *work);
static DECLARE_WORK(reaper, reap_work);

/* Map: whose memory is it, and with which attributes */

static bool has_system_ram(phys_addr_t base, size_t size)
{
	return region_intersects(base, size, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) != REGION_DISJOINT;
}

static int add_pages(unsigned long pfn, unsigned long pages, void *sum)
{
	*(unsigned long *)sum += pages;
	return 0;
}

static unsigned long unreserved_pages(unsigned long pfn, unsigned long pages)
{
	unsigned long sum = 0;

	for (; pages; pfn++, pages--)
		sum += pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn));
	return sum;
}

/*
 * System RAM belongs to the kernel: its image, the page allocator, or what was
 * reserved at boot. A region is System RAM if it lacks no-map, or if the kernel
 * could not reserve it.
 *
 * Some architectures register no System RAM; there, pages that are not reserved
 * belong to the page allocator. UML maps all of its memory in one way, and its
 * pages may be used as a pool.
 *
 * Return: why the memory cannot be a pool, for a message; NULL if it can.
 */
static const char *ram_error(phys_addr_t base, size_t size)
{
	bool is_ram = has_system_ram(base, size);
	unsigned long pages = PHYS_PFN(size), ram = 0;

	if (is_ram)
		walk_system_ram_range(PHYS_PFN(base), pages, &ram, add_pages);
	else if (!has_system_ram(0, SIZE_MAX) && !IS_ENABLED(CONFIG_UML))
		ram = unreserved_pages(PHYS_PFN(base), pages);

	if (ram == pages)
		return "is System RAM; add no-map, or see why it was not reserved";
	return is_ram || ram ? "is partly System RAM" : NULL;
}

/**
 * dma_coherent_map() - map the memory of a region
 * @base: physical address, page-aligned
 * @size: size in bytes, whole pages
 * @why: set to the reason of a failure, for a message
 *
 * The one place that decides whose memory a region may be, and how it is mapped:
 * memory of the kernel is refused, everything else is write-combined.
 *
 * Context: may sleep.
 * Return: the address of the mapping; NULL on failure.
 */
void *dma_coherent_map(phys_addr_t base, size_t size, const char **why)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_map, base, size, why);

	*why = ram_error(base, size);
	if (*why)
		return NULL;
	*why = "cannot be mapped write-combined";
	return memremap(base, size, MEMREMAP_WC);
}

/**
 * dma_coherent_unmap() - undo dma_coherent_map()
 * @vaddr: the address of the mapping
 *
 * Context: may sleep.
 */
void dma_coherent_unmap(void *vaddr)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_unmap, vaddr);

	memunmap(vaddr);
}

/* Regions that lie in each other */

/* Pools may nest: a buffer of one region can be the memory of another one. */
static bool lies_in_a_buffer(struct dma_coherent_region *region,
			     const struct dma_coherent_spec *spec)
{
	struct dma_coherent_run run;
	unsigned long page;

	if (spec->base < region->base)
		return false;
	page = PHYS_PFN(spec->base - region->base);
	return dma_coherent_region_run(region, page, &run) &&
	       PHYS_PFN(spec->size) <= run.first + run.pages - page;
}

static bool overlaps(const struct dma_coherent_region *region,
		     const struct dma_coherent_spec *spec)
{
	return spec->base <= region->base + PFN_PHYS(region->pool.pages) - 1 &&
	       region->base <= spec->base + (spec->size - 1);
}

/* Both pools would allocate the same memory. */
static bool collides(struct dma_coherent_region *region,
		     const struct dma_coherent_spec *spec)
{
	return overlaps(region, spec) && !lies_in_a_buffer(region, spec);
}

/*
 * Two devices may declare overlapping regions on purpose, so only warn. Nothing is
 * written to the free pages of either from then on: they may be in use in the other.
 */
static void check_collisions(struct device *dev, const struct dma_coherent_spec *spec,
			     struct dma_coherent_region *new)
{
	struct dma_coherent_region *region;

	list_for_each_entry(region, &regions, node) {
		if (!overlaps(region, spec))
			continue;
		new->shared = true;
		if (lies_in_a_buffer(region, spec))
			continue;
		scoped_guard(raw_spinlock_irqsave, &region->lock)
			region->shared = true;
		pr_warn("%s: region %s overlaps region %s, both may allocate the same pages\n",
			dma_coherent_name(dev), spec->name, region->name);
	}
}

/* Regions */

/* The alignment of the region's base limits that of its buffers. */
static unsigned int region_align_order(phys_addr_t base)
{
	unsigned long pfn = PHYS_PFN(base);

	return pfn ? min_t(unsigned int, align_order, __ffs(pfn)) : align_order;
}

static struct dma_coherent_region *
region_new(const struct dma_coherent_spec *spec)
{
	size_t len = strlen(spec->name) + 1;
	struct dma_coherent_region *region;

	region = kzalloc(struct_size(region, name, len), GFP_KERNEL);
	if (!region)
		return NULL;
	memcpy(region->name, spec->name, len);
	region->base = spec->base;
	region->reaper = &reaper;
	kref_init(&region->ref);
	INIT_LIST_HEAD(&region->users);
	INIT_LIST_HEAD(&region->owner_names);
	raw_spin_lock_init(&region->lock);
	ratelimit_state_init(&region->alloc_rs, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_state_init(&region->misuse_rs, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	return region;
}

/* Sets @why to the reason of a failure. */
static struct dma_coherent_region *
region_create(struct device *dev, const struct dma_coherent_spec *spec,
	      const char **why)
{
	struct dma_coherent_region *region = region_new(spec);
	int err = -ENOMEM;

	*why = "cannot be made a pool";
	if (!region)
		return ERR_PTR(err);
	err = dma_coherent_pool_init(&region->pool, PHYS_PFN(spec->size),
				     region_align_order(spec->base));
	if (err)
		goto free_region;
	region->pool.lock = &region->lock;

	err = -EINVAL;
	region->vaddr = dma_coherent_map(spec->base, spec->size, why);
	if (!region->vaddr)
		goto exit_pool;
	check_collisions(dev, spec, region);
	if (IS_ENABLED(CONFIG_DMA_COHERENT_DEBUG))
		dma_coherent_debug_create(region);
	if (IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN))
		dma_coherent_clean_create(region);
	dma_coherent_debugfs_add(region);
	list_add_tail(&region->node, &regions);
	return region;

exit_pool:
	dma_coherent_pool_exit(&region->pool);
free_region:
	kfree(region);
	return ERR_PTR(err);
}

static void region_free(struct kref *ref)
{
	struct dma_coherent_region *region = container_of(ref, struct dma_coherent_region, ref);

	if (dma_coherent_cleans(region))
		dma_coherent_clean_destroy(region);
	if (dma_coherent_debugs(region))
		dma_coherent_debug_destroy(region);
	dma_coherent_owners_free(region);
	dma_coherent_pool_exit(&region->pool);
	kfree(region);
}

/**
 * dma_coherent_region_put() - drop a reference to a region
 * @region: the region; the mapping has one reference, each open debugfs file one
 *
 * Context: may sleep.
 */
void dma_coherent_region_put(struct dma_coherent_region *region)
{
	kref_put(&region->ref, region_free);
}

/* Nobody can find the region any more: it is off the list of regions. */
static void region_unmap(struct dma_coherent_region *region)
{
	if (dma_coherent_cleans(region))
		dma_coherent_clean_stop(region);
	/* A write to one of the files may be reading the memory. */
	dma_coherent_debugfs_remove(region);
	dma_coherent_unmap(region->vaddr);
	dma_coherent_region_put(region);
}

/**
 * dma_coherent_each_region() - call a function for each region
 * @visit: the function
 *
 * Context: may sleep.
 */
void dma_coherent_each_region(void (*visit)(struct dma_coherent_region *region))
{
	struct dma_coherent_region *region;

	guard(mutex)(&dma_coherent_mutex);
	list_for_each_entry(region, &regions, node)
		visit(region);
}

static bool used_by_ancestor(const struct dma_coherent_region *region,
			     const struct device *dev)
{
	const struct dma_coherent_mem *mem;

	while ((dev = dev->parent))
		list_for_each_entry(mem, &region->users, node)
			if (mem->dev == dev)
				return true;
	return false;
}

/*
 * Find the region to share, whoever described it: two pools of the same pages
 * would allocate them twice. The exception is remoteproc: it allocates a buffer
 * that is all of an ancestor's region, and declares it to a child; then the child
 * needs a pool of its own, nested in the buffer.
 */
static struct dma_coherent_region *
region_find(const struct device *dev, const struct dma_coherent_spec *spec)
{
	struct dma_coherent_region *region;

	list_for_each_entry(region, &regions, node) {
		if (region->base != spec->base ||
		    region->pool.pages != PHYS_PFN(spec->size))
			continue;
		if (spec->source == DMA_COHERENT_DECLARED &&
		    lies_in_a_buffer(region, spec) && used_by_ancestor(region, dev))
			continue;
		return region;
	}
	return NULL;
}

/* Attachments */

static struct dma_coherent_mem *
mem_locked(struct dma_coherent_mem __rcu *const *link)
{
	return rcu_dereference_protected(*link,
					 lockdep_is_held(&dma_coherent_mutex));
}

#define for_each_mem(mem, dev)						\
	for ((mem) = mem_locked(dma_coherent_mems(dev)); (mem);		\
	     (mem) = mem_locked(&(mem)->next))

static struct dma_coherent_mem *mem_find(struct device *dev,
					 const struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	for_each_mem(mem, dev)
		if (mem->region == region)
			return mem;
	return NULL;
}

/* Append: allocations take the first match, lookups by address the last. */
static void mem_link(struct dma_coherent_mem *mem)
{
	struct dma_coherent_mem __rcu **link = dma_coherent_mems(mem->dev);

	while (mem_locked(link))
		link = &mem_locked(link)->next;
	rcu_assign_pointer(*link, mem);
	scoped_guard(raw_spinlock_irqsave, &mem->region->lock)
		list_add_tail(&mem->node, &mem->region->users);
}

/*
 * The device may be freed as soon as dev->dma_mem is empty, as its release then
 * does not wait for dma_coherent_mutex. So that link goes last.
 */
static void mem_retire(struct dma_coherent_mem *mem)
{
	struct dma_coherent_mem __rcu **link = dma_coherent_mems(mem->dev);

	scoped_guard(raw_spinlock_irqsave, &mem->region->lock)
		list_del(&mem->node);
	dma_coherent_owner_gone(mem->region, mem->owner);
	while (mem_locked(link) != mem)
		link = &mem_locked(link)->next;
	rcu_assign_pointer(*link, mem_locked(&mem->next));
	kfree_rcu(mem, rcu);
}

static struct dma_coherent_mem *
mem_create(struct device *dev, struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	mem = kzalloc_obj(*mem);
	if (!mem)
		return NULL;
	mem->dev = dev;
	mem->region = region;
	mem->owner = dma_coherent_owner_add(region, dev);
	mem_link(mem);
	return mem;
}

static struct dma_coherent_view
spec_view(struct device *dev, const struct dma_coherent_spec *spec)
{
	if (spec->source == DMA_COHERENT_FIRMWARE)
		return dma_coherent_translate(dev, spec->base, PHYS_PFN(spec->size));
	return (struct dma_coherent_view) { spec->handle, PHYS_PFN(spec->size) };
}

/*
 * Start to serve allocations, or start again: a detached attachment may still have
 * buffers in use, and another CPU may release one of them meanwhile.
 *
 * Return: the number of buffers in use.
 */
static long mem_attach(struct dma_coherent_mem *mem,
		       const struct dma_coherent_spec *spec)
{
	unsigned long flags;
	long live;

	raw_spin_lock_irqsave(&mem->region->lock, flags);
	mem->view = spec_view(mem->dev, spec);
	mem->flags = spec->flags;
	mem->source = spec->source;
	mem->attached = true;
	mem->warned = false;
	live = mem->live;
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	return live;
}

/* Return: true if the attachment can be retired; @live is set to its buffers in use. */
static bool mem_detach(struct dma_coherent_mem *mem, long *live)
{
	unsigned long flags;
	bool idle;

	raw_spin_lock_irqsave(&mem->region->lock, flags);
	mem->attached = false;
	*live = mem->live;
	idle = dma_coherent_mem_idle(mem);
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	return idle;
}

/* Retire unused attachments and regions */

/* Buffers of a device that died keep their region: hardware may still write to them. */
static void collect_unused(struct list_head *unused)
{
	struct dma_coherent_region *region, *next_region;
	struct dma_coherent_mem *mem, *next_mem;

	guard(mutex)(&dma_coherent_mutex);
	list_for_each_entry_safe(region, next_region, &regions, node) {
		list_for_each_entry_safe(mem, next_mem, &region->users, node)
			if (dma_coherent_mem_idle(mem))
				mem_retire(mem);
		if (list_empty(&region->users) && !dma_coherent_region_in_use(region))
			list_move(&region->node, unused);
	}
}

/**
 * dma_coherent_reap() - retire unused attachments and regions
 *
 * Waits for a call that is in progress, so a region that was unused before this call
 * is unmapped when it returns.
 *
 * Context: may sleep; not under dma_coherent_mutex.
 */
void dma_coherent_reap(void)
{
	struct dma_coherent_region *region, *next;
	LIST_HEAD(unused);

	guard(mutex)(&reap_mutex);
	collect_unused(&unused);
	if (list_empty(&unused))
		return;
	/* A release may have found the region just before it was unlinked. */
	synchronize_rcu();
	list_for_each_entry_safe(region, next, &unused, node)
		region_unmap(region);
}

static void reap_work(struct work_struct *work)
{
	dma_coherent_reap();
}

/* Attach */

static __cold int attach_error(struct device *dev, const struct dma_coherent_spec *spec,
			       int err, const char *why)
{
	pr_warn("%s: region %s (%pa bytes at %pa) %s: %d\n", dma_coherent_name(dev),
		spec->name, &spec->size, &spec->base, why, err);
	return err;
}

/* Validate a region, and shrink it to whole pages. */
static int spec_check(struct device *dev, struct dma_coherent_spec *spec)
{
	phys_addr_t whole = dma_coherent_whole_pages(spec->base, spec->size);

	if (spec->flags & ~DMA_COHERENT_FALLBACK)
		return attach_error(dev, spec, -EINVAL, "has an unknown flag");
	if (!spec->size)
		return attach_error(dev, spec, -EINVAL, "is empty");
	if (spec->base + (spec->size - 1) < spec->base ||
	    (spec->source == DMA_COHERENT_DECLARED &&
	     (dma_addr_t)(spec->handle + (spec->size - 1)) < spec->handle))
		return attach_error(dev, spec, -EINVAL, "wraps around");
	if (!whole)
		return attach_error(dev, spec, -EINVAL, "has no whole page");
	if ((size_t)whole != whole)
		return attach_error(dev, spec, -EINVAL, "is too large to be mapped");
	if (whole != spec->size)
		pr_warn("%s: region %s (%pa bytes at %pa) is not whole pages, shrinking it\n",
			dma_coherent_name(dev), spec->name, &spec->size, &spec->base);
	spec->handle += PAGE_ALIGN(spec->base) - spec->base;
	spec->base = PAGE_ALIGN(spec->base);
	spec->size = whole;
	return 0;
}

static bool views_overlap(const struct dma_coherent_view *a,
			  const struct dma_coherent_view *b)
{
	return a->pages && b->pages &&
	       a->handle <= b->handle + (PFN_PHYS(b->pages) - 1) &&
	       b->handle <= a->handle + (PFN_PHYS(a->pages) - 1);
}

/*
 * Two regions of one device may neither allocate the same memory, unless one is
 * nested in the other, nor have the same DMA addresses. If @dev had the region
 * before, which is @own then, the first of these checks is done already.
 */
static const char *conflict(struct device *dev, const struct dma_coherent_spec *spec,
			    const struct dma_coherent_region *own)
{
	const struct dma_coherent_view view = spec_view(dev, spec);
	struct dma_coherent_mem *mem;

	for_each_mem(mem, dev) {
		if (mem->region == own)
			continue;
		if (!own && collides(mem->region, spec))
			return "overlaps another region of the device";
		if (!overlaps(mem->region, spec) && views_overlap(&mem->view, &view))
			return "has the DMA addresses of another region of the device";
	}
	return NULL;
}

static int attach_locked(struct device *dev, const struct dma_coherent_spec *spec)
{
	struct dma_coherent_region *region = region_find(dev, spec);
	struct dma_coherent_mem *mem = region ? mem_find(dev, region) : NULL;
	const char *why;
	long live;

	if (!dev && mem_locked(dma_coherent_mems(NULL)))
		return attach_error(dev, spec, -EBUSY, "is a second global pool");
	if (mem && mem->attached)
		return attach_error(dev, spec, -EBUSY, "is attached already");
	if (!spec_view(dev, spec).pages)
		return attach_error(dev, spec, -ENODEV, "begins outside the device's dma-ranges");
	why = conflict(dev, spec, mem ? region : NULL);
	if (why)
		return attach_error(dev, spec, -EBUSY, why);
	if (!region)
		region = region_create(dev, spec, &why);
	if (IS_ERR(region))
		return attach_error(dev, spec, PTR_ERR(region), why);
	if (!mem)
		mem = mem_create(dev, region);
	if (!mem)
		return attach_error(dev, spec, -ENOMEM, "cannot be attached");
	live = mem_attach(mem, spec);
	dma_coherent_trace(attach, dev, region->name, live);
	return 0;
}

/**
 * dma_coherent_attach() - attach a region to a device
 * @dev: the device; NULL for the global pool
 * @spec: the region
 *
 * Context: may sleep.
 * Return: 0, or an errno, with a message that names the device and the region:
 * -EINVAL if the region is not valid, is System RAM, or cannot be mapped; -ENODEV
 * if it begins outside the device's dma-ranges; -EBUSY if it is attached already, or
 * overlaps another region of @dev, in memory or in DMA addresses, and is not
 * nested in a buffer of it; -ENOMEM.
 */
int dma_coherent_attach(struct device *dev, const struct dma_coherent_spec *spec)
{
	struct dma_coherent_spec whole = *spec;
	int err;

	err = spec_check(dev, &whole);
	if (err)
		return err;
	scoped_guard(mutex, &dma_coherent_mutex)
		err = attach_locked(dev, &whole);
	/* attach_locked() may have created a region without an attachment. */
	if (err)
		dma_coherent_reap();
	return err;
}

/* Detach */

static void detach(struct dma_coherent_mem *mem)
{
	const char *name = dma_coherent_name(mem->dev);
	long live;
	bool idle = mem_detach(mem, &live);

	dma_coherent_trace(detach, mem->dev, mem->region->name, live);
	if (idle)
		mem_retire(mem);
	else if (READ_ONCE(mem->region->mixed))
		pr_warn("%s: region %s detached; devices released each other's buffers, stays mapped until all are released\n",
			name, mem->region->name);
	else
		pr_warn("%s: region %s detached with %ld buffers in use, stays mapped until they are released\n",
			name, mem->region->name, live);
}

/* @base may be NULL for any. */
static void detach_all(struct device *dev, enum dma_coherent_source source,
		       const phys_addr_t *base, phys_addr_t size)
{
	struct dma_coherent_mem *mem, *next;

	guard(mutex)(&dma_coherent_mutex);
	for (mem = mem_locked(dma_coherent_mems(dev)); mem; mem = next) {
		next = mem_locked(&mem->next);
		if (mem->attached && mem->source == source &&
		    (!base || dma_coherent_region_matches(mem->region, *base, size)))
			detach(mem);
	}
}

/**
 * dma_coherent_detach() - detach a region from a device
 * @dev: the device
 * @source: who described the region
 * @base: physical address, as it was attached
 * @size: size in bytes, as it was attached
 *
 * If the memory becomes unused, it is unmapped before this returns.
 *
 * Context: may sleep.
 */
void dma_coherent_detach(struct device *dev, enum dma_coherent_source source,
			 phys_addr_t base, phys_addr_t size)
{
	detach_all(dev, source, &base, size);
	dma_coherent_reap();
}

static void detach_dying(struct device *dev)
{
	struct dma_coherent_mem *mem;
	bool attached;
	long live;

	while ((mem = mem_locked(dma_coherent_mems(dev)))) {
		attached = mem->attached;
		mem_detach(mem, &live);
		if (attached)
			dma_coherent_trace(detach, dev, mem->region->name, live);
		if (live > 0)
			pr_err("%s: device released with %ld buffers of region %s in use, leaking them\n",
			       dma_coherent_name(dev), live, mem->region->name);
		mem_retire(mem);
	}
}

/**
 * dma_coherent_device_release() - detach everything from a device that is released
 * @dev: the device
 *
 * For the driver core, before the device's own release callback, which cannot
 * release buffers any more. Buffers in use stay allocated in their pools, since the
 * hardware may still write to them.
 *
 * Context: may sleep.
 */
void dma_coherent_device_release(struct device *dev)
{
	if (!dma_coherent_has_mems(dev))
		return;
	scoped_guard(mutex, &dma_coherent_mutex)
		detach_dying(dev);
	dma_coherent_reap();
}

/* Declare */

/**
 * dma_declare_coherent_memory_flags() - declare memory of a device
 * @dev: the device, which need not be registered yet
 * @phys_addr: physical address of the memory
 * @device_addr: DMA address of the memory
 * @size: size in bytes
 * @flags: DMA_COHERENT_FALLBACK to use the generic allocator when the memory is
 *	exhausted, or 0
 *
 * From then on dma_alloc_coherent() on @dev allocates from this memory. A region
 * that is not whole pages is shrunk to whole pages. A device may have several
 * regions; allocations try them in the order in which they were declared. Devices
 * that declare the same memory share its pool.
 *
 * Context: may sleep.
 * Return: 0, or an errno, with a message that names the device and the memory:
 * -EINVAL if the memory is empty, wraps around, has no whole page, is System RAM
 * or cannot be mapped, or if a flag is unknown; -EBUSY if @dev has it already, or
 * has another region that overlaps it, in memory or in DMA addresses, unless it is
 * nested in a buffer of the other region; -ENOMEM. If @dev is NULL, -ENODEV without
 * a message.
 */
int dma_declare_coherent_memory_flags(struct device *dev, phys_addr_t phys_addr,
				      dma_addr_t device_addr, size_t size,
				      unsigned int flags)
{
	char name[sizeof("declared@+") + 2 * (sizeof(phys_addr) + sizeof(size))];
	struct dma_coherent_spec spec = {
		.name = name,
		.base = phys_addr,
		.size = size,
		.handle = device_addr,
		.source = DMA_COHERENT_DECLARED,
		.flags = flags,
	};

	if (!dev)
		return -ENODEV;
	snprintf(name, sizeof(name), "declared@%llx+%zx", (u64)phys_addr, size);
	return dma_coherent_attach(dev, &spec);
}

/**
 * dma_declare_coherent_memory() - declare memory of a device
 * @dev: the device, which need not be registered yet
 * @phys_addr: physical address of the memory
 * @device_addr: DMA address of the memory
 * @size: size in bytes
 *
 * dma_declare_coherent_memory_flags() without flags: allocations fail when the
 * memory is exhausted.
 *
 * Context: may sleep.
 * Return: as dma_declare_coherent_memory_flags().
 */
int dma_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				dma_addr_t device_addr, size_t size)
{
	return dma_declare_coherent_memory_flags(dev, phys_addr, device_addr,
						 size, 0);
}

/**
 * dma_release_coherent_memory() - take back all memory that was declared for a device
 * @dev: the device; may be NULL
 *
 * Buffers in use are reported; they can still be released and mapped, and the
 * memory is unmapped with the last one. If the memory is unused, it is unmapped
 * before this returns. Regions from the device tree stay attached.
 *
 * Context: may sleep.
 */
void dma_release_coherent_memory(struct device *dev)
{
	if (!dev)
		return;
	detach_all(dev, DMA_COHERENT_DECLARED, NULL, 0);
	dma_coherent_reap();
}

#ifdef CONFIG_DMA_GLOBAL_POOL

/**
 * dma_init_global_coherent() - set the global pool
 * @phys_addr: physical address of the memory
 * @size: size in bytes
 *
 * Context: may sleep; once, at boot.
 * Return: 0, or an errno, with a message that names the memory: -EINVAL as for
 * dma_declare_coherent_memory(); -EBUSY if there is a global pool already;
 * -ENOMEM.
 */
int dma_init_global_coherent(phys_addr_t phys_addr, size_t size)
{
	struct dma_coherent_spec spec = {
		.name = "global",
		.base = phys_addr,
		.size = size,
		.handle = phys_addr,
		.source = DMA_COHERENT_GLOBAL,
	};

	return dma_coherent_attach(NULL, &spec);
}

#endif /* CONFIG_DMA_GLOBAL_POOL */
