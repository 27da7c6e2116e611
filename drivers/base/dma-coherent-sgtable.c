// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that belongs to a device: scatter lists of buffers
 *
 * dma_get_sgtable() describes a buffer as a scatter list, so that a driver can
 * hand it to other devices. A scatter list is made of struct pages, which memory
 * outside of the system's RAM does not have.
 *
 * Locking: may sleep; takes no lock of its own.
 */

#define pr_fmt(fmt) "dma-coherent: " fmt

#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/dma-coherent-sgtable.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/scatterlist.h>

#include "dma-coherent.h"
#include "dma-coherent-sgtable.h"

/**
 * dma_coherent_has_pages() - check if memory has struct pages
 * @pfn: first page frame
 * @pages: number of page frames
 *
 * Context: any.
 * Return: true if each of them has a struct page.
 */
bool dma_coherent_has_pages(unsigned long pfn, unsigned long pages)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_coherent_has_pages, pfn, pages);

	for (; pages; pfn++, pages--)
		if (!pfn_valid(pfn))
			return false;
	return true;
}

static int find_pfn(struct device *dev, struct dma_coherent_region *region,
		    const void *vaddr, size_t size, unsigned long *pfn)
{
	unsigned long pages = PFN_DOWN(PAGE_ALIGN(size));

	if (!pages || pages > dma_coherent_buffer_pages(region, vaddr))
		return -ENXIO;
	*pfn = PHYS_PFN(region->base) + PFN_DOWN(vaddr - region->vaddr);
	if (dma_coherent_has_pages(*pfn, pages))
		return 0;
	if (__ratelimit(&region->misuse_rs))
		pr_warn("%s: region %s has no struct pages, cannot make a scatter list: %d\n",
			dma_coherent_name(dev), region->name, -ENXIO);
	return -ENXIO;
}

/* An entry holds less than 4 GiB. */
static int make_sgtable(struct sg_table *sgt, unsigned long pfn, size_t size)
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
 * @vaddr: address of the buffer, or of a page in it, in the kernel's mapping
 * @size: size in bytes
 * @ret: set to 0; to -ENXIO if PAGE_ALIGN(@size) is not in one buffer, or, with a
 *	message, if the memory has no struct pages; or to -ENOMEM
 *
 * For dma_get_sgtable_attrs(). Also looks in the global pool.
 *
 * Context: may sleep.
 * Return: 0 if @vaddr is in no memory of this device, and the caller should make
 * the list; @ret was not set then. Otherwise 1.
 */
int dma_get_sgtable_from_coherent(struct device *dev, struct sg_table *sgt,
				  void *vaddr, size_t size, int *ret)
{
	struct dma_coherent_mem *mem;
	unsigned long pfn;

	scoped_guard(rcu) {
		mem = dma_coherent_mem_or_global(dev, vaddr);
		if (mem)
			*ret = find_pfn(dev, mem->region, vaddr, size, &pfn);
	}
	if (mem && !*ret)
		*ret = make_sgtable(sgt, pfn, PAGE_ALIGN(size));
	return !!mem;
}
