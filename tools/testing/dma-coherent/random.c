// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random sequences of every operation, valid and not, on random pools.
 *
 *	random [-n steps] [-s seed] [-p pages] [-o order]
 *
 * Each pool lives for POOL_STEPS and has a seed of its own, one above that of
 * the pool before, so that one which fails can be had alone.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/prandom.h>

#include "model.h"

#define POOL_STEPS	20000UL
#define MAX_PAGES	5000

/**
 * struct walk - one pool and how it is treated
 * @m: the pool
 * @rnd: where the numbers come from
 * @unit: sizes are multiples of this, or of anything where it is 0
 * @filling: there are more allocations than releases at the moment
 */
struct walk {
	struct model m;
	struct rnd_state rnd;
	unsigned long unit;
	bool filling;
};

static unsigned long below(struct walk *w, unsigned long n)
{
	return prandom_u32_state(&w->rnd) % n;
}

static bool one_in(struct walk *w, unsigned long n)
{
	return !below(w, n);
}

/* As likely in one power of two as in the next; now and then 0 or too much. */
static unsigned long some_size(struct walk *w)
{
	unsigned long pages = below(w, 2UL << below(w, order_of(w->m.pages) + 2));

	return w->unit && !one_in(w, 50) ? (1 + pages % 4) * w->unit : pages;
}

static unsigned long some_limit(struct walk *w)
{
	if (one_in(w, 2))
		return ULONG_MAX;
	return below(w, w->m.pages + 10);
}

/* Mostly one that starts an allocation, where there is one. */
static unsigned long some_page(struct walk *w)
{
	unsigned long page = below(w, w->m.pages + 2);

	if (page < w->m.pages && !one_in(w, 8))
		while (page && w->m.map[page] == REST)
			page--;
	return page;
}

static void step(struct walk *w)
{
	unsigned long act = below(w, 16);

	if (one_in(w, 16 + w->m.pages / 4))
		w->filling = !w->filling;
	if (!act)
		model_look(&w->m, some_page(w));
	else if (act == 1)
		model_take(&w->m, some_page(w), some_size(w));
	else if (act < (w->filling ? 12 : 5))
		model_alloc(&w->m, some_size(w), some_limit(w));
	else
		model_free(&w->m, some_page(w));
}

/* Whatever it went through, an empty pool must serve all of itself. */
static void end(struct walk *w)
{
	unsigned long page;

	for (page = 0; page < w->m.pages; page++)
		if (w->m.map[page] == FIRST)
			model_free(&w->m, page);
	model_alloc(&w->m, w->m.pages, ULONG_MAX);
	model_check(&w->m);
	model_exit(&w->m);
}

static void walk(u64 seed, unsigned long steps, unsigned long pages, long order)
{
	struct walk w = { .filling = true };
	unsigned long n, some_pages, every;
	long some_order;

	prandom_seed_state(&w.rnd, seed);
	for (n = 0; n < 10; n++)
		prandom_u32_state(&w.rnd);
	some_pages = 1 + below(&w, one_in(&w, 2) ? 200 : MAX_PAGES);
	some_order = below(&w, 13);
	model_init(&w.m, pages ?: some_pages, order < 0 ? some_order : order);
	snprintf(w.m.again, sizeof(w.m.again),
		 "make model SEED=%llu STEPS=%lu PAGES=%lu ORDER=%ld",
		 (unsigned long long)seed, steps, pages, order);
	if (one_in(&w, 2))
		w.unit = 1 + below(&w, w.m.pages < 256 ? 16 : w.m.pages / 16);

	every = 1 + w.m.pages / 256;
	for (n = 0; n < steps; n++) {
		step(&w);
		if (n % every == 0)
			model_check(&w.m);
	}
	end(&w);
}

int main(int argc, char **argv)
{
	unsigned long steps = 200000, pages = 0, done, now;
	u64 first = 1, seed;
	long order = -1;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:p:o:")) != -1) {
		if (opt == 'n')
			steps = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			first = strtoull(optarg, NULL, 0);
		else if (opt == 'p')
			pages = strtoul(optarg, NULL, 0);
		else if (opt == 'o')
			order = strtol(optarg, NULL, 0);
		else
			return 2;
	}
	for (done = 0, seed = first; done < steps; done += now, seed++) {
		now = steps - done < POOL_STEPS ? steps - done : POOL_STEPS;
		walk(seed, now, pages, order);
	}
	printf("random: %lu steps on %llu pools from seed %llu on\n", done,
	       (unsigned long long)(seed - first), (unsigned long long)first);
	return 0;
}
