/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the suites of per-device coherent memory: what the kernel's log says
 */
#ifndef _DMA_COHERENT_LOG_H
#define _DMA_COHERENT_LOG_H

#include <kunit/test.h>
#include <linux/kmsg_dump.h>
#include <linux/string.h>

#define LOG_PREFIX	"dma-coherent: "

/* From here on; up to where the log has been read is in @log. */
static inline void log_start(struct kunit *test, struct kmsg_dump_iter *log)
{
	if (!IS_ENABLED(CONFIG_PRINTK))
		kunit_skip(test, "needs CONFIG_PRINTK");
	kmsg_dump_rewind(log);
	log->cur_seq = log->next_seq;
}

/* The next line of ours, without what comes before it; or nothing. */
static inline char *log_next(struct kmsg_dump_iter *log, char *line, size_t size)
{
	char *ours;
	size_t len;

	while (kmsg_dump_get_line(log, false, line, size - 1, &len)) {
		line[len] = '\0';
		ours = strstr(line, LOG_PREFIX);
		if (ours)
			return strim(ours + strlen(LOG_PREFIX));
	}
	return "";
}

/* Return: how many of the lines since have @part in them. */
static inline unsigned int log_count(struct kmsg_dump_iter *log, const char *part)
{
	static char line[512];
	unsigned int count = 0;
	char *ours;

	while (*(ours = log_next(log, line, sizeof(line))))
		count += !!strstr(ours, part);
	return count;
}

#endif /* _DMA_COHERENT_LOG_H */
