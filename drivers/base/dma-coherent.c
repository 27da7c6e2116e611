// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device
 *
 * What is handed out: buffers of whole pages, zeroed, from memory that a device
 * was given for its own: video RAM, a carve-out, a bank that it alone can
 * reach. Platform code or the device tree declares the memory; from then on
 * dma_alloc_coherent() and friends on that device are served from it, through
 * the three hooks in this file.
 *
 * How the data lies: a *region* is memory, mapped once, with a pool of its
 * pages. An *attachment* ties a region to a device. A device's attachments hang
 * off dev->dma_mem in the order in which they were made, which is the order in
 * which allocations try them. A region can have several attachments, and then
 * their devices share its pool.
 *
 *	dev A -> attachment -> attachment
 *	              |             |
 *	           region X      region Y
 *	                            |
 *	         dev B -> attachment
 *
 * An attachment is detached before it goes: it stops serving, but stays findable
 * for release and mmap until its last buffer is back. As that may happen in hard
 * interrupt context, where nothing can be unmapped, a work item takes away what
 * is no longer used.
 *
 * Units: bytes and addresses outside, pages of the region inside.
 *
 * Locking: dma_coherent_mutex serializes everything that attaches and detaches.
 * What is dead leaves the lists under it, and is unmapped outside of it, under
 * reap_mutex. A device's list of attachments is read under RCU. A region's lock
 * guards its pool; it is a raw one, since the hooks are called in any context.
 * Nothing is zeroed, printed or called out to under it.
 *
 * Not tracked: which of several devices that share a region got a buffer.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/ratelimit.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "dma-coherent.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_coherent.h>

static unsigned int align_order = CONFIG_DMA_COHERENT_ALIGN_ORDER;
module_param(align_order, uint, 0444);
MODULE_PARM_DESC(align_order,
		 "Largest page order that buffers are aligned to (default "
		 __stringify(CONFIG_DMA_COHERENT_ALIGN_ORDER) ")");

static DEFINE_MUTEX(dma_coherent_mutex);
static LIST_HEAD(regions);		/* under dma_coherent_mutex */

/* One at a time; taken before dma_coherent_mutex. */
static DEFINE_MUTEX(reap_mutex);
static void reap_work(struct work_struct *work);
static DECLARE_WORK(reaper, reap_work);

/**
 * dma_coherent_name() - what a device is called in messages
 * @dev: the device; NULL for the global pool. One that is declared early has no
 *	name yet.
 *
 * Return: the name.
 */
const char *dma_coherent_name(const struct device *dev)
{
	return dev ? dev_name(dev) ?: "unnamed device" : "global pool";
}

/* Regions */

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
 * Why the memory of a region can't be a pool, for a message; NULL where it can.
 *
 * System RAM is in the kernel's own hands: its image, the page allocator, or
 * whoever reserved it when the system booted. A region is System RAM where it
 * lacks no-map, or where the kernel could not reserve it.
 *
 * Some architectures register no System RAM; there the page allocator's pages
 * are those that are not reserved. UML maps all of its memory in one way, and
 * its pages can be lent to a pool.
 */
static const char *ram_fault(phys_addr_t base, size_t size)
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
 * dma_coherent_map() - map a region, if its memory can be a pool
 * @base: physical address, page-aligned
 * @size: bytes, whole pages
 * @why: set to what is wrong, for a message, where it can't be mapped
 *
 * This decides, in one place, whose memory a region is and which mapping it
 * gets: the kernel's own memory is refused, everything else is write-combined.
 *
 * Context: may sleep.
 * Return: its address; NULL where it can't be mapped.
 */
void *dma_coherent_map(phys_addr_t base, size_t size, const char **why)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_map, base, size, why);

	*why = ram_fault(base, size);
	if (*why)
		return NULL;
	*why = "can't be mapped write-combined";
	return memremap(base, size, MEMREMAP_WC);
}

/**
 * dma_coherent_unmap() - the opposite of dma_coherent_map()
 * @vaddr: what that returned
 *
 * Context: may sleep.
 */
void dma_coherent_unmap(void *vaddr)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_unmap, vaddr);

	memunmap(vaddr);
}

/* What the region's own base promises, and no more than was asked for. */
static unsigned int region_align_order(phys_addr_t base)
{
	unsigned long pfn = PHYS_PFN(base);

	return pfn ? min_t(unsigned int, align_order, __ffs(pfn)) : align_order;
}

/* Return: true when @page belongs to a buffer, which is then in @run. */
static bool region_run(struct dma_coherent_region *region, unsigned long page,
		       struct dma_coherent_run *run)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&region->lock, flags);
	found = dma_coherent_pool_run(&region->pool, page, run);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found && run->used;
}

/* Pools may nest: a buffer of one of them can be the memory of another one. */
static bool lies_in_a_buffer(struct dma_coherent_region *region,
			     const struct dma_coherent_spec *spec)
{
	struct dma_coherent_run run;
	unsigned long page;

	if (spec->base < region->base)
		return false;
	page = PHYS_PFN(spec->base - region->base);
	return region_run(region, page, &run) &&
	       PHYS_PFN(spec->size) <= run.first + run.pages - page;
}

static bool overlaps(const struct dma_coherent_region *region,
		     const struct dma_coherent_spec *spec)
{
	return spec->base <= region->base + PFN_PHYS(region->pool.pages) - 1 &&
	       region->base <= spec->base + (spec->size - 1);
}

