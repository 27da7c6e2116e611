/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the files of per-device coherent memory and their tests.
 */
#ifndef _BASE_DMA_COHERENT_H
#define _BASE_DMA_COHERENT_H

#include <linux/dma-coherent.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/ratelimit_types.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "dma-coherent-pool.h"

struct dentry;

/* Why a request was refused. */
enum dma_coherent_refusal {
	DMA_COHERENT_BAD_SIZE,		/* zero or negative */
	DMA_COHERENT_TOO_LARGE,		/* more than the whole pool */
	DMA_COHERENT_FULL,		/* more than all that is free */
	DMA_COHERENT_FRAGMENTED,	/* more than any free run fits */
	DMA_COHERENT_OUT_OF_REACH,	/* what fits, the device can't address */
	DMA_COHERENT_REFUSALS
};

/* What a release turned out to be. */
enum dma_coherent_free {
	DMA_COHERENT_FREE_GOOD,
	DMA_COHERENT_FREE_WRONG_ORDER,	/* freed all the same, with its true length */
	DMA_COHERENT_FREE_INTERIOR,	/* refused: inside an allocation */
	DMA_COHERENT_FREE_NOT_LIVE,	/* refused: the page is free, perhaps again */
	DMA_COHERENT_FREES
};

/**
 * struct dma_coherent_stats - what happened in a pool so far
 * @allocs: buffers handed out
 * @high_water: most pages that were ever used at once
 * @refusals: requests refused, by cause
 * @frees: releases, by what they turned out to be
 */
struct dma_coherent_stats {
	unsigned long allocs;
	unsigned long high_water;
	unsigned long refusals[DMA_COHERENT_REFUSALS];
	unsigned long frees[DMA_COHERENT_FREES];
};

static inline void dma_coherent_count_alloc(struct dma_coherent_stats *stats,
					    const struct dma_coherent_pool *pool)
{
	stats->allocs++;
	stats->high_water = max(stats->high_water, pool->used_pages);
}

static inline void dma_coherent_count_free(struct dma_coherent_stats *stats,
					   enum dma_coherent_free verdict)
{
	stats->frees[verdict]++;
}

/* Who described a region to a device. The same memory is one region all the same. */
enum dma_coherent_source {
	DMA_COHERENT_DECLARED,		/* dma_declare_coherent_memory() */
	DMA_COHERENT_FIRMWARE,		/* reserved-memory in the device tree */
	DMA_COHERENT_GLOBAL,		/* dma_init_global_coherent() */
};

/**
 * struct dma_coherent_spec - a region as its declarer sees it
 * @name: for messages and debugfs
 * @base: physical address
 * @size: bytes
 * @handle: DMA address of @base, of DMA_COHERENT_DECLARED memory. For other
 *	sources it follows from the device.
 * @source: who describes it
 * @flags: DMA_COHERENT_FALLBACK
 */
struct dma_coherent_spec {
	const char *name;
	phys_addr_t base;
	phys_addr_t size;
	dma_addr_t handle;
	enum dma_coherent_source source;
	unsigned int flags;
};

/**
 * struct dma_coherent_region - memory, mapped, and the pool of its pages
 * @ref: keeps the structure, not the mapping: dma_coherent_region_put()
 * @node: on the list of all regions; under dma_coherent_mutex
 * @users: the attachments to it; read under dma_coherent_mutex or @lock,
 *	written under both
 * @base: physical address, page-aligned
 * @vaddr: the kernel's mapping of it
 * @dir: its directory in debugfs
 * @owners: for the first page of each buffer the number of its owner, under
 *	@lock; NULL where that is not kept
 * @owner_names: who has which number; grows under dma_coherent_mutex and @lock
 * @lock: guards @pool, @stats, and what of each attachment can change. It
 *	is taken in any context; nothing is printed, traced or called out to
 *	under it.
 * @pool: which pages are handed out
 * @stats: counters
 * @mixed: a device gave back more buffers than it got, so that the counts of the
 *	attachments say nothing until the region is unused; under @lock
 * @refusals: limits how often requests are reported
 * @misuses: limits how often bad releases and mappings are
 * @name: for messages and debugfs
 */
