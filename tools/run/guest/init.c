// SPDX-License-Identifier: GPL-2.0
/*
 * The only program of the guest. It draws through /dev/fb0, holds more buffers
 * of the display driver's, and tells the host on the second serial port what it
 * did, one "key: values" a line. What it believes, the host checks from outside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#include "display.h"
#include "heap.h"
#include "picture.h"
#include "pool.h"

#define HOST_SECONDS		120	/* then the guest ends without the host */

static int host = -1;

__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	printf("%s\n", line);
	dprintf(host, "%s\n", line);
}

/* QEMU's monitor asks the first CPU for its page tables: ours, as long as we stay there. */
static void stay_on_first_cpu(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
}

static void mount_all(void)
{
	static const char *const mounts[][2] = {
		{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" },
		{ "debugfs", "/sys/kernel/debug" }, { "tracefs", "/sys/kernel/tracing" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i][1], 0755);
		if (mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL))
			printf("%s: %s\n", mounts[i][1], strerror(errno));
	}
}

static void open_host(void)
{
	const char *port = getenv("port");
	struct termios raw;
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", port ? port : "");
	host = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (host < 0 || tcgetattr(host, &raw))
		return;
	cfmakeraw(&raw);
	tcsetattr(host, TCSANOW, &raw);
}

static void wait_for_host(const char *word)
{
	struct pollfd ready = { .fd = host, .events = POLLIN };
	char answer[16];

	say("waiting: %s", word);
	if (poll(&ready, 1, HOST_SECONDS * 1000) == 1)
		(void)!read(host, answer, sizeof(answer));
}

/* A file as it is, between two lines that mark it. */
static void say_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[400];

	if (!file) {
		say("missing: %s: %s", path, strerror(errno));
		return;
	}
	say("file: %s", path);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		say("| %s", line);
	}
	say("end: %s", path);
	fclose(file);
}

static void say_pool(const char *name)
{
	static const char *const files[] = { "stat", "devices", "map" };
	char path[256];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/dma-coherent/%s/%s", name, files[i]);
		say_file(path);
	}
}

static void say_framebuffer(const struct framebuffer *fb)
{
	const struct fb_var_screeninfo *var = &fb->var;

	say("framebuffer: address=%p length=%zu checksum=%08x memory=%u physical=%#lx name=%s",
	    (void *)fb->pixels, fb->length, fb->checksum, fb->fix.smem_len, fb->fix.smem_start, fb->fix.id);
	say("picture: width=%u height=%u stride=%u bits=%u", var->xres, var->yres, fb->fix.line_length,
	    var->bits_per_pixel);
	say("format: red=%u+%u green=%u+%u blue=%u+%u", var->red.offset, var->red.length, var->green.offset,
	    var->green.length, var->blue.offset, var->blue.length);
}

/* Sizes that displays ask for, some of them odd. */
static struct spare spares[] = {
	{ "back buffer", 640, 480, 16 },	/* as large as the screen, where there is one */
	{ "cursor", 64, 64, 32 },
	{ "camera", 480, 360, 16, BRIEF },
	{ "overlay", 320, 240, 16 },
	{ "glyphs", 256, 256, 8, BRIEF },
	{ "tile", 16, 16, 32 },
	{ "scratch", 512, 200, 32, BRIEF },
	{ "texture", 512, 512, 32 },
	{ "odd lines", 333, 77, 32 },
	{ "video frame", 720, 576, 16 },
	{ "video frame", 720, 576, 16 },
	{ "icon", 33, 33, 32, LATE },
	{ "sprites", 128, 300, 16, LATE },
	{ "video frame", 720, 576, 16, LATE },
	{ "map", 400, 700, 16, LATE },
};

#define SPARES			(sizeof(spares) / sizeof(spares[0]))

static void create_spare(int card, struct spare *spare)
{
	int error = spare_create(card, spare);

	if (error)
		say("refused: name=%s error=%s", spare->name, strerror(error));
	else if (!spare->zeroed)
		say("problem: the buffer \"%s\" arrived with old data in it", spare->name);
}

/* The brief ones leave holes, and what comes late may fall into these. */
static void create_spares(int card, const struct framebuffer *fb)
{
	if (fb) {
		spares[0].width = fb->var.xres;
		spares[0].height = fb->var.yres;
		spares[0].bpp = fb->var.bits_per_pixel;
	}
	for (size_t i = 0; i < SPARES; i++)
		if (spares[i].when != LATE)
			create_spare(card, &spares[i]);
	for (size_t i = 0; i < SPARES; i++)
		if (spares[i].when == BRIEF && spares[i].handle)
			spare_destroy(card, &spares[i]);
	for (size_t i = 0; i < SPARES; i++)
		if (spares[i].when == LATE)
			create_spare(card, &spares[i]);
}

static void destroy_spares(int card)
{
	for (size_t i = 0; i < SPARES; i++)
		if (spares[i].handle)
			spare_destroy(card, &spares[i]);
}

static void say_spares(void)
{
	for (size_t i = 0; i < SPARES; i++)
		if (spares[i].handle)
			say("spare: address=%p length=%zu checksum=%08x name=%s", (void *)spares[i].bytes,
			    spares[i].length, spares[i].checksum, spares[i].name);
}

