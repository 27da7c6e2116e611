/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model: two devices, two regions, and for each page of a region which
 * buffer it belongs to. What it expects is worked out the slow way.
 *
 * A step returns NULL, or what is wrong. Steps that a suite adds use model_enter()
 * and model_leave() to tell the model of a buffer that comes or goes.
 */
#ifndef _DMA_COHERENT_MODEL_H
#define _DMA_COHERENT_MODEL_H

#include <linux/prandom.h>

#include "dma-coherent-fixture.h"

#define MODEL_BUFFERS	48
#define MODEL_PAGES	200
#define NOBODY		0xff

struct model_case {
	const char *name;
	unsigned long pages[2];
	unsigned long before[2];
	unsigned int seed;
};

struct model_buffer {
	bool live;
	unsigned int dev;
	unsigned int region;
	unsigned long first;
	unsigned long pages;
};

/**
 * struct model_user - what the model knows of an attachment
 * @place: its place in the device's list, 0 where there is none
 * @attached: it serves
 * @fallback: has DMA_COHERENT_FALLBACK
 * @live: buffers out
 */
struct model_user {
	unsigned int place;
	bool attached;
	bool fallback;
	long live;
};

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	struct device *dev[2];
	struct bank *bank[2];
	unsigned long pages[2];
	unsigned int max_order[2];
	struct model_buffer buffer[MODEL_BUFFERS];
	u8 owner[2][MODEL_PAGES];
	struct model_user user[2][2];
	unsigned int places;
	struct dma_coherent_stats stats[2];
	struct view view;
	struct file *file;
};

typedef const char *(*model_step)(struct model *m);

extern const struct model_case model_cases[5];

u32 model_below(struct model *m, u32 limit);
dma_addr_t model_handle(unsigned int r);
const char *model_enter(struct model *m, unsigned int d, unsigned int r, unsigned int b,
			unsigned long pages, void *vaddr);
const char *model_look_at(struct model *m, unsigned int b);
const char *model_leave(struct model *m, struct model_buffer *buffer,
			enum dma_coherent_verdict verdict);
void model_expect_sequence(struct kunit *test, const struct model_case *c,
			   const model_step *more, unsigned int n);

#endif /* _DMA_COHERENT_MODEL_H */
