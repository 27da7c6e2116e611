/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the files of per-device coherent memory and their tests: the data
 * structures, and what each file offers to the others.
 */
#ifndef _BASE_DMA_COHERENT_H
#define _BASE_DMA_COHERENT_H

#include <linux/device.h>
#include <linux/dma-coherent.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/ratelimit_types.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "dma-coherent-pool.h"

struct dentry;
struct dma_coherent_clean;
struct dma_coherent_debug;
struct notifier_block;
struct seq_file;
struct work_struct;

#define DMA_COHERENT_NAME_SIZE	64

/* Why an allocation failed. */
enum dma_coherent_failure {
	DMA_COHERENT_BAD_SIZE,		/* zero or negative */
	DMA_COHERENT_TOO_LARGE,		/* more than the whole pool */
	DMA_COHERENT_FULL,		/* more than all free pages */
	DMA_COHERENT_FRAGMENTED,	/* more than fits in any free run */
	DMA_COHERENT_OUT_OF_REACH,	/* the device cannot address the pages that it fits in */
	DMA_COHERENT_FAILURES
};

/* The kinds of releases, good and bad. */
enum dma_coherent_verdict {
	DMA_COHERENT_FREE_GOOD,
	DMA_COHERENT_FREE_WRONG_ORDER,	/* the whole buffer is freed anyway */
	DMA_COHERENT_FREE_INTERIOR,	/* ignored: not the start of a buffer */
	DMA_COHERENT_FREE_NOT_LIVE,	/* ignored: the page is free */
	DMA_COHERENT_VERDICTS
};

static inline bool dma_coherent_is_freed(enum dma_coherent_verdict verdict)
{
	return verdict == DMA_COHERENT_FREE_GOOD ||
	       verdict == DMA_COHERENT_FREE_WRONG_ORDER;
}

/**
 * struct dma_coherent_stats - counters of a region
 * @allocs: buffers allocated
 * @high_water: most pages that were ever used at once
 * @failures: failed allocations, by cause
 * @frees: releases, by verdict
 */
struct dma_coherent_stats {
	unsigned long allocs;
	unsigned long high_water;
	unsigned long failures[DMA_COHERENT_FAILURES];
	unsigned long frees[DMA_COHERENT_VERDICTS];
};

/* Who described a region to a device. The same memory is one region anyway. */
enum dma_coherent_source {
	DMA_COHERENT_DECLARED,		/* dma_declare_coherent_memory() */
	DMA_COHERENT_FIRMWARE,		/* reserved-memory in the device tree */
	DMA_COHERENT_GLOBAL,		/* dma_init_global_coherent() */
};

/**
 * struct dma_coherent_spec - description of a region, to attach it
 * @name: for messages and debugfs
 * @base: physical address
 * @size: size in bytes
 * @handle: DMA address if @source is DMA_COHERENT_DECLARED; for other sources it is
 *	translated from @base for each device
 * @source: who describes it
 * @flags: DMA_COHERENT_FALLBACK or 0
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
 * @ref: references to the structure, not to the mapping
 * @node: on the list of all regions; under dma_coherent_mutex
 * @users: the attachments to it; read under dma_coherent_mutex or @lock,
 *	written under both
 * @reaper: work to schedule when the region, or an attachment to it, is unused
 * @base: physical address, page-aligned
 * @vaddr: the kernel's mapping
 * @dir: directory in debugfs
 * @owners: for the first page of each buffer the number of its owner; under
 *	@lock; NULL if owners are not recorded
 * @owner_names: which owner has which number; under @lock
 * @lock: guards @pool, @stats, @mixed and what changes in each attachment. Taken
 *	in any context; nothing is printed, traced or called out to under it.
 * @pool: its pages
 * @stats: its counters
 * @shared: another pool has some of the memory, too; under @lock
 * @clean: which pages are known to be zero; NULL if none is cleaned
 * @debug: to find stray writes; NULL if that is off
 * @mixed: a device released more buffers than it allocated, so the counts of the
 *	attachments cannot be relied on until the region is unused; under @lock
 * @alloc_rs: rate limit of messages on failed allocations
 * @misuse_rs: rate limit of messages on bad releases, mappings, ranges and lists
 * @name: for messages and debugfs
 */
struct dma_coherent_region {
	struct kref ref;
	struct list_head node;
	struct list_head users;
	struct work_struct *reaper;
	phys_addr_t base;
	void *vaddr;
	struct dentry *dir;
	u16 *owners;
	struct list_head owner_names;
	raw_spinlock_t lock;
	struct dma_coherent_pool pool;
	struct dma_coherent_stats stats;
	bool mixed;
	bool shared;
	struct dma_coherent_clean *clean;
	struct dma_coherent_debug *debug;
	struct ratelimit_state alloc_rs;
	struct ratelimit_state misuse_rs;
	char name[];
};

