// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: what people look at
 *
 * Each region has a directory under dma-coherent/ in debugfs, documented in
 * Documentation/ABI/testing/debugfs-dma-coherent. A region's lock is taken for
 * one snapshot or one run of pages at a time, so a reader holds up nobody; what
 * is put together from several runs may be of several moments.
 *
 * Owners are optional: two bytes a page that number the names of the devices
 * which ever attached. The names stay as long as the region, since a buffer can
 * outlive the device that it was for.
 */

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dma-coherent.h"

struct owner {
	struct list_head node;
	u16 id;
	char name[];
};

/* Owners */

/**
 * dma_coherent_owner_add() - a number for who gets buffers of a region
 * @region: the region
 * @name: the owner's name
 *
 * Context: may sleep; under dma_coherent_mutex.
 * Return: the number, the same for the same name; 0 where there is none.
 */
u16 dma_coherent_owner_add(struct dma_coherent_region *region, const char *name)
{
	struct owner *owner, *last = NULL;
	size_t len = strlen(name) + 1;

	list_for_each_entry(owner, &region->owner_names, node) {
		if (!strcmp(owner->name, name))
			return owner->id;
		last = owner;
	}
	if (!region->owners || (last && last->id == U16_MAX))
		return 0;
	owner = kmalloc(struct_size(owner, name, len), GFP_KERNEL);
	if (!owner)
		return 0;
	memcpy(owner->name, name, len);
	owner->id = last ? last->id + 1 : 1;
	list_add_tail_rcu(&owner->node, &region->owner_names);
	return owner->id;
}

/* Names are only ever added while there is a file that shows them. */
static const char *owner_name(const struct dma_coherent_region *region, u16 id)
{
	const struct owner *owner;

	list_for_each_entry_lockless(owner, &region->owner_names, node)
		if (owner->id == id)
			return owner->name;
	return "?";
}

/* stat */

struct summary {
	struct dma_coherent_stats stats;
	unsigned long used;
	unsigned long runs;
	unsigned long lost;
	unsigned long largest[BITS_PER_LONG];
};

static void stat_add_run(const struct dma_coherent_pool *pool, struct summary *sum,
			 const struct dma_coherent_run *run)
{
	unsigned long end = run->first + run->pages, start;
	unsigned int order;

	if (run->used)
		return;
	sum->runs++;
	sum->lost += run->pages - dma_coherent_pool_fit(pool, run);
	for (order = 0; order <= pool->max_align_order; order++) {
		start = ALIGN(run->first, BIT(order));
		if (start < end)
			sum->largest[order] = max(sum->largest[order], end - start);
	}
}

static bool next_run(struct dma_coherent_region *region, unsigned long page,
		     struct dma_coherent_run *run, u16 *owner)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&region->lock, flags);
	found = dma_coherent_pool_run(&region->pool, page, run);
	if (found)
		*owner = region->owners ? region->owners[run->first] : 0;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found;
}

static void stat_gather(struct dma_coherent_region *region, struct summary *sum)
{
	struct dma_coherent_run run = {};
	unsigned long flags;
	u16 owner;

	raw_spin_lock_irqsave(&region->lock, flags);
	sum->stats = region->stats;
	sum->used = region->pool.used_pages;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	while (next_run(region, run.first + run.pages, &run, &owner)) {
		stat_add_run(&region->pool, sum, &run);
		cond_resched();
	}
}

static u64 bytes(unsigned long pages)
{
	return (u64)pages << PAGE_SHIFT;
}

static void show_counts(struct seq_file *s, const struct dma_coherent_stats *stats)
{
	static const char *const refusals[] = {
		[DMA_COHERENT_BAD_SIZE]		= "bad_size",
		[DMA_COHERENT_TOO_LARGE]	= "too_large",
		[DMA_COHERENT_FULL]		= "full",
		[DMA_COHERENT_FRAGMENTED]	= "fragmented",
		[DMA_COHERENT_OUT_OF_REACH]	= "out_of_reach",
	};
	static const char *const frees[] = {
		[DMA_COHERENT_FREE_WRONG_ORDER]	= "wrong_order",
		[DMA_COHERENT_FREE_INTERIOR]	= "interior",
		[DMA_COHERENT_FREE_NOT_LIVE]	= "not_live",
	};
	unsigned long releases = stats->frees[DMA_COHERENT_FREE_GOOD] +
				 stats->frees[DMA_COHERENT_FREE_WRONG_ORDER];
	unsigned int i;

	seq_printf(s, "live: %lu\n", stats->allocs - releases);
	seq_printf(s, "allocations: %lu\n", stats->allocs);
	seq_printf(s, "releases: %lu\n", releases);
	for (i = 0; i < DMA_COHERENT_REFUSALS; i++)
		seq_printf(s, "failed_%s: %lu\n", refusals[i], stats->refusals[i]);
	for (i = DMA_COHERENT_FREE_WRONG_ORDER; i < DMA_COHERENT_FREES; i++)
		seq_printf(s, "bad_free_%s: %lu\n", frees[i], stats->frees[i]);
}