/* One page more than the whole pool has: an error, not memory from elsewhere. */
static void ask_too_much(int card, const struct pool *pool)
{
	struct spare whole = { "too much", 1024, pool->size / 4096 + 1, 32 };
	int error = spare_create(card, &whole);

	if (error)
		say("too much: %lu bytes: %s", pool->size + 4096, strerror(error));
	else
		say("problem: a buffer of %zu bytes was had, and the pool has %lu", whole.length, pool->size);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		say("problem: %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/*
 * A program that takes a new buffer for each frame and forgets the one before,
 * as in the manual's tour, and what its user would look at when frames stop.
 */
static void leak(int card)
{
	struct spare kept = { "kept", 320, 240, 16 };
	int error = 0, frames;

	put("/sys/kernel/tracing/events/dma_coherent/enable", "1");
	if (!spare_create(card, &kept))
		spare_destroy(card, &kept);
	for (frames = 0; !error && frames < 1000; frames++) {
		struct spare frame = { "frame", 720, 576, 16 };

		error = spare_create(card, &frame);
	}
	put("/sys/kernel/tracing/events/dma_coherent/enable", "0");
	say("leaked: %d frames, then: %s", frames - 1, strerror(error));
	say_file("/sys/kernel/tracing/trace");
}

static bool draw(struct framebuffer *fb, const struct pool *pool)
{
	struct canvas canvas = { fb->var.xres, fb->var.yres, NULL };
	struct picture picture = { .pool = pool, .spares = spares, .spare_count = SPARES };
	struct utsname kernel;

	canvas.pixels = calloc((size_t)canvas.width * canvas.height, sizeof(*canvas.pixels));
	if (!canvas.pixels)
		return false;
	uname(&kernel);
	snprintf(picture.kernel, sizeof(picture.kernel), "Linux %s, %s", kernel.release, kernel.machine);
	snprintf(picture.display, sizeof(picture.display), "%s %ux%u, %u bit", fb->fix.id, fb->var.xres,
		 fb->var.yres, fb->var.bits_per_pixel);
	picture.screen_length = fb->length;
	picture_draw(&canvas, &picture);
	framebuffer_show(fb, &canvas);
	return true;
}

static bool draw_frame(struct frame *frame, const struct framebuffer *fb)
{
	struct canvas canvas = { fb->var.xres, fb->var.yres, NULL };

	canvas.pixels = calloc((size_t)canvas.width * canvas.height, sizeof(*canvas.pixels));
	if (!canvas.pixels)
		return false;
	for (int y = 0; y < canvas.height; y++)
		for (int x = 0; x < canvas.width; x++)
			canvas.pixels[y * canvas.width + x] =
				colour_mix(colour_hue(x * 1535 / canvas.width), 0, y * 255 / canvas.height);
	canvas_text(&canvas, 24, 24, 4, 0xffffff, "from /dev/dma_heap");
	frame_draw(frame, fb, &canvas);
	free(canvas.pixels);
	return true;
}

/* A frame from the heap, shown without a copy, where the driver imports it. */
static void show_frame(int card, const struct framebuffer *fb, const char *heap)
{
	struct frame frame = { 0 };
	const char *wrong;
	char holder[64];
	int file = -1;

	wrong = frame_allocate(&frame, &file, heap, fb);
	if (!wrong && !draw_frame(&frame, fb))
		wrong = "no memory to draw in";
	if (wrong) {
		say("problem: heap %s: %s: %s", heap, wrong, strerror(errno));
		return;
	}
	say("heap: address=%p length=%zu checksum=%08x name=%s", (void *)frame.pixels, frame.length,
	    frame.checksum, heap);
	for (unsigned int n = 0; frame_find_holder(heap, n, holder, sizeof(holder)); n++)
		say("heap holder: %s", holder);
	say("heap file: /proc/%d/fdinfo/%d", getpid(), file);
	wrong = frame_show(card, file, fb);
	if (wrong)
		say("heap refused: %s: %s", wrong, strerror(errno));
	close(file);
}

static bool work(const char *name, const char *heap)
{
	static struct framebuffer fb;
	static struct pool pool;
	const char *wrong = framebuffer_open(&fb);
	int error = errno, card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);

	if (wrong)
		say("no screen: %s: %s", wrong, strerror(error));
	else if (!fb.zeroed)
		say("problem: the framebuffer arrived with old data in it");
	create_spares(card, wrong ? NULL : &fb);
	pool_read(&pool, name);
	if (!wrong) {
		if (!draw(&fb, &pool)) {
			say("problem: no memory to draw in");
			return false;
		}
		say_framebuffer(&fb);
	}
	say_spares();
	say_pool(name);
	wait_for_host("drawn");

	if (heap && !wrong) {
		show_frame(card, &fb, heap);
		say_pool(name);
		wait_for_host("imported");
	}
	ask_too_much(card, &pool);
	destroy_spares(card);
	say_pool(name);
	wait_for_host("released");

	leak(card);
	say_pool(name);
	wait_for_host("leaked");
	return true;
}

int main(void)
{
	const char *name = getenv("pool");
	struct utsname kernel;

	stay_on_first_cpu();
	mount_all();
	open_host();
	uname(&kernel);
	say("kernel: %s %s %s", kernel.sysname, kernel.release, kernel.version);
	if (!name)
		say("problem: no pool=NAME on the kernel's command line");
	else if (!work(name, getenv("heap")))
		say_pool(name);
	say("end of guest");
	if (host >= 0)
		tcdrain(host);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
