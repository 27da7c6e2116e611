// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: allocate, release, mmap
 *
 * A device may have memory of its own: video RAM, a carve-out, a bank that it
 * alone can reach. Platform code or the device tree declares it. From then on
 * dma_alloc_coherent() and friends serve that device from this memory, through
 * the three hooks in this file. A buffer is whole pages, zeroed.
 *
 * Data structures: a *region* is memory, mapped once, with a pool of its pages.
 * An *attachment* ties a region to a device. The attachments of a device are a
 * list at dev->dma_mem, in the order in which they were made; allocations try
 * them in that order. Devices that are attached to the same region share its
 * pool. The global pool is the attachment of no device.
 *
 *	dev A -> attachment -> attachment
 *	              |             |
 *	           region X      region Y
 *	                            |
 *	         dev B -> attachment
 *
 * A detached attachment serves no new allocations, but release and mmap find it
 * until its last buffer is released. The last release may come in hard interrupt
 * context, where nothing can be unmapped; then a work item retires the attachment.
 *
 * Locking: everything in this file may run in any context, mmap excepted. The
 * lists of attachments are read under RCU. A region's lock guards its pool and
 * its counters; it is a raw spinlock. Nothing is zeroed, printed or traced under
 * it, and it does not nest. What takes the mutex is in dma-coherent-attach.c.
 *
 * Units: bytes and addresses at the interfaces, pages of the region inside.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/ratelimit.h>
#include <linux/workqueue.h>

#include "dma-coherent.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_coherent.h>

struct dma_coherent_mem __rcu *dma_coherent_global;

/**
 * dma_coherent_name() - name of a device in messages and events
 * @dev: the device; NULL for the global pool
 *
 * Messages do not use dev_warn() and the like: the global pool has no device, and
 * a device that is declared early has no name yet. All of them have one format.
 *
 * Return: the name.
 */
const char *dma_coherent_name(const struct device *dev)
{
	return dev ? dev_name(dev) ?: "unnamed device" : "global pool";
}

/* Runs of pages */

/**
 * dma_coherent_run_locked() - look up the run of pages that a page is in
 * @region: the region
 * @page: the page
 * @run: set to the run; it is not used if it is a guard
 *
 * Context: any, under the region's lock.
 * Return: true on success; false if @page is outside the region.
 */
bool dma_coherent_run_locked(const struct dma_coherent_region *region, unsigned long page,
			     struct dma_coherent_run *run)
{
	if (!dma_coherent_pool_run(&region->pool, page, run))
		return false;
	if (dma_coherent_debugs(region) && dma_coherent_debug_is_guard(region, run->first))
		run->used = false;
	return true;
}

/**
 * dma_coherent_region_run() - look up the run of pages that a page is in
 * @region: the region
 * @page: the page
 * @run: set to the run
 *
 * Context: any.
 * Return: true if the run is a buffer, false if it is free or @page is outside
 * the region.
 */
bool dma_coherent_region_run(struct dma_coherent_region *region,
			     unsigned long page, struct dma_coherent_run *run)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&region->lock, flags);
	found = dma_coherent_run_locked(region, page, run);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found && run->used;
}

/**
 * dma_coherent_page_is_free() - check if a page can be allocated
 * @region: the region
 * @page: the page
 *
 * Context: any, under the region's lock.
 * Return: true if it is free.
 */
bool dma_coherent_page_is_free(const struct dma_coherent_region *region, unsigned long page)
{
	struct dma_coherent_run run;

	return dma_coherent_pool_run(&region->pool, page, &run) && !run.used;
}

/**
 * dma_coherent_buffer_pages() - number of pages to the end of a buffer
 * @region: the region
 * @vaddr: a page of the buffer, in the kernel's mapping
 *
 * Context: any.
 * Return: pages from @vaddr to the end of the buffer; 0 if @vaddr is not
 * page-aligned or in no buffer.
 */
unsigned long dma_coherent_buffer_pages(struct dma_coherent_region *region,
					const void *vaddr)
{
	unsigned long page = PFN_DOWN(vaddr - region->vaddr);
	struct dma_coherent_run run;

	if (offset_in_page(vaddr) || !dma_coherent_region_run(region, page, &run))
		return 0;
	return run.first + run.pages - page;
}

/* Attachments */

static bool region_holds(const struct dma_coherent_region *region, const void *vaddr)
{
	return vaddr >= region->vaddr &&
	       PFN_DOWN(vaddr - region->vaddr) < region->pool.pages;
}

