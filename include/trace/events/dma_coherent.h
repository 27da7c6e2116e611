/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_coherent

#if !defined(_TRACE_DMA_COHERENT_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DMA_COHERENT_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(dma_coherent_pages,
	TP_PROTO(const char *dev, const char *pool, unsigned long page,
		 unsigned long pages),
	TP_ARGS(dev, pool, page, pages),
	TP_STRUCT__entry(
		__string(dev, dev)
		__string(pool, pool)
		__field(unsigned long, page)
		__field(unsigned long, pages)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(pool);
		__entry->page = page;
		__entry->pages = pages;
	),
	TP_printk("dev=%s pool=%s page=%lu pages=%lu", __get_str(dev),
		  __get_str(pool), __entry->page, __entry->pages)
);

/*
 * A buffer was allocated, was released, even if with a wrong order, or is about to
 * be mapped to user space.
 */
DEFINE_EVENT(dma_coherent_pages, dma_coherent_alloc,
	TP_PROTO(const char *dev, const char *pool, unsigned long page,
		 unsigned long pages),
	TP_ARGS(dev, pool, page, pages)
);

DEFINE_EVENT(dma_coherent_pages, dma_coherent_release,
	TP_PROTO(const char *dev, const char *pool, unsigned long page,
		 unsigned long pages),
	TP_ARGS(dev, pool, page, pages)
);

DEFINE_EVENT(dma_coherent_pages, dma_coherent_mmap,
	TP_PROTO(const char *dev, const char *pool, unsigned long page,
		 unsigned long pages),
	TP_ARGS(dev, pool, page, pages)
);

/* An allocation failed, or a release was ignored, which has 0 pages. */
TRACE_EVENT(dma_coherent_refuse,
	TP_PROTO(const char *dev, const char *pool, unsigned long pages,
		 const char *why),
	TP_ARGS(dev, pool, pages, why),
	TP_STRUCT__entry(
		__string(dev, dev)
		__string(pool, pool)
		__field(unsigned long, pages)
		__string(why, why)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(pool);
		__entry->pages = pages;
		__assign_str(why);
	),
	TP_printk("dev=%s pool=%s pages=%lu why=\"%s\"", __get_str(dev),
		  __get_str(pool), __entry->pages, __get_str(why))
);

/*
 * A buffer, or a page behind it, has bytes that were written after it was released,
 * or past its end. The device is the one that had the buffer.
 */
TRACE_EVENT(dma_coherent_stray,
	TP_PROTO(const char *dev, const char *pool, unsigned long page,
		 unsigned long pages, size_t offset, size_t bytes),
	TP_ARGS(dev, pool, page, pages, offset, bytes),
	TP_STRUCT__entry(
		__string(dev, dev)
		__string(pool, pool)
		__field(unsigned long, page)
		__field(unsigned long, pages)
		__field(size_t, offset)
		__field(size_t, bytes)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(pool);
		__entry->page = page;
		__entry->pages = pages;
		__entry->offset = offset;
		__entry->bytes = bytes;
	),
	TP_printk("dev=%s pool=%s page=%lu pages=%lu offset=%zu bytes=%zu",
		  __get_str(dev), __get_str(pool), __entry->page, __entry->pages,
		  __entry->offset, __entry->bytes)
);

DECLARE_EVENT_CLASS(dma_coherent_attachment,
	TP_PROTO(const char *dev, const char *pool, long live),
	TP_ARGS(dev, pool, live),
	TP_STRUCT__entry(
		__string(dev, dev)
		__string(pool, pool)
		__field(long, live)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(pool);
		__entry->live = live;
	),
	TP_printk("dev=%s pool=%s live=%ld", __get_str(dev), __get_str(pool),
		  __entry->live)
);

DEFINE_EVENT(dma_coherent_attachment, dma_coherent_attach,
	TP_PROTO(const char *dev, const char *pool, long live),
	TP_ARGS(dev, pool, live)
);

DEFINE_EVENT(dma_coherent_attachment, dma_coherent_detach,
	TP_PROTO(const char *dev, const char *pool, long live),
	TP_ARGS(dev, pool, live)
);

#endif /* _TRACE_DMA_COHERENT_H */

#include <trace/define_trace.h>
