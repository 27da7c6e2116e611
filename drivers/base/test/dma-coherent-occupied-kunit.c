// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: ranges that are occupied
 */

#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/pfn.h>
#include <linux/string.h>

#include "dma-coherent-model.h"

static bool is_occupied(struct device *dev, unsigned long page, unsigned long pages)
{
	struct dma_coherent_run run;

	return fx_run_at(fx_region(dev), page, &run) && run.used && run.first == page &&
	       run.pages == pages;
}

static int mark_err(struct device *dev, dma_addr_t addr, size_t size)
{
	return PTR_ERR_OR_ZERO(dma_mark_declared_memory_occupied(dev, addr, size));
}

/* Its contents stay, nothing else is allocated there, and it can be mapped and freed. */
static void occupied_range_is_a_buffer(struct kunit *test)
{
	struct view view = { .size = 3 * PAGE_SIZE };
	struct fixture *fx = test->priv;
	void *vaddr, *others;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_mark_declared_memory_occupied(fx->dev, HANDLE + 2 * PAGE_SIZE, view.size);
	KUNIT_ASSERT_PTR_EQ(test, vaddr, fx->bank[0].mem + 2 * PAGE_SIZE);
	fx_expect_pool(test, fx->dev, 3);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 1);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.high_water, 3);
	others = fx_alloc(test, fx->dev, POOL_PAGES / 2);
	KUNIT_EXPECT_PTR_EQ(test, others, fx->bank[0].mem + POOL_SIZE / 2);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, DIRT, view.size));

	view.dev = fx->dev;
	view.vaddr = vaddr;
	*(u32 *)(vaddr + 2 * PAGE_SIZE) = 0x0cc0;
	fx_expect_user_word(test, fx_mmap(test, &view, 3) + 2 * PAGE_SIZE, 0x0cc0);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 3, vaddr), 1);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
	fx_expect_pool(test, fx->dev, POOL_PAGES / 2);
}

struct occupied_case {
	const char *name;
	dma_addr_t offset;
	size_t size;
	unsigned long page;
	unsigned long pages;
};

static const struct occupied_case ranges_in[] = {
	{ "across the end of a page", PAGE_SIZE - 1, 2, 0, 2 },
	{ "one byte", 0, 1, 0, 1 },
	{ "a page's last byte", PAGE_SIZE - 1, 1, 0, 1 },
	{ "a page", PAGE_SIZE, PAGE_SIZE, 1, 1 },
	{ "a page, off by one", PAGE_SIZE + 1, PAGE_SIZE, 1, 2 },
	{ "all of it", 0, POOL_SIZE, 0, POOL_PAGES },
	{ "the last byte", POOL_SIZE - 1, 1, POOL_PAGES - 1, 1 },
};

KUNIT_ARRAY_PARAM_DESC(range_in, ranges_in, name);

/* The range is rounded outwards to whole pages. */
static void occupied_range_is_whole_pages(struct kunit *test)
{
	const struct occupied_case *range = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t addr = HANDLE + range->offset;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, dma_mark_declared_memory_occupied(fx->dev, addr, range->size),
			    fx->bank[0].mem + range->page * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, is_occupied(fx->dev, range->page, range->pages));
	fx_expect_pool(test, fx->dev, range->pages);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr, range->size), 0);
	fx_expect_pool(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, fx_frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

static const struct occupied_case ranges_out[] = {
	{ "empty", 0, 0 },
	{ "one byte too long", PAGE_SIZE, POOL_SIZE - PAGE_SIZE + 1 },
	{ "right behind", POOL_SIZE, 1 },
	{ "right before", -1, 1 },
	{ "from before into it", -1, 2 },
	{ "wrapping", PAGE_SIZE, SIZE_MAX },
	{ "the largest", 0, SIZE_MAX },
};

KUNIT_ARRAY_PARAM_DESC(range_out, ranges_out, name);

static void range_outside_is_refused(struct kunit *test)
{
	const struct occupied_case *range = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t addr = HANDLE + range->offset;

	KUNIT_EXPECT_EQ(test, mark_err(NULL, addr, range->size), -EINVAL);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, addr, range->size), -EINVAL);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, addr, range->size), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr, range->size),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, fx_region(fx->dev)->stats.allocs, 0);
	fx_expect_pool(test, fx->dev, 0);
}

