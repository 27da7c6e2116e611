// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "font.h"
#include "picture.h"

#define PAGE			4096ul
#define MARGIN			14
#define LINE			12	/* from one line of small text to the next */
#define PATTERNS		74	/* the height of the test patterns */
#define LEGEND_LINE		11
#define LEGEND			214	/* the width of the legend */
#define CELL_LEAST		4
#define CELL_MOST		24

#define BACKGROUND		0x10141c
#define FREE			0x28303c
#define TEXT			0xd8dee8
#define FAINT			0x8792a2
#define WHITE			0xffffff

/* The screen's own buffer has the first colour, the others take turns. */
static const uint32_t run_colours[] = {
	0xf8b830, 0x3c9cf0, 0xe85c78, 0x40c8a0, 0xa878f0, 0xf08848, 0x58c0e8, 0xd870c8, 0x90c848, 0x7888f8,
};

#define RUN_COLOURS		(sizeof(run_colours) / sizeof(run_colours[0]))

struct area {
	int x, y, w, h;
};

static const char *bytes_text(unsigned long long bytes, char text[24])
{
	if (bytes >= 1ull << 20)
		snprintf(text, 24, bytes % (1 << 20) ? "%.2f MiB" : "%.0f MiB", (double)bytes / (1 << 20));
	else
		snprintf(text, 24, "%llu KiB", bytes >> 10);
	return text;
}

static unsigned long page_up(unsigned long bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE;
}

/* The driver's framebuffer is the first run of its length: it was allocated first. */
static int screen_run(const struct picture *picture)
{
	const struct pool *pool = picture->pool;

	for (int i = 0; i < pool->runs; i++)
		if (!pool_run_is_free(&pool->run[i]) && pool->run[i].length == page_up(picture->screen_length))
			return i;
	return -1;
}

static uint32_t run_colour(const struct picture *picture, int run)
{
	int screen = screen_run(picture), turn = 0;

	if (pool_run_is_free(&picture->pool->run[run]))
		return FREE;
	if (run == screen)
		return run_colours[0];
	for (int i = 0; i < run; i++)
		turn += i != screen && !pool_run_is_free(&picture->pool->run[i]);
	return run_colours[1 + turn % (RUN_COLOURS - 1)];
}

static const char *run_name(const struct picture *picture, int run)
{
	const struct pool_run *r = &picture->pool->run[run];
	const char *name = NULL;

	if (pool_run_is_free(r))
		return "free";
	if (run == screen_run(picture))
		return "this screen";
	for (size_t i = 0; i < picture->spare_count; i++) {
		if (!picture->spares[i].handle || picture->spares[i].length != r->length)
			continue;
		if (name && strcmp(name, picture->spares[i].name))
			return r->owner;
		name = picture->spares[i].name;
	}
	return name ? name : r->owner;
}

static int used_runs(const struct pool *pool)
{
	int used = 0;

	for (int i = 0; i < pool->runs; i++)
		used += !pool_run_is_free(&pool->run[i]);
	return used;
}

static void draw_title(struct canvas *c, const struct picture *picture, int *y)
{
	const struct pool *pool = picture->pool;
	char line[160], size[24], used[24], high[24];
	int right = c->width - MARGIN;

	canvas_text(c, MARGIN, *y, 2, WHITE, pool->name);
	if (canvas_text_width(pool->name, 2) + canvas_text_width(picture->kernel, 1) + 4 * MARGIN < c->width) {
		canvas_text_right(c, right, *y, 1, FAINT, picture->kernel);
		canvas_text_right(c, right, *y + LINE, 1, FAINT, picture->display);
	}
	*y += 25;
	snprintf(line, sizeof(line), "%s at %#llx " FONT_DOT " %lu pages of 4 KiB", bytes_text(pool->size, size),
		 pool->base, pool->size / PAGE);
	canvas_text(c, MARGIN, *y, 1, TEXT, line);
	snprintf(line, sizeof(line), "%d buffers, %s used, %s at most", used_runs(pool),
		 bytes_text(pool->used, used), bytes_text(pool->high_water, high));
	if (c->width >= 600)
		canvas_text_right(c, right, *y, 1, TEXT, line);
	*y += LINE + 3;
}

