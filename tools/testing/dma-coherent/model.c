// SPDX-License-Identifier: GPL-2.0-only
/* The model, written to be read rather than to be fast. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/errno.h>

#include "model.h"

static void __attribute__((noreturn, format(printf, 2, 3)))
fail(const struct model *m, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "FAILED: pool of %lu pages, alignment order %u: ",
		m->pages, m->max_align_order);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (m->pages <= 1024)
		fprintf(stderr, "\n%.*s", (int)m->pages, m->map);
	fprintf(stderr, "\n%s%s\n", m->again[0] ? "again: " : "", m->again);
	abort();
}

/* Each operation must have asserted the lock. */
static void check_asserted(struct model *m)
{
	if (!m->lock.asserted)
		fail(m, "the lock was not asserted");
	m->lock.asserted = 0;
}

/* What is right */

unsigned int order_of(unsigned long pages)
{
	unsigned int order = 0;

	while (1UL << order < pages)
		order++;
	return order;
}

static unsigned long align_of(const struct model *m, unsigned long pages)
{
	unsigned int order = order_of(pages);

	return 1UL << (order < m->max_align_order ? order : m->max_align_order);
}

static bool all_free(const struct model *m, unsigned long page, unsigned long pages)
{
	while (pages && m->map[page] == FREE) {
		page++;
		pages--;
	}
	return !pages;
}

static bool fits(const struct model *m, unsigned long pages, unsigned long limit)
{
	unsigned long page;

	if (limit > m->pages)
		limit = m->pages;
	if (pages > limit)
		return false;
	for (page = 0; page <= limit - pages; page += align_of(m, pages))
		if (all_free(m, page, pages))
			return true;
	return false;
}

static struct dma_coherent_run run_of(const struct model *m, unsigned long page)
{
	struct dma_coherent_run run = { .first = page };
	unsigned long end = page + 1;

	run.used = m->map[page] != FREE;
	if (run.used) {
		while (m->map[run.first] == REST)
			run.first--;
		while (end < m->pages && m->map[end] == REST)
			end++;
	} else {
		while (run.first && m->map[run.first - 1] == FREE)
			run.first--;
		while (end < m->pages && m->map[end] == FREE)
			end++;
	}
	run.pages = end - run.first;
	return run;
}

/* The longest aligned request that a free run can serve. */
static unsigned long fit_of(const struct model *m, const struct dma_coherent_run *run)
{
	unsigned long pages = run->pages, into;

	for (;; pages--) {
		into = -run->first & (align_of(m, pages) - 1);
		if (into + pages <= run->pages)
			return pages;
	}
}

/* Operations */

static void check_got(const struct model *m, unsigned long page,
		      unsigned long pages, unsigned long limit)
{
	if (page % align_of(m, pages))
		fail(m, "alloc(%lu, %lu) gave page %lu: not aligned", pages, limit, page);
	if (pages > m->pages || page > m->pages - pages)
		fail(m, "alloc(%lu, %lu) gave page %lu: outside", pages, limit, page);
	if (limit < pages || page > limit - pages)
		fail(m, "alloc(%lu, %lu) gave page %lu: above the limit", pages, limit, page);
	if (!all_free(m, page, pages))
		fail(m, "alloc(%lu, %lu) gave page %lu: not free", pages, limit, page);
}

long model_alloc(struct model *m, unsigned long pages, unsigned long limit)
{
	long page = dma_coherent_pool_alloc(&m->pool, pages, limit);
	long want = !pages ? -EINVAL : fits(m, pages, limit) ? 0 : -ENOMEM;

	check_asserted(m);
	if (page < 0 || want < 0) {
		if (page != want)
			fail(m, "alloc(%lu, %lu) = %ld, not %ld", pages, limit, page, want);
		return page;
	}
	check_got(m, page, pages, limit);
	memset(m->map + page, REST, pages);
	m->map[page] = FIRST;
	m->used += pages;
	return page;
}

