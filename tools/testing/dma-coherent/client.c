// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program outside that uses the library: it has the library's directory on
 * its include path and nothing else.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "dma-coherent-pool.h"

#define CHECK(claim) do {						\
	if (!(claim)) {							\
		fprintf(stderr, "FAILED: line %d: %s\n", __LINE__, #claim);	\
		return 1;						\
	}								\
} while (0)

static struct dma_coherent_pool pool;

/* The largest pool there can be. It may be more than the host's memory. */
static int largest(void)
{
	const unsigned long pages = INT_MAX;
	unsigned long first;
	int err = dma_coherent_pool_init(&pool, pages, UINT_MAX);

	if (err == -ENOMEM)
		return 0;
	CHECK(!err);
	CHECK(dma_coherent_pool_alloc(&pool, pages, ULONG_MAX) == 0);
	CHECK(dma_coherent_pool_span(&pool, pages - 1, &first) == INT_MAX && !first);
	CHECK(dma_coherent_pool_free(&pool, 0) == INT_MAX);
	CHECK(dma_coherent_pool_alloc(&pool, 1, pages) == 0);
	CHECK(dma_coherent_pool_alloc(&pool, (1UL << 30), pages) == -ENOMEM);
	CHECK(dma_coherent_pool_alloc(&pool, (1UL << 30) - 1, pages) == 1UL << 30);
	CHECK(dma_coherent_pool_free(&pool, 1) == -EINVAL);
	dma_coherent_pool_exit(&pool);
	return 0;
}

int main(void)
{
	unsigned long first = 0;

	CHECK(dma_coherent_pool_init(&pool, 0, 8) == -EINVAL);
	CHECK(dma_coherent_pool_init(&pool, INT_MAX + 1UL, 8) == -EINVAL);
	CHECK(dma_coherent_pool_init(&pool, 100, 4) == 0);
	CHECK(dma_coherent_pool_alloc(&pool, 3, ULONG_MAX) == 0);
	CHECK(dma_coherent_pool_alloc(&pool, 20, 32) == -ENOMEM);
	CHECK(dma_coherent_pool_alloc(&pool, 20, 36) == 16);
	CHECK(dma_coherent_pool_alloc(&pool, 0, 36) == -EINVAL);
	CHECK(dma_coherent_pool_span(&pool, 35, &first) == 20 && first == 16);
	CHECK(dma_coherent_pool_span(&pool, 3, &first) == -ENOENT && first == 16);
	CHECK(dma_coherent_pool_free(&pool, 17) == -EINVAL);
	CHECK(dma_coherent_pool_take(&pool, 30, 10) == -EBUSY);
	CHECK(dma_coherent_pool_free(&pool, 16) == 20);
	CHECK(dma_coherent_pool_take(&pool, 30, 10) == 30);
	dma_coherent_pool_exit(&pool);
	if (largest())
		return 1;
	puts("client: the library serves");
	return 0;
}
