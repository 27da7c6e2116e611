// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every state that small pools can reach, every operation in each of them.
 *
 * Where a pool puts things is determined by what it holds, hints and all, so
 * its states are explored by doing every operation in every state that was
 * found, until no new ones turn up.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bitops.h>
#include <linux/kernel.h>

#include "model.h"

#define MAX_UNITS	8
#define MAX_ORDER	4

/**
 * struct window - the part of a pool that is explored
 * @lead: pages in front of it, held all the time
 * @unit: all sizes are multiples of it, limits of half of it
 * @units: its size
 */
struct window {
	unsigned long lead;
	unsigned long unit;
	unsigned long units;
};

/* Around the end of a word, of a word of words, and with runs of any length. */
#define WORD	BITS_PER_LONG

static const struct window windows[] = {
	{ WORD - 4, 1, 8 }, { WORD * WORD - 4, 1, 7 },
	{ 0, 3, 7 }, { 0, 13, 7 }, { 5, 24, 6 }, { 0, WORD / 2, 6 },
	{ 1, WORD / 2 + 1, 6 }, { WORD / 2 - 1, WORD, 6 },
	{ 0, WORD + WORD / 2, 5 }, { WORD, 4 * WORD, 5 },
};

/* A state is kept as the pool, its memory and the model's array, in a row. */
struct state {
	struct state *next;
	char bytes[];
};

static struct model m;
static size_t mem_size, state_size;
static char *scratch;
static unsigned long states, operations;

static void save(char *bytes)
{
	bytes = mempcpy(bytes, &m.pool, sizeof(m.pool));
	bytes = mempcpy(bytes, m.pool.mem, mem_size);
	memcpy(bytes, m.map, m.pages);
}

static void restore(const char *bytes)
{
	memcpy(&m.pool, bytes, sizeof(m.pool));
	memcpy(m.pool.mem, bytes + sizeof(m.pool), mem_size);
	memcpy(m.map, bytes + sizeof(m.pool) + mem_size, m.pages);
	m.used = m.pool.used_pages;
}

static int compare(const void *a, const void *b)
{
	const struct state *one = a, *other = b;

	return memcmp(one->bytes, other->bytes, state_size);
}

/**
 * struct search - what was found so far
 * @known: a tree of all states
 * @tail: the last state in the queue of those to explore
 */
struct search {
	void *known;
	struct state *tail;
};

/* The pool did something: note the state that it is in now. */
static void found(struct search *search)
{
	struct state *state = malloc(sizeof(*state) + state_size), **known;

	state->next = NULL;
	save(state->bytes);
	known = tsearch(state, &search->known, compare);
	if (*known != state) {
		free(state);
		return;
	}
	model_check(&m);
	states++;
	if (search->tail)
		search->tail->next = state;
	search->tail = state;
}

/* @result is what an operation in state @before returned. */
static void done(struct search *search, const struct state *before, long result)
{
	operations++;
	if (result >= 0) {
		found(search);
		restore(before->bytes);
		return;
	}
	save(scratch);
	if (memcmp(scratch, before->bytes, state_size)) {
		fprintf(stderr, "FAILED: a refused operation changed the pool\n");
		model_check(&m);
		abort();
	}
}

static void explore(struct search *search, const struct state *state,
		    const struct window *win)
{
	unsigned long i, limit, page;

	restore(state->bytes);
	for (i = 0; i <= win->units + 1; i++) {
		done(search, state, model_alloc(&m, i * win->unit, ULONG_MAX));
		for (limit = win->lead; limit <= m.pages; limit += (win->unit + 1) / 2)
			done(search, state, model_alloc(&m, i * win->unit, limit));
	}
	for (page = win->lead ? win->lead - 1 : 0; page <= m.pages; page++) {
		done(search, state, model_free(&m, page));
		if ((page - win->lead) % win->unit)
			continue;
		for (i = 0; i <= win->units + 1; i++)
			done(search, state, model_take(&m, page, i * win->unit));
	}
}

static void run(const struct window *win, unsigned int max_align_order)
{
	struct search search = { };
	struct state *state;

	model_init(&m, win->lead + win->units * win->unit, max_align_order);
	mem_size = dma_coherent_pool_metadata(&m.pool);
	state_size = sizeof(m.pool) + mem_size + m.pages;
	scratch = malloc(state_size);
	if (win->lead)
		model_alloc(&m, win->lead, ULONG_MAX);

	found(&search);
	for (state = search.tail; state; state = state->next)
		explore(&search, state, win);

	tdestroy(search.known, free);
	free(scratch);
	model_exit(&m);
}

int main(void)
{
	unsigned int order, i;

	for (order = 0; order <= MAX_ORDER; order++) {
		for (i = 1; i <= MAX_UNITS; i++)
			run(&(struct window){ 0, 1, i }, order);
		for (i = 0; i < ARRAY_SIZE(windows); i++)
			run(&windows[i], order + order_of(windows[i].unit));
	}
	printf("exhaustive: %lu operations in %lu states\n", operations, states);
	return 0;
}