static void range_in_two_regions_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = fx_add_bank(test, 2);

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, bank, HANDLE + POOL_SIZE, 0), 0);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + POOL_SIZE - 1, 2), -EINVAL);
	fx_expect_pool(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->pool.used_pages, 0);
}

static void range_in_use_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, mark_err(fx->dev, HANDLE + 8 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + 8 * PAGE_SIZE, PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + 7 * PAGE_SIZE + 1, PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE, POOL_SIZE), -EBUSY);
	vaddr = fx_alloc(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + fx_page(fx->dev, vaddr) * PAGE_SIZE, 1),
			-EBUSY);
	fx_expect_pool(test, fx->dev, 2);
}

static void range_is_unmarked_as_it_was_marked(struct kunit *test)
{
	const dma_addr_t addr = HANDLE + 8 * PAGE_SIZE;
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, mark_err(fx->dev, addr, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr, 2 * PAGE_SIZE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr, 3 * PAGE_SIZE + 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr + PAGE_SIZE,
								  2 * PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, HANDLE, 8 * PAGE_SIZE),
			-EINVAL);
	fx_expect_pool(test, fx->dev, 3);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr + 1,
								  3 * PAGE_SIZE - 1), 0);
	fx_expect_pool(test, fx->dev, 0);
}

static void occupied_range_outlives_its_attachment(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, mark_err(fx->dev, HANDLE, PAGE_SIZE), 0);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + PAGE_SIZE, PAGE_SIZE), -EINVAL);
	fx_expect_pool(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->live, 1);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, HANDLE, PAGE_SIZE), 0);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
}

static void range_is_taken_from_the_innermost_pool(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_alloc(test, fx->dev, 8);
	inner.mem = fx_alloc(test, fx->dev, 8);
	inner.base = fx->bank[0].base + (inner.mem - fx_region(fx->dev)->vaddr);
	fx_stub_mapping(test);
	KUNIT_ASSERT_EQ(test, fx_declare_at(fx->dev, &inner,
					    HANDLE + (inner.mem - fx_region(fx->dev)->vaddr), 0),
			0);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, fx_mem(fx->dev, 1)->view.handle, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, fx_nth_region(fx->dev, 1)->pool.used_pages, 1);
	fx_expect_pool(test, fx->dev, 16);

	/* While the inner pool exists, a release goes to it. */
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 1, inner.mem), 1);
	fx_detach(fx->dev, DMA_COHERENT_DECLARED, &inner);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 8, inner.mem), 1);
	fx_expect_pool(test, fx->dev, 8);
}

static void expect_range_message(struct kunit *test, const char *region, size_t size,
				 dma_addr_t addr, const char *why, int err)
{
	struct fixture *fx = test->priv;

	fx_expect_message(test, "%s: region %s: range of %zu bytes at %pad %s: %d",
			  dev_name(fx->dev), region, size, &addr, why, err);
	fx_expect_no_message(test);
}

static void bad_range_is_reported(struct kunit *test)
{
	struct fixture *fx = test->priv;
	const char *name;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	name = fx_region(fx->dev)->name;
	fx_alloc(test, fx->dev, 1);
	fx_log_start(test);
	mark_err(fx->dev, HANDLE + POOL_SIZE - PAGE_SIZE, 2 * PAGE_SIZE);
	expect_range_message(test, name, 2 * PAGE_SIZE, HANDLE + POOL_SIZE - PAGE_SIZE,
			     "is not inside the region", -EINVAL);
	mark_err(fx->dev, 0x1000, 8);
	expect_range_message(test, "(none)", 8, 0x1000, "is not inside the region", -EINVAL);
	mark_err(fx->dev, HANDLE, 1);
	expect_range_message(test, name, 1, HANDLE, "is in use", -EBUSY);
	dma_unmark_declared_memory_occupied(fx->dev, HANDLE, 2 * PAGE_SIZE);
	expect_range_message(test, name, 2 * PAGE_SIZE, HANDLE, "is not an occupied range",
			     -EINVAL);
}

