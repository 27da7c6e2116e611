// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the bounded model checker: a pool of PAGES pages that aligns up to ORDER,
 * any STEPS operations with any arguments. The tool looks for reads and writes
 * outside of objects, for overflows, and for results that are wrong.
 */
#define _LINUX_SLAB_H
#define GFP_KERNEL		0
#define kvzalloc(size, gfp)	((void *)mem)
#define kvfree(ptr)		((void)(ptr))

static unsigned long mem[128];

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

unsigned long nondet_ulong(void);

/* For each page the first page of its allocation and one; 0 is free. */
static unsigned long owner[PAGES];

static void alloc(struct dma_coherent_pool *pool)
{
	unsigned long pages = nondet_ulong(), limit = nondet_ulong(), i;
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

static void take_at(struct dma_coherent_pool *pool)
{
	unsigned long page = nondet_ulong(), pages = nondet_ulong(), i;
	bool busy = false;
	long got = dma_coherent_pool_take(pool, page, pages);

	for (i = 0; i < PAGES; i++)
		if (i >= page && i - page < pages && owner[i])
			busy = true;
	if (!pages || page >= PAGES || pages > PAGES - page) {
		__CPROVER_assert(got == -EINVAL, "outside");
		return;
	}
	__CPROVER_assert(got == (busy ? -EBUSY : (long)page), "taken where free");
	for (i = 0; i < PAGES && !busy; i++)
		if (i >= page && i - page < pages)
			owner[i] = page + 1;
}

static void release(struct dma_coherent_pool *pool)
{
	unsigned long page = nondet_ulong(), i, count = 0;
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
	unsigned long page = nondet_ulong(), first = ULONG_MAX;
	long pages = dma_coherent_pool_span(pool, page, &first);

	if (page < PAGES && owner[page])
		__CPROVER_assert(pages > 0 && first + 1 == owner[page], "its own");
	else
		__CPROVER_assert(pages == -ENOENT && first == ULONG_MAX, "nobody's");
}

/*
 * Give each array an object of its own. Then its own bounds are checked, and
 * the tool has far less to think about than with one lump of memory.
 */
static void unpack(struct dma_coherent_pool *pool)
{
	static unsigned long used[1], last[1], bins[CHUNK];
	static u32 tree[1];
	static u8 bin[1];

	used[0] = ~0UL << PAGES;
	last[0] = 1UL << (PAGES - 1);
	__CPROVER_assert(pool->used[0] == used[0], "what is behind the pool is used");
	__CPROVER_assert(pool->last.level[0][0] == last[0], "one run to start with");
	pool->used = used;
	pool->last.level[0] = last;
	pool->bins.level[0] = bins;
	pool->tree[0] = tree;
	pool->bin = bin;
}

int main(void)
{
	static struct dma_coherent_pool pool;
	unsigned int i;

	if (dma_coherent_pool_init(&pool, PAGES, ORDER))
		return 0;
	unpack(&pool);
	for (i = 0; i < STEPS; i++) {
		switch (nondet_ulong() % 3) {
		case 0:
			alloc(&pool);
			break;
		case 1:
			take_at(&pool);
			break;
		default:
			release(&pool);
		}
		span(&pool);
	}
	return 0;
}
