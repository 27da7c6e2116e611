/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel tells of a pool under /sys/kernel/debug/dma-coherent/. */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>

#define POOL_RUNS		512

struct pool_run {
	unsigned long offset, length;	/* in bytes */
	char owner[48];			/* "-" where the run is free */
};

struct pool {
	const char *name;
	unsigned long long base;
	unsigned long size, used, free, high_water;	/* in bytes */
	int runs;
	struct pool_run run[POOL_RUNS];
};

/* Both files of the pool named @name; false where one can't be read. */
bool pool_read(struct pool *pool, const char *name);
bool pool_run_is_free(const struct pool_run *run);

#endif
