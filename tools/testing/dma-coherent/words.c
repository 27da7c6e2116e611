// SPDX-License-Identifier: GPL-2.0-only
/*
 * The largest number of words that any single operation reads, by the size of
 * the pool. The pool is built with count.h for it; no memory is behind it.
 *
 *	words [-v]
 *
 * With -v also by operation, with the case that it happened in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/prandom.h>

#include <dma-coherent-pool.h>

#define MIB		(1UL << (20 - 12))
#define MAX_PAGES	(16384 * MIB)
#define RANDOM_STEPS	1000000
#define PAIRS		1000
#define NO_LIMIT	ULONG_MAX

enum { ALLOC, ALLOC_LIMITED, REFUSED, REFUSED_LIMITED, TAKE, FREE, SPAN, OPERATIONS };

static const char *const operation_names[OPERATIONS] = {
	"alloc", "alloc, limit", "refused", "refused, limit", "take", "free", "span",
};

/* The most words so far, and where. */
struct worst {
	unsigned long words;
	char where[64];
};

unsigned long pool_words;

static struct dma_coherent_pool pool;
static struct worst worst[OPERATIONS];
static char where[64];
static struct rnd_state rnd;

/* First pages of what is allocated. */
static unsigned long held[MAX_PAGES], nr_held;

static unsigned long below(unsigned long n)
{
	return prandom_u32_state(&rnd) % n;
}

/* Operations */

static void note(unsigned int operation)
{
	if (pool_words > worst[operation].words) {
		worst[operation].words = pool_words;
		memcpy(worst[operation].where, where, sizeof(where));
	}
}

static long take(unsigned long pages, unsigned long limit)
{
	bool limited = limit < pool.pages;
	long page;

	pool_words = 0;
	page = dma_coherent_pool_alloc(&pool, pages, limit);
	note((page < 0 ? REFUSED : ALLOC) + limited);
	return page;
}

static bool hold(unsigned long pages, unsigned long limit)
{
	long page = take(pages, limit);

	if (page >= 0)
		held[nr_held++] = page;
	return page >= 0;
}

static void hold_at(unsigned long page, unsigned long pages)
{
	pool_words = 0;
	if (dma_coherent_pool_take(&pool, page, pages) >= 0)
		held[nr_held++] = page;
	note(TAKE);
}

static void give(unsigned long page)
{
	pool_words = 0;
	dma_coherent_pool_span(&pool, page, NULL);
	note(SPAN);
	pool_words = 0;
	dma_coherent_pool_free(&pool, page);
	note(FREE);
}

/* Give the nth of those held back; the last one takes its place. */
static void give_nth(unsigned long n)
{
	give(held[n]);
	held[n] = held[--nr_held];
}

/* Situations. Each begins and ends with an empty pool. */

static void empty(void)
{
	while (nr_held)
		give_nth(nr_held - 1);
}

static void empty_at_random(void)
{
	while (nr_held)
		give_nth(below(nr_held));
}

static void fill(unsigned long unit)
{
	while (hold(unit, NO_LIMIT))
		;
	take(unit, pool.pages / 2);
}

/* Patterns of free pages */

static bool all(unsigned long page)
{
	return page < pool.pages;
}

static bool every_other(unsigned long page)
{
	return page % 2;
}

static bool odd_pair(unsigned long page)
{
	return page % 4 == 1 || page % 4 == 2;
}

/* Holes of 1 page, 2, 3 and so on, one a word. */
static bool stairs(unsigned long page)
{
	return page % BITS_PER_LONG <= page / BITS_PER_LONG % BITS_PER_LONG;
}

/* Holes of a word and 1 page, a word and 2 pages, and so on. */
static bool long_stairs(unsigned long page)
{
	unsigned long three = BITS_PER_LONG * 3;

	return page % three <= BITS_PER_LONG + page / three % BITS_PER_LONG;
}

/**
 * struct pattern - a pool filled with single pages, some of them given back
 * @name: what it is called
 * @is_hole: whether a page is given back
 * @upper: only in the upper half, beyond the limit
 */
struct pattern {
	const char *name;
	bool (*is_hole)(unsigned long page);
	bool upper;
};

static const struct pattern patterns[] = {
	{ "checkerboard", every_other, false },
	{ "odd-pairs", odd_pair, false },
	{ "out-of-reach", all, true },
	{ "out-of-reach checkerboard", every_other, true },
};

/*
 * Made to be bad for the pool: each length of hole that there are bins for, in
 * turn. With a limit, all bins have to be followed down.
 */
static const struct pattern worse_patterns[] = {
	{ "stairs", stairs, false },
	{ "long stairs", long_stairs, false },
	{ "out-of-reach stairs", stairs, true },
	{ "out-of-reach long stairs", long_stairs, true },
};