/**
 * dma_coherent_mem_by_vaddr() - find the attachment that an address belongs to
 * @dev: the device; NULL for the global pool
 * @vaddr: the address, in the kernel's mapping
 *
 * Pools may nest: a buffer of one region can be the memory of another one. Where
 * memory is not remapped (UML, no MMU), both have the same addresses. The inner
 * region knows the buffer, and was attached later, so the last match counts.
 *
 * Context: any, under RCU.
 * Return: the attachment; NULL if no region of @dev has this address.
 */
struct dma_coherent_mem *dma_coherent_mem_by_vaddr(struct device *dev, const void *vaddr)
{
	struct dma_coherent_mem *mem, *found = NULL;

	dma_coherent_for_each_mem_rcu(mem, dev)
		if (region_holds(mem->region, vaddr))
			found = mem;
	return found;
}

/**
 * dma_coherent_mem_or_global() - find the attachment that an address belongs to
 * @dev: the device; may be NULL
 * @vaddr: the address, in the kernel's mapping
 *
 * Looks in the memory of the device first, then in the global pool.
 *
 * Context: any, under RCU.
 * Return: the attachment; NULL if none has this address.
 */
struct dma_coherent_mem *dma_coherent_mem_or_global(struct device *dev, const void *vaddr)
{
	struct dma_coherent_mem *mem = NULL;

	if (dma_coherent_has_mems(dev))
		mem = dma_coherent_mem_by_vaddr(dev, vaddr);
	return mem ?: dma_coherent_mem_by_vaddr(NULL, vaddr);
}

/**
 * dma_coherent_mem_idle() - check if an attachment can be retired
 * @mem: the attachment
 *
 * If devices released each other's buffers, their counts cannot be relied on: then
 * an attachment stays until the whole region is unused.
 *
 * Context: any.
 * Return: true if it is detached and no buffer is allocated through it.
 */
bool dma_coherent_mem_idle(const struct dma_coherent_mem *mem)
{
	if (READ_ONCE(mem->attached))
		return false;
	return READ_ONCE(mem->region->mixed) ? !dma_coherent_region_in_use(mem->region) :
					       READ_ONCE(mem->live) <= 0;
}

/* DMA addresses */

/**
 * dma_coherent_translate() - find the DMA address of a region
 * @dev: the device
 * @base: physical address of the region
 * @pages: size of the region
 *
 * Context: any.
 * Return: the view that @dev has of the region.
 */
