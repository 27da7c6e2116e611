/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to scatter lists of per-device coherent memory and their tests.
 */
#ifndef _BASE_DMA_COHERENT_SGTABLE_H
#define _BASE_DMA_COHERENT_SGTABLE_H

#include <linux/types.h>

bool dma_coherent_has_pages(unsigned long pfn, unsigned long pages);

#endif /* _BASE_DMA_COHERENT_SGTABLE_H */