/* The pool from end to end on one line, to scale, with a mark at every eighth. */
static void draw_bar(struct canvas *c, const struct picture *picture, int *y)
{
	const struct pool *pool = picture->pool;
	unsigned long size = pool->size ? pool->size : 1;
	int width = c->width - 2 * MARGIN;

	canvas_fill(c, MARGIN, *y, width, 14, FREE);
	for (int i = 0; i < pool->runs; i++) {
		int from = (unsigned long long)pool->run[i].offset * width / size;
		int to = (unsigned long long)(pool->run[i].offset + pool->run[i].length) * width / size;

		canvas_fill(c, MARGIN + from, *y, to - from, 14, run_colour(picture, i));
		if (!pool_run_is_free(&pool->run[i]))
			canvas_fill(c, MARGIN + from, *y, 1, 14, BACKGROUND);
	}
	for (int i = 0; i <= 8; i++) {
		int x = MARGIN + i * (width - 1) / 8;
		char text[24];

		canvas_fill(c, x, *y + 14, 1, 3, FAINT);
		if (i % 2)
			continue;
		bytes_text(pool->size / 8 * i, text);
		x -= i == 0 ? 0 : i == 8 ? canvas_text_width(text, 1) - 1 : canvas_text_width(text, 1) / 2;
		canvas_text(c, x, *y + 19, 1, FAINT, i ? text : "0");
	}
	*y += 19 + LINE + 6;
}

struct grid {
	unsigned long pages_per_cell;
	int columns, rows, cell_w, cell_h;
};

static int at_most(int value, int most)
{
	return value < most ? value : most;
}

/* As few pages a cell as the area allows, and of the ways to lay them the one with the largest cells. */
static struct grid fit_grid(unsigned long pages, const struct area *area)
{
	struct grid best = { .pages_per_cell = 1 };

	for (unsigned long per = 1; !best.columns && per < pages * 2; per *= 2) {
		int cells = (pages + per - 1) / per;

		for (int columns = 1; columns <= area->w / CELL_LEAST; columns *= 2) {
			int rows = (cells + columns - 1) / columns;
			int w = at_most(area->w / columns, CELL_MOST), h = at_most(area->h / rows, CELL_MOST);

			if (at_most(w, h) >= CELL_LEAST && w * h > best.cell_w * best.cell_h)
				best = (struct grid) { per, columns, rows, w, h };
		}
	}
	return best;
}

/* The colour of @count pages: the run that has most of them, paler where some are free. */
static uint32_t cell_colour(const struct picture *picture, unsigned long first, unsigned long count)
{
	const struct pool *pool = picture->pool;
	unsigned long from = first * PAGE, to = (first + count) * PAGE, used = 0, most = 0;
	uint32_t colour = FREE;

	for (int i = 0; i < pool->runs; i++) {
		const struct pool_run *run = &pool->run[i];
		unsigned long start = run->offset > from ? run->offset : from;
		unsigned long end = run->offset + run->length < to ? run->offset + run->length : to;

		if (start >= end || pool_run_is_free(run))
			continue;
		used += end - start;
		if (end - start > most) {
			most = end - start;
			colour = run_colour(picture, i);
			if (start == run->offset && count == 1)
				colour = colour_mix(colour, WHITE, 120);
		}
	}
	return used ? colour_mix(FREE, colour, 80 + 175 * used / (to - from)) : FREE;
}

static void draw_grid(struct canvas *c, const struct picture *picture, struct area area)
{
	unsigned long pages = picture->pool->size / PAGE;
	const int labels = 60;
	struct grid grid;

	area.x += labels;
	area.w -= labels;
	grid = fit_grid(pages, &area);
	for (unsigned long page = 0; grid.columns && page < pages; page += grid.pages_per_cell) {
		unsigned long cell = page / grid.pages_per_cell, left = pages - page;
		int x = area.x + cell % grid.columns * grid.cell_w;
		int y = area.y + cell / grid.columns * grid.cell_h;

		canvas_fill(c, x, y, grid.cell_w - 1, grid.cell_h - 1,
			    cell_colour(picture, page, left < grid.pages_per_cell ? left : grid.pages_per_cell));
	}
	for (int row = 0, next = 0; row < grid.rows; row++) {
		char text[24];

		if (row * grid.cell_h < next)
			continue;
		next = row * grid.cell_h + 2 * LINE;
		snprintf(text, sizeof(text), "0x%06lx", row * grid.columns * grid.pages_per_cell * PAGE);
		canvas_text(c, area.x - labels, area.y + row * grid.cell_h, 1, FAINT, text);
	}
}

/* "" where there are several, or none. */
static const char *only_owner(const struct pool *pool)
{
	const char *owner = "";

	for (int i = 0; i < pool->runs; i++) {
		if (pool_run_is_free(&pool->run[i]))
			continue;
		if (*owner && strcmp(owner, pool->run[i].owner))
			return "";
		owner = pool->run[i].owner;
	}
	return owner;
}

