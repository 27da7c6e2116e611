// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit suite for the page pool behind per-device coherent memory
 *
 * Pools here have no memory behind them: they know page numbers and counts.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "dma-coherent-pool-fault.h"

#define NO_LIMIT	ULONG_MAX
#define WORD		BITS_PER_LONG

/* Shorthands: each case has one pool, which the suite takes down again. */

static struct dma_coherent_pool *make_pool(struct kunit *test, unsigned long pages,
					   unsigned int max_align_order)
{
	struct dma_coherent_pool *pool = test->priv;

	dma_coherent_pool_exit(pool);
	KUNIT_ASSERT_EQ(test, dma_coherent_pool_init(pool, pages, max_align_order), 0);
	return pool;
}

static void check(struct kunit *test, struct dma_coherent_pool *pool)
{
	const char *fault = dma_coherent_pool_fault(pool);

	KUNIT_ASSERT_STREQ(test, fault ?: "none", "none");
}

static unsigned long align_of(const struct dma_coherent_pool *pool, unsigned long pages)
{
	return BIT(min_t(unsigned int, order_base_2(pages), pool->max_align_order));
}

/* Allocate @pages pages, the first of which must be @want. */
static void alloc_at(struct kunit *test, struct dma_coherent_pool *pool, unsigned long want,
		     unsigned long pages)
{
	KUNIT_ASSERT_EQ_MSG(test, dma_coherent_pool_alloc(pool, pages, NO_LIMIT), want,
			    "%lu pages", pages);
	check(test, pool);
}

static void free_at(struct kunit *test, struct dma_coherent_pool *pool, unsigned long page,
		    unsigned long pages)
{
	KUNIT_ASSERT_EQ_MSG(test, dma_coherent_pool_free(pool, page), pages, "page %lu", page);
	check(test, pool);
}

static void alloc_fails(struct kunit *test, struct dma_coherent_pool *pool, unsigned long pages,
			unsigned long limit, long error)
{
	unsigned long used = pool->used_pages;

	KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_alloc(pool, pages, limit), error,
			    "%lu pages below %lu", pages, limit);
	KUNIT_EXPECT_EQ_MSG(test, pool->used_pages, used, "%lu pages below %lu", pages, limit);
	check(test, pool);
}

static void free_fails(struct kunit *test, struct dma_coherent_pool *pool, unsigned long page)
{
	unsigned long used = pool->used_pages;

	KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_free(pool, page), -EINVAL, "page %lu", page);
	KUNIT_EXPECT_EQ_MSG(test, pool->used_pages, used, "page %lu", page);
	check(test, pool);
}

/* Every shape of pool */

/**
 * struct geometry - a pool to run a case on
 * @name: shown with the result
 * @pages: its size
 * @max_align_order: its alignment limit
 */
struct geometry {
	const char *name;
	unsigned long pages;
	unsigned int max_align_order;
};

static const struct geometry geometries[] = {
	{ "1 page", 1, 8 },
	{ "2 pages, unaligned", 2, 0 },
	{ "0x4000 bytes at 0x10042000", 4, 1 },
	{ "a word less one", WORD - 1, 8 },
	{ "a word", WORD, 8 },
	{ "a word and one", WORD + 1, 8 },
	{ "a word and one, unaligned", WORD + 1, 0 },
	{ "1000 pages to 64KiB", 1000, 4 },
	{ "16 words and a bit", 16 * WORD + 5, 2 },
	{ "16MiB", 4096, 8 },
	{ "16MiB to 8KiB", 4096, 1 },
	{ "5000 pages, no limit", 5000, BITS_PER_LONG },
};

KUNIT_ARRAY_PARAM_DESC(geometry, geometries, name);

static struct dma_coherent_pool *make_geometry(struct kunit *test)
{
	const struct geometry *geometry = test->param_value;

	return make_pool(test, geometry->pages, geometry->max_align_order);
}