static void punch(const struct pattern *pattern)
{
	unsigned long page, first = pattern->upper ? pool.pages / 2 : 0;

	fill(1);
	nr_held = 0;
	for (page = 0; page < pool.pages; page++) {
		if (page >= first && pattern->is_hole(page))
			give(page);
		else
			held[nr_held++] = page;
	}
}

static void pair(unsigned long pages, unsigned long limit)
{
	long page = take(pages, limit);

	if (page >= 0)
		give(page);
}

static void requests(void)
{
	static const unsigned long sizes[] = {
		1, 2, 3, 5, 8, 16, 31, 33, 63, 64, 65, 100, 128, 256, 1024,
	};
	unsigned long i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pair(sizes[i], NO_LIMIT);
		pair(sizes[i], pool.pages / 2);
	}
}

static void pairs(unsigned long unit, unsigned int percent)
{
	unsigned long keep, n;

	fill(unit);
	keep = nr_held * percent / 100;
	if (keep == nr_held)
		keep--;
	while (nr_held > keep)
		give_nth(below(nr_held));
	for (n = 0; n < PAIRS; n++)
		pair(unit, n % 2 ? NO_LIMIT : below(pool.pages));
	take(2 * unit, NO_LIMIT);
	take(2 * unit, pool.pages / 2);
}

/* As likely in one power of two as in the next, up to the whole pool. */
static unsigned long some_size(void)
{
	unsigned int order = below(__fls(pool.pages) + 1);

	return min(BIT(order) + below(BIT(order)), pool.pages);
}

static void at_random(unsigned long steps)
{
	bool filling = true;

	while (steps--) {
		if (!below(1000))
			filling = !filling;
		if (nr_held && below(4) < (filling ? 1 : 3))
			give_nth(below(nr_held));
		else if (!below(8))
			hold_at(below(pool.pages), some_size());
		else
			hold(some_size(), below(2) ? NO_LIMIT : below(pool.pages));
	}
}

/* All of them */

/* What the pool promises in its own words. */
static unsigned long bound(void)
{
	return 12 + 8 * pool.last.depth + 68 * pool.bins.depth +
	       52 * (pool.tree_depth - 1);
}

static void holes(const struct pattern *pattern, unsigned int count)
{
	for (; count--; pattern++) {
		snprintf(where, sizeof(where), "%s", pattern->name);
		punch(pattern);
		requests();
		empty_at_random();
	}
}

static void occupancies(void)
{
	static const unsigned int units[] = { 1, 16, 256 };
	static const unsigned int percents[] = { 0, 50, 90, 99, 100 };
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		snprintf(where, sizeof(where), "filled with %u", units[i]);
		fill(units[i]);
		empty();
		for (j = 0; j < 5; j++) {
			snprintf(where, sizeof(where), "pairs of %u at %u%%",
				 units[i], percents[j]);
			pairs(units[i], percents[j]);
			empty_at_random();
		}
	}
}

static unsigned long report(const char *row, const char *name, bool verbose)
{
	unsigned long max = 0;
	unsigned int i;

	for (i = 0; i < OPERATIONS; i++) {
		max = max(max, worst[i].words);
		if (verbose)
			printf("# %s\t%s\t%lu\t%s\n", name, operation_names[i],
			       worst[i].words, worst[i].where);
	}
	printf("%s\t%s\t%lu\n", row, name, max);
	if (max > bound()) {
		fprintf(stderr, "FAILED: more than %lu words\n", bound());
		exit(1);
	}
	return max;
}

static unsigned long measure(const char *name, unsigned long pages, bool verbose)
{
	unsigned long max;

	if (dma_coherent_pool_init(&pool, pages, 8))
		exit(1);
	memset(worst, 0, sizeof(worst));
	prandom_seed_state(&rnd, 1);
	holes(patterns, ARRAY_SIZE(patterns));
	occupancies();
	snprintf(where, sizeof(where), "random run");
	at_random(RANDOM_STEPS);
	empty_at_random();
	max = report("words_read_max", name, verbose);
	holes(worse_patterns, ARRAY_SIZE(worse_patterns));
	report("words_read_stairs", name, verbose);
	dma_coherent_pool_exit(&pool);
	return max;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	unsigned long least;

	least = measure("16MiB", 16 * MIB, verbose);
	measure("1GiB", 1024 * MIB, verbose);
	if (measure("16GiB", 16384 * MIB, verbose) > 2 * least) {
		fprintf(stderr, "FAILED: words read grow with the pool\n");
		return 1;
	}
	return 0;
}