/* The size of the whole pages in a range. */
static inline phys_addr_t dma_coherent_whole_pages(phys_addr_t base, phys_addr_t size)
{
	phys_addr_t lost = PAGE_ALIGN(base) - base;

	return size > lost ? ALIGN_DOWN(size - lost, PAGE_SIZE) : 0;
}

static inline bool dma_coherent_region_in_use(const struct dma_coherent_region *region)
{
	return READ_ONCE(region->pool.used_pages);
}

/**
 * struct dma_coherent_view - where a device sees a region
 * @handle: DMA address of the first page
 * @pages: number of pages from there that have a DMA address
 */
struct dma_coherent_view {
	dma_addr_t handle;
	unsigned long pages;
};

/**
 * struct dma_coherent_mem - an attachment of a region to a device
 * @next: the device's next attachment; read under RCU, written under
 *	dma_coherent_mutex
 * @node: on @region's list of users
 * @dev: the device; NULL for the global pool
 * @region: the region
 * @view: where the device sees it, as declared or as of the last request; under
 *	@region's lock. For the global pool, whose devices differ, it is only shown.
 * @flags: DMA_COHERENT_FALLBACK or 0
 * @source: who described the region
 * @warned: there was a warning that the device cannot address the region; under
 *	@region's lock; always false for the global pool
 * @attached: it serves allocations
 * @live: buffers that are allocated through it. If a device releases a buffer of
 *	another device, this can be negative.
 * @owner: number of the device in @region's owners
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

#ifdef CONFIG_DMA_DECLARE_COHERENT

/* The list of attachments of a device; that of the global pool if @dev is NULL */

extern struct dma_coherent_mem __rcu *dma_coherent_global;

static inline struct dma_coherent_mem __rcu **dma_coherent_mems(struct device *dev)
{
	return dev ? &dev->dma_mem : &dma_coherent_global;
}

/* For the hooks: a NULL device has no memory. */
static inline bool dma_coherent_has_mems(struct device *dev)
{
	return dev && rcu_access_pointer(dev->dma_mem);
}

#define dma_coherent_for_each_mem_rcu(mem, dev)				\
	for ((mem) = rcu_dereference(*dma_coherent_mems(dev)); (mem);	\
	     (mem) = rcu_dereference((mem)->next))

/* Trace an event of a device; its name is looked up only if somebody listens. */
#define dma_coherent_trace(event, dev, ...)					\
	do {									\
		if (trace_dma_coherent_##event##_enabled())			\
			trace_dma_coherent_##event(dma_coherent_name(dev),	\
						   __VA_ARGS__);		\
	} while (0)

/* dma-coherent.c */
const char *dma_coherent_name(const struct device *dev);
bool dma_coherent_run_locked(const struct dma_coherent_region *region, unsigned long page,
			     struct dma_coherent_run *run);
bool dma_coherent_region_run(struct dma_coherent_region *region,
			     unsigned long page, struct dma_coherent_run *run);
bool dma_coherent_page_is_free(const struct dma_coherent_region *region, unsigned long page);
unsigned long dma_coherent_buffer_pages(struct dma_coherent_region *region,
					const void *vaddr);
struct dma_coherent_mem *dma_coherent_mem_by_vaddr(struct device *dev, const void *vaddr);
struct dma_coherent_mem *dma_coherent_mem_or_global(struct device *dev, const void *vaddr);
bool dma_coherent_mem_idle(const struct dma_coherent_mem *mem);
void dma_coherent_mem_count_alloc(struct dma_coherent_mem *mem, unsigned long page);
bool dma_coherent_mem_free(struct dma_coherent_mem *mem,
			   const struct dma_coherent_run *run,
			   enum dma_coherent_verdict verdict);
void dma_coherent_given_back(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run);
void dma_coherent_reap_later(struct dma_coherent_region *region);
bool dma_coherent_region_matches(const struct dma_coherent_region *region,
				 phys_addr_t base, phys_addr_t size);
int dma_coherent_alloc_from(struct device *dev, phys_addr_t base,
			    phys_addr_t region_size, size_t size, dma_addr_t *handle,
			    void **ret, bool quiet);
struct dma_coherent_view dma_coherent_translate(struct device *dev, phys_addr_t base,
						unsigned long pages);
struct dma_coherent_view dma_coherent_mem_view(struct dma_coherent_mem *mem,
					       struct device *dev);
unsigned long dma_coherent_reach(struct device *dev,
				 const struct dma_coherent_view *view);