/* Two devices may have described the same memory in two ways: that may be meant. */
static void warn_of_overlaps(struct device *dev, const struct dma_coherent_spec *spec)
{
	struct dma_coherent_region *region;

	list_for_each_entry(region, &regions, node)
		if (overlaps(region, spec) && !lies_in_a_buffer(region, spec))
			pr_warn("%s: region %s shares memory with %s, which may hand it out too\n",
				dma_coherent_name(dev), spec->name, region->name);
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
	kref_init(&region->ref);
	INIT_LIST_HEAD(&region->users);
	INIT_LIST_HEAD(&region->owner_names);
	raw_spin_lock_init(&region->lock);
	ratelimit_state_init(&region->refusals, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_state_init(&region->misuses, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	return region;
}

/* Sets @why to what went wrong. */
static struct dma_coherent_region *
region_create(struct device *dev, const struct dma_coherent_spec *spec,
	      const char **why)
{
	struct dma_coherent_region *region = region_new(spec);
	int err = -ENOMEM;

	*why = "can't be made a pool";
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
	warn_of_overlaps(dev, spec);
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

	dma_coherent_owners_free(region);
	dma_coherent_pool_exit(&region->pool);
	kfree(region);
}

/**
 * dma_coherent_region_put() - drop a reference to a region
 * @region: the region. It has one reference as long as its memory is mapped, and
 *	one for each open file that shows it.
 *
 * Context: may sleep.
 */
void dma_coherent_region_put(struct dma_coherent_region *region)
{
	kref_put(&region->ref, region_free);
}

/* Nobody can find it any more. */
static void region_unmap(struct dma_coherent_region *region)
{
	dma_coherent_unmap(region->vaddr);
	dma_coherent_debugfs_remove(region);
	dma_coherent_region_put(region);
}

/**
 * dma_coherent_each_region() - visit all regions
 * @visit: called for each of them
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

static bool is_an_ancestors(const struct dma_coherent_region *region,
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
 * The region to share, whoever described it: two pools of the same pages would
 * hand them out twice. Unless all of it is a buffer of an ancestor that declares
 * it on, as remoteproc does: then the ancestor's region is not the one.
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
		    lies_in_a_buffer(region, spec) && is_an_ancestors(region, dev))
			continue;
		return region;
	}
	return NULL;
}

static bool region_in_use(const struct dma_coherent_region *region)
{
	return READ_ONCE(region->pool.used_pages);
}

/* A device's list of attachments */

static struct dma_coherent_mem __rcu **mems_of(struct device *dev)
{
	return (struct dma_coherent_mem __rcu ** __force)&dev->dma_mem;
}

static bool has_mems(struct device *dev)
{
	return dev && READ_ONCE(dev->dma_mem);
}

#define for_each_mem_rcu(mem, dev)					\
	for ((mem) = rcu_dereference(*mems_of(dev)); (mem);		\
	     (mem) = rcu_dereference((mem)->next))

static struct dma_coherent_mem *
mem_locked(struct dma_coherent_mem __rcu *const *link)
{
	return rcu_dereference_protected(*link,
					 lockdep_is_held(&dma_coherent_mutex));
}

static struct dma_coherent_mem *mem_find(struct device *dev,
					 const struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	for (mem = mem_locked(mems_of(dev)); mem; mem = mem_locked(&mem->next))
		if (mem->region == region)
			return mem;
	return NULL;
}

static void mem_link(struct dma_coherent_mem *mem)
{
	struct dma_coherent_mem __rcu **link = mems_of(mem->dev);
	unsigned long flags;

	while (mem_locked(link))
		link = &mem_locked(link)->next;
	rcu_assign_pointer(*link, mem);
	raw_spin_lock_irqsave(&mem->region->lock, flags);
	list_add_tail(&mem->node, &mem->region->users);
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
}

/*
 * The device may be gone as soon as it has no attachment any more, as then its
 * death waits for nothing here: what else leads to it goes first.
 */
static void mem_unlink(struct dma_coherent_mem *mem)
{
	struct dma_coherent_mem __rcu **link = mems_of(mem->dev);
	unsigned long flags;

	raw_spin_lock_irqsave(&mem->region->lock, flags);
	list_del(&mem->node);
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	dma_coherent_owner_gone(mem->region, mem->owner);
	while (mem_locked(link) != mem)
		link = &mem_locked(link)->next;
	rcu_assign_pointer(*link, mem_locked(&mem->next));
	kfree_rcu(mem, rcu);
}

/*
 * Where devices gave back each other's buffers, their counts say nothing: then an
 * attachment stays until the region is not used at all.
 */
static bool mem_idle(const struct dma_coherent_mem *mem)
{
	if (READ_ONCE(mem->attached))
		return false;
	return READ_ONCE(mem->region->mixed) ? !region_in_use(mem->region) :
					       READ_ONCE(mem->live) <= 0;
}

/* Return: whether the attachment can go; @live is how many buffers are out. */
static bool mem_detach(struct dma_coherent_mem *mem, long *live)
{
	unsigned long flags;
	bool idle;

	raw_spin_lock_irqsave(&mem->region->lock, flags);
	mem->attached = false;
	*live = mem->live;
	idle = mem_idle(mem);
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	return idle;
}

static bool region_holds(const struct dma_coherent_region *region, const void *vaddr)
{
	return vaddr >= region->vaddr &&
	       PFN_DOWN(vaddr - region->vaddr) < region->pool.pages;
}

/*
 * The attachment that an address belongs to. Pools may nest, and where memory
 * is not remapped they then overlap: the inner one knows the buffer, and comes
 * last, as its memory was a buffer of the outer one before.
 */
static struct dma_coherent_mem *mem_holding(struct device *dev, const void *vaddr)
{
	struct dma_coherent_mem *mem, *found = NULL;

	if (!has_mems(dev))
		return NULL;
	for_each_mem_rcu(mem, dev)
		if (region_holds(mem->region, vaddr))
			found = mem;
	return found;
}

/* The global pool: for all devices that are not coherent and have no other */

#ifdef CONFIG_DMA_GLOBAL_POOL

static struct dma_coherent_mem *global_mem;	/* set once */

static struct dma_coherent_mem *global_holding(const void *vaddr)
{
	struct dma_coherent_mem *mem = READ_ONCE(global_mem);

	return mem && region_holds(mem->region, vaddr) ? mem : NULL;
}

#else

static struct dma_coherent_mem *global_holding(const void *vaddr)
{
	return NULL;
}

#endif

/* Where a device sees memory */

static void view_translate(struct device *dev, phys_addr_t base,
			   unsigned long pages, struct dma_coherent_view *view)
{
	const struct bus_dma_region *map = dev->dma_range_map;

	view->handle = force_dma_unencrypted(dev) ? phys_to_dma_unencrypted(dev, base) :
						    phys_to_dma(dev, base);
	view->pages = pages;
	/* An architecture that translates by itself does not look at the map. */
	if (!map || IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		return;
	for (view->pages = 0; map->size && !view->pages; map++)
		if (base >= map->cpu_start && base - map->cpu_start < map->size)
			view->pages = min_t(u64, pages, (map->size -
					    (base - map->cpu_start)) >> PAGE_SHIFT);
}

/*
 * What counts is the time of the request: a bus may set dma_range_map, and a driver
 * the mask that encryption depends on, after the region was attached. The global
 * pool has a view for each device, all others keep the last one to be shown.
 */
static struct dma_coherent_view mem_view(struct dma_coherent_mem *mem,
					 struct device *dev)
{
	const struct dma_coherent_region *region = mem->region;
	struct dma_coherent_view view = mem->view;

	lockdep_assert_held(&region->lock);
	if (mem->source != DMA_COHERENT_DECLARED)
		view_translate(dev, region->base, region->pool.pages, &view);
	if (mem->dev)
		mem->view = view;
	return view;
}

/**
 * dma_coherent_reach() - how much of a region a device can address
 * @dev: the device
 * @view: where it sees the region
 *
 * Some boards attach memory before any mask is set, so no mask is no limit, and
 * what counts is the mask at the time of the request.
 *
 * Context: any.
 * Return: a number of pages from the region's first one on.
 */
unsigned long dma_coherent_reach(struct device *dev,
				 const struct dma_coherent_view *view)
{
	u64 top = min_not_zero(dev->coherent_dma_mask, dev->bus_dma_limit);
	u64 first_end = (u64)view->handle + PAGE_SIZE - 1;

	if (!top)
		return view->pages;
	if (first_end > top)
		return 0;
	return min_t(u64, view->pages, ((top - first_end) >> PAGE_SHIFT) + 1);
}

/* Allocation */

/**
 * struct refusal - what became of a request that was not met
 * @region: that refused it last; NULL where none was asked
 * @exclusive: one of those that refused it keeps it from other memory
 * @no_range: @region begins in none of the device's dma-ranges
 * @cause: why, as of @region
 * @free: pages in @region that were free
 * @largest: request that @region would have met
 */
struct refusal {
	struct dma_coherent_region *region;
	bool exclusive;
	bool no_range;
	enum dma_coherent_refusal cause;
	unsigned long free;
	unsigned long largest;
};

static enum dma_coherent_refusal why_refused(const struct dma_coherent_pool *pool,
					     unsigned long pages,
					     const struct refusal *why)
{
	if (!pages)
		return DMA_COHERENT_BAD_SIZE;
	if (why->no_range)
		return DMA_COHERENT_OUT_OF_REACH;
	if (pages > pool->pages)
		return DMA_COHERENT_TOO_LARGE;
	if (pages > why->free)
		return DMA_COHERENT_FULL;
	if (pages > why->largest)
		return DMA_COHERENT_FRAGMENTED;
	return DMA_COHERENT_OUT_OF_REACH;
}

static void note_refusal(struct dma_coherent_mem *mem,
			 const struct dma_coherent_view *view, unsigned long pages,
			 struct refusal *why)
{
	struct dma_coherent_region *region = mem->region;
	struct dma_coherent_pool *pool = &region->pool;

	lockdep_assert_held(&region->lock);
	why->region = region;
	if (!(mem->flags & DMA_COHERENT_FALLBACK))
		why->exclusive = true;
	why->no_range = !view->pages;
	why->free = pool->pages - pool->used_pages;
	why->largest = view->pages ? dma_coherent_pool_largest(pool) : 0;
	why->cause = why_refused(pool, pages, why);
	region->stats.refusals[why->cause]++;
}

static void note_alloc(struct dma_coherent_mem *mem, unsigned long page)
{
	struct dma_coherent_region *region = mem->region;

	lockdep_assert_held(&region->lock);
	mem->live++;
	dma_coherent_count_alloc(&region->stats, &region->pool);
	if (region->owners)
		region->owners[page] = mem->owner;
}

/*
 * Once for an attachment, as the mask may be wrong. The global pool has many
 * devices, and each of them is told, within limits.
 */
static bool should_warn(struct dma_coherent_mem *mem)
{
	bool warn = !mem->warned;

	lockdep_assert_held(&mem->region->lock);
	mem->warned = mem->dev;
	return warn;
}

static void warn_unreachable(struct device *dev, struct dma_coherent_mem *mem,
			     dma_addr_t handle, bool served)
{
	if (mem->dev || __ratelimit(&mem->region->refusals))
		pr_warn("%s: region %s at %pad is beyond the device's reach, it is %s\n",
			dma_coherent_name(dev), mem->region->name, &handle,
			served ? "used all the same" : "not used");
}

/*
 * Serve from an attachment, or only if the device reaches its region. One that
 * may fall back never serves what the device can't reach.
 * Return: the buffer, not zeroed; NULL, and @why->region is set where it was
 * refused.
 */
static void *mem_alloc(struct device *dev, struct dma_coherent_mem *mem,
		       bool only_reachable, unsigned long pages,
		       dma_addr_t *handle, struct refusal *why)
{
	struct dma_coherent_region *region = mem->region;
	struct dma_coherent_view view;
	unsigned long reach, flags;
	bool serves, warn = false;
	long page = -ENODEV;

	raw_spin_lock_irqsave(&region->lock, flags);
	view = mem_view(mem, dev);
	reach = dma_coherent_reach(dev, &view);
	serves = reach || !(mem->flags & DMA_COHERENT_FALLBACK);
	if (mem->attached && serves && (reach || !only_reachable)) {
		page = dma_coherent_pool_alloc(&region->pool, pages,
					       reach ?: view.pages);
		if (page < 0)
			note_refusal(mem, &view, pages, why);
		else
			note_alloc(mem, page);
	}
	if (mem->attached && !reach && !only_reachable && (page >= 0 || !serves))
		warn = should_warn(mem);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (warn)
		warn_unreachable(dev, mem, view.handle, serves);
	if (page < 0)
		return NULL;
	trace_dma_coherent_alloc(dma_coherent_name(dev), region->name, page, pages);
	*handle = view.handle + PFN_PHYS(page);
	return region->vaddr + PFN_PHYS(page);
}

/* From the first that has room, of all or of those that are reachable. */
static void *mems_alloc(struct device *dev, bool only_reachable, unsigned long pages,
			dma_addr_t *handle, struct refusal *why)
{
	struct dma_coherent_mem *mem;
	void *vaddr = NULL;

	for_each_mem_rcu(mem, dev) {
		vaddr = mem_alloc(dev, mem, only_reachable, pages, handle, why);
		if (vaddr)
			break;
	}
	return vaddr;
}

static const char *cause_of(const struct refusal *why)
{
	static const char *const causes[] = {
		[DMA_COHERENT_BAD_SIZE]		= "no valid size",
		[DMA_COHERENT_TOO_LARGE]	= "larger than the pool",
		[DMA_COHERENT_FULL]		= "the pool is full",
		[DMA_COHERENT_FRAGMENTED]	= "the pool is fragmented",
		[DMA_COHERENT_OUT_OF_REACH]	= "what is free is out of the device's reach",
	};

	if (why->no_range && why->cause == DMA_COHERENT_OUT_OF_REACH)
		return "the region begins in none of the device's dma-ranges";
	return causes[why->cause];
}

static void report_refusal(struct device *dev, unsigned long pages,
			   const struct refusal *why, bool quiet)
{
	trace_dma_coherent_refuse(dma_coherent_name(dev), why->region->name, pages,
				  cause_of(why));
	if (!quiet && __ratelimit(&why->region->refusals))
		pr_warn("%s: pool %s: %lu pages refused, %s (%lu of %lu are free, at most %lu can be had at once)\n",
			dma_coherent_name(dev), why->region->name, pages, cause_of(why),
			why->free, why->region->pool.pages, why->largest);
}

/* The caller expects failure, and has another way. */
static bool wants_quiet(gfp_t gfp, unsigned long attrs)
{
	return gfp & __GFP_NOWARN || attrs & DMA_ATTR_NO_WARN;
}

static unsigned long request_pages(ssize_t size)
{
	return size > 0 ? PFN_UP((size_t)size) : 0;
}

/**
 * dma_alloc_from_coherent_attrs() - allocate from the memory attached to a device
 * @dev: the device; may be NULL
 * @size: bytes; whole pages are handed out
 * @dma_handle: set to the buffer's address for the device
 * @ret: set to the buffer's address for the kernel
 * @gfp: __GFP_NOWARN: say nothing where no buffer can be had; all else is ignored
 * @attrs: DMA_ATTR_NO_WARN: the same
 *
 * dma_alloc_from_coherent() with the two ways in which callers of
 * dma_alloc_attrs() ask for silence. What fails is counted and traced all the
 * same.
 *
 * Context: any, hard interrupts included.
 * Return: as dma_alloc_from_coherent().
 */
int dma_alloc_from_coherent_attrs(struct device *dev, ssize_t size,
				  dma_addr_t *dma_handle, void **ret, gfp_t gfp,
				  unsigned long attrs)
{
	unsigned long pages = request_pages(size);
	struct refusal why = {};
	void *vaddr;

	if (!has_mems(dev))
		return 0;

	/*
	 * Regions that the device can't reach serve all the same where it reaches
	 * none, as they always did: masks are not always right.
	 */
	rcu_read_lock();
	vaddr = mems_alloc(dev, true, pages, dma_handle, &why);
	if (!vaddr && !why.region)
		vaddr = mems_alloc(dev, false, pages, dma_handle, &why);
	if (why.exclusive && !vaddr)
		report_refusal(dev, pages, &why, wants_quiet(gfp, attrs));
	rcu_read_unlock();

	if (vaddr)
		memset(vaddr, 0, pages << PAGE_SHIFT);
	else if (why.exclusive)
		*dma_handle = DMA_MAPPING_ERROR;
	else
		return 0;
	*ret = vaddr;
	return 1;
}

/**
 * dma_alloc_from_coherent() - allocate from the memory attached to a device
 * @dev: the device; may be NULL
 * @size: bytes; whole pages are handed out
 * @dma_handle: set to the buffer's address for the device
 * @ret: set to the buffer's address for the kernel
 *
 * For the dma_alloc_coherent() of an architecture. All of PAGE_ALIGN(@size) is
 * zeroed, since dma_mmap_coherent() exposes whole pages. The buffer's offset in
 * its region is a multiple of its order, up to what the region's base keeps and
 * to align_order. The device reaches every byte of it, unless it reaches nothing
 * of any of its regions: these are used all the same, after a warning, except for
 * regions with DMA_COHERENT_FALLBACK.
 *
 * Context: any, hard interrupts included.
 * Return: 0 when the caller should go on to its own allocator, and then nothing
 * was set. Otherwise the result stands: a buffer, or where none can be had NULL
 * in *@ret and DMA_MAPPING_ERROR in *@dma_handle.
 */
int dma_alloc_from_coherent(struct device *dev, ssize_t size,
			    dma_addr_t *dma_handle, void **ret)
{
	return dma_alloc_from_coherent_attrs(dev, size, dma_handle, ret, 0, 0);
}

/* Release */

struct release {
	struct dma_coherent_run run;
	unsigned long page;
	int order;
	enum dma_coherent_free verdict;
};

static enum dma_coherent_free judge(const struct release *rel, const void *vaddr)
{
	if (!rel->run.used)
		return DMA_COHERENT_FREE_NOT_LIVE;
	if (rel->page != rel->run.first || offset_in_page(vaddr))
		return DMA_COHERENT_FREE_INTERIOR;
	if (rel->order != order_base_2(rel->run.pages))
		return DMA_COHERENT_FREE_WRONG_ORDER;
	return DMA_COHERENT_FREE_GOOD;
}

/* The region is unused: whose buffer was given back by whom no longer matters. */
static void region_forget_mixing(struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	lockdep_assert_held(&region->lock);
	list_for_each_entry(mem, &region->users, node)
		mem->live = 0;
	region->mixed = false;
}

/* Return: true when the reaper may find something to take away. */
static bool give_back(struct dma_coherent_mem *mem, unsigned long page)
{
	struct dma_coherent_region *region = mem->region;

	lockdep_assert_held(&region->lock);
	dma_coherent_pool_free(&region->pool, page);
	if (--mem->live < 0)
		region->mixed = true;
	if (!region->mixed || region->pool.used_pages)
		return mem_idle(mem);
	region_forget_mixing(region);
	return true;
}

/* Return: true when the reaper may find something to take away. */
static bool mem_release(struct dma_coherent_mem *mem, const void *vaddr,
			struct release *rel)
{
	struct dma_coherent_region *region = mem->region;
	bool drained = false;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	dma_coherent_pool_run(&region->pool, rel->page, &rel->run);
	rel->verdict = judge(rel, vaddr);
	dma_coherent_count_free(&region->stats, rel->verdict);
	if (rel->verdict <= DMA_COHERENT_FREE_WRONG_ORDER)
		drained = give_back(mem, rel->page);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return drained;
}

static void report_release(struct device *dev, struct dma_coherent_region *region,
			   const struct release *rel)
{
	static const char *const verdicts[DMA_COHERENT_FREES] = {
		[DMA_COHERENT_FREE_WRONG_ORDER]	= "wrong order, all of it is freed",
		[DMA_COHERENT_FREE_INTERIOR]	= "inside a buffer, refused",
		[DMA_COHERENT_FREE_NOT_LIVE]	= "nothing is allocated there, refused",
	};

	if (rel->verdict > DMA_COHERENT_FREE_WRONG_ORDER)
		trace_dma_coherent_refuse(dma_coherent_name(dev), region->name, 0,
					  verdicts[rel->verdict]);
	if (__ratelimit(&region->misuses))
		pr_err("%s: pool %s: release of page %lu, order %d: %s (pages %lu to %lu are %s)\n",
		       dma_coherent_name(dev), region->name, rel->page, rel->order,
		       verdicts[rel->verdict], rel->run.first,
		       rel->run.first + rel->run.pages - 1,
		       rel->run.used ? "one buffer" : "free");
}

static void release_from(struct device *dev, struct dma_coherent_mem *mem,
			 int order, const void *vaddr)
{
	struct release rel = {
		.page = PFN_DOWN(vaddr - mem->region->vaddr),
		.order = order,
	};

	if (mem_release(mem, vaddr, &rel))
		schedule_work(&reaper);
	if (rel.verdict <= DMA_COHERENT_FREE_WRONG_ORDER)
		trace_dma_coherent_release(dma_coherent_name(dev), mem->region->name,
					   rel.page, rel.run.pages);
	if (rel.verdict != DMA_COHERENT_FREE_GOOD)
		report_release(dev, mem->region, &rel);
}

/**
 * dma_release_from_coherent() - give back what dma_alloc_from_coherent() gave
 * @dev: the device; may be NULL
 * @order: page order of the buffer's size
 * @vaddr: the buffer's address for the kernel
 *
 * The pool knows the buffer's length. A wrong @order is reported, and the true
 * length freed. An address in the device's memory where no buffer starts is
 * reported, counted and refused, with nothing changed.
 *
 * Context: any, hard interrupts included.
 * Return: 0 when @vaddr is in no memory of this device, and then the caller
 * should release it; 1 otherwise, whatever came of it, since what lies there is
 * not the caller's to free.
 */
int dma_release_from_coherent(struct device *dev, int order, void *vaddr)
{
	struct dma_coherent_mem *mem;

	rcu_read_lock();
	mem = mem_holding(dev, vaddr);
	if (mem)
		release_from(dev, mem, order, vaddr);
	rcu_read_unlock();
	return !!mem;
}

/* Mmap */

/* How many pages from @vaddr on belong to one live buffer; 0 where none does. */
static unsigned long buffer_pages(struct dma_coherent_region *region, const void *vaddr)
{
	unsigned long page = PFN_DOWN(vaddr - region->vaddr);
	struct dma_coherent_run run;

	if (offset_in_page(vaddr) || !region_run(region, page, &run))
		return 0;
	return run.first + run.pages - page;
}

static unsigned long buffer_pfn(const struct dma_coherent_region *region,
				const void *vaddr)
{
	return PHYS_PFN(region->base) + PFN_DOWN(vaddr - region->vaddr);
}

static int refuse_mmap(struct device *dev, struct dma_coherent_region *region,
		       struct vm_area_struct *vma, const void *vaddr,
		       unsigned long pages)
{
	if (__ratelimit(&region->misuses))
		pr_warn("%s: pool %s: mapping of %lu pages at offset %lu refused, from page %lu on %lu can be mapped: %d\n",
			dma_coherent_name(dev), region->name, vma_pages(vma), vma->vm_pgoff,
			PFN_DOWN(vaddr - region->vaddr), pages, -ENXIO);
	return -ENXIO;
}

/*
 * Set @vma up for the buffer at @vaddr; @pfn is the first page frame to map.
 * Return: -ENXIO where it asks for more than @size, or than one buffer.
 */
static int mmap_from(struct device *dev, struct dma_coherent_mem *mem,
		     struct vm_area_struct *vma, const void *vaddr, size_t size,
		     unsigned long *pfn)
{
	struct dma_coherent_region *region = mem->region;
	unsigned long pages = min(buffer_pages(region, vaddr), PFN_DOWN(PAGE_ALIGN(size)));
	unsigned long off = vma->vm_pgoff;

	if (off >= pages || vma_pages(vma) > pages - off)
		return refuse_mmap(dev, region, vma, vaddr, pages);
	*pfn = buffer_pfn(region, vaddr) + off;
	/* The attributes of the kernel's own mapping, whatever the caller chose. */
	vma->vm_page_prot = pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
	trace_dma_coherent_mmap(dma_coherent_name(dev), region->name,
				PFN_DOWN(vaddr - region->vaddr) + off, vma_pages(vma));
	return 0;
}

static int map_pfn(struct vm_area_struct *vma, unsigned long pfn)
{
	return remap_pfn_range(vma, vma->vm_start, pfn,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

/**
 * dma_mmap_from_coherent() - map a buffer to user space
 * @dev: the device; may be NULL
 * @vma: where to, with the first page of the buffer to map in its vm_pgoff
 * @vaddr: the buffer's address for the kernel, or that of a page inside it
 * @size: bytes from there on that may be mapped
 * @ret: set to 0, or to -ENXIO where the pages asked for are not all inside
 *	PAGE_ALIGN(@size) and inside one live buffer, or to what mapping them
 *	came to
 *
 * The mapping has the attributes of the kernel's own. One that is refused is
 * reported, with what was asked for and what there is. Freeing a buffer does not
 * take away its mappings: that must have happened before.
 *
 * Context: process.
 * Return: 0 when @vaddr is in no memory of this device, and then @ret was not
 * set and the caller should map it; 1 otherwise.
 */
int dma_mmap_from_coherent(struct device *dev, struct vm_area_struct *vma,
			   void *vaddr, size_t size, int *ret)
{
	struct dma_coherent_mem *mem;
	unsigned long pfn;

	rcu_read_lock();
	mem = mem_holding(dev, vaddr);
	if (mem)
		*ret = mmap_from(dev, mem, vma, vaddr, size, &pfn);
	rcu_read_unlock();

	if (mem && !*ret)
		*ret = map_pfn(vma, pfn);
	return !!mem;
}

/* Addresses */

static struct dma_coherent_mem *any_holding(struct device *dev, const void *vaddr)
{
	return mem_holding(dev, vaddr) ?: global_holding(vaddr);
}

/**
 * dma_coherent_to_phys() - physical address of something in a device's memory
 * @dev: the device; may be NULL
 * @vaddr: its address for the kernel, which may be one that was ioremapped and
 *	that nothing but the pool can translate
 * @phys: set to its physical address
 *
 * Context: any.
 * Return: false when @vaddr is in no memory of this device, and then @phys was
 * not set.
 */
bool dma_coherent_to_phys(struct device *dev, const void *vaddr, phys_addr_t *phys)
{
	struct dma_coherent_mem *mem;

	rcu_read_lock();
	mem = any_holding(dev, vaddr);
	if (mem)
		*phys = mem->region->base + (vaddr - mem->region->vaddr);
	rcu_read_unlock();
	return mem;
}

/* Scatter lists */

/**
 * dma_coherent_has_pages() - whether memory is what scatter lists are made of
 * @pfn: first page frame
 * @pages: how many
 *
 * Context: any.
 * Return: true where each of them has a struct page.
 */
bool dma_coherent_has_pages(unsigned long pfn, unsigned long pages)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_has_pages, pfn, pages);

	for (; pages; pfn++, pages--)
		if (!pfn_valid(pfn))
			return false;
	return true;
}

static int sgtable_pfn(struct device *dev, struct dma_coherent_region *region,
		       const void *vaddr, size_t size, unsigned long *pfn)
{
	unsigned long pages = PFN_DOWN(PAGE_ALIGN(size));

	if (!pages || pages > buffer_pages(region, vaddr))
		return -ENXIO;
	*pfn = buffer_pfn(region, vaddr);
	if (dma_coherent_has_pages(*pfn, pages))
		return 0;
	pr_warn_ratelimited("%s: region %s has no struct pages, its buffers can't be put in a scatter list: %d\n",
			    dma_coherent_name(dev), region->name, -ENXIO);
	return -ENXIO;
}

/* An entry holds less than 4 GiB. */
static int sgtable_make(struct sg_table *sgt, unsigned long pfn, size_t size)
{
	const unsigned int most = UINT_MAX & PAGE_MASK;
	struct scatterlist *sg;
	unsigned int i, len;
	int err;

	err = sg_alloc_table(sgt, (size - 1) / most + 1, GFP_KERNEL);
	if (err)
		return err;
	for_each_sgtable_sg(sgt, sg, i) {
		len = min_t(size_t, size, most);
		sg_set_page(sg, pfn_to_page(pfn), len, 0);
		pfn += PFN_DOWN(len);
		size -= len;
	}
	return 0;
}

/**
 * dma_get_sgtable_from_coherent() - describe a buffer as a scatter list
 * @dev: the device; may be NULL
 * @sgt: the list to make
 * @vaddr: the buffer's address for the kernel, or that of a page inside it
 * @size: bytes
 * @ret: set to 0; to -ENXIO where PAGE_ALIGN(@size) is not inside one live buffer,
 *	or where the memory has no struct pages, which a scatter list is made of,
 *	since it is no RAM of the system: that is reported; to -ENOMEM
 *
 * For dma_get_sgtable_attrs(), whose callers hand buffers on to other devices.
 *
 * Context: may sleep.
 * Return: 0 when @vaddr is in no memory of this device, and then @ret was not
 * set and the caller should do it; 1 otherwise.
 */
int dma_get_sgtable_from_coherent(struct device *dev, struct sg_table *sgt,
				  void *vaddr, size_t size, int *ret)
{
	struct dma_coherent_mem *mem;
	unsigned long pfn;

	rcu_read_lock();
	mem = any_holding(dev, vaddr);
	if (mem)
		*ret = sgtable_pfn(dev, mem->region, vaddr, size, &pfn);
	rcu_read_unlock();
	if (!mem)
		return 0;

	if (!*ret)
		*ret = sgtable_make(sgt, pfn, PAGE_ALIGN(size));
	return 1;
}

/* The hooks by the names that callers outside of this layer know */

int dma_alloc_from_dev_coherent(struct device *dev, ssize_t size,
				dma_addr_t *dma_handle, void **ret)
	__alias(dma_alloc_from_coherent);
int dma_release_from_dev_coherent(struct device *dev, int order, void *vaddr)
	__alias(dma_release_from_coherent);
int dma_mmap_from_dev_coherent(struct device *dev, struct vm_area_struct *vma,
			       void *cpu_addr, size_t size, int *ret)
	__alias(dma_mmap_from_coherent);

/* Occupied ranges */

static int refuse_range(struct device *dev, const struct dma_coherent_mem *mem,
			dma_addr_t addr, size_t size, int err, const char *why)
{
	pr_warn_ratelimited("%s: region %s: range of %zu bytes at %pad %s: %d\n",
			    dma_coherent_name(dev), mem ? mem->region->name : "none",
			    size, &addr, why, err);
	return err;
}

/*
 * The pages that @size bytes at a DMA address lie in.
 * Return: false where they are not all in the view.
 */
static bool view_pages(const struct dma_coherent_view *view, dma_addr_t addr,
		       size_t size, unsigned long *page, unsigned long *pages)
{
	dma_addr_t first = addr - view->handle, last = first + (size - 1);

	if (!size || addr < view->handle || last < first ||
	    last >> PAGE_SHIFT >= view->pages)
		return false;
	*page = first >> PAGE_SHIFT;
	*pages = (last >> PAGE_SHIFT) - *page + 1;
	return true;
}

/* The attachment that has a DMA address; the innermost, as in mem_holding(). */
static struct dma_coherent_mem *mem_seeing(struct device *dev, dma_addr_t addr)
{
	struct dma_coherent_mem *mem, *found = NULL;
	unsigned long page, pages, flags;
	struct dma_coherent_view view;

	if (!has_mems(dev))
		return NULL;
	for_each_mem_rcu(mem, dev) {
		raw_spin_lock_irqsave(&mem->region->lock, flags);
		view = mem_view(mem, dev);
		if (view_pages(&view, addr, 1, &page, &pages))
			found = mem;
		raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	}
	return found;
}

static long mem_occupy(struct dma_coherent_mem *mem, dma_addr_t addr, size_t size,
		       unsigned long *pages)
{
	struct dma_coherent_region *region = mem->region;
	unsigned long page, flags;
	long ret = -EINVAL;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (mem->attached && view_pages(&mem->view, addr, size, &page, pages))
		ret = dma_coherent_pool_take(&region->pool, page, *pages);
	if (ret >= 0)
		note_alloc(mem, page);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return ret;
}

/**
 * dma_mark_declared_memory_occupied() - take a fixed range out of a pool
 * @dev: the device
 * @device_addr: where the range begins, for the device
 * @size: bytes
 *
 * For what is there already and must stay where it is: the picture that a boot
 * loader left on the screen, the mailbox of a firmware. All pages that the range
 * touches are taken and nothing in them is changed. They are a buffer like any
 * other, which dma_mmap_coherent() maps. dma_unmark_declared_memory_occupied()
 * gives it back; dma_free_coherent() could, but the debugging of the API would
 * report that nobody allocated it. A pool does not remember what was there
 * before: mark what must not be handed out before anything is allocated.
 *
 * Context: any, hard interrupts included.
 * Return: the kernel's address of the page that @device_addr lies in; an error
 * pointer, after a message: -EINVAL where the range is empty or not all inside one
 * region that is attached to @dev, -EBUSY where some of it is in use.
 */
void *dma_mark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size)
{
	struct dma_coherent_mem *mem;
	unsigned long pages;
	void *vaddr = NULL;
	long page = -EINVAL;

	rcu_read_lock();
	mem = mem_seeing(dev, device_addr);
	if (mem)
		page = mem_occupy(mem, device_addr, size, &pages);
	if (page < 0) {
		refuse_range(dev, mem, device_addr, size, page,
			     page == -EBUSY ? "is in use" : "is not inside it");
		vaddr = ERR_PTR(page);
	} else {
		trace_dma_coherent_alloc(dma_coherent_name(dev), mem->region->name,
					 page, pages);
		vaddr = mem->region->vaddr + PFN_PHYS(page);
	}
	rcu_read_unlock();
	return vaddr;
}
EXPORT_SYMBOL_GPL(dma_mark_declared_memory_occupied);

static int mem_vacate(struct dma_coherent_mem *mem, dma_addr_t addr, size_t size,
		      struct dma_coherent_run *run)
{
	struct dma_coherent_region *region = mem->region;
	unsigned long page, pages, flags;
	bool drained = false;
	int err = -EINVAL;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (view_pages(&mem->view, addr, size, &page, &pages) &&
	    dma_coherent_pool_run(&region->pool, page, run) && run->used &&
	    run->first == page && run->pages == pages) {
		dma_coherent_count_free(&region->stats, DMA_COHERENT_FREE_GOOD);
		drained = give_back(mem, page);
		err = 0;
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (drained)
		schedule_work(&reaper);
	return err;
}

/**
 * dma_unmark_declared_memory_occupied() - give an occupied range back to its pool
 * @dev: the device
 * @device_addr: as it was marked
 * @size: as it was marked
 *
 * Context: any, hard interrupts included.
 * Return: 0; -EINVAL after a message, with nothing changed, where no buffer has
 * exactly the pages of this range.
 */
int dma_unmark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size)
{
	struct dma_coherent_mem *mem;
	struct dma_coherent_run run;
	int err = -EINVAL;

	rcu_read_lock();
	mem = mem_seeing(dev, device_addr);
	if (mem)
		err = mem_vacate(mem, device_addr, size, &run);
	if (err)
		refuse_range(dev, mem, device_addr, size, err, "is no occupied one");
	else
		trace_dma_coherent_release(dma_coherent_name(dev), mem->region->name,
					   run.first, run.pages);
	rcu_read_unlock();
	return err;
}
EXPORT_SYMBOL_GPL(dma_unmark_declared_memory_occupied);

/* Attach and detach */

/*
 * Attachments that were only waiting for their last buffer, and regions that
 * nobody is attached to and no buffer is left of, leave the lists. Buffers of a
 * device that died keep theirs: hardware may still write to them.
 */
static void collect_dead(struct list_head *dead)
{
	struct dma_coherent_region *region, *next_region;
	struct dma_coherent_mem *mem, *next_mem;

	guard(mutex)(&dma_coherent_mutex);
	list_for_each_entry_safe(region, next_region, &regions, node) {
		list_for_each_entry_safe(mem, next_mem, &region->users, node)
			if (mem_idle(mem))
				mem_unlink(mem);
		if (list_empty(&region->users) && !region_in_use(region))
			list_move(&region->node, dead);
	}
}

/**
 * dma_coherent_reap() - take away what is no longer used
 *
 * Also waits for whoever is at it already.
 *
 * Context: may sleep; not under dma_coherent_mutex.
 */
void dma_coherent_reap(void)
{
	struct dma_coherent_region *region, *next;
	LIST_HEAD(dead);

	guard(mutex)(&reap_mutex);
	collect_dead(&dead);
	if (list_empty(&dead))
		return;
	/* A release may have found the region just before it was unlinked. */
	synchronize_rcu();
	list_for_each_entry_safe(region, next, &dead, node)
		region_unmap(region);
}

static void reap_work(struct work_struct *work)
{
	dma_coherent_reap();
}

static int refuse(struct device *dev, const struct dma_coherent_spec *spec,
		  int err, const char *why)
{
	pr_warn("%s: region %s (%pa bytes at %pa) %s: %d\n", dma_coherent_name(dev),
		spec->name, &spec->size, &spec->base, why, err);
	return err;
}

/* How many bytes of a region are in pages that are all in it. */
static phys_addr_t whole_pages(phys_addr_t base, phys_addr_t size)
{
	phys_addr_t lost = PAGE_ALIGN(base) - base;

	return size > lost ? ALIGN_DOWN(size - lost, PAGE_SIZE) : 0;
}

/* Cut a region down to its whole pages. */
static int spec_check(struct device *dev, struct dma_coherent_spec *spec)
{
	phys_addr_t whole = whole_pages(spec->base, spec->size);

	if (spec->flags & ~DMA_COHERENT_FALLBACK)
		return refuse(dev, spec, -EINVAL, "has an unknown flag");
	if (!spec->size)
		return refuse(dev, spec, -EINVAL, "is empty");
	if (spec->base + (spec->size - 1) < spec->base ||
	    (spec->source == DMA_COHERENT_DECLARED &&
	     (dma_addr_t)(spec->handle + (spec->size - 1)) < spec->handle))
		return refuse(dev, spec, -EINVAL, "wraps around");
	if (!whole)
		return refuse(dev, spec, -EINVAL, "has no whole page");
	if ((size_t)whole != whole)
		return refuse(dev, spec, -EINVAL, "is too large to be mapped");
	if (whole != spec->size)
		pr_warn("%s: region %s (%pa bytes at %pa) is not whole pages, the rest is not used\n",
			dma_coherent_name(dev), spec->name, &spec->size, &spec->base);
	spec->handle += PAGE_ALIGN(spec->base) - spec->base;
	spec->base = PAGE_ALIGN(spec->base);
	spec->size = whole;
	return 0;
}

static struct dma_coherent_view
spec_view(struct device *dev, const struct dma_coherent_spec *spec)
{
	struct dma_coherent_view view = { spec->handle, PHYS_PFN(spec->size) };

	if (spec->source == DMA_COHERENT_FIRMWARE)
		view_translate(dev, spec->base, view.pages, &view);
	return view;
}

/*
 * Serve from a region that may be served from already, by another CPU.
 * Return: how many buffers are out.
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

static bool views_overlap(const struct dma_coherent_view *a,
			  const struct dma_coherent_view *b)
{
	return a->pages && b->pages &&
	       a->handle <= b->handle + (PFN_PHYS(b->pages) - 1) &&
	       b->handle <= a->handle + (PFN_PHYS(a->pages) - 1);
}

/*
 * Two pools of one device may not hand out the same memory, unless one nests in the
 * other, nor one device address for two pages.
 */
static const char *conflict(struct device *dev, const struct dma_coherent_spec *spec,
			    const struct dma_coherent_region *own)
{
	const struct dma_coherent_view view = spec_view(dev, spec);
	struct dma_coherent_mem *mem;

	for (mem = mem_locked(mems_of(dev)); mem; mem = mem_locked(&mem->next)) {
		if (mem->region == own)
			continue;
		if (!overlaps(mem->region, spec)) {
			if (views_overlap(&mem->view, &view))
				return "has device addresses of another one of it";
		} else if (!own && !lies_in_a_buffer(mem->region, spec)) {
			return "overlaps another one of it";
		}
	}
	return NULL;
}

static int attach_locked(struct device *dev, const struct dma_coherent_spec *spec)
{
	struct dma_coherent_region *region = region_find(dev, spec);
	struct dma_coherent_mem *mem = region ? mem_find(dev, region) : NULL;
	const char *why;
	long live;

	if (mem && mem->attached)
		return refuse(dev, spec, -EBUSY, "is attached to it already");
	if (!spec_view(dev, spec).pages)
		return refuse(dev, spec, -ENODEV, "begins in none of the device's dma-ranges");
	why = conflict(dev, spec, mem ? region : NULL);
	if (why)
		return refuse(dev, spec, -EBUSY, why);
	if (!region)
		region = region_create(dev, spec, &why);
	if (IS_ERR(region))
		return refuse(dev, spec, PTR_ERR(region), why);
	if (!mem)
		mem = mem_create(dev, region);
	if (!mem)
		return refuse(dev, spec, -ENOMEM, "can't be attached");
	live = mem_attach(mem, spec);
	trace_dma_coherent_attach(dma_coherent_name(dev), region->name, live);
	return 0;
}

/**
 * dma_coherent_attach() - have a device served from a region
 * @dev: the device
 * @spec: the region
 *
 * Context: may sleep.
 * Return: 0, or an errno after a message that names the device and the region:
 * -EINVAL where the region can't be a pool, is System RAM, or can't be mapped;
 * -ENODEV where it begins in none of the device's dma-ranges; -EBUSY where it is
 * attached to @dev already, or overlaps another region of it, in memory or in
 * device addresses, and is not a buffer of that; -ENOMEM.
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
	/* A region may have been made, and nobody is attached to it. */
	if (err)
		dma_coherent_reap();
	return err;
}

static void detach(struct dma_coherent_mem *mem)
{
	const char *name = dma_coherent_name(mem->dev);
	long live;
	bool idle = mem_detach(mem, &live);

	trace_dma_coherent_detach(name, mem->region->name, live);
	if (idle)
		mem_unlink(mem);
	else if (READ_ONCE(mem->region->mixed))
		pr_warn("%s: region %s detached, it stays until all of its buffers are back, since devices gave back each other's\n",
			name, mem->region->name);
	else
		pr_warn("%s: region %s detached with %ld buffers out, it stays until they are back\n",
			name, mem->region->name, live);
}

static bool was_made_of(const struct dma_coherent_region *region,
			phys_addr_t base, phys_addr_t size)
{
	return region->base == PAGE_ALIGN(base) &&
	       region->pool.pages == PHYS_PFN(whole_pages(base, size));
}

/* A @base of NULL is any. */
static void detach_all(struct device *dev, enum dma_coherent_source source,
		       const phys_addr_t *base, phys_addr_t size)
{
	struct dma_coherent_mem *mem, *next;

	guard(mutex)(&dma_coherent_mutex);
	for (mem = mem_locked(mems_of(dev)); mem; mem = next) {
		next = mem_locked(&mem->next);
		if (mem->attached && mem->source == source &&
		    (!base || was_made_of(mem->region, *base, size)))
			detach(mem);
	}
}

/**
 * dma_coherent_detach() - stop serving a device from a region
 * @dev: the device
 * @source: who described the region
 * @base: physical address, as it was attached
 * @size: bytes, as it was attached
 *
 * What nobody uses any more has been unmapped when this returns.
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

	while ((mem = mem_locked(mems_of(dev)))) {
		attached = mem->attached;
		mem_detach(mem, &live);
		if (attached)
			trace_dma_coherent_detach(dma_coherent_name(dev),
						  mem->region->name, live);
		if (live > 0)
			pr_err("%s: gone with %ld buffers of region %s out, their pages are lost\n",
			       dma_coherent_name(dev), live, mem->region->name);
		mem_unlink(mem);
	}
}

/**
 * dma_coherent_device_release() - take everything away from a dying device
 * @dev: the device
 *
 * For the driver core, before the device's own release callback: that can't give
 * back buffers any more. Buffers that are still out stay taken in their pools, as
 * the hardware may still write to them.
 *
 * Context: may sleep.
 */
void dma_coherent_device_release(struct device *dev)
{
	if (!has_mems(dev))
		return;
	scoped_guard(mutex, &dma_coherent_mutex)
		detach_dying(dev);
	dma_coherent_reap();
}

/* Declaring memory */

/**
 * dma_declare_coherent_memory_flags() - give a device memory of its own
 * @dev: the device; it need not be registered yet
 * @phys_addr: physical address of the memory
 * @device_addr: the same for the device
 * @size: bytes
 * @flags: DMA_COHERENT_FALLBACK to go on to the generic allocator when the
 *	memory is exhausted, or 0
 *
 * From then on dma_alloc_coherent() on @dev is served from this memory. A
 * region that is not whole pages is cut down to those. A second, other region is
 * tried when the first one can't serve. Devices that declare the same memory
 * share its pool.
 *
 * Context: may sleep.
 * Return: 0, or an errno after a message that names the device and the memory:
 * -EINVAL where it is empty, wraps, has no whole page, is System RAM or can't be
 * mapped, or where a flag does not exist; -EBUSY where @dev has it already, or
 * another region that overlaps it, in memory or in device addresses, and does not
 * have it as a buffer; -ENOMEM. Without a device -ENODEV, and no message.
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
EXPORT_SYMBOL_GPL(dma_declare_coherent_memory_flags);

/**
 * dma_declare_coherent_memory() - give a device memory of its own
 * @dev: the device; it need not be registered yet
 * @phys_addr: physical address of the memory
 * @device_addr: the same for the device
 * @size: bytes
 *
 * See dma_declare_coherent_memory_flags(), which this is without flags: what
 * the memory can't serve, fails.
 *
 * Context: may sleep.
 * Return: 0 or an errno.
 */
int dma_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				dma_addr_t device_addr, size_t size)
{
	return dma_declare_coherent_memory_flags(dev, phys_addr, device_addr,
						 size, 0);
}
EXPORT_SYMBOL_GPL(dma_declare_coherent_memory);

