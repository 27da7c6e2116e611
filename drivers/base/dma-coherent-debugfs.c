// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: debugfs
 *
 * Each region has a directory below dma-coherent/ in debugfs, documented in
 * Documentation/ABI/testing/debugfs-dma-coherent. A reader holds the region's lock
 * for one snapshot of the counters, or for one run of pages, so it does not delay
 * allocations for long. The runs in one file are therefore not one snapshot.
 *
 * A read may block for any time, for example in a page fault. An open file has a
 * reference to the region, so nothing waits for readers when a region is removed.
 *
 * Owners are optional: each page has a 16-bit number of the device that it was
 * allocated for. The names of the devices are kept as long as the region, since a
 * buffer can outlive its device. A device that had no name when it was attached is
 * shown with its later name. A buffer may get another owner than its device; that
 * one is kept as long as it has buffers, and is used again then.
 *
 * Locking: what a file shows is read under the region's lock, and the list of owners
 * is written under it. Files are created under dma_coherent_mutex. Owners and files
 * are freed and removed without a lock, when the region is on no list any more.
 */

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dma-coherent.h"

#define MAX_OTHERS	256	/* owners of a region that are no devices */

/**
 * struct owner - a device that is or was attached to a region, or who else has buffers
 * @node: on the region's list of owners
 * @dev: the device, until its name has been copied to @name
 * @buffers: buffers of an owner that is no device
 * @is_device: it is a device
 * @id: number of the owner in the region
 * @name: name of the owner
 */
struct owner {
	struct list_head node;
	const struct device *dev;
	unsigned long buffers;
	bool is_device;
	u16 id;
	char name[DMA_COHERENT_NAME_SIZE];
};

/* Owners */

static void owner_set_name(struct owner *owner)
{
	if (!owner->dev || !dev_name(owner->dev))
		return;
	strscpy(owner->name, dev_name(owner->dev), sizeof(owner->name));
	owner->dev = NULL;
}

static struct owner *owner_by_name(struct dma_coherent_region *region, const char *name,
				   bool is_device)
{
	struct owner *owner;

	list_for_each_entry(owner, &region->owner_names, node)
		if (name && owner->is_device == is_device && !strcmp(owner->name, name))
			return owner;
	return NULL;
}

/* An owner that is no device, and has no buffers any more. */
static struct owner *owner_unused(struct dma_coherent_region *region)
{
	struct owner *owner;

	list_for_each_entry(owner, &region->owner_names, node)
		if (!owner->is_device && !owner->buffers)
			return owner;
	return NULL;
}

static unsigned int count_others(const struct dma_coherent_region *region)
{
	const struct owner *owner;
	unsigned int count = 0;

	list_for_each_entry(owner, &region->owner_names, node)
		count += !owner->is_device;
	return count;
}

/* Return: true if the owner was added, with the next number. */
static bool owner_insert(struct dma_coherent_region *region, struct owner *owner)
{
	u16 last = 0;

	lockdep_assert_held(&region->lock);
	if (!list_empty(&region->owner_names))
		last = list_last_entry(&region->owner_names, struct owner, node)->id;
	if (last == U16_MAX)
		return false;
	owner->id = last + 1;
	list_add_tail(&owner->node, &region->owner_names);
	return true;
}

static struct owner *owner_by_id(const struct dma_coherent_region *region, u16 id)
{
	struct owner *owner;

	list_for_each_entry(owner, &region->owner_names, node)
		if (owner->id == id)
			return owner;
	return NULL;
}

/**
 * dma_coherent_owner_add() - assign a number to a device that is attached
 * @region: the region
 * @dev: the device; NULL for the global pool
 *
 * A device with the name of an earlier owner gets the number of that owner. The
 * global pool gets no number, since its buffers belong to many devices.
 *
 * Context: may sleep; under dma_coherent_mutex.
 * Return: the number; 0 if the owner is not recorded.
 */
u16 dma_coherent_owner_add(struct dma_coherent_region *region, struct device *dev)
{
	struct owner *owner, *new;
	unsigned long flags;
	u16 id = 0;

	if (!dev || !region->owners)
		return 0;
	new = kzalloc_obj(*new);
	raw_spin_lock_irqsave(&region->lock, flags);
	owner = owner_by_name(region, dev_name(dev), true);
	if (!owner && new && owner_insert(region, new)) {
		new->dev = dev;
		new->is_device = true;
		owner_set_name(new);
		owner = new;
		new = NULL;
	}
	if (owner)
		id = owner->id;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	kfree(new);
	return id;
}

/**
 * dma_coherent_owner_gone() - save the name of a device before it may be freed
 * @region: the region
 * @id: number of the device in @region
 *
 * Context: may sleep; under dma_coherent_mutex.
 */
