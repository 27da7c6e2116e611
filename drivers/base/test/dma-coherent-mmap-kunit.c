// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: its mappings to user space
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <trace/events/dma_coherent.h>

#include "dma-coherent-fixture.h"

/* Mmap */

/* Write through one mapping, read through the others. */
static void mmap_shows_the_same_memory(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .size = 3 * PAGE_SIZE };
	unsigned long first, second;
	dma_addr_t handle;
	u32 *word;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_alloc(test, fx->dev, 1);
	view.dev = fx->dev;
	view.vaddr = dma_alloc_coherent(fx->dev, view.size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, view.vaddr);
	word = view.vaddr + 2 * PAGE_SIZE + 8;
	first = fx_mmap(test, &view, 3);
	second = fx_mmap(test, &view, 3);

	*word = 0x1111;
	fx_expect_user_word(test, first + 2 * PAGE_SIZE + 8, 0x1111);
	fx_write_user_word(test, first + 2 * PAGE_SIZE + 8, 0x2222);
	fx_expect_user_word(test, second + 2 * PAGE_SIZE + 8, 0x2222);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*word), 0x2222);
	fx_write_user_word(test, second, 0x3333);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)view.vaddr), 0x3333);
	dma_free_coherent(fx->dev, view.size, view.vaddr, handle);
}

struct mmap_case {
	const char *name;
	unsigned long page;
	size_t size;
	unsigned long pgoff;
	unsigned long pages;
	int err;
};

#define FOUR_PAGES	(3 * PAGE_SIZE + 100)

/* Pages 0 to 3 are a buffer, 4 to 7 another, 8 to 11 are free, 12 is one, ... */
static const struct mmap_case mmap_cases[] = {
	{ "whole buffer", 0, FOUR_PAGES, 0, 4, 0 },
	{ "offset 0, one page", 0, FOUR_PAGES, 0, 1, 0 },
	{ "last page", 0, FOUR_PAGES, 3, 1, 0 },
	{ "middle", 0, FOUR_PAGES, 1, 2, 0 },
	{ "sub-page buffer", 12, 100, 0, 1, 0 },
	{ "sub-page size of a longer buffer", 4, 100, 0, 1, 0 },
	{ "second buffer's last page", 4, FOUR_PAGES, 3, 1, 0 },
	{ "from a page inside", 1, 3 * PAGE_SIZE, 0, 3, 0 },
	{ "last page from a page inside", 5, 3 * PAGE_SIZE, 2, 1, 0 },
	{ "offset equals length", 0, FOUR_PAGES, 4, 1, -ENXIO },
	{ "offset behind the end", 0, FOUR_PAGES, 9, 1, -ENXIO },
	{ "past the end", 0, FOUR_PAGES, 0, 5, -ENXIO },
	{ "past the end from an offset", 0, FOUR_PAGES, 3, 2, -ENXIO },
	{ "past the size in a longer buffer", 0, PAGE_SIZE + 1, 0, 3, -ENXIO },
	{ "offset past the size in a longer buffer", 0, PAGE_SIZE, 1, 1, -ENXIO },
	{ "sub-page size, two pages", 0, 100, 0, 2, -ENXIO },
	{ "size 0", 0, 0, 0, 1, -ENXIO },
	{ "size into the next buffer", 0, 8 * PAGE_SIZE, 0, 8, -ENXIO },
	{ "offset into the next buffer", 0, 8 * PAGE_SIZE, 4, 1, -ENXIO },
	{ "across two buffers", 0, 8 * PAGE_SIZE, 3, 2, -ENXIO },
	{ "page inside, past the end", 1, 4 * PAGE_SIZE, 0, 4, -ENXIO },
	{ "page inside, offset past the end", 1, 4 * PAGE_SIZE, 3, 1, -ENXIO },
	{ "offset into free pages", 4, 8 * PAGE_SIZE, 4, 1, -ENXIO },
	{ "free pages", 8, PAGE_SIZE, 0, 1, -ENXIO },
	{ "free page before a buffer", 11, 2 * PAGE_SIZE, 1, 1, -ENXIO },
	{ "last page of the pool, free", POOL_PAGES - 1, PAGE_SIZE, 0, 1, -ENXIO },
	{ "past the pool's end", POOL_PAGES - 1, 2 * PAGE_SIZE, 1, 1, -ENXIO },
	{ "offset overflows with the length", 0, FOUR_PAGES, ULONG_MAX, 2, -ENXIO },
	{ "offset overflows to the start", 4, FOUR_PAGES, -4UL, 4, -ENXIO },
	{ "offset overflows as bytes", 0, FOUR_PAGES, ULONG_MAX >> PAGE_SHIFT, 1, -ENXIO },
	{ "everything overflows", 0, SIZE_MAX, ULONG_MAX - 1, 3, -ENXIO },
	{ "the largest size", 0, SIZE_MAX & PAGE_MASK, 0, 4, 0 },
};

KUNIT_ARRAY_PARAM_DESC(mmap_case, mmap_cases, name);