/**
 * dma_release_coherent_memory() - take back what was declared for a device
 * @dev: the device; may be NULL
 *
 * Buffers that are still out are reported, and can be released and mapped on as
 * before; the memory goes away with the last one. What nobody uses any more has
 * been unmapped when this returns. Memory that the device tree gave to the device
 * is not touched.
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
EXPORT_SYMBOL_GPL(dma_release_coherent_memory);

#ifdef CONFIG_DMA_GLOBAL_POOL

/* Serving from the global pool */

/**
 * dma_alloc_from_global_coherent_attrs() - allocate from the global pool
 * @dev: the device that the buffer is for
 * @size: bytes; whole pages are handed out, zeroed
 * @dma_handle: set to the buffer's address for the device, or to
 *	DMA_MAPPING_ERROR; not set where there is no global pool
 * @gfp: as for dma_alloc_from_coherent_attrs()
 * @attrs: as for dma_alloc_from_coherent_attrs()
 *
 * Context: any, hard interrupts included.
 * Return: the buffer's address for the kernel; NULL where none can be had.
 */
void *dma_alloc_from_global_coherent_attrs(struct device *dev, ssize_t size,
					   dma_addr_t *dma_handle, gfp_t gfp,
					   unsigned long attrs)
{
	struct dma_coherent_mem *mem = READ_ONCE(global_mem);
	unsigned long pages = request_pages(size);
	struct refusal why = {};
	void *vaddr;

	if (!mem)
		return NULL;
	vaddr = mem_alloc(dev, mem, true, pages, dma_handle, &why);
	if (!vaddr && !why.region)
		vaddr = mem_alloc(dev, mem, false, pages, dma_handle, &why);
	if (vaddr)
		return memset(vaddr, 0, pages << PAGE_SHIFT);
	report_refusal(dev, pages, &why, wants_quiet(gfp, attrs));
	*dma_handle = DMA_MAPPING_ERROR;
	return NULL;
}