struct dma_coherent_region {
	struct kref ref;
	struct list_head node;
	struct list_head users;
	phys_addr_t base;
	void *vaddr;
	struct dentry *dir;
	u16 *owners;
	struct list_head owner_names;
	raw_spinlock_t lock;
	struct dma_coherent_pool pool;
	struct dma_coherent_stats stats;
	bool mixed;
	struct ratelimit_state refusals;
	struct ratelimit_state misuses;
	char name[];
};

/**
 * struct dma_coherent_view - where a device sees a region
 * @handle: DMA address of the region's first page
 * @pages: how many pages from there on have a DMA address at all
 */
struct dma_coherent_view {
	dma_addr_t handle;
	unsigned long pages;
};

/**
 * struct dma_coherent_mem - an attachment: a region as one device sees it
 * @next: the device's next attachment, in the order in which they are tried;
 *	read under RCU, written under dma_coherent_mutex
 * @node: on @region's list of users
 * @dev: the device, NULL for the global pool
 * @region: the memory
 * @view: where the device sees it: as it was declared, or else as of the last
 *	request, under @region's lock; the global pool has one for each device
 * @flags: DMA_COHERENT_FALLBACK
 * @source: who described it
 * @warned: it has been said that the device reaches nothing of the region; under
 *	@region's lock, never set for the global pool
 * @attached: new allocations are served
 * @live: buffers handed out through it and not given back. A device that gives
 *	back a buffer of another one can make it negative.
 * @owner: its device's number in @region's owners
 * @rcu: for kfree_rcu()
 */
struct dma_coherent_mem {
	struct dma_coherent_mem __rcu *next;
	struct list_head node;
	struct device *dev;
	struct dma_coherent_region *region;
	struct dma_coherent_view view;
	unsigned int flags;
	enum dma_coherent_source source;
	bool warned;
	bool attached;
	long live;
	u16 owner;
	struct rcu_head rcu;
};

#ifdef CONFIG_DMA_COHERENT_DEBUGFS
u16 dma_coherent_owner_add(struct dma_coherent_region *region, struct device *dev);
void dma_coherent_owner_gone(struct dma_coherent_region *region, u16 id);
void dma_coherent_owners_free(struct dma_coherent_region *region);
void dma_coherent_debugfs_add(struct dma_coherent_region *region);
void dma_coherent_debugfs_remove(struct dma_coherent_region *region);
#else
static inline u16 dma_coherent_owner_add(struct dma_coherent_region *region,
					 struct device *dev)
{
	return 0;
}

static inline void dma_coherent_owner_gone(struct dma_coherent_region *region, u16 id)
{
}

static inline void dma_coherent_owners_free(struct dma_coherent_region *region)
{
}

static inline void dma_coherent_debugfs_add(struct dma_coherent_region *region)
{
}

static inline void dma_coherent_debugfs_remove(struct dma_coherent_region *region)
{
}
#endif

#ifdef CONFIG_DMA_DECLARE_COHERENT
int dma_coherent_attach(struct device *dev, const struct dma_coherent_spec *spec);
void dma_coherent_detach(struct device *dev, enum dma_coherent_source source,
			 phys_addr_t base, phys_addr_t size);
void dma_coherent_device_release(struct device *dev);
const char *dma_coherent_name(const struct device *dev);
unsigned long dma_coherent_reach(struct device *dev,
				 const struct dma_coherent_view *view);
bool dma_coherent_has_pages(unsigned long pfn, unsigned long pages);
void *dma_coherent_map(phys_addr_t base, size_t size, const char **why);
void dma_coherent_unmap(void *vaddr);
void dma_coherent_each_region(void (*visit)(struct dma_coherent_region *region));
void dma_coherent_region_put(struct dma_coherent_region *region);
void dma_coherent_reap(void);
#else
static inline void dma_coherent_device_release(struct device *dev)
{
}
#endif

#endif /* _BASE_DMA_COHERENT_H */