static void whole_pool_fits(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_geometry(test);
	unsigned long pages = pool->pages;

	alloc_fails(test, pool, pages + 1, NO_LIMIT, -ENOMEM);
	alloc_fails(test, pool, ULONG_MAX, NO_LIMIT, -ENOMEM);
	alloc_fails(test, pool, 0, NO_LIMIT, -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_largest(pool), pages);
	alloc_at(test, pool, 0, pages);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_largest(pool), 0);
	alloc_fails(test, pool, 1, NO_LIMIT, -ENOMEM);
	alloc_fails(test, pool, 0, NO_LIMIT, -EINVAL);
	free_at(test, pool, 0, pages);
	alloc_at(test, pool, 0, pages);
}

/* No page is allocated twice, and none past the end in the last word. */
static void single_pages_fill_pool(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_geometry(test);
	unsigned long page;

	for (page = 0; page < pool->pages; page++)
		KUNIT_ASSERT_EQ_MSG(test, dma_coherent_pool_alloc(pool, 1, NO_LIMIT), page,
				    "page %lu", page);
	alloc_fails(test, pool, 1, NO_LIMIT, -ENOMEM);
	for (page = 0; page < pool->pages; page++)
		KUNIT_ASSERT_EQ_MSG(test, dma_coherent_pool_free(pool, page), 1, "page %lu", page);
	KUNIT_EXPECT_EQ(test, pool->used_pages, 0);
	alloc_at(test, pool, 0, pool->pages);
}

static void length_is_exact(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_geometry(test);
	unsigned long pages, first;

	for (pages = 1; pages <= pool->pages; pages += 1 + pages / 8) {
		alloc_at(test, pool, 0, pages);
		KUNIT_EXPECT_EQ_MSG(test, pool->used_pages, pages, "%lu pages", pages);
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_span(pool, pages - 1, &first), pages,
				    "%lu pages", pages);
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_span(pool, pages - 1, NULL), pages,
				    "%lu pages", pages);
		KUNIT_EXPECT_EQ_MSG(test, first, 0, "%lu pages", pages);
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_span(pool, pages, NULL), -ENOENT,
				    "%lu pages", pages);
		free_at(test, pool, 0, pages);
	}
}

static void start_is_aligned(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_geometry(test);
	unsigned long pages, align;

	if (pool->pages > 1)
		alloc_at(test, pool, 0, 1);
	for (pages = 1; pages < pool->pages; pages += 1 + pages / 8) {
		align = align_of(pool, pages);
		if (align + pages > pool->pages) {
			alloc_fails(test, pool, pages, NO_LIMIT, -ENOMEM);
			continue;
		}
		alloc_at(test, pool, align, pages);
		free_at(test, pool, align, pages);
	}
}

/* Reach */

static void limit_is_exact(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_geometry(test);
	unsigned long pages;

	for (pages = 1; pages <= pool->pages; pages += 1 + pages / 4) {
		alloc_fails(test, pool, pages, 0, -ENOMEM);
		alloc_fails(test, pool, pages, pages - 1, -ENOMEM);
		KUNIT_ASSERT_EQ_MSG(test, dma_coherent_pool_alloc(pool, pages, pages), 0,
				    "%lu pages", pages);
		free_at(test, pool, 0, pages);
	}
}

static void free_pages_above_limit_do_not_count(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 10 * WORD, 0);
	unsigned long page;

	for (page = 0; page < pool->pages; page++)
		alloc_at(test, pool, page, 1);
	for (page = 5 * WORD + 1; page < pool->pages; page += 2)
		free_at(test, pool, page, 1);
	alloc_fails(test, pool, 1, 5 * WORD + 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 1, 5 * WORD + 2), 5 * WORD + 1);
	check(test, pool);
}

/* The hole that fits best begins below the limit, but its aligned pages do not. */
static void limit_is_for_aligned_pages(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 4096, 8);

	alloc_at(test, pool, 0, 512);
	alloc_at(test, pool, 512, 88);
	alloc_at(test, pool, 768, 256);
	alloc_at(test, pool, 1024, 256);
	free_at(test, pool, 0, 512);
	free_at(test, pool, 768, 256);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 200, 900), 0);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 200, 900), 256);
	alloc_fails(test, pool, 200, 900, -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 200, 968), 768);
	check(test, pool);
}