/* dma-coherent-attach.c */
int dma_coherent_attach(struct device *dev, const struct dma_coherent_spec *spec);
void dma_coherent_detach(struct device *dev, enum dma_coherent_source source,
			 phys_addr_t base, phys_addr_t size);
void dma_coherent_device_release(struct device *dev);
void dma_coherent_reap(void);
void *dma_coherent_map(phys_addr_t base, size_t size, const char **why);
void dma_coherent_unmap(void *vaddr);
void dma_coherent_each_region(void (*visit)(struct dma_coherent_region *region));
void dma_coherent_region_put(struct dma_coherent_region *region);

#else

static inline void dma_coherent_device_release(struct device *dev)
{
}

#endif /* CONFIG_DMA_DECLARE_COHERENT */

/* Which pages of a new buffer are to be zeroed */
enum dma_coherent_to_zero {
	DMA_COHERENT_ZERO_ALL,
	DMA_COHERENT_ZERO_SOME,
	DMA_COHERENT_ZERO_NONE,
};

/* dma-coherent-clean.c; not called unless dma_coherent_cleans() */

extern bool dma_coherent_clean;

static inline bool dma_coherent_cleans(const struct dma_coherent_region *region)
{
	return IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN) && region->clean;
}

void dma_coherent_clean_create(struct dma_coherent_region *region);
void dma_coherent_clean_stop(struct dma_coherent_region *region);
void dma_coherent_clean_destroy(struct dma_coherent_region *region);
enum dma_coherent_to_zero dma_coherent_clean_alloc(struct dma_coherent_region *region,
						   unsigned long page, unsigned long pages);
void dma_coherent_clean_zero(struct dma_coherent_region *region, unsigned long page,
			     unsigned long pages);
void dma_coherent_clean_free(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run);
void dma_coherent_clean_later(struct dma_coherent_region *region);
bool dma_coherent_clean_step(struct dma_coherent_region *region);
void dma_coherent_clean_wait(struct dma_coherent_region *region);
void dma_coherent_clean_show(struct seq_file *s, struct dma_coherent_region *region);
int dma_coherent_clean_pm(struct notifier_block *nb, unsigned long action, void *unused);

/* dma-coherent-debug.c; not called unless dma_coherent_debugs() */

extern bool dma_coherent_debug;

static inline bool dma_coherent_debugs(const struct dma_coherent_region *region)
{
	return IS_ENABLED(CONFIG_DMA_COHERENT_DEBUG) && region->debug;
}

void dma_coherent_debug_create(struct dma_coherent_region *region);
void dma_coherent_debug_destroy(struct dma_coherent_region *region);
long dma_coherent_debug_alloc(struct dma_coherent_region *region, unsigned long pages,
			      unsigned long limit);
long dma_coherent_debug_take(struct dma_coherent_region *region, unsigned long page,
			     unsigned long pages);
void dma_coherent_debug_new(struct dma_coherent_region *region, unsigned long page,
			    unsigned long pages);
bool dma_coherent_debug_is_guard(const struct dma_coherent_region *region, unsigned long page);
void dma_coherent_debug_check_end(struct dma_coherent_region *region, unsigned long page);
void dma_coherent_debug_free(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run);
void dma_coherent_debug_fill(struct dma_coherent_region *region,
			     const struct dma_coherent_run *run);
void dma_coherent_debug_check(struct dma_coherent_region *region);
void dma_coherent_debug_show(struct seq_file *s, struct dma_coherent_region *region);

/* dma-coherent-debugfs.c */

#ifdef CONFIG_DMA_COHERENT_DEBUGFS

u16 dma_coherent_owner_add(struct dma_coherent_region *region, struct device *dev);
void dma_coherent_owner_name(const struct dma_coherent_region *region, u16 id, char *name);
void dma_coherent_owner_gone(struct dma_coherent_region *region, u16 id);
u16 dma_coherent_owner_get(struct dma_coherent_region *region, const char *name);
void dma_coherent_owner_put(struct dma_coherent_region *region, u16 id);
void dma_coherent_owner_set(struct dma_coherent_region *region, unsigned long page, u16 id);
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

static inline u16 dma_coherent_owner_get(struct dma_coherent_region *region,
					 const char *name)
{
	return 0;
}

static inline void dma_coherent_owner_put(struct dma_coherent_region *region, u16 id)
{
}

static inline void dma_coherent_owner_set(struct dma_coherent_region *region,
					  unsigned long page, u16 id)
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

#endif /* CONFIG_DMA_COHERENT_DEBUGFS */

#endif /* _BASE_DMA_COHERENT_H */