static void draw_legend(struct canvas *c, const struct picture *picture, struct area area)
{
	const struct pool *pool = picture->pool;
	int lines = area.h / LEGEND_LINE - 1, shown = pool->runs < lines ? pool->runs : lines - 1;
	int y = area.y;
	char text[48], size[24];

	canvas_text(c, area.x + 13, y, 1, FAINT, "offset       length  what");
	for (int i = 0; i < shown; i++) {
		bool free = pool_run_is_free(&pool->run[i]);

		y += LEGEND_LINE;
		canvas_fill(c, area.x, y, 8, 8, run_colour(picture, i));
		snprintf(text, sizeof(text), "0x%06lx %10s", pool->run[i].offset, bytes_text(pool->run[i].length, size));
		canvas_text(c, area.x + 13, y, 1, free ? FAINT : TEXT, text);
		canvas_text(c, area.x + 13 + 21 * 6, y, 1, free ? FAINT : WHITE, run_name(picture, i));
	}
	if (shown < pool->runs)
		snprintf(text, sizeof(text), "and %d more", pool->runs - shown);
	else
		snprintf(text, sizeof(text), "all held by %.24s", only_owner(pool));
	if (shown < pool->runs || *only_owner(pool))
		canvas_text(c, area.x + 13, y + LEGEND_LINE, 1, FAINT, text);
}

static void draw_captions(struct canvas *c, const struct area *area)
{
	static const char *const captions[] = {
		"corners of the colour cube", "every level of each channel", "every hue, white to black",
	};

	if (area->w < 540)
		return;
	for (int i = 0; i < 3; i++)
		canvas_text(c, area->x + i * (area->w / 3) + (i == 2), area->y - LINE, 1, FAINT, captions[i]);
}

/* Every level of every channel, the eight corners of the colour cube, and all hues. */
static void draw_patterns(struct canvas *c, struct area area)
{
	static const uint32_t bars[] = {
		0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff, 0x000000,
	};
	static const uint32_t ramps[] = { 0xff0000, 0x00ff00, 0x0000ff, 0xffffff };
	int third = area.w / 3, band = area.h / 4;

	for (int x = 0; x < third - 6; x++)
		canvas_fill(c, area.x + x, area.y, 1, area.h, bars[x * 8 / (third - 6)]);
	for (int x = 0; x < third - 6; x++)
		for (int i = 0; i < 4; i++)
			canvas_fill(c, area.x + third + x, area.y + i * band, 1, i < 3 ? band : area.h - 3 * band,
				    colour_mix(0, ramps[i], x * 255 / (third - 7)));
	for (int x = 0; x < third; x++)
		for (int y = 0; y < area.h; y++) {
			uint32_t hue = colour_hue(x * 1536 / third);
			int level = y * 510 / (area.h - 1);

			canvas_fill(c, area.x + area.w - third + x, area.y + y, 1, 1,
				    level < 256 ? colour_mix(0xffffff, hue, level) : colour_mix(hue, 0, level - 255));
		}
}

/* All four edges, each pixel unlike its neighbours: one that is cut off or moved shows. */
static void draw_edge(struct canvas *c)
{
	int w = c->width, h = c->height, round = 2 * (w + h) - 4;

	for (int i = 0; i < round; i++) {
		int x = i < w ? i : i < w + h - 1 ? w - 1 : i < 2 * w + h - 2 ? 2 * w + h - 3 - i : 0;
		int y = i < w ? 0 : i < w + h - 1 ? i - w + 1 : i < 2 * w + h - 2 ? h - 1 : round - i;
		uint32_t hue = colour_hue(i * 1536 / round);

		canvas_fill(c, x, y, 1, 1, i % 2 ? hue : colour_mix(hue, WHITE, 100));
	}
}

void picture_draw(struct canvas *c, const struct picture *picture)
{
	bool legend = c->width >= 520;
	struct area map = { MARGIN, 0, c->width - 2 * MARGIN, 0 };
	struct area patterns = { MARGIN, c->height - MARGIN - PATTERNS, c->width - 2 * MARGIN, PATTERNS };
	int y = MARGIN;

	canvas_fill(c, 0, 0, c->width, c->height, BACKGROUND);
	draw_title(c, picture, &y);
	draw_bar(c, picture, &y);
	map.y = y;
	map.h = patterns.y - y - LINE - MARGIN / 2;
	if (legend) {
		map.w -= LEGEND + MARGIN;
		draw_legend(c, picture, (struct area) { map.x + map.w + MARGIN, y, LEGEND, map.h });
	}
	draw_grid(c, picture, map);
	draw_captions(c, &patterns);
	draw_patterns(c, patterns);
	draw_edge(c);
}
