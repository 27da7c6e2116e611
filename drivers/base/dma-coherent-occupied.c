// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: occupied ranges
 *
 * Some memory must stay where it is: the picture that a boot loader left on the
 * screen, the mailbox of a firmware. A driver takes such a range out of the pool.
 * It is a buffer from then on.
 *
 * Locking: any context, as in dma-coherent.c.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-coherent-occupied.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <trace/events/dma_coherent.h>

#include "dma-coherent.h"

static __cold int range_error(struct device *dev, const struct dma_coherent_mem *mem,
			      dma_addr_t addr, size_t size, int err, const char *why)
{
	static DEFINE_RATELIMIT_STATE(no_region_rs, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	if (__ratelimit(mem ? &mem->region->misuse_rs : &no_region_rs))
		pr_warn("%s: region %s: range of %zu bytes at %pad %s: %d\n",
			dma_coherent_name(dev), mem ? mem->region->name : "(none)",
			size, &addr, why, err);
	return err;
}

/* Return: false if the range is not all in the view; @run is its pages. */
static bool view_range(const struct dma_coherent_view *view, dma_addr_t addr,
		       size_t size, struct dma_coherent_run *run)
{
	dma_addr_t first = addr - view->handle, last = first + (size - 1);

	if (!size || addr < view->handle || last < first ||
	    last >> PAGE_SHIFT >= view->pages)
		return false;
	run->first = first >> PAGE_SHIFT;
	run->pages = (last >> PAGE_SHIFT) - run->first + 1;
	return true;
}

/* Under the region's lock. */
static bool mem_range(struct dma_coherent_mem *mem, dma_addr_t addr, size_t size,
		      struct dma_coherent_run *run)
{
	struct dma_coherent_view view = dma_coherent_mem_view(mem, mem->dev);

	return view_range(&view, addr, size, run);
}

static bool mem_has_dma_addr(struct dma_coherent_mem *mem, dma_addr_t addr)
{
	struct dma_coherent_run run;
	unsigned long flags;
	bool has;

	raw_spin_lock_irqsave(&mem->region->lock, flags);
	has = mem_range(mem, addr, 1, &run);
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	return has;
}

/* The last match counts, as in dma_coherent_mem_by_vaddr(). */
static struct dma_coherent_mem *mem_by_dma_addr(struct device *dev, dma_addr_t addr)
{
	struct dma_coherent_mem *mem, *found = NULL;

	if (!dma_coherent_has_mems(dev))
		return NULL;
	dma_coherent_for_each_mem_rcu(mem, dev)
		if (mem_has_dma_addr(mem, addr))
			found = mem;
	return found;
}

static int mem_occupy(struct dma_coherent_mem *mem, dma_addr_t addr, size_t size,
		      struct dma_coherent_run *run)
{
	struct dma_coherent_region *region = mem->region;
	unsigned long flags;
	long page = -EINVAL;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (mem->attached && mem_range(mem, addr, size, run))
		page = dma_coherent_debugs(region) ?
		       dma_coherent_debug_take(region, run->first, run->pages) :
		       dma_coherent_pool_take(&region->pool, run->first, run->pages);
	if (page >= 0)
		dma_coherent_mem_count_alloc(mem, page);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return page < 0 ? page : 0;
}

/**
 * dma_mark_declared_memory_occupied() - take a fixed range out of a pool
 * @dev: the device
 * @device_addr: DMA address of the range
 * @size: size in bytes
 *
 * Takes all pages that the range touches, and does not change their contents. They
 * are a buffer then, which dma_mmap_coherent() can map. Give it back by
 * dma_unmark_declared_memory_occupied(). dma_free_coherent() would do, but DMA-API
 * debugging would report memory that was never allocated. A pool does not know
 * which ranges have contents to keep: mark them before anything is allocated.
 *
 * Context: any, including hard interrupt.
 * Return: the address of the page of @device_addr in the kernel's mapping; an
 * error pointer, with a message: -EINVAL if the range is empty or not all in one
 * region that is attached to @dev; -EBUSY if some of it is in use.
 */
void *dma_mark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size)
{
	struct dma_coherent_mem *mem;
	struct dma_coherent_run run;
	int err = -EINVAL;

	guard(rcu)();
	mem = mem_by_dma_addr(dev, device_addr);
	if (mem)
		err = mem_occupy(mem, device_addr, size, &run);
	if (err)
		return ERR_PTR(range_error(dev, mem, device_addr, size, err, err == -EBUSY ?
					   "is in use" : "is not inside the region"));
	dma_coherent_trace(alloc, dev, mem->region->name, run.first, run.pages);
	return mem->region->vaddr + PFN_PHYS(run.first);
}
EXPORT_SYMBOL_GPL(dma_mark_declared_memory_occupied);

/* Look up the buffer that is exactly this range. */
static bool find_buffer(struct dma_coherent_region *region,
			const struct dma_coherent_run *range, struct dma_coherent_run *buffer)
{
	return dma_coherent_run_locked(region, range->first, buffer) && buffer->used &&
	       buffer->first == range->first && buffer->pages == range->pages;
}

/* Return: -EINVAL, or whether something may be unused now. */
static int mem_vacate(struct dma_coherent_mem *mem, dma_addr_t addr, size_t size,
		      struct dma_coherent_run *run)
{
	struct dma_coherent_run range;
	unsigned long flags;
	int ret = -EINVAL;

	raw_spin_lock_irqsave(&mem->region->lock, flags);
	if (mem_range(mem, addr, size, &range) && find_buffer(mem->region, &range, run))
		ret = dma_coherent_mem_free(mem, run, DMA_COHERENT_FREE_GOOD);
	raw_spin_unlock_irqrestore(&mem->region->lock, flags);
	return ret;
}

/**
 * dma_unmark_declared_memory_occupied() - release an occupied range
 * @dev: the device
 * @device_addr: DMA address, as it was marked
 * @size: size in bytes, as it was marked
 *
 * Context: any, including hard interrupt.
 * Return: 0; -EINVAL, with a message and nothing changed, if the pages of this range
 * are not exactly one buffer.
 */
int dma_unmark_declared_memory_occupied(struct device *dev, dma_addr_t device_addr,
					size_t size)
{
	struct dma_coherent_mem *mem;
	struct dma_coherent_run run;
	int ret = -EINVAL;

	guard(rcu)();
	mem = mem_by_dma_addr(dev, device_addr);
	if (mem)
		ret = mem_vacate(mem, device_addr, size, &run);
	if (ret < 0)
		return range_error(dev, mem, device_addr, size, ret,
				   "is not an occupied range");
	if (ret)
		dma_coherent_reap_later(mem->region);
	dma_coherent_trace(release, dev, mem->region->name, run.first, run.pages);
	dma_coherent_given_back(mem->region, &run);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_unmark_declared_memory_occupied);
