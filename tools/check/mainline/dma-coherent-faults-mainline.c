// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree's own kernel/dma/coherent.c, for its faults to be seen
 *
 * It is included, not copied, with its public names changed, and left as it is
 * except that its memory is mapped by the test.
 */

#define MAINLINE_PREFIX		faults_
#include "dma-coherent-mainline.h"

#include "../../../drivers/base/test/dma-coherent-faults.h"

#undef memremap

#define memremap(base, size, flags) \
	((void)(flags), fx_map_bank(base, size, &(const char *){ NULL }))

__diag_push();
__diag_ignore(GCC, 8, "-Wmissing-prototypes", "some of them nobody calls");
#include "../../../kernel/dma/coherent.c"
__diag_pop();

/* The bitmap's last word has bits that stand for no page. */
static void mark_behind(struct device *dev)
{
	struct dma_coherent_mem *mem = dev_get_coherent_memory(dev);

	bitmap_set(mem->bitmap, mem->size, -mem->size & (BITS_PER_LONG - 1));
}

static bool mark_is_there(struct device *dev)
{
	struct dma_coherent_mem *mem = dev_get_coherent_memory(dev);
	unsigned long end = round_up(mem->size, BITS_PER_LONG);

	return find_next_zero_bit(mem->bitmap, end, mem->size) == end;
}

static void forget(struct device *dev, struct device *other)
{
	/* They may share a pool. */
	if (dev->dma_mem == other->dma_mem)
		other->dma_mem = NULL;
	dma_release_coherent_memory(dev);
	dma_release_coherent_memory(other);
}

static const struct implementation mainline = {
	.declare = dma_declare_coherent_memory,
	.release = dma_release_coherent_memory,
	.alloc = dma_alloc_from_dev_coherent,
	.free = dma_release_from_dev_coherent,
	.mmap = dma_mmap_from_dev_coherent,
	.probe = rmem_dma_device_init,
	.mark_behind = mark_behind,
	.mark_is_there = mark_is_there,
	.forget = forget,
};

const struct implementation *dma_coherent_faults_mainline(void)
{
	return &mainline;
}