void dma_coherent_owner_gone(struct dma_coherent_region *region, u16 id)
{
	struct owner *owner;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	owner = owner_by_id(region, id);
	if (owner) {
		owner_set_name(owner);
		owner->dev = NULL;
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
}

/**
 * dma_coherent_owner_get() - number of an owner that is no device
 * @region: the region
 * @name: name of the owner, without spaces
 *
 * For one buffer, until dma_coherent_owner_put(). The number of such owners is
 * limited, since user space may choose their names.
 *
 * Context: may sleep.
 * Return: the number; 0 to show the device of the buffer instead.
 */
u16 dma_coherent_owner_get(struct dma_coherent_region *region, const char *name)
{
	struct owner *owner, *new;
	unsigned long flags;
	u16 id = 0;

	if (!region->owners)
		return 0;
	new = kzalloc_obj(*new);
	raw_spin_lock_irqsave(&region->lock, flags);
	owner = owner_by_name(region, name, false) ?: owner_unused(region);
	if (!owner && new && count_others(region) < MAX_OTHERS && owner_insert(region, new)) {
		owner = new;
		new = NULL;
	}
	if (owner) {
		strscpy(owner->name, name, sizeof(owner->name));
		owner->buffers++;
		id = owner->id;
	}
	raw_spin_unlock_irqrestore(&region->lock, flags);
	kfree(new);
	return id;
}

/**
 * dma_coherent_owner_put() - an owner that is no device has released a buffer
 * @region: the region
 * @id: number of the owner in @region; may be 0
 *
 * Context: any.
 */
void dma_coherent_owner_put(struct dma_coherent_region *region, u16 id)
{
	struct owner *owner;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	owner = owner_by_id(region, id);
	if (owner)
		owner->buffers--;
	raw_spin_unlock_irqrestore(&region->lock, flags);
}

/**
 * dma_coherent_owner_set() - give a buffer another owner
 * @region: the region
 * @page: first page of the buffer
 * @id: number of the owner in @region; 0 for the one that it has
 *
 * Context: any.
 */
void dma_coherent_owner_set(struct dma_coherent_region *region, unsigned long page, u16 id)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (id)
		region->owners[page] = id;
	raw_spin_unlock_irqrestore(&region->lock, flags);
}

/**
 * dma_coherent_owner_name() - name of an owner
 * @region: the region
 * @id: number of the owner in @region
 * @name: set to the name, or to "?"; DMA_COHERENT_NAME_SIZE bytes
 *
 * Context: any, under the region's lock.
 */
void dma_coherent_owner_name(const struct dma_coherent_region *region, u16 id, char *name)
{
	struct owner *owner = owner_by_id(region, id);

	lockdep_assert_held(&region->lock);
	if (owner)
		owner_set_name(owner);
	if (owner && owner->dev)
		strscpy(name, dma_coherent_name(owner->dev), DMA_COHERENT_NAME_SIZE);
	else
		strscpy(name, owner && *owner->name ? owner->name : "?", DMA_COHERENT_NAME_SIZE);
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

static void get_run_name(const struct dma_coherent_region *region,
			 const struct dma_coherent_run *run, char *name)
{
	if (dma_coherent_debugs(region) && dma_coherent_debug_is_guard(region, run->first))
		strscpy(name, "(guard)", DMA_COHERENT_NAME_SIZE);
	else
		dma_coherent_owner_name(region,
					region->owners ? region->owners[run->first] : 0, name);
}

/* If @name is not NULL, it is set to the name of the owner. */
static bool next_run(struct dma_coherent_region *region, unsigned long page,
		     struct dma_coherent_run *run, char *name)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&region->lock, flags);
	found = dma_coherent_pool_run(&region->pool, page, run);
	if (found && name)
		get_run_name(region, run, name);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found;
}

