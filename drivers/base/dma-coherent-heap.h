/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the dma-buf heaps of per-device coherent memory and their tests.
 */
#ifndef _BASE_DMA_COHERENT_HEAP_H
#define _BASE_DMA_COHERENT_HEAP_H

#include <linux/types.h>

struct dma_buf;
struct dma_heap;
struct dma_heap_export_info;
struct dma_coherent_heap;
struct sg_table;

struct dma_heap *dma_coherent_heap_add(const struct dma_heap_export_info *info);
struct dma_coherent_heap *dma_coherent_heap_by_name(const char *name);
struct dma_buf *dma_coherent_heap_alloc(struct dma_coherent_heap *heap, size_t size, u32 fd_flags);
int dma_coherent_heap_table(struct sg_table *table, dma_addr_t addr, size_t size);
void dma_coherent_heap_free_table(struct sg_table *table);

#endif /* _BASE_DMA_COHERENT_HEAP_H */