/* Without a limit the best hole is used, not the lowest. */
static void limit_at_the_end_is_none(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 8 * WORD, 0);

	alloc_at(test, pool, 0, 20);
	alloc_at(test, pool, 20, WORD);
	alloc_at(test, pool, 20 + WORD, 10);
	alloc_at(test, pool, 30 + WORD, 1);
	free_at(test, pool, 0, 20);
	free_at(test, pool, 20 + WORD, 10);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 10, pool->pages - 1), 0);
	free_at(test, pool, 0, 10);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 10, pool->pages), 20 + WORD);
	check(test, pool);
}

/**
 * struct reach - three holes in front of the open run, and a request
 * @name: shown with the result
 * @pages: length of each hole; hole n begins at HOLE(n), the open run at HOLE(3)
 * @request: how many pages are asked for
 * @limit: below which page
 * @want: which hole they must come from, or an errno
 */
struct reach {
	const char *name;
	unsigned long pages[3];
	unsigned long request;
	unsigned long limit;
	long want;
};

#define HOLE(n)		((1 + 16L * (n)) * WORD)

static const struct reach reaches[] = {
	{ "best fit", { 7, 3, 5 }, 3, NO_LIMIT, 1 },
	{ "second best fit", { 7, 3, 5 }, 4, NO_LIMIT, 2 },
	{ "best out of reach", { 7, 2, 5 }, 5, HOLE(2) + 4, 0 },
	{ "just in reach", { 2, 2, 3 }, 3, HOLE(2) + 3, 2 },
	{ "just out of reach", { 2, 2, 3 }, 3, HOLE(2) + 2, -ENOMEM },
	{ "longer than words", { 7 * WORD, 3 * WORD, 5 * WORD }, 3 * WORD, NO_LIMIT, 1 },
	{ "second best of these", { 7 * WORD, 3 * WORD, 5 * WORD }, 4 * WORD, NO_LIMIT, 2 },
	{ "best of these out of reach", { 7 * WORD, 2, 5 * WORD }, 5 * WORD, HOLE(2), 0 },
	{ "none of these in reach", { 2 * WORD, 2, 3 * WORD }, 3 * WORD, HOLE(2), -ENOMEM },
	{ "only a long one in reach", { 7 * WORD, 2, 5 }, 5, HOLE(2), 0 },
	{ "else the open run", { 3 * WORD, 2 * WORD, WORD }, 4 * WORD, NO_LIMIT, 3 },
};

KUNIT_ARRAY_PARAM_DESC(reach, reaches, name);

static struct dma_coherent_pool *make_holes(struct kunit *test, const unsigned long *pages)
{
	struct dma_coherent_pool *pool = make_pool(test, HOLE(4), 0);
	unsigned long page = 0;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		alloc_at(test, pool, page, HOLE(i) - page);
		alloc_at(test, pool, HOLE(i), pages[i]);
		page = HOLE(i) + pages[i];
	}
	alloc_at(test, pool, page, HOLE(3) - page);
	for (i = 0; i < 3; i++)
		free_at(test, pool, HOLE(i), pages[i]);
	return pool;
}

static void best_hole_in_reach(struct kunit *test)
{
	const struct reach *reach = test->param_value;
	struct dma_coherent_pool *pool = make_holes(test, reach->pages);
	long page;

	KUNIT_EXPECT_EQ(test, dma_coherent_pool_largest(pool), 16 * WORD);
	page = dma_coherent_pool_alloc(pool, reach->request, reach->limit);
	KUNIT_EXPECT_EQ(test, page < 0 ? page : page / (16 * WORD), reach->want);
	check(test, pool);
}

/* The rest of a longer hole is one piece at its start. */
static void cut_from_the_end_of_a_hole(struct kunit *test)
{
	static const unsigned long holes[] = { 6, 6, 6 };
	struct dma_coherent_pool *pool = make_holes(test, holes);

	alloc_at(test, pool, HOLE(0) + 2, 4);
	alloc_at(test, pool, HOLE(0) + 1, 1);
	alloc_at(test, pool, HOLE(0), 1);
	alloc_at(test, pool, HOLE(1), 6);
}

