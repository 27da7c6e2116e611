// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the bounded model checker: a pool of PAGES pages that aligns up to ORDER,
 * any STEPS operations with any arguments. The tool looks for reads and writes
 * outside of objects, for overflows, and for results that are wrong.
 */
#include <linux/kconfig.h>
#include <dma-coherent-pool.c>

#ifndef PAGES
#define PAGES	4
#endif
#ifndef ORDER
#define ORDER	1
#endif
#ifndef STEPS
#define STEPS	3
#endif

unsigned long any_number(void);

/* For each page the first page of its allocation and one; 0 is free. */
static unsigned long owner[PAGES];

static void alloc(struct dma_coherent_pool *pool)
{
	unsigned long pages = any_number(), limit = any_number(), i;
	long page = dma_coherent_pool_alloc(pool, pages, limit);

	if (page < 0) {
		__CPROVER_assert(page == (pages ? -ENOMEM : -EINVAL), "errno");
		__CPROVER_assert(pages != 1 || limit == 0 || limit < PAGES ||
				 pool->used_pages == PAGES, "refused a free page");
		return;
	}
	__CPROVER_assert(pages && pages <= PAGES, "length");
	__CPROVER_assert(page + pages <= PAGES, "in the pool");
	__CPROVER_assert(page + pages <= limit, "below the limit");
	for (i = 0; i < PAGES; i++) {
		if (i < page || i >= page + pages)
			continue;
		__CPROVER_assert(!owner[i], "free");
		owner[i] = page + 1;
	}
}

static void release(struct dma_coherent_pool *pool)
{
	unsigned long page = any_number(), i, count = 0;
	long pages = dma_coherent_pool_free(pool, page);

	for (i = 0; i < PAGES; i++) {
		if (page < PAGES && owner[i] == page + 1) {
			owner[i] = 0;
			count++;
		}
	}
	__CPROVER_assert(pages == (count ? (long)count : -EINVAL), "pages given back");
}

static void span(struct dma_coherent_pool *pool)
{
	unsigned long page = any_number(), first = ULONG_MAX;
	long pages = dma_coherent_pool_span(pool, page, &first);

	if (page < PAGES && owner[page])
		__CPROVER_assert(pages > 0 && first + 1 == owner[page], "its own");
	else
		__CPROVER_assert(pages == -ENOENT && first == ULONG_MAX, "nobody's");
}

int main(void)
{
	static struct dma_coherent_pool pool;
	unsigned int i;

	if (dma_coherent_pool_init(&pool, PAGES, ORDER))
		return 0;
	for (i = 0; i < STEPS; i++) {
		if (any_number() % 2)
			alloc(&pool);
		else
			release(&pool);
		span(&pool);
	}
	dma_coherent_pool_exit(&pool);
	return 0;
}