long model_take(struct model *m, unsigned long page, unsigned long pages)
{
	long got = dma_coherent_pool_take(&m->pool, page, pages), want = page;

	check_asserted(m);
	if (!pages || pages > m->pages || page > m->pages - pages)
		want = -EINVAL;
	else if (!all_free(m, page, pages))
		want = -EBUSY;
	if (got != want)
		fail(m, "take(%lu, %lu) = %ld, not %ld", page, pages, got, want);
	if (got < 0)
		return got;
	memset(m->map + page, REST, pages);
	m->map[page] = FIRST;
	m->used += pages;
	return got;
}

long model_free(struct model *m, unsigned long page)
{
	long pages = dma_coherent_pool_free(&m->pool, page), want = -EINVAL;

	check_asserted(m);
	if (page < m->pages && m->map[page] == FIRST)
		want = run_of(m, page).pages;
	if (pages != want)
		fail(m, "free(%lu) = %ld, not %ld", page, pages, want);
	if (pages > 0) {
		memset(m->map + page, FREE, pages);
		m->used -= pages;
	}
	return pages;
}

static void look_outside(struct model *m, unsigned long page)
{
	struct dma_coherent_run run;
	unsigned long first = 42;

	if (dma_coherent_pool_run(&m->pool, page, &run))
		fail(m, "run(%lu) found one", page);
	check_asserted(m);
	if (dma_coherent_pool_span(&m->pool, page, &first) != -ENOENT || first != 42)
		fail(m, "span(%lu) found one", page);
	check_asserted(m);
}

static void look_inside(struct model *m, unsigned long page)
{
	struct dma_coherent_run want = run_of(m, page), run;
	unsigned long first = page, fit;
	long span;

	if (!dma_coherent_pool_run(&m->pool, page, &run) || run.used != want.used ||
	    run.first != want.first || run.pages != want.pages)
		fail(m, "run(%lu) is not %lu pages from %lu on",
		     page, want.pages, want.first);
	check_asserted(m);

	span = dma_coherent_pool_span(&m->pool, page, &first);
	if (span != dma_coherent_pool_span(&m->pool, page, NULL) ||
	    span != (want.used ? (long)want.pages : -ENOENT) ||
	    first != (want.used ? want.first : page))
		fail(m, "span(%lu) = %ld from %lu on", page, span, first);
	check_asserted(m);

	if (want.used)
		return;
	fit = dma_coherent_pool_fit(&m->pool, &run);
	if (fit != fit_of(m, &run) || fit * 3 <= run.pages)
		fail(m, "%lu free pages from %lu on fit %lu", run.pages, run.first, fit);
}

void model_look(struct model *m, unsigned long page)
{
	if (page < m->pages)
		look_inside(m, page);
	else
		look_outside(m, page);
}

void model_check(struct model *m)
{
	const char *fault = dma_coherent_pool_fault(&m->pool);
	unsigned long page, fit, largest = 0;
	struct dma_coherent_run run;

	if (fault)
		fail(m, "%s", fault);
	if (m->pool.pages != m->pages || m->pool.used_pages != m->used)
		fail(m, "the counts are off: %lu pages used, not %lu",
		     m->pool.used_pages, m->used);
	for (page = 0; page < m->pages; page += run.pages) {
		run = run_of(m, page);
		look_inside(m, page);
		look_inside(m, page + run.pages / 2);
		look_inside(m, page + run.pages - 1);
		fit = run.used ? 0 : fit_of(m, &run);
		if (fit > largest)
			largest = fit;
	}
	if (dma_coherent_pool_largest(&m->pool) != largest)
		fail(m, "largest() = %lu, not %lu",
		     dma_coherent_pool_largest(&m->pool), largest);
	check_asserted(m);
}

void model_init(struct model *m, unsigned long pages, unsigned int max_align_order)
{
	*m = (struct model) {
		.pages = pages,
		.max_align_order = max_align_order,
		.map = malloc(pages),
	};
	if (!m->map || dma_coherent_pool_init(&m->pool, pages, max_align_order)) {
		fprintf(stderr, "no memory for a pool of %lu pages\n", pages);
		exit(1);
	}
	m->pool.lock = &m->lock;
	memset(m->map, FREE, pages);
}

void model_exit(struct model *m)
{
	dma_coherent_pool_exit(&m->pool);
	free(m->map);
}
