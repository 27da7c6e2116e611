/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool beside an array with one character a page that is obviously right.
 * Each operation is done on both, and the program aborts where they differ.
 */
#ifndef MODEL_H
#define MODEL_H

#include <linux/limits.h>
#include <dma-coherent-pool.h>
#include <test/dma-coherent-pool-fault.h>

/**
 * struct model - a pool, and what it should be
 * @pool: the pool under test
 * @lock: asserted by each of its operations
 * @pages: size of both
 * @max_align_order: alignment limit of both
 * @used: how many characters of @map are not FREE
 * @map: the array: FREE, or FIRST for an allocation's first page, REST for others
 * @again: the command that does the same once more; printed on failure
 */
struct model {
	struct dma_coherent_pool pool;
	raw_spinlock_t lock;
	unsigned long pages;
	unsigned int max_align_order;
	unsigned long used;
	char *map;
	char again[80];
};

enum { FREE = '.', FIRST = '[', REST = '=' };

void model_init(struct model *m, unsigned long pages, unsigned int max_align_order);
void model_exit(struct model *m);

/* Each takes any numbers, valid or not, and returns what the pool returned. */
long model_alloc(struct model *m, unsigned long pages, unsigned long limit);
long model_take(struct model *m, unsigned long page, unsigned long pages);
long model_free(struct model *m, unsigned long page);
void model_look(struct model *m, unsigned long page);

/* Compare everything. Time grows with the pool. */
void model_check(struct model *m);

/* The smallest n for which 1 << n is not below @pages. */
unsigned int order_of(unsigned long pages);

#endif
