/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the suites of per-device coherent memory: a file that maps a buffer to user
 * space, as a driver's would
 */
#ifndef _DMA_COHERENT_VIEW_H
#define _DMA_COHERENT_VIEW_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

/**
 * struct view - what a test maps to user space
 * @dev: the device; NULL for the global pool
 * @vaddr: what the driver passes
 * @size: likewise
 * @pgoff: set in the vma
 * @prot: where the vma's page attributes go once it is mapped, or NULL
 */
struct view {
	struct device *dev;
	void *vaddr;
	size_t size;
	unsigned long pgoff;
	pgprot_t *prot;
};

static inline int view_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct view *view = file->private_data;
	int ret = -ENODEV;

	vma->vm_pgoff = view->pgoff;
	if (view->dev)
		ret = dma_mmap_coherent(view->dev, vma, view->vaddr, 0, view->size);
	else
		dma_mmap_from_global_coherent(vma, view->vaddr, view->size, &ret);
	if (view->prot)
		*view->prot = vma->vm_page_prot;
	return ret;
}

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.mmap = view_mmap,
};

KUNIT_DEFINE_ACTION_WRAPPER(put_file, fput, struct file *);

static inline struct file *view_open(struct kunit *test, struct view *view)
{
	struct file *file;

	file = anon_inode_getfile("dma-coherent-kunit", &view_fops, view, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_file, file), 0);
	return file;
}

/* Return: the user address, or an errno as IS_ERR_VALUE() has it. */
static inline unsigned long view_map(struct kunit *test,
				     const struct view *view,
				     unsigned long pages)
{
	struct view *copy = kunit_kzalloc(test, sizeof(*view), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	*copy = *view;
	return kunit_vm_mmap(test, view_open(test, copy), 0, pages * PAGE_SIZE,
			     PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

static inline void expect_user_word(struct kunit *test, unsigned long addr, u32 word)
{
	u32 got = ~word;

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, get_user(got, (u32 __user *)addr), 0);
	KUNIT_EXPECT_EQ(test, got, word);
}

static inline void write_user_word(struct kunit *test, unsigned long addr, u32 word)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, put_user(word, (u32 __user *)addr), 0);
}

#endif /* _DMA_COHERENT_VIEW_H */