/* The open run at the end is used only if no hole fits. */
static void open_run_comes_last(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 4096, 8);
	unsigned long pages;

	alloc_at(test, pool, 0, 256);
	alloc_at(test, pool, 256, 1);
	free_at(test, pool, 0, 256);
	for (pages = 256; pages; pages -= 16) {
		alloc_at(test, pool, 0, pages);
		free_at(test, pool, 0, pages);
	}
	alloc_at(test, pool, 512, 257);
}

/* The alignment limit decides whether the third buffer fits. */
static void small_buffers_leave_room(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 256, 8);

	alloc_at(test, pool, 0, 32);
	alloc_at(test, pool, 32, 32);
	alloc_fails(test, pool, 160, NO_LIMIT, -ENOMEM);

	pool = make_pool(test, 256, 6);
	alloc_at(test, pool, 0, 32);
	alloc_at(test, pool, 32, 32);
	alloc_at(test, pool, 64, 160);
}

/* Frees */

struct lengths {
	const char *name;
	unsigned long pages[4];
};

static const struct lengths lengths[] = {
	{ "single pages", { 1, 1, 1, 1 } },
	{ "different", { 1, 2, 3, 5 } },
	{ "ends of words", { WORD - 1, 1, WORD, WORD + 1 } },
	{ "longer than words", { WORD + 1, 3 * WORD, 1, 20 * WORD } },
};

KUNIT_ARRAY_PARAM_DESC(length, lengths, name);

/* The nth order of four: digits of a number in a base that shrinks. */
static void shuffle(unsigned long *page, unsigned int nth)
{
	unsigned int i;

	for (i = 4; i > 1; i--) {
		swap(page[i - 1], page[nth % i]);
		nth /= i;
	}
}

/* @spare pages at the end stay free; without them the last buffer ends the pool. */
static void frees_in_order(struct kunit *test, unsigned long spare, unsigned int nth)
{
	const struct lengths *length = test->param_value;
	struct dma_coherent_pool *pool;
	unsigned long page[4], pages = 0;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		page[i] = pages;
		pages += length->pages[i];
	}
	pool = make_pool(test, pages + spare, 0);
	for (i = 0; i < 4; i++)
		alloc_at(test, pool, page[i], length->pages[i]);
	shuffle(page, nth);
	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_GT_MSG(test, dma_coherent_pool_free(pool, page[i]), 0,
				    "%lu spare, order %u, free %u", spare, nth, i);
		check(test, pool);
		free_fails(test, pool, page[i]);
	}
	alloc_at(test, pool, 0, pages + spare);
}

static void frees_in_every_order(struct kunit *test)
{
	unsigned int nth;

	for (nth = 0; nth < 4 * 3 * 2; nth++) {
		frees_in_order(test, 0, nth);
		frees_in_order(test, 7, nth);
	}
}

static void bad_frees_are_refused(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 3 * WORD, 8);

	alloc_at(test, pool, 0, WORD);
	alloc_at(test, pool, WORD, 2);
	free_fails(test, pool, 1);
	free_fails(test, pool, WORD - 1);
	free_fails(test, pool, WORD + 1);
	free_fails(test, pool, WORD + 2);
	free_fails(test, pool, pool->pages - 1);
	free_fails(test, pool, pool->pages);
	free_fails(test, pool, pool->pages + WORD);
	free_fails(test, pool, ULONG_MAX);
	free_at(test, pool, 0, WORD);
	free_fails(test, pool, 0);
	free_at(test, pool, WORD, 2);
	free_fails(test, pool, WORD);
	alloc_at(test, pool, 0, 3 * WORD);
}

static void take_fails(struct kunit *test, struct dma_coherent_pool *pool, unsigned long page,
		       unsigned long pages, long error)
{
	unsigned long used = pool->used_pages;

	KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_take(pool, page, pages), error,
			    "%lu pages at %lu", pages, page);
	KUNIT_EXPECT_EQ_MSG(test, pool->used_pages, used, "%lu pages at %lu", pages, page);
	check(test, pool);
}