/**
 * dma_alloc_from_global_coherent() - allocate from the global pool
 * @dev: the device that the buffer is for
 * @size: bytes; whole pages are handed out, zeroed
 * @dma_handle: set to the buffer's address for the device, or to
 *	DMA_MAPPING_ERROR; not set where there is no global pool
 *
 * Context: any, hard interrupts included.
 * Return: the buffer's address for the kernel; NULL where none can be had.
 */
void *dma_alloc_from_global_coherent(struct device *dev, ssize_t size,
				     dma_addr_t *dma_handle)
{
	return dma_alloc_from_global_coherent_attrs(dev, size, dma_handle, 0, 0);
}

/**
 * dma_release_from_global_coherent() - give a buffer back to the global pool
 * @order: page order of the buffer's size
 * @vaddr: the buffer's address for the kernel
 *
 * Context: any, hard interrupts included.
 * Return: as dma_release_from_coherent().
 */
int dma_release_from_global_coherent(int order, void *vaddr)
{
	struct dma_coherent_mem *mem = global_holding(vaddr);

	if (mem)
		release_from(NULL, mem, order, vaddr);
	return !!mem;
}

/**
 * dma_mmap_from_global_coherent() - map a buffer of the global pool
 * @vma: where to
 * @vaddr: the buffer's address for the kernel, or that of a page inside it
 * @size: bytes from there on that may be mapped
 * @ret: as for dma_mmap_from_coherent()
 *
 * Context: process.
 * Return: as dma_mmap_from_coherent().
 */