static void stat_gather(struct dma_coherent_region *region, struct summary *sum)
{
	struct dma_coherent_run run = {};
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	sum->stats = region->stats;
	sum->used = region->pool.used_pages;
	raw_spin_unlock_irqrestore(&region->lock, flags);
	while (next_run(region, run.first + run.pages, &run, NULL)) {
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
	static const char *const failures[] = {
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
	for (i = 0; i < DMA_COHERENT_FAILURES; i++)
		seq_printf(s, "failed_%s: %lu\n", failures[i], stats->failures[i]);
	for (i = DMA_COHERENT_FREE_WRONG_ORDER; i < DMA_COHERENT_VERDICTS; i++)
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
	seq_puts(s, "mapping: write-combined\n");
	if (dma_coherent_cleans(region))
		dma_coherent_clean_show(s, region);
	if (dma_coherent_debugs(region))
		dma_coherent_debug_show(s, region);
	return 0;
}

/* map: the position in the file is a page number */

struct map_reader {
	struct dma_coherent_region *region;
	struct dma_coherent_run run;
	char owner[DMA_COHERENT_NAME_SIZE];
};

/*
 * If the run has grown towards the front since the previous line was read, only
 * the part after that line is shown, so that lines never overlap.
 */
static void *map_start(struct seq_file *s, loff_t *pos)
{
	struct map_reader *reader = s->private;
	struct dma_coherent_run *run = &reader->run;

	if (!next_run(reader->region, *pos, run, reader->owner))
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
		   reader->run.used ? reader->owner : "-");
	return 0;
}

static const struct seq_operations map_sops = {
	.start = map_start,
	.next = map_next,
	.stop = map_stop,
	.show = map_show,
};

/* devices */

struct user_line {
	char name[DMA_COHERENT_NAME_SIZE];
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

/* A device on the list cannot be freed while the region's lock is held. */
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

/*
 * Files. debugfs does not remove a file while its open function runs. After that
 * the reference of the open file keeps the region.
 */

static int stat_open(struct inode *inode, struct file *file)
{
	struct dma_coherent_region *region = inode->i_private;
	int err = single_open(file, stat_show, region);

	if (!err)
		kref_get(&region->ref);
	return err;
}

static int devices_open(struct inode *inode, struct file *file)
{
	struct dma_coherent_region *region = inode->i_private;
	int err = single_open(file, devices_show, region);

	if (!err)
		kref_get(&region->ref);
	return err;
}

static int map_open(struct inode *inode, struct file *file)
{
	struct map_reader *reader;

	reader = __seq_open_private(file, &map_sops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->region = inode->i_private;
	kref_get(&reader->region->ref);
	return 0;
}

static int single_close(struct inode *inode, struct file *file)
{
	struct seq_file *s = file->private_data;

	dma_coherent_region_put(s->private);
	return single_release(inode, file);
}

static int map_close(struct inode *inode, struct file *file)
{
	struct seq_file *s = file->private_data;
	struct map_reader *reader = s->private;

	dma_coherent_region_put(reader->region);
	return seq_release_private(inode, file);
}

static const struct file_operations stat_fops = {
	.owner = THIS_MODULE,
	.open = stat_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_close,
};

static const struct file_operations devices_fops = {
	.owner = THIS_MODULE,
	.open = devices_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_close,
};

static const struct file_operations map_fops = {
	.owner = THIS_MODULE,
	.open = map_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = map_close,
};

/* Whatever is written has all free pages checked. */
static ssize_t check_write(struct file *file, const char __user *buf, size_t size,
			   loff_t *pos)
{
	dma_coherent_debug_check(file->private_data);
	return size;
}

static const struct file_operations check_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = check_write,
};

/* Directories */

static struct dentry *root_dir(void)
{
	static struct dentry *root;

	if (IS_ERR_OR_NULL(root))
		root = debugfs_create_dir("dma-coherent", NULL);
	return root;
}

static bool dir_exists(const char *name)
{
	struct dentry *dir = debugfs_lookup(name, root_dir());

	dput(dir);
	return dir;
}

/* The pools of a parent and of its child may have the same name. */
static struct dentry *create_dir(const char *name)
{
	char *unique __free(kfree) = kstrdup(name, GFP_KERNEL);
	unsigned int n = 1;

	while (unique && dir_exists(unique)) {
		kfree(unique);
		unique = kasprintf(GFP_KERNEL, "%s.%u", name, n++);
	}
	return unique ? debugfs_create_dir(unique, root_dir()) : ERR_PTR(-ENOMEM);
}

static void show_region(struct dma_coherent_region *region)
{
	if (!IS_ERR_OR_NULL(region->dir) || !debugfs_initialized())
		return;
	region->dir = create_dir(region->name);
	debugfs_create_file_unsafe("stat", 0444, region->dir, region, &stat_fops);
	debugfs_create_file_unsafe("map", 0444, region->dir, region, &map_fops);
	debugfs_create_file_unsafe("devices", 0444, region->dir, region, &devices_fops);
	/* This one reads the memory: its removal waits until that is over. */
	if (dma_coherent_debugs(region))
		debugfs_create_file("check", 0200, region->dir, region, &check_fops);
}

/* Also without regions, to tell "no regions" from "no debugfs support". */
static int __init dma_coherent_debugfs_init(void)
{
	root_dir();
	dma_coherent_each_region(show_region);
	return 0;
}
core_initcall(dma_coherent_debugfs_init);

/**
 * dma_coherent_debugfs_add() - create the files of a region
 * @region: the region
 *
 * The files of a region that is created before debugfs is initialized are created
 * by dma_coherent_debugfs_init().
 *
 * Context: may sleep; under dma_coherent_mutex.
 */
void dma_coherent_debugfs_add(struct dma_coherent_region *region)
{
	if (IS_ENABLED(CONFIG_DMA_COHERENT_OWNERS))
		region->owners = kvcalloc(region->pool.pages, sizeof(u16), GFP_KERNEL);
	show_region(region);
}

/**
 * dma_coherent_debugfs_remove() - remove the files of a region
 * @region: the region, which no device is attached to
 *
 * Files that are open can still be read.
 *
 * Context: may sleep.
 */
void dma_coherent_debugfs_remove(struct dma_coherent_region *region)
{
	debugfs_remove_recursive(region->dir);
}

/**
 * dma_coherent_owners_free() - free the owners of a region
 * @region: the region, which no open file refers to
 *
 * Context: may sleep.
 */
void dma_coherent_owners_free(struct dma_coherent_region *region)
{
	struct owner *owner, *next;

	list_for_each_entry_safe(owner, next, &region->owner_names, node)
		kfree(owner);
	kvfree(region->owners);
}