static void set_up_mmap(struct kunit *test, struct device *dev)
{
	struct fixture *fx = test->priv;
	void *gap;

	KUNIT_ASSERT_EQ(test, fx_declare(dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_page(dev, fx_alloc(test, dev, 4)), 0);
	KUNIT_ASSERT_EQ(test, fx_page(dev, fx_alloc(test, dev, 4)), 4);
	gap = fx_alloc(test, dev, 4);
	KUNIT_ASSERT_EQ(test, fx_page(dev, gap), 8);
	KUNIT_ASSERT_EQ(test, fx_page(dev, fx_alloc(test, dev, 1)), 12);
	KUNIT_ASSERT_EQ(test, fx_free(dev, 4, gap), 1);
}

/* User space can map whole pages of one live buffer and nothing else. */
static void mmap_stays_inside_one_live_buffer(struct kunit *test)
{
	const struct mmap_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct view view = {
		.dev = fx->dev,
		.size = c->size,
		.pgoff = c->pgoff,
	};
	unsigned long addr;

	set_up_mmap(test, fx->dev);
	view.vaddr = fx_region(fx->dev)->vaddr + PFN_PHYS(c->page);
	addr = fx_mmap(test, &view, c->pages);
	if (c->err) {
		KUNIT_EXPECT_EQ(test, (long)addr, c->err);
		return;
	}
	*(u32 *)(view.vaddr + PFN_PHYS(c->pgoff)) = 0xf125;
	*(u32 *)(view.vaddr + PFN_PHYS(c->pgoff + c->pages) - 4) = 0x1a57;
	fx_expect_user_word(test, addr, 0xf125);
	fx_expect_user_word(test, addr + PFN_PHYS(c->pages) - 4, 0x1a57);
}

static void mmap_of_an_address_inside_a_page_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };

	set_up_mmap(test, fx->dev);
	view.vaddr = fx_region(fx->dev)->vaddr + 16;
	KUNIT_EXPECT_EQ(test, (long)fx_mmap(test, &view, 1), -ENXIO);
}

static void mmap_after_free_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	view.vaddr = fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(fx_mmap(test, &view, 1)));
	fx_free(fx->dev, 1, view.vaddr);
	KUNIT_EXPECT_EQ(test, (long)fx_mmap(test, &view, 1), -ENXIO);
}

static void mmap_of_foreign_addresses_is_left_alone(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE };
	struct fixture *fx = test->priv;
	void *vaddr;
	int ret = 1234;

	set_up_mmap(test, fx->dev);
	vaddr = fx_region(fx->dev)->vaddr;
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(fx->other, &vma, vaddr, PAGE_SIZE, &ret), 0);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(fx->dev, &vma, vaddr - PAGE_SIZE, PAGE_SIZE,
						     &ret), 0);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(fx->dev, &vma, vaddr + POOL_SIZE, PAGE_SIZE,
						     &ret), 0);
	KUNIT_EXPECT_EQ(test, ret, 1234);
}

/* Architectures with one kind of mapping only can't fail this. */
static void mmap_has_the_attributes_of_the_kernels_mapping(struct kunit *test)
{
	pgprot_t prot = __pgprot(0), want = vm_get_page_prot(VM_READ | VM_WRITE | VM_SHARED);
	struct fixture *fx = test->priv;
	struct view view = {
		.dev = fx->dev,
		.size = PAGE_SIZE,
		.prot = &prot,
	};

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	view.vaddr = fx_alloc(test, fx->dev, 1);
	/* On top of what dma_mmap_coherent() chooses for the device. */
	want = pgprot_writecombine(dma_pgprot(fx->dev, want, 0));
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(fx_mmap(test, &view, 1)));
	KUNIT_EXPECT_EQ(test, (u64)pgprot_val(prot), (u64)pgprot_val(want));
}

static void note_pages(void *data, const char *dev, const char *pool,
		       unsigned long page, unsigned long pages)
{
	*(unsigned long *)data += 1000 * page + pages;
}

static void mmap_is_traced(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = 4 * PAGE_SIZE, .pgoff = 1 };
	unsigned long seen = 0;

	set_up_mmap(test, fx->dev);
	view.vaddr = fx_region(fx->dev)->vaddr + 4 * PAGE_SIZE;
	if (register_trace_dma_coherent_mmap(note_pages, &seen))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	fx_mmap(test, &view, 2);
	fx_mmap(test, &view, 4);
	unregister_trace_dma_coherent_mmap(note_pages, &seen);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, seen, 1000 * (4 + 1) + 2);
}

/* O_DIRECT is refused, also where the memory has pages. */
static void user_mapping_has_no_pages_to_take(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };
	struct page *page;
	unsigned long addr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	view.vaddr = fx_alloc(test, fx->dev, 1);
	addr = fx_mmap(test, &view, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, get_user_pages_fast(addr, 1, 0, &page), -EFAULT);
}

static struct kunit_case dma_coherent_mmap_cases[] = {
	KUNIT_CASE(mmap_shows_the_same_memory),
	KUNIT_CASE_PARAM(mmap_stays_inside_one_live_buffer, mmap_case_gen_params),
	KUNIT_CASE(mmap_of_an_address_inside_a_page_is_refused),
	KUNIT_CASE(mmap_after_free_is_refused),
	KUNIT_CASE(mmap_of_foreign_addresses_is_left_alone),
	KUNIT_CASE(mmap_has_the_attributes_of_the_kernels_mapping),
	KUNIT_CASE(mmap_is_traced),
	KUNIT_CASE(user_mapping_has_no_pages_to_take),
	{}
};

static struct kunit_suite dma_coherent_mmap_suite = {
	.name = "dma_coherent_mmap",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_mmap_cases,
};

kunit_test_suite(dma_coherent_mmap_suite);

MODULE_DESCRIPTION("KUnit tests for mappings of per-device coherent memory");
MODULE_LICENSE("GPL");