int dma_mmap_from_global_coherent(struct vm_area_struct *vma, void *vaddr,
				  size_t size, int *ret)
{
	struct dma_coherent_mem *mem = global_holding(vaddr);
	unsigned long pfn;

	if (!mem)
		return 0;
	*ret = mmap_from(NULL, mem, vma, vaddr, size, &pfn);
	if (!*ret)
		*ret = map_pfn(vma, pfn);
	return 1;
}

static int global_create(const struct dma_coherent_spec *spec)
{
	struct dma_coherent_region *region = region_find(NULL, spec);
	struct dma_coherent_mem *mem;
	unsigned long flags;
	const char *why;

	mem = kzalloc_obj(*mem);
	if (!mem)
		return refuse(NULL, spec, -ENOMEM, "can't be attached");
	if (!region)
		region = region_create(NULL, spec, &why);
	if (IS_ERR(region)) {
		kfree(mem);
		return refuse(NULL, spec, PTR_ERR(region), why);
	}
	mem->region = region;
	mem->source = DMA_COHERENT_GLOBAL;
	mem->view.handle = region->base;
	mem->view.pages = region->pool.pages;
	mem->attached = true;
	raw_spin_lock_irqsave(&region->lock, flags);
	list_add_tail(&mem->node, &region->users);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	/* Pairs with the address dependencies of those who read it. */
	smp_store_release(&global_mem, mem);
	return 0;
}