/* Random sequences in which ranges are occupied, too */

/* A range that begins in a region, reachable or not. */
static const char *model_occupy(struct model *m)
{
	unsigned int d = model_below(m, 2), r = model_below(m, 2);
	unsigned int b = model_below(m, MODEL_BUFFERS);
	unsigned long at = model_below(m, m->pages[r] * PAGE_SIZE), page;
	size_t size = 1 + model_below(m, 4 * PAGE_SIZE);
	unsigned long first = PFN_DOWN(at), behind = PFN_UP(at + size);
	int expected = 0;
	void *vaddr;

	if (m->buffer[b].live)
		return NULL;
	for (page = first; page < behind && page < m->pages[r]; page++)
		if (m->owner[r][page] != NOBODY)
			expected = -EBUSY;
	if (!m->user[d][r].attached || behind > m->pages[r])
		expected = -EINVAL;
	vaddr = dma_mark_declared_memory_occupied(m->dev[d], model_handle(r) + at, size);
	if (PTR_ERR_OR_ZERO(vaddr) != expected)
		return "occupied or not, wrongly";
	if (expected)
		return NULL;
	if (vaddr != m->bank[r]->mem + PFN_PHYS(first))
		return "occupied something else";
	return model_enter(m, d, r, b, behind - first, vaddr);
}

static const char *model_vacate(struct model *m)
{
	unsigned int b = model_below(m, MODEL_BUFFERS);
	struct model_buffer *buffer = &m->buffer[b];
	const char *fault;
	dma_addr_t handle;

	if (!buffer->live)
		return NULL;
	fault = model_look_at(m, b);
	if (fault)
		return fault;
	handle = model_handle(buffer->region) + PFN_PHYS(buffer->first);
	if (dma_unmark_declared_memory_occupied(m->dev[buffer->dev], handle,
						buffer->pages * PAGE_SIZE))
		return "a range that was not there";
	return model_leave(m, buffer, DMA_COHERENT_FREE_GOOD);
}

static const model_step occupied_steps[] = { model_occupy, model_vacate };

KUNIT_ARRAY_PARAM_DESC(model_case, model_cases, name);

static void random_sequences_with_occupied_ranges(struct kunit *test)
{
	model_expect_sequence(test, test->param_value, occupied_steps,
			      ARRAY_SIZE(occupied_steps));
}

static struct kunit_case dma_coherent_occupied_cases[] = {
	KUNIT_CASE(bad_range_is_reported),	/* while nothing was limited */
	KUNIT_CASE(occupied_range_is_a_buffer),
	KUNIT_CASE_PARAM(occupied_range_is_whole_pages, range_in_gen_params),
	KUNIT_CASE_PARAM(range_outside_is_refused, range_out_gen_params),
	KUNIT_CASE(range_in_two_regions_is_refused),
	KUNIT_CASE(range_in_use_is_refused),
	KUNIT_CASE(range_is_unmarked_as_it_was_marked),
	KUNIT_CASE(occupied_range_outlives_its_attachment),
	KUNIT_CASE(range_is_taken_from_the_innermost_pool),
	KUNIT_CASE_PARAM(random_sequences_with_occupied_ranges, model_case_gen_params),
	{}
};

static struct kunit_suite dma_coherent_occupied_suite = {
	.name = "dma_coherent_occupied",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_occupied_cases,
};

kunit_test_suite(dma_coherent_occupied_suite);

MODULE_DESCRIPTION("KUnit tests for occupied ranges of per-device coherent memory");
MODULE_LICENSE("GPL");
