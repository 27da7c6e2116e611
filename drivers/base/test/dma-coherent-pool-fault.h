/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of per-device coherent memory: check everything that a page pool knows.
 */
#ifndef _DMA_COHERENT_POOL_FAULT_H
#define _DMA_COHERENT_POOL_FAULT_H

#include "../dma-coherent-pool.h"

size_t dma_coherent_pool_metadata(const struct dma_coherent_pool *pool);
const char *dma_coherent_pool_fault(const struct dma_coherent_pool *pool);

#endif /* _DMA_COHERENT_POOL_FAULT_H */