/**
 * dma_init_global_coherent() - set the global pool
 * @phys_addr: physical address of the memory
 * @size: bytes
 *
 * Context: may sleep; once, while the system boots.
 * Return: 0, or an errno after a message that names the memory: -EINVAL as for
 * dma_declare_coherent_memory(), -EBUSY where there is a global pool already,
 * -ENOMEM.
 */
int dma_init_global_coherent(phys_addr_t phys_addr, size_t size)
{
	struct dma_coherent_spec spec = {
		.name = "global",
		.base = phys_addr,
		.size = size,
		.source = DMA_COHERENT_GLOBAL,
	};
	int err;

	err = spec_check(NULL, &spec);
	if (err)
		return err;
	guard(mutex)(&dma_coherent_mutex);
	if (global_mem)
		return refuse(NULL, &spec, -EBUSY, "comes second");
	return global_create(&spec);
}

#endif /* CONFIG_DMA_GLOBAL_POOL */

/* Managed */

struct dmam_range {
	phys_addr_t base;
	size_t size;
};

static void dmam_detach(struct device *dev, void *res)
{
	const struct dmam_range *range = res;

	dma_coherent_detach(dev, DMA_COHERENT_DECLARED, range->base, range->size);
}

/**
 * dmam_declare_coherent_memory() - give a device memory for as long as its driver
 * @dev: the device
 * @phys_addr: physical address of the memory
 * @device_addr: the same for the device
 * @size: bytes
 *
 * dma_declare_coherent_memory(), and what it declared is taken back when the
 * driver is unbound, after everything managed that came later.
 *
 * Context: may sleep.
 * Return: 0 or an errno.
 */
int dmam_declare_coherent_memory(struct device *dev, phys_addr_t phys_addr,
				 dma_addr_t device_addr, size_t size)
{
	struct dmam_range *range = devres_alloc(dmam_detach, sizeof(*range), GFP_KERNEL);
	int err;

	if (!range) {
		pr_warn("%s: memory at %pa can't be declared: %d\n", dma_coherent_name(dev),
			&phys_addr, -ENOMEM);
		return -ENOMEM;
	}
	*range = (struct dmam_range) { phys_addr, size };
	err = dma_declare_coherent_memory(dev, phys_addr, device_addr, size);
	if (err)
		devres_free(range);
	else
		devres_add(dev, range);
	return err;
}
EXPORT_SYMBOL_GPL(dmam_declare_coherent_memory);