struct dma_coherent_view dma_coherent_translate(struct device *dev, phys_addr_t base,
						unsigned long pages)
{
	const struct bus_dma_region *map = dev->dma_range_map;
	struct dma_coherent_view view = { .pages = pages };

	view.handle = force_dma_unencrypted(dev) ? phys_to_dma_unencrypted(dev, base) :
						   phys_to_dma(dev, base);
	/* An architecture that translates by itself does not look at the map. */
	if (!map || IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		return view;
	for (view.pages = 0; map->size && !view.pages; map++)
		if (base >= map->cpu_start && base - map->cpu_start < map->size)
			view.pages = min_t(u64, pages, (map->size -
					   (base - map->cpu_start)) >> PAGE_SHIFT);
	return view;
}

/**
 * dma_coherent_mem_view() - DMA addresses of an attachment, as of now
 * @mem: the attachment
 * @dev: the device that asks; not that of @mem if it is the global pool
 *
 * The translation is done for each request: a bus may set dma_range_map, and a
 * driver the mask that encryption depends on, after the region was attached. The
 * last view of a device is kept for debugfs; the global pool has a different view
 * for each device.
 *
 * Context: any, under the region's lock.
 * Return: the view.
 */
struct dma_coherent_view dma_coherent_mem_view(struct dma_coherent_mem *mem,
					       struct device *dev)
{
	const struct dma_coherent_region *region = mem->region;
	struct dma_coherent_view view;

	lockdep_assert_held(&region->lock);
	if (mem->source == DMA_COHERENT_DECLARED)
		return mem->view;
	view = dma_coherent_translate(dev, region->base, region->pool.pages);
	if (mem->dev)
		mem->view = view;
	return view;
}

/**
 * dma_coherent_reach() - number of pages of a region that a device can address
 * @dev: the device
 * @view: its view of the region
 *
 * A mask of zero is no limit: some boards attach memory before any mask is set.
 *
 * Context: any.
 * Return: pages, from the first page of the region.
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

/* Allocate */

/**
 * struct alloc_failure - why a request failed
 * @region: the last region that was tried; NULL if there was none
 * @exclusive: one of the regions that were tried forbids the generic allocator
 * @no_range: @region begins outside the device's dma-ranges
 * @cause: the cause, in @region
 * @free: free pages in @region
 * @largest: largest request that @region could have met, in pages
 */
struct alloc_failure {
	struct dma_coherent_region *region;
	bool exclusive;
	bool no_range;
	enum dma_coherent_failure cause;
	unsigned long free;
	unsigned long largest;
};

static enum dma_coherent_failure find_cause(const struct dma_coherent_pool *pool,
					    unsigned long pages,
					    const struct alloc_failure *fail)
{
	if (!pages)
		return DMA_COHERENT_BAD_SIZE;
	if (fail->no_range)
		return DMA_COHERENT_OUT_OF_REACH;
	if (pages > pool->pages)
		return DMA_COHERENT_TOO_LARGE;
	if (pages > fail->free)
		return DMA_COHERENT_FULL;
	if (pages > fail->largest)
		return DMA_COHERENT_FRAGMENTED;
	return DMA_COHERENT_OUT_OF_REACH;
}

static __cold void mem_count_failure(struct dma_coherent_mem *mem,
				     const struct dma_coherent_view *view,
				     unsigned long pages, struct alloc_failure *fail)
{
	struct dma_coherent_region *region = mem->region;
	struct dma_coherent_pool *pool = &region->pool;

	lockdep_assert_held(&region->lock);
	fail->region = region;
	if (!(mem->flags & DMA_COHERENT_FALLBACK))
		fail->exclusive = true;
	fail->no_range = !view->pages;
	fail->free = pool->pages - pool->used_pages;
	fail->largest = view->pages ? dma_coherent_pool_largest(pool) : 0;
	fail->cause = find_cause(pool, pages, fail);
	region->stats.failures[fail->cause]++;
}

/**
 * dma_coherent_mem_count_alloc() - account for a buffer
 * @mem: the attachment that it was allocated through
 * @page: its first page
 *
 * Context: any, under the region's lock.
 */
void dma_coherent_mem_count_alloc(struct dma_coherent_mem *mem, unsigned long page)
{
	struct dma_coherent_region *region = mem->region;
	struct dma_coherent_stats *stats = &region->stats;

	lockdep_assert_held(&region->lock);
	mem->live++;
	stats->allocs++;
	stats->high_water = max(stats->high_water, region->pool.used_pages);
	if (region->owners)
		region->owners[page] = mem->owner;
}

/*
 * Warn once for each attachment: the mask may be wrong, and the driver may work
 * anyway. The global pool has many devices; warn of each, subject to the rate limit.
 */
static bool should_warn(struct dma_coherent_mem *mem)
{
	bool warn = !mem->warned;
	bool is_global = !mem->dev;

	lockdep_assert_held(&mem->region->lock);
	mem->warned = !is_global;
	return warn;
}

static __cold void warn_unreachable(struct device *dev, struct dma_coherent_mem *mem,
				    dma_addr_t handle, bool served)
{
	if (mem->dev || __ratelimit(&mem->region->alloc_rs))
		pr_warn("%s: region %s at %pad cannot be addressed by the device, %s\n",
			dma_coherent_name(dev), mem->region->name, &handle,
			served ? "using it anyway" : "not using it");
}

static long take_pages(struct dma_coherent_region *region, unsigned long pages,
		       unsigned long limit, enum dma_coherent_to_zero *to_zero)
{
	long page = dma_coherent_debugs(region) ?
		    dma_coherent_debug_alloc(region, pages, limit) :
		    dma_coherent_pool_alloc(&region->pool, pages, limit);

	if (page >= 0 && dma_coherent_cleans(region))
		*to_zero = dma_coherent_clean_alloc(region, page, pages);
	return page;
}

/* Not under the region's lock: zeroing takes time. */
static void zero_pages(struct dma_coherent_region *region, void *vaddr, unsigned long pages,
		       enum dma_coherent_to_zero to_zero)
{
	unsigned long page = PFN_DOWN(vaddr - region->vaddr);

	if (dma_coherent_debugs(region))
		dma_coherent_debug_new(region, page, pages);
	if (to_zero == DMA_COHERENT_ZERO_SOME && dma_coherent_cleans(region))
		dma_coherent_clean_zero(region, page, pages);
	else if (to_zero != DMA_COHERENT_ZERO_NONE)
		memset(vaddr, 0, PFN_PHYS(pages));
}

/*
 * Allocate from one attachment. If @reachable is true, use the region only if the
 * device can address it. A region with DMA_COHERENT_FALLBACK never serves a device that
 * cannot address it.
 *
 * Return: the buffer, not zeroed; NULL on failure. If the region was tried, @fail
 * is set to the reason of the failure.
 */
static void *mem_alloc(struct device *dev, struct dma_coherent_mem *mem,
		       bool reachable, unsigned long pages, dma_addr_t *handle,
		       struct alloc_failure *fail,
		       enum dma_coherent_to_zero *to_zero)
{
	struct dma_coherent_region *region = mem->region;
	struct dma_coherent_view view;
	unsigned long reach, flags;
	bool serves, warn = false;
	long page = -ENODEV;

	raw_spin_lock_irqsave(&region->lock, flags);
	view = dma_coherent_mem_view(mem, dev);
	reach = dma_coherent_reach(dev, &view);
	serves = reach || !(mem->flags & DMA_COHERENT_FALLBACK);
	if (mem->attached && serves && (reach || !reachable)) {
		page = take_pages(region, pages, reach ?: view.pages, to_zero);
		if (page < 0)
			mem_count_failure(mem, &view, pages, fail);
		else
			dma_coherent_mem_count_alloc(mem, page);
	}
	if (mem->attached && !reach && !reachable && (page >= 0 || !serves))
		warn = should_warn(mem);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (warn)
		warn_unreachable(dev, mem, view.handle, serves);
	if (page < 0)
		return NULL;
	dma_coherent_trace(alloc, dev, region->name, page, pages);
	*handle = view.handle + PFN_PHYS(page);
	return region->vaddr + PFN_PHYS(page);
}

static const char *cause_text(const struct alloc_failure *fail)
{
	static const char *const causes[] = {
		[DMA_COHERENT_BAD_SIZE]		= "invalid size",
		[DMA_COHERENT_TOO_LARGE]	= "larger than the pool",
		[DMA_COHERENT_FULL]		= "the pool is full",
		[DMA_COHERENT_FRAGMENTED]	= "the pool is fragmented",
		[DMA_COHERENT_OUT_OF_REACH]	= "the device cannot address the free pages",
	};

	if (fail->no_range && fail->cause == DMA_COHERENT_OUT_OF_REACH)
		return "the region begins outside the device's dma-ranges";
	return causes[fail->cause];
}

static __cold void report_failure(struct device *dev, unsigned long pages,
				  const struct alloc_failure *fail, bool quiet)
{
	dma_coherent_trace(refuse, dev, fail->region->name, pages, cause_text(fail));
	if (!quiet && __ratelimit(&fail->region->alloc_rs))
		pr_warn("%s: pool %s: cannot allocate %lu pages, %s (%lu of %lu pages free, largest request %lu)\n",
			dma_coherent_name(dev), fail->region->name, pages, cause_text(fail),
			fail->free, fail->region->pool.pages, fail->largest);
}

/*
 * Allocate from the attachments of @owner, for @dev. If the device can address
 * none of its regions, they are used anyway, as masks are not always right.
 *
 * Return: as dma_alloc_from_coherent().
 */
static int mems_alloc(struct device *owner, struct device *dev, ssize_t size,
		      dma_addr_t *handle, void **ret, gfp_t gfp, unsigned long attrs)
{
	unsigned long pages = size > 0 ? PFN_UP((size_t)size) : 0;
	bool quiet = gfp & __GFP_NOWARN || attrs & DMA_ATTR_NO_WARN;
	struct dma_coherent_region *region = NULL;
	enum dma_coherent_to_zero to_zero = DMA_COHERENT_ZERO_ALL;
	struct alloc_failure fail = {};
	struct dma_coherent_mem *mem;
	int reachable;
	void *vaddr = NULL;

	rcu_read_lock();
	for (reachable = 1; reachable >= 0 && !vaddr && !fail.region; reachable--) {
		dma_coherent_for_each_mem_rcu(mem, owner) {
			vaddr = mem_alloc(dev, mem, reachable, pages, handle, &fail, &to_zero);
			region = mem->region;
			if (vaddr)
				break;
		}
	}
	if (!vaddr && fail.exclusive)
		report_failure(dev, pages, &fail, quiet);
	rcu_read_unlock();

	if (vaddr)
		zero_pages(region, vaddr, pages, to_zero);
	else if (fail.exclusive)
		*handle = DMA_MAPPING_ERROR;
	else
		return 0;
	*ret = vaddr;
	return 1;
}

/**
 * dma_coherent_region_matches() - check if a region is the memory that is meant
 * @region: the region
 * @base: physical address, as the memory was described
 * @size: size in bytes, as the memory was described
 *
 * Context: any.
 * Return: true if it is, shrunk to whole pages.
 */
bool dma_coherent_region_matches(const struct dma_coherent_region *region,
				 phys_addr_t base, phys_addr_t size)
{
	return region->base == PAGE_ALIGN(base) &&
	       region->pool.pages == PHYS_PFN(dma_coherent_whole_pages(base, size));
}

static struct dma_coherent_mem *mem_by_memory(struct device *dev, phys_addr_t base,
					      phys_addr_t size)
{
	struct dma_coherent_mem *mem;

	dma_coherent_for_each_mem_rcu(mem, dev)
		if (dma_coherent_region_matches(mem->region, base, size))
			return mem;
	return NULL;
}

/**
 * dma_coherent_alloc_from() - allocate from one region of a device, and no other
 * @dev: the device
 * @base: physical address of the region, as it was attached
 * @region_size: size of the region in bytes, as it was attached
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @handle: set to the DMA address of the buffer
 * @ret: set to the address of the buffer in the kernel's mapping
 * @quiet: suppress the message on failure
 *
 * The buffer is one of dma_alloc_from_coherent(): counted, zeroed, and released and
 * mapped in the same way.
 *
 * Context: any, including hard interrupt.
 * Return: 0; -ENODEV without a message if the region is not attached to @dev;
 * -ENOMEM if it cannot serve the request. @handle and @ret are DMA_MAPPING_ERROR and
 * NULL on failure.
 */
int dma_coherent_alloc_from(struct device *dev, phys_addr_t base,
			    phys_addr_t region_size, size_t size, dma_addr_t *handle,
			    void **ret, bool quiet)
{
	struct dma_coherent_region *region = NULL;
	enum dma_coherent_to_zero to_zero = DMA_COHERENT_ZERO_ALL;
	unsigned long pages = PFN_UP(size);
	struct alloc_failure fail = {};
	struct dma_coherent_mem *mem;
	bool attached = false;

	*handle = DMA_MAPPING_ERROR;
	*ret = NULL;
	scoped_guard(rcu) {
		mem = mem_by_memory(dev, base, region_size);
		if (mem) {
			attached = READ_ONCE(mem->attached);
			region = mem->region;
			*ret = mem_alloc(dev, mem, false, pages, handle, &fail, &to_zero);
		}
		if (fail.region)
			report_failure(dev, pages, &fail, quiet);
	}
	if (!*ret)
		return attached ? -ENOMEM : -ENODEV;
	zero_pages(region, *ret, pages, to_zero);
	return 0;
}

/**
 * dma_alloc_from_coherent_attrs() - allocate from the memory attached to a device
 * @dev: the device; may be NULL
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @dma_handle: set to the DMA address of the buffer
 * @ret: set to the address of the buffer in the kernel's mapping
 * @gfp: __GFP_NOWARN suppresses the message on failure; everything else is ignored
 * @attrs: DMA_ATTR_NO_WARN suppresses the message on failure
 *
 * dma_alloc_from_coherent() with the two ways in which callers of
 * dma_alloc_attrs() suppress messages. A failure is counted and traced anyway.
 *
 * Context: any, including hard interrupt.
 * Return: as dma_alloc_from_coherent().
 */
int dma_alloc_from_coherent_attrs(struct device *dev, ssize_t size,
				  dma_addr_t *dma_handle, void **ret, gfp_t gfp,
				  unsigned long attrs)
{
	if (!dma_coherent_has_mems(dev))
		return 0;
	return mems_alloc(dev, dev, size, dma_handle, ret, gfp, attrs);
}

/**
 * dma_alloc_from_coherent() - allocate from the memory attached to a device
 * @dev: the device; may be NULL
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @dma_handle: set to the DMA address of the buffer
 * @ret: set to the address of the buffer in the kernel's mapping
 *
 * For the dma_alloc_coherent() of an architecture. All of PAGE_ALIGN(@size) is
 * zeroed, since dma_mmap_coherent() maps whole pages. The offset of the buffer in
 * its region is a multiple of its size, rounded up to a power of two, up to
 * align_order and to the alignment of the region's base. The device can address
 * all of the buffer, unless it can address none of its regions: these are used
 * anyway, with a warning, except regions with DMA_COHERENT_FALLBACK.
 *
 * Context: any, including hard interrupt.
 * Return: 0 if the caller should use its own allocator; nothing was set then.
 * Otherwise 1: @ret and @dma_handle are the buffer, or NULL and
 * DMA_MAPPING_ERROR if the allocation failed.
 */
int dma_alloc_from_coherent(struct device *dev, ssize_t size,
			    dma_addr_t *dma_handle, void **ret)
{
	return dma_alloc_from_coherent_attrs(dev, size, dma_handle, ret, 0, 0);
}

/* Release */

/**
 * struct release - a release, and what was found
 * @run: the run of pages that @page is in
 * @page: page that the caller's address is in
 * @order: page order, as the caller says
 * @verdict: which kind of release it is
 */
struct release {
	struct dma_coherent_run run;
	unsigned long page;
	int order;
	enum dma_coherent_verdict verdict;
};

static enum dma_coherent_verdict judge(const struct release *rel, const void *vaddr)
{
	if (!rel->run.used)
		return DMA_COHERENT_FREE_NOT_LIVE;
	if (rel->page != rel->run.first || offset_in_page(vaddr))
		return DMA_COHERENT_FREE_INTERIOR;
	if (rel->order != order_base_2(rel->run.pages))
		return DMA_COHERENT_FREE_WRONG_ORDER;
	return DMA_COHERENT_FREE_GOOD;
}

/* The region is empty, so every attachment has no buffers: reset the counts. */
static void region_forget_mixing(struct dma_coherent_region *region)
{
	struct dma_coherent_mem *mem;

	lockdep_assert_held(&region->lock);
	list_for_each_entry(mem, &region->users, node)
		mem->live = 0;
	region->mixed = false;
}

/**
 * dma_coherent_mem_free() - free the pages of a buffer, and account for it
 * @mem: the attachment that it is released through
 * @run: the buffer
 * @verdict: which kind of release it is
 *
 * Context: any, under the region's lock.
 * Return: true if the attachment or the region may be unused now; then the caller
 * calls dma_coherent_reap_later().
 */
bool dma_coherent_mem_free(struct dma_coherent_mem *mem,
			   const struct dma_coherent_run *run,
			   enum dma_coherent_verdict verdict)
{
	struct dma_coherent_region *region = mem->region;

	lockdep_assert_held(&region->lock);
	region->stats.frees[verdict]++;
	if (dma_coherent_debugs(region))
		dma_coherent_debug_free(region, run);
	if (dma_coherent_cleans(region))
		dma_coherent_clean_free(region, run);
	dma_coherent_pool_free_run(&region->pool, run);
	if (--mem->live < 0)
		region->mixed = true;
	if (!region->mixed || dma_coherent_region_in_use(region))
		return dma_coherent_mem_idle(mem);
	region_forget_mixing(region);
	return true;
}

/**
 * dma_coherent_given_back() - do what takes time about pages that were given back
 * @region: the region
 * @run: the buffer that they were
 *
 * Context: any, but not under the region's lock; under RCU.
 */
void dma_coherent_given_back(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run)
{
	if (dma_coherent_debugs(region))
		dma_coherent_debug_fill(region, run);
	if (dma_coherent_cleans(region))
		dma_coherent_clean_later(region);
}

/**
 * dma_coherent_reap_later() - retire unused attachments and regions, from a work item
 * @region: the region that may be unused, or have unused attachments
 *
 * Context: any, under RCU.
 */
void dma_coherent_reap_later(struct dma_coherent_region *region)
{
	schedule_work(region->reaper);
}

/* A release nearly always names the first page of a buffer. */
static bool find_start(struct dma_coherent_region *region, struct release *rel)
{
	unsigned long pages;

	if (dma_coherent_debugs(region))
		return false;
	pages = dma_coherent_pool_starts(&region->pool, rel->page);
	rel->run = (struct dma_coherent_run) { rel->page, pages, true };
	return pages;
}

static bool mem_release(struct dma_coherent_mem *mem, const void *vaddr,
			struct release *rel)
{
	struct dma_coherent_region *region = mem->region;
	unsigned long flags;
	bool unused = false;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (!find_start(region, rel))
		dma_coherent_run_locked(region, rel->page, &rel->run);
	rel->verdict = judge(rel, vaddr);
	if (dma_coherent_is_freed(rel->verdict))
		unused = dma_coherent_mem_free(mem, &rel->run, rel->verdict);
	else
		region->stats.frees[rel->verdict]++;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return unused;
}

static __cold void report_release(struct device *dev, struct dma_coherent_region *region,
				  const struct release *rel)
{
	static const char *const verdicts[DMA_COHERENT_VERDICTS] = {
		[DMA_COHERENT_FREE_WRONG_ORDER]	= "wrong order, freeing all of it",
		[DMA_COHERENT_FREE_INTERIOR]	= "not the start of a buffer, ignored",
		[DMA_COHERENT_FREE_NOT_LIVE]	= "not allocated, ignored",
	};

	if (!dma_coherent_is_freed(rel->verdict))
		dma_coherent_trace(refuse, dev, region->name, 0, verdicts[rel->verdict]);
	if (__ratelimit(&region->misuse_rs))
		pr_err("%s: pool %s: bad release of page %lu, order %d: %s (pages %lu to %lu are %s)\n",
		       dma_coherent_name(dev), region->name, rel->page, rel->order,
		       verdicts[rel->verdict], rel->run.first,
		       rel->run.first + rel->run.pages - 1,
		       rel->run.used ? "one buffer" : "free");
}

/* Release a buffer of one of @owner's attachments; NULL is the global pool. */
static int mems_release(struct device *owner, int order, const void *vaddr)
{
	struct release rel = { .order = order };
	struct dma_coherent_region *region;
	struct dma_coherent_mem *mem;

	guard(rcu)();
	mem = dma_coherent_mem_by_vaddr(owner, vaddr);
	if (!mem)
		return 0;
	region = mem->region;
	rel.page = PFN_DOWN(vaddr - region->vaddr);
	if (dma_coherent_debugs(region))
		dma_coherent_debug_check_end(region, rel.page);
	if (mem_release(mem, vaddr, &rel))
		dma_coherent_reap_later(region);
	if (dma_coherent_is_freed(rel.verdict)) {
		dma_coherent_trace(release, owner, region->name, rel.page, rel.run.pages);
		dma_coherent_given_back(region, &rel.run);
	}
	if (rel.verdict != DMA_COHERENT_FREE_GOOD)
		report_release(owner, region, &rel);
	return 1;
}

/**
 * dma_release_from_coherent() - release a buffer of dma_alloc_from_coherent()
 * @dev: the device; may be NULL
 * @order: page order of the size of the buffer
 * @vaddr: address of the buffer in the kernel's mapping
 *
 * The pool knows the length of each buffer. If @order is wrong, the whole buffer
 * is freed, and the error reported. If no buffer starts at @vaddr, nothing is
 * freed, and the error reported.
 *
 * Context: any, including hard interrupt.
 * Return: 0 if @vaddr is in no memory of this device, and the caller should release
 * it. Otherwise 1, even on error: the caller must not free memory of the device.
 */
int dma_release_from_coherent(struct device *dev, int order, void *vaddr)
{
	return dma_coherent_has_mems(dev) ? mems_release(dev, order, vaddr) : 0;
}

/* Mmap */

/* Return: the first page of the region to map; -ENXIO if @vma exceeds the buffer. */
static long mem_mmap(struct device *dev, struct dma_coherent_mem *mem,
		     struct vm_area_struct *vma, const void *vaddr, size_t size)
{
	struct dma_coherent_region *region = mem->region;
	unsigned long page = PFN_DOWN(vaddr - region->vaddr);
	unsigned long pages = min(dma_coherent_buffer_pages(region, vaddr),
				  PFN_DOWN(PAGE_ALIGN(size)));
	unsigned long off = vma->vm_pgoff;

	if (off < pages && vma_pages(vma) <= pages - off) {
		dma_coherent_trace(mmap, dev, region->name, page + off, vma_pages(vma));
		return page + off;
	}
	if (__ratelimit(&region->misuse_rs))
		pr_warn("%s: pool %s: cannot map %lu pages at offset %lu from page %lu, the buffer has %lu pages there: %d\n",
			dma_coherent_name(dev), region->name, vma_pages(vma), off, page,
			pages, -ENXIO);
	return -ENXIO;
}

static int mems_mmap(struct device *owner, struct vm_area_struct *vma,
		     const void *vaddr, size_t size, int *ret)
{
	struct dma_coherent_mem *mem;
	phys_addr_t base = 0;
	long page = 0;

	scoped_guard(rcu) {
		mem = dma_coherent_mem_by_vaddr(owner, vaddr);
		if (mem) {
			base = mem->region->base;
			page = mem_mmap(owner, mem, vma, vaddr, size);
		}
	}
	if (!mem)
		return 0;
	if (page < 0) {
		*ret = page;
		return 1;
	}
	/* The attributes of the kernel's mapping, whatever the caller chose. */
	vma->vm_page_prot = pgprot_decrypted(pgprot_writecombine(vma->vm_page_prot));
	*ret = remap_pfn_range(vma, vma->vm_start, PHYS_PFN(base) + page,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
	return 1;
}

/**
 * dma_mmap_from_coherent() - map a buffer to user space
 * @dev: the device; may be NULL
 * @vma: the mapping; its vm_pgoff is the first page of the buffer to map
 * @vaddr: address of the buffer, or of a page in it, in the kernel's mapping
 * @size: number of bytes from @vaddr that may be mapped
 * @ret: set to 0; -ENXIO if the pages of @vma are not all in PAGE_ALIGN(@size) and
 *	in one buffer; or the error of remap_pfn_range()
 *
 * The mapping has the attributes of the kernel's own. -ENXIO comes with a message,
 * subject to the rate limit.
 *
 * Context: process. User space must have no mapping of the buffer any more when the
 * driver releases it.
 * Return: 0 if @vaddr is in no memory of this device, and the caller should map it;
 * @ret was not set then. Otherwise 1.
 */
int dma_mmap_from_coherent(struct device *dev, struct vm_area_struct *vma,
			   void *vaddr, size_t size, int *ret)
{
	return dma_coherent_has_mems(dev) ? mems_mmap(dev, vma, vaddr, size, ret) : 0;
}

/* Physical addresses */

/**
 * dma_coherent_to_phys() - physical address of memory of a device
 * @dev: the device; may be NULL
 * @vaddr: an address in the kernel's mapping, which may be an ioremap()ed one
 * @phys: set to the physical address
 *
 * Also looks in the global pool.
 *
 * Context: any.
 * Return: false if @vaddr is in no memory of this device; @phys was not set then.
 */
bool dma_coherent_to_phys(struct device *dev, const void *vaddr, phys_addr_t *phys)
{
	struct dma_coherent_mem *mem;

	guard(rcu)();
	mem = dma_coherent_mem_or_global(dev, vaddr);
	if (mem)
		*phys = mem->region->base + (vaddr - mem->region->vaddr);
	return mem;
}

/* The names of the hooks in <linux/dma-map-ops.h> */

int dma_alloc_from_dev_coherent(struct device *dev, ssize_t size,
				dma_addr_t *dma_handle, void **ret)
	__alias(dma_alloc_from_coherent);
int dma_release_from_dev_coherent(struct device *dev, int order, void *vaddr)
	__alias(dma_release_from_coherent);
int dma_mmap_from_dev_coherent(struct device *dev, struct vm_area_struct *vma,
			       void *cpu_addr, size_t size, int *ret)
	__alias(dma_mmap_from_coherent);

/* The global pool: for devices that are not coherent and have no other memory */

#ifdef CONFIG_DMA_GLOBAL_POOL

/**
 * dma_alloc_from_global_coherent_attrs() - allocate from the global pool
 * @dev: the device that the buffer is for
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @dma_handle: set to the DMA address of the buffer, or to DMA_MAPPING_ERROR; not
 *	set if there is no global pool
 * @gfp: as for dma_alloc_from_coherent_attrs()
 * @attrs: as for dma_alloc_from_coherent_attrs()
 *
 * Context: any, including hard interrupt.
 * Return: address of the buffer in the kernel's mapping, all of it zeroed; NULL on
 * failure.
 */
void *dma_alloc_from_global_coherent_attrs(struct device *dev, ssize_t size,
					   dma_addr_t *dma_handle, gfp_t gfp,
					   unsigned long attrs)
{
	void *vaddr = NULL;

	mems_alloc(NULL, dev, size, dma_handle, &vaddr, gfp, attrs);
	return vaddr;
}

/**
 * dma_alloc_from_global_coherent() - allocate from the global pool
 * @dev: the device that the buffer is for
 * @size: size of the buffer in bytes, rounded up to whole pages
 * @dma_handle: set to the DMA address of the buffer, or to DMA_MAPPING_ERROR; not
 *	set if there is no global pool
 *
 * Context: any, including hard interrupt.
 * Return: as dma_alloc_from_global_coherent_attrs().
 */
void *dma_alloc_from_global_coherent(struct device *dev, ssize_t size,
				     dma_addr_t *dma_handle)
{
	return dma_alloc_from_global_coherent_attrs(dev, size, dma_handle, 0, 0);
}

/**
 * dma_release_from_global_coherent() - release a buffer of the global pool
 * @order: page order of the size of the buffer
 * @vaddr: address of the buffer in the kernel's mapping
 *
 * Context: any, including hard interrupt.
 * Return: 0 if @vaddr is not in the global pool, otherwise 1, as
 * dma_release_from_coherent().
 */
int dma_release_from_global_coherent(int order, void *vaddr)
{
	return mems_release(NULL, order, vaddr);
}

/**
 * dma_mmap_from_global_coherent() - map a buffer of the global pool
 * @vma: as for dma_mmap_from_coherent()
 * @vaddr: as for dma_mmap_from_coherent()
 * @size: as for dma_mmap_from_coherent()
 * @ret: as for dma_mmap_from_coherent()
 *
 * Context: process.
 * Return: 0 if @vaddr is not in the global pool, otherwise 1, as
 * dma_mmap_from_coherent().
 */
int dma_mmap_from_global_coherent(struct vm_area_struct *vma, void *vaddr,
				  size_t size, int *ret)
{
	return mems_mmap(NULL, vma, vaddr, size, ret);
}

#endif /* CONFIG_DMA_GLOBAL_POOL */