/* Certain pages, at either end of a hole and inside of one. */
static void certain_pages_can_be_taken(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 4 * WORD + 3, 8);
	static const unsigned long places[] = {
		0, 1, WORD - 1, WORD + 3, 2 * WORD + 1, 4 * WORD + 2,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_take(pool, places[i], 1), places[i],
				    "page %lu", places[i]);
		check(test, pool);
		take_fails(test, pool, places[i], 1, -EBUSY);
	}
	take_fails(test, pool, 2, WORD, -EBUSY);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_take(pool, 2 * WORD + 2, 2 * WORD), 2 * WORD + 2);
	check(test, pool);
	free_at(test, pool, 2 * WORD + 2, 2 * WORD);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		free_at(test, pool, places[i], 1);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_take(pool, 0, pool->pages), 0);
	check(test, pool);
}

static void pages_outside_can_not_be_taken(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, WORD + 3, 8);

	take_fails(test, pool, 0, 0, -EINVAL);
	take_fails(test, pool, 0, WORD + 4, -EINVAL);
	take_fails(test, pool, WORD + 2, 2, -EINVAL);
	take_fails(test, pool, WORD + 3, 1, -EINVAL);
	take_fails(test, pool, 1, ULONG_MAX, -EINVAL);
	take_fails(test, pool, ULONG_MAX, 1, -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_take(pool, WORD + 2, 1), WORD + 2);
}

/* Behind a pool whose size is no multiple of a word, bits are marked as used. */
static void end_of_last_word_is_outside(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, WORD + 3, 8);
	struct dma_coherent_run run;
	unsigned long page;

	for (page = WORD + 3; page < 2 * WORD + 1; page++) {
		free_fails(test, pool, page);
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_span(pool, page, NULL), -ENOENT,
				    "page %lu", page);
		KUNIT_EXPECT_FALSE_MSG(test, dma_coherent_pool_run(pool, page, &run),
				       "page %lu", page);
	}
}

/* Looking */

static void every_page_knows_its_run(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 5 * WORD, 0);
	static const unsigned long ends[] = { 1, WORD - 1, 3 * WORD, 3 * WORD + 2, 5 * WORD };
	unsigned long page, first, start = 0;
	struct dma_coherent_run run;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ends); start = ends[i++])
		alloc_at(test, pool, start, ends[i] - start);
	free_at(test, pool, 1, WORD - 2);
	free_at(test, pool, 3 * WORD, 2);

	for (page = 0, start = 0, i = 0; page < pool->pages; page++) {
		if (page == ends[i])
			start = ends[i++];
		KUNIT_EXPECT_TRUE_MSG(test, dma_coherent_pool_run(pool, page, &run),
				      "page %lu", page);
		KUNIT_EXPECT_EQ_MSG(test, run.first, start, "page %lu", page);
		KUNIT_EXPECT_EQ_MSG(test, run.pages, ends[i] - start, "page %lu", page);
		KUNIT_EXPECT_EQ_MSG(test, run.used, i % 2 == 0, "page %lu", page);
		first = ULONG_MAX;
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_span(pool, page, &first),
				    run.used ? (long)run.pages : -ENOENT, "page %lu", page);
		KUNIT_EXPECT_EQ_MSG(test, first, run.used ? start : ULONG_MAX, "page %lu", page);
	}
}

static void fit_is_what_can_be_had(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 300, 6);
	struct dma_coherent_run run;
	unsigned long held, fit;

	for (held = 1; held < 300; held += 7) {
		alloc_at(test, pool, 0, held);
		KUNIT_ASSERT_TRUE_MSG(test, dma_coherent_pool_run(pool, 299, &run),
				      "%lu held", held);
		fit = dma_coherent_pool_fit(pool, &run);
		KUNIT_EXPECT_GT_MSG(test, fit * 3, run.pages, "%lu held", held);
		KUNIT_EXPECT_EQ_MSG(test, dma_coherent_pool_largest(pool), fit, "%lu held", held);
		alloc_fails(test, pool, fit + 1, NO_LIMIT, -ENOMEM);
		KUNIT_EXPECT_GT_MSG(test, dma_coherent_pool_alloc(pool, fit, NO_LIMIT), 0,
				    "%lu held", held);
		pool = make_pool(test, 300, 6);
	}
}

/* Sizes */

