/* SPDX-License-Identifier: GPL-2.0 */
/* The framebuffer, and spare buffers of the same driver: both come from its pool. */
#ifndef DISPLAY_H
#define DISPLAY_H

#include <linux/fb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canvas.h"

struct framebuffer {
	struct fb_fix_screeninfo fix;
	struct fb_var_screeninfo var;
	uint8_t *pixels;	/* the mapping */
	size_t length;		/* of the picture, in bytes: stride times lines */
	bool zeroed;		/* was all zero when it was mapped */
	uint32_t checksum;	/* CRC-32 of what was written */
};

/* NULL, or what went wrong, with errno set. */
const char *framebuffer_open(struct framebuffer *fb);
void framebuffer_show(struct framebuffer *fb, const struct canvas *canvas);

enum spare_when {
	STAYS,
	BRIEF,			/* freed again, to leave a hole */
	LATE,			/* allocated after that */
};

struct spare {
	const char *name;
	unsigned int width, height, bpp;
	enum spare_when when;
	uint32_t handle;	/* 0 where there is none */
	size_t length;		/* in bytes, whole pages */
	uint8_t *bytes;		/* the mapping */
	bool zeroed;
	uint32_t checksum;
};

/* 0, or an errno: ENOMEM where the pool has no room for it. */
int spare_create(int card, struct spare *spare);
void spare_destroy(int card, struct spare *spare);

#endif
