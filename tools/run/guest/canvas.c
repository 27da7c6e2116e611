// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <string.h>

#include "canvas.h"
#include "font.h"

static void plot(struct canvas *c, int x, int y, uint32_t colour)
{
	if (x >= 0 && x < c->width && y >= 0 && y < c->height)
		c->pixels[y * c->width + x] = colour;
}

void canvas_fill(struct canvas *c, int x, int y, int w, int h, uint32_t colour)
{
	for (int row = y; row < y + h; row++)
		for (int column = x; column < x + w; column++)
			plot(c, column, row, colour);
}

void canvas_frame(struct canvas *c, int x, int y, int w, int h, uint32_t colour)
{
	canvas_fill(c, x, y, w, 1, colour);
	canvas_fill(c, x, y + h - 1, w, 1, colour);
	canvas_fill(c, x, y, 1, h, colour);
	canvas_fill(c, x + w - 1, y, 1, h, colour);
}

/*
 * One dot of a glyph. Each doubling rounds the corners: a dot takes the colour
 * of the two neighbours that meet at it, where these agree and the others don't.
 */
static bool glyph_dot(int glyph, int x, int y, int size)
{
	int half = size / 2;
	bool here, side, along, far_side, far_along;

	if (x < 0 || y < 0 || x >= FONT_COLUMNS * size || y >= FONT_ROWS * size)
		return false;
	if (size == 1)
		return font_art[glyph / 8][y][glyph % 8 * (FONT_COLUMNS + 1) + x] == '#';

	here = glyph_dot(glyph, x / 2, y / 2, half);
	side = glyph_dot(glyph, x / 2 + (x % 2 ? 1 : -1), y / 2, half);
	along = glyph_dot(glyph, x / 2, y / 2 + (y % 2 ? 1 : -1), half);
	far_side = glyph_dot(glyph, x / 2 - (x % 2 ? 1 : -1), y / 2, half);
	far_along = glyph_dot(glyph, x / 2, y / 2 - (y % 2 ? 1 : -1), half);
	if (side == along && side != far_along && along != far_side)
		return side;
	return here;
}

int canvas_text(struct canvas *c, int x, int y, int size, uint32_t colour, const char *text)
{
	for (; *text; text++, x += (FONT_COLUMNS + 1) * size) {
		int glyph = (unsigned char)*text - ' ';

		if (glyph < 0 || glyph >= 96)
			glyph = '?' - ' ';
		for (int row = 0; row < FONT_ROWS * size; row++)
			for (int column = 0; column < FONT_COLUMNS * size; column++)
				if (glyph_dot(glyph, column, row, size))
					plot(c, x + column, y + row, colour);
	}
	return x;
}

int canvas_text_width(const char *text, int size)
{
	return (int)strlen(text) * (FONT_COLUMNS + 1) * size - size;
}

void canvas_text_right(struct canvas *c, int x, int y, int size, uint32_t colour, const char *text)
{
	canvas_text(c, x - canvas_text_width(text, size), y, size, colour, text);
}

uint32_t colour_mix(uint32_t a, uint32_t b, int share)
{
	uint32_t mixed = 0;

	for (int shift = 0; shift < 24; shift += 8) {
		int from = a >> shift & 255, to = b >> shift & 255;

		mixed |= (uint32_t)(from + (to - from) * share / 255) << shift;
	}
	return mixed;
}

uint32_t colour_hue(int angle)
{
	static const uint32_t corners[] = {
		0xff0000, 0xffff00, 0x00ff00, 0x00ffff, 0x0000ff, 0xff00ff, 0xff0000,
	};

	return colour_mix(corners[angle / 256], corners[angle / 256 + 1], angle % 256);
}
