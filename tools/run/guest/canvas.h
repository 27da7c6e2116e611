/* SPDX-License-Identifier: GPL-2.0 */
/* A picture in memory, one 0xRRGGBB word a pixel, and what draws into it. */
#ifndef CANVAS_H
#define CANVAS_H

#include <stdint.h>

struct canvas {
	int width, height;	/* in pixels */
	uint32_t *pixels;	/* row after row, no gaps */
};

/* Everything is cut off at the canvas's edges. */
void canvas_fill(struct canvas *c, int x, int y, int w, int h, uint32_t colour);
void canvas_frame(struct canvas *c, int x, int y, int w, int h, uint32_t colour);
/* Text in cells of 6x9 pixels times @size (1, 2 or 4); returns the x where it ends. */
int canvas_text(struct canvas *c, int x, int y, int size, uint32_t colour, const char *text);
int canvas_text_width(const char *text, int size);
/* The same, ending at @x. */
void canvas_text_right(struct canvas *c, int x, int y, int size, uint32_t colour, const char *text);
/* @a where @share is 0, @b where it is 255. */
uint32_t colour_mix(uint32_t a, uint32_t b, int share);
/* A fully saturated colour; @angle counts from 0 to 1535. */
uint32_t colour_hue(int angle);

#endif