static int stat_show(struct seq_file *s, void *unused)
{
	struct dma_coherent_region *region = s->private;
	const struct dma_coherent_pool *pool = &region->pool;
	struct summary *sum __free(kfree) = kzalloc_obj(*sum);
	unsigned int order;

	if (!sum)
		return -ENOMEM;
	stat_gather(region, sum);
	seq_printf(s, "base: %#llx\n", (u64)region->base);
	seq_printf(s, "size: %llu\n", bytes(pool->pages));
	seq_printf(s, "used: %llu\n", bytes(sum->used));
	seq_printf(s, "free: %llu\n", bytes(pool->pages - sum->used));
	seq_printf(s, "high_water: %llu\n", bytes(sum->stats.high_water));
	show_counts(s, &sum->stats);
	seq_printf(s, "free_runs: %lu\n", sum->runs);
	seq_printf(s, "lost_to_alignment: %llu\n", bytes(sum->lost));
	for (order = 0; order <= pool->max_align_order; order++)
		seq_printf(s, "largest_aligned_%llu: %llu\n", bytes(BIT(order)),
			   bytes(sum->largest[order]));
	seq_printf(s, "mapping: %s\n", region->cached ? "cached" : "write-combined");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stat);

/* map: the position is a page number */

struct map_reader {
	struct dma_coherent_region *region;
	struct dma_coherent_run run;
	u16 owner;
};

/*
 * A run that grew to the front since the line before is shown from where that
 * line ended, so the lines of one reading follow on each other whatever happens
 * in between.
 */
static void *map_start(struct seq_file *s, loff_t *pos)
{
	struct map_reader *reader = s->private;
	struct dma_coherent_run *run = &reader->run;

	if (!next_run(reader->region, *pos, run, &reader->owner))
		return NULL;
	run->pages -= *pos - run->first;
	run->first = *pos;
	return reader;
}

static void *map_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct map_reader *reader = v;

	*pos = reader->run.first + reader->run.pages;
	return map_start(s, pos);
}

static void map_stop(struct seq_file *s, void *v)
{
}

static int map_show(struct seq_file *s, void *v)
{
	struct map_reader *reader = v;

	seq_printf(s, "%#llx %#llx %s\n", bytes(reader->run.first),
		   bytes(reader->run.pages),
		   reader->run.used ? owner_name(reader->region, reader->owner) : "-");
	return 0;
}

static const struct seq_operations map_sops = {
	.start = map_start,
	.next = map_next,
	.stop = map_stop,
	.show = map_show,
};

static int map_open(struct inode *inode, struct file *file)
{
	struct map_reader *reader;

	reader = __seq_open_private(file, &map_sops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->region = inode->i_private;
	return 0;
}

static const struct file_operations map_fops = {
	.owner = THIS_MODULE,
	.open = map_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/* devices */

struct user_line {
	char name[64];
	dma_addr_t handle;
	unsigned long reach;
	long live;
	bool fallback;
	bool attached;
};

static void user_fill(struct user_line *user, const struct dma_coherent_mem *mem)
{
	strscpy(user->name, dma_coherent_name(mem->dev), sizeof(user->name));
	user->handle = mem->view.handle;
	user->reach = mem->dev ? dma_coherent_reach(mem->dev, &mem->view) :
				 mem->region->pool.pages;
	user->live = mem->live;
	user->fallback = mem->flags & DMA_COHERENT_FALLBACK;
	user->attached = mem->attached;
}

/* A device can't go while the region's lock is held and it is on the list. */
static bool user_get(struct dma_coherent_region *region, unsigned int nr,
		     struct user_line *user)
{
	struct dma_coherent_mem *mem;
	unsigned long flags;
	bool found = false;

	raw_spin_lock_irqsave(&region->lock, flags);
	list_for_each_entry(mem, &region->users, node) {
		found = !nr--;
		if (found) {
			user_fill(user, mem);
			break;
		}
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found;
}

static int devices_show(struct seq_file *s, void *unused)
{
	struct dma_coherent_region *region = s->private;
	struct user_line user;
	unsigned int i;

	seq_puts(s, "# device handle reach live policy state\n");
	for (i = 0; user_get(region, i, &user); i++)
		seq_printf(s, "%s %#llx %llu %ld %s %s\n", user.name,
			   (u64)user.handle, bytes(user.reach), user.live,
			   user.fallback ? "fallback" : "exclusive",
			   user.attached ? "attached" : "detached");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(devices);

/* Directories */

static struct dentry *root_dir(void)
{
	static struct dentry *root;

	if (IS_ERR_OR_NULL(root))
		root = debugfs_create_dir("dma-coherent", NULL);
	return root;
}

/* Without a pool too, to tell that from a kernel without pools. */
static int __init dma_coherent_debugfs_init(void)
{
	root_dir();
	return 0;
}
core_initcall(dma_coherent_debugfs_init);

/**
 * dma_coherent_debugfs_add() - make a region visible
 * @region: the region
 *
 * Context: may sleep; under dma_coherent_mutex.
 */
void dma_coherent_debugfs_add(struct dma_coherent_region *region)
{
	if (IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS))
		region->owners = kvcalloc(region->pool.pages, sizeof(u16), GFP_KERNEL);
	region->dir = debugfs_create_dir(region->name, root_dir());
	debugfs_create_file("stat", 0444, region->dir, region, &stat_fops);
	debugfs_create_file("map", 0444, region->dir, region, &map_fops);
	debugfs_create_file("devices", 0444, region->dir, region, &devices_fops);
}

/**
 * dma_coherent_debugfs_remove() - the opposite
 * @region: the region; nobody has it attached
 *
 * Context: may sleep.
 */
void dma_coherent_debugfs_remove(struct dma_coherent_region *region)
{
	struct owner *owner, *next;

	debugfs_remove_recursive(region->dir);
	list_for_each_entry_safe(owner, next, &region->owner_names, node)
		kfree(owner);
	kvfree(region->owners);
}
