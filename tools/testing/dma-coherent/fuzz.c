// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer's way in: its bytes choose a pool and what is done with it.
 *
 * Two bytes of size and one of alignment order, then five bytes a step: what
 * to do, and two numbers to do it with.
 */
#include <linux/bitops.h>

#include "model.h"

#define MAX_PAGES	700
#define MAX_ORDER	10

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static unsigned int number(const u8 *data)
{
	return data[0] << 8 | data[1];
}

static void step(struct model *m, unsigned int act, unsigned int a, unsigned int b)
{
	switch (act % 8) {
	case 0:
		model_alloc(m, a % (m->pages + 2), ULONG_MAX);
		break;
	case 1:
		model_alloc(m, a % (m->pages + 2), b % (m->pages + 2));
		break;
	case 2:
		model_alloc(m, a % 9, ULONG_MAX);
		break;
	case 3:
		model_alloc(m, a % 9 * BITS_PER_LONG, b % (m->pages + 2));
		break;
	case 4:
		model_free(m, a % (m->pages + 2));
		break;
	case 5:
		model_take(m, a % (m->pages + 2), b % (m->pages + 2));
		break;
	case 6:
		model_take(m, a % (m->pages + 2), b % 9);
		break;
	case 7:
		model_look(m, a % (m->pages + 2));
		break;
	}
	model_check(m);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const u8 *end = data + size;
	struct model m;

	if (size < 3)
		return 0;
	model_init(&m, 1 + number(data) % MAX_PAGES, data[2] % (MAX_ORDER + 1));
	for (data += 3; end - data >= 5; data += 5)
		step(&m, data[0], number(data + 1), number(data + 3));
	model_exit(&m);
	return 0;
}
