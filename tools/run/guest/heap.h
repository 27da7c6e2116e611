/* SPDX-License-Identifier: GPL-2.0 */
/* A frame that user space allocates from a heap, and the display's driver imports. */
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canvas.h"
#include "display.h"

struct frame {
	uint8_t *pixels;	/* the mapping */
	size_t length;		/* in bytes, whole pages */
	uint32_t checksum;	/* CRC-32 of what was written */
};

/* NULL, or what went wrong, with errno set. */
const char *frame_allocate(struct frame *frame, int *file, const char *heap,
			   const struct framebuffer *like);
/* The nth file descriptor in the system that holds a buffer of the heap, as a path; false if there are fewer. */
bool frame_find_holder(const char *heap, unsigned int n, char *path, size_t size);
void frame_draw(struct frame *frame, const struct framebuffer *like, const struct canvas *canvas);
/* Has the display show it in place of the framebuffer. */
const char *frame_show(int card, int file, const struct framebuffer *like);

#endif