static void impossible_sizes_are_refused(struct kunit *test)
{
	struct dma_coherent_pool pool;

	KUNIT_EXPECT_EQ(test, dma_coherent_pool_init(&pool, 0, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_init(&pool, BIT(31), 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_init(&pool, ULONG_MAX, 8), -EINVAL);
}

/* 16 GiB of 4 KiB pages: buffers and offsets that 32 bits of bytes can't hold. */
static void sixteen_gib(struct kunit *test)
{
	const unsigned long pages = BIT(22), quarter = BIT(20);
	struct dma_coherent_pool *pool = make_pool(test, pages, 8);
	unsigned long first;

	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, quarter + 1, NO_LIMIT), 0);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 2 * quarter, NO_LIMIT),
			quarter + 256);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, quarter - 256, NO_LIMIT),
			3 * quarter + 256);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_span(pool, pages - 1, &first), quarter - 256);
	KUNIT_EXPECT_EQ(test, first, 3 * quarter + 256);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 256, NO_LIMIT), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 128, NO_LIMIT), quarter + 128);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_free(pool, quarter + 256), 2 * quarter);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_free(pool, 0), quarter + 1);
	check(test, pool);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, 2 * quarter + 1, NO_LIMIT), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_coherent_pool_alloc(pool, quarter + 128, quarter + 128), 0);
}

static void records_stay_small(struct kunit *test)
{
	unsigned long pages, bits = BITS_PER_LONG == 64 ? 4 : 5;

	for (pages = BIT(12); pages <= BIT(22); pages *= 4) {
		struct dma_coherent_pool *pool = make_pool(test, pages, 8);

		KUNIT_EXPECT_LE_MSG(test, dma_coherent_pool_metadata(pool) * 8, pages * bits,
				    "%lu pages", pages);
		KUNIT_EXPECT_GT_MSG(test, dma_coherent_pool_metadata(pool) * 8, pages * 3,
				    "%lu pages", pages);
	}
}

/* Random operations, against an array with a byte a page */

enum { FREE, FIRST, REST };

/**
 * struct walk - a pool and what it should be
 * @pool: the pool
 * @map: for each page FREE, or FIRST or REST of an allocation
 * @rnd: where the numbers come from
 */
struct walk {
	struct dma_coherent_pool *pool;
	u8 *map;
	struct rnd_state rnd;
};

static unsigned long below(struct walk *walk, unsigned long n)
{
	return prandom_u32_state(&walk->rnd) % n;
}

static bool can_have(struct walk *walk, unsigned long pages, unsigned long limit)
{
	unsigned long page, align = align_of(walk->pool, pages);

	limit = min(limit, walk->pool->pages);
	for (page = 0; page + pages <= limit; page += align)
		if (!memchr_inv(walk->map + page, FREE, pages))
			return true;
	return false;
}

/* Each step returns NULL, or what is wrong with its result. */

static const char *walk_alloc(struct walk *walk)
{
	unsigned long max = walk->pool->pages;
	unsigned long pages = 1 + below(walk, 1 + max / (1 + below(walk, 100)));
	unsigned long limit = below(walk, 3) ? NO_LIMIT : below(walk, max + 2);
	bool available = can_have(walk, pages, limit);
	long page = dma_coherent_pool_alloc(walk->pool, pages, limit);

	if (!available)
		return page == -ENOMEM ? NULL : "gave what it does not have";
	if (page < 0)
		return "refused what it has";
	if (page + pages > min(limit, max))
		return "gave pages out of reach";
	if (page & (align_of(walk->pool, pages) - 1))
		return "gave pages that are not aligned";
	if (memchr_inv(walk->map + page, FREE, pages))
		return "gave pages that are in use";
	memset(walk->map + page, REST, pages);
	walk->map[page] = FIRST;
	return NULL;
}

static long length_at(struct walk *walk, unsigned long page)
{
	unsigned long end = page + 1;

	if (page >= walk->pool->pages || walk->map[page] != FIRST)
		return -EINVAL;
	while (end < walk->pool->pages && walk->map[end] == REST)
		end++;
	return end - page;
}

