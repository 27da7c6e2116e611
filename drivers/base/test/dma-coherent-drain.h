/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the suites of per-device coherent memory: how a test gives back what it, or
 * a test that failed, has left allocated
 */
#ifndef _DMA_COHERENT_DRAIN_H
#define _DMA_COHERENT_DRAIN_H

#include <linux/dma-map-ops.h>
#include <linux/log2.h>
#include <linux/pfn.h>

#include "../dma-coherent.h"

static inline bool dma_coherent_run_at(struct dma_coherent_region *region,
				       unsigned long page, struct dma_coherent_run *run)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&region->lock, flags);
	found = dma_coherent_pool_run(&region->pool, page, run);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return found;
}

/* A device that dies keeps its buffers' pages, and the pages their region. */
static inline void dma_coherent_drain(struct device *dev)
{
	struct dma_coherent_mem *mem;
	struct dma_coherent_run run;
	unsigned long page;

	rcu_read_lock();
	for (mem = READ_ONCE(dev->dma_mem); mem; mem = rcu_dereference_raw(mem->next))
		for (page = 0; dma_coherent_run_at(mem->region, page, &run);
		     page = run.first + run.pages)
			if (run.used)
				dma_release_from_dev_coherent(dev, order_base_2(run.pages),
							      mem->region->vaddr +
							      PFN_PHYS(run.first));
	rcu_read_unlock();
}

#endif /* _DMA_COHERENT_DRAIN_H */
