// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "pool.h"

static FILE *pool_open(const char *name, const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/kernel/debug/dma-coherent/%s/%s", name, file);
	return fopen(path, "r");
}

static bool read_stat(struct pool *pool)
{
	FILE *file = pool_open(pool->name, "stat");
	unsigned long long value;
	char line[160], key[32];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31[^:]: %lli", key, (long long *)&value) != 2)
			continue;
		if (!strcmp(key, "base"))
			pool->base = value;
		else if (!strcmp(key, "size"))
			pool->size = value;
		else if (!strcmp(key, "used"))
			pool->used = value;
		else if (!strcmp(key, "free"))
			pool->free = value;
		else if (!strcmp(key, "high_water"))
			pool->high_water = value;
	}
	fclose(file);
	return true;
}

static bool read_map(struct pool *pool)
{
	FILE *file = pool_open(pool->name, "map");
	char line[160];

	if (!file)
		return false;
	while (pool->runs < POOL_RUNS && fgets(line, sizeof(line), file)) {
		struct pool_run *run = &pool->run[pool->runs];

		if (sscanf(line, "%lx %lx %47s", &run->offset, &run->length, run->owner) == 3)
			pool->runs++;
	}
	fclose(file);
	return true;
}

bool pool_read(struct pool *pool, const char *name)
{
	memset(pool, 0, sizeof(*pool));
	pool->name = name;
	return read_stat(pool) && read_map(pool);
}

bool pool_run_is_free(const struct pool_run *run)
{
	return !strcmp(run->owner, "-");
}