static const char *walk_take(struct walk *walk)
{
	unsigned long max = walk->pool->pages, page = below(walk, max);
	unsigned long pages = 1 + below(walk, 1 + (max - page - 1) / (1 + below(walk, 20)));
	bool available = !memchr_inv(walk->map + page, FREE, pages);
	long got = dma_coherent_pool_take(walk->pool, page, pages);

	if (got != (available ? (long)page : -EBUSY))
		return "took what it should not, or did not what it should";
	if (available) {
		memset(walk->map + page, REST, pages);
		walk->map[page] = FIRST;
	}
	return NULL;
}

/* Mostly an allocation's first page; any other must be rejected. */
static const char *walk_free(struct walk *walk)
{
	unsigned long page = below(walk, walk->pool->pages + 1);
	long pages;

	if (page < walk->pool->pages && below(walk, 8))
		while (walk->map[page] == REST)
			page--;
	pages = length_at(walk, page);
	if (dma_coherent_pool_free(walk->pool, page) != pages)
		return "gave back another number of pages";
	if (pages > 0)
		memset(walk->map + page, FREE, pages);
	return NULL;
}

static const char *walk_compare(struct walk *walk)
{
	struct dma_coherent_run run;
	unsigned long page;

	for (page = 0; page < walk->pool->pages; page += run.pages) {
		if (!dma_coherent_pool_run(walk->pool, page, &run) || run.first != page)
			return "lost a run";
		if (run.used ? run.pages != length_at(walk, page) : !!memchr_inv(walk->map + page,
										 FREE, run.pages))
			return "has other runs";
	}
	return NULL;
}

static void walk_randomly(struct kunit *test, struct walk *walk, unsigned int seed)
{
	const char *wrong;
	unsigned int step;

	prandom_seed_state(&walk->rnd, seed);
	for (step = 0; step < 400; step++) {
		/* Fill it for a while, then empty it for a while. */
		if (!below(walk, 10))
			wrong = walk_take(walk);
		else if (below(walk, 10) < (step / 100 % 2 ? 3 : 6))
			wrong = walk_alloc(walk);
		else
			wrong = walk_free(walk);
		wrong = wrong ?: walk_compare(walk) ?: dma_coherent_pool_fault(walk->pool);
		KUNIT_ASSERT_STREQ_MSG(test, wrong ?: "nothing", "nothing",
				       "seed %u, step %u", seed, step);
	}
}

static void random_walk(struct kunit *test)
{
	struct walk walk;
	unsigned int seed;

	for (seed = 1; seed <= 4; seed++) {
		walk.pool = make_geometry(test);
		walk.map = kunit_kzalloc(test, walk.pool->pages, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL_MSG(test, walk.map, "seed %u", seed);
		walk_randomly(test, &walk, seed);
		kunit_kfree(test, walk.map);
	}
}

/* The suite */

static int pool_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct dma_coherent_pool), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void pool_test_exit(struct kunit *test)
{
	if (test->priv)
		dma_coherent_pool_exit(test->priv);
}

/* The validator, on which all others rely: break one thing at a time. */

static const char *flip(struct dma_coherent_pool *pool, unsigned long *word, unsigned int bit)
{
	const char *fault;

	*word ^= BIT(bit);
	fault = dma_coherent_pool_fault(pool);
	*word ^= BIT(bit);
	return fault;
}

static const char *change(struct dma_coherent_pool *pool, unsigned long *value, unsigned long other)
{
	unsigned long old = *value;
	const char *fault;

	*value = other;
	fault = dma_coherent_pool_fault(pool);
	*value = old;
	return fault;
}

static const char *change_u32(struct dma_coherent_pool *pool, u32 *value)
{
	const char *fault;

	++*value;
	fault = dma_coherent_pool_fault(pool);
	--*value;
	return fault;
}

