/* SPDX-License-Identifier: GPL-2.0 */
/* The picture: a map of the pool that it lies in, and test patterns to compare. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>

#include "canvas.h"
#include "display.h"
#include "pool.h"

struct picture {
	const struct pool *pool;
	const struct spare *spares;	/* named in the legend, by their length */
	size_t spare_count;
	size_t screen_length;		/* of this picture's own buffer, in bytes */
	char kernel[160], display[96];
};

void picture_draw(struct canvas *canvas, const struct picture *picture);

#endif