static void validator_finds_each_fault(struct kunit *test)
{
	struct dma_coherent_pool *pool = make_pool(test, 20000, 8);
	unsigned int n;

	/* A short hole in the first chunk, a long one behind, and the open run. */
	alloc_at(test, pool, 0, 3);
	alloc_at(test, pool, 4, 4);
	alloc_at(test, pool, 256, 256);
	alloc_at(test, pool, 512, 256);
	alloc_at(test, pool, 768, 256);
	free_at(test, pool, 512, 256);

	KUNIT_EXPECT_NOT_NULL(test, change(pool, &pool->used_pages, 0));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->used[0], 0));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->used[0], 3));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->used[19999 / WORD], 19999 % WORD));
	KUNIT_EXPECT_NULL(test, flip(pool, &pool->last.level[0][0], 5));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->last.level[0][0], 2));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->last.level[0][0], 3));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->last.level[0][700 / WORD], 700 % WORD));
	for (n = 1; n < pool->last.depth; n++)
		KUNIT_EXPECT_NOT_NULL_MSG(test, flip(pool, &pool->last.level[n][0], 0),
					  "level %u", n);
	for (n = 0; n < pool->bins.depth; n++) {
		KUNIT_EXPECT_NOT_NULL_MSG(test, flip(pool, &pool->bins.level[n][0], 0),
					  "level %u", n);
		KUNIT_EXPECT_NOT_NULL_MSG(test, flip(pool, &pool->bins.level[n][0], 1),
					  "level %u", n);
	}
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->bins_present, 0));
	KUNIT_EXPECT_NOT_NULL(test, flip(pool, &pool->bins_present, WORD - 1));
	for (n = 0; n < pool->tree_depth; n++) {
		KUNIT_EXPECT_NOT_NULL_MSG(test, change_u32(pool, &pool->tree[n][0]), "level %u", n);
		KUNIT_EXPECT_NOT_NULL_MSG(test, change_u32(pool, &pool->tree[0][512 / WORD]),
					  "level %u", n);
	}
	pool->bin[0]++;
	KUNIT_EXPECT_NOT_NULL(test, dma_coherent_pool_fault(pool));
	pool->bin[0]--;
	KUNIT_EXPECT_NOT_NULL(test, change(pool, &pool->open_start, 1026));
	KUNIT_EXPECT_NOT_NULL(test, change(pool, &pool->open_start, 1000));
	KUNIT_EXPECT_NOT_NULL(test, change(pool, &pool->open_end, 19999));
	KUNIT_EXPECT_NOT_NULL(test, change(pool, &pool->open_end, 20001));
	check(test, pool);
}

static struct kunit_case pool_test_cases[] = {
	KUNIT_CASE_PARAM(whole_pool_fits, geometry_gen_params),
	KUNIT_CASE_PARAM(single_pages_fill_pool, geometry_gen_params),
	KUNIT_CASE_PARAM(length_is_exact, geometry_gen_params),
	KUNIT_CASE_PARAM(start_is_aligned, geometry_gen_params),
	KUNIT_CASE_PARAM(limit_is_exact, geometry_gen_params),
	KUNIT_CASE(free_pages_above_limit_do_not_count),
	KUNIT_CASE(limit_is_for_aligned_pages),
	KUNIT_CASE(limit_at_the_end_is_none),
	KUNIT_CASE_PARAM(best_hole_in_reach, reach_gen_params),
	KUNIT_CASE(cut_from_the_end_of_a_hole),
	KUNIT_CASE(open_run_comes_last),
	KUNIT_CASE(small_buffers_leave_room),
	KUNIT_CASE_PARAM(frees_in_every_order, length_gen_params),
	KUNIT_CASE(bad_frees_are_refused),
	KUNIT_CASE(certain_pages_can_be_taken),
	KUNIT_CASE(pages_outside_can_not_be_taken),
	KUNIT_CASE(end_of_last_word_is_outside),
	KUNIT_CASE(every_page_knows_its_run),
	KUNIT_CASE(fit_is_what_can_be_had),
	KUNIT_CASE(impossible_sizes_are_refused),
	KUNIT_CASE(sixteen_gib),
	KUNIT_CASE(records_stay_small),
	KUNIT_CASE_PARAM(random_walk, geometry_gen_params),
	KUNIT_CASE(validator_finds_each_fault),
	{}
};

static struct kunit_suite pool_test_suite = {
	.name = "dma_coherent_pool",
	.init = pool_test_init,
	.exit = pool_test_exit,
	.test_cases = pool_test_cases,
};

kunit_test_suite(pool_test_suite);

MODULE_DESCRIPTION("KUnit suite for the page pool behind per-device coherent memory");
MODULE_LICENSE("GPL");
