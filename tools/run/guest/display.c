// SPDX-License-Identifier: GPL-2.0
#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "display.h"

#define PAGE			4096u

/* CRC-32 as zlib has it; start with 0. */
static uint32_t checksum(uint32_t crc, const uint8_t *bytes, size_t length)
{
	crc = ~crc;
	while (length--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

const char *framebuffer_open(struct framebuffer *fb)
{
	int file = open("/dev/fb0", O_RDWR | O_CLOEXEC);

	if (file < 0)
		return "/dev/fb0 can't be opened";
	if (ioctl(file, FBIOGET_FSCREENINFO, &fb->fix) || ioctl(file, FBIOGET_VSCREENINFO, &fb->var))
		return "/dev/fb0 does not tell its geometry";

	fb->length = (size_t)fb->fix.line_length * fb->var.yres;
	if (!fb->length || fb->length > fb->fix.smem_len)
		return "/dev/fb0 has a geometry larger than its memory";
	fb->pixels = mmap(NULL, fb->fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (fb->pixels == MAP_FAILED)
		return "/dev/fb0 can't be mapped";
	fb->zeroed = all_zero(fb->pixels, fb->fix.smem_len);

	/* No console is on it that would have switched it on. */
	fb->var.activate = FB_ACTIVATE_NOW | FB_ACTIVATE_FORCE;
	if (ioctl(file, FBIOPUT_VSCREENINFO, &fb->var))
		return "the display can't be switched on";
	return NULL;
}

static uint32_t field(uint32_t value, const struct fb_bitfield *to)
{
	return to->length ? value >> (8 - to->length) << to->offset : 0;
}

static uint32_t to_format(uint32_t colour, const struct fb_var_screeninfo *var)
{
	return field(colour >> 16 & 255, &var->red) | field(colour >> 8 & 255, &var->green) |
	       field(colour & 255, &var->blue);
}

/* The checksum is of what is written, line by line, not of what can be read back. */
void framebuffer_show(struct framebuffer *fb, const struct canvas *canvas)
{
	unsigned int bytes = fb->var.bits_per_pixel / 8;
	uint8_t line[fb->fix.line_length];

	fb->checksum = 0;
	for (int y = 0; y < canvas->height; y++) {
		memset(line, 0, sizeof(line));
		for (int x = 0; x < canvas->width; x++) {
			uint32_t pixel = to_format(canvas->pixels[y * canvas->width + x], &fb->var);

			memcpy(line + x * bytes, &pixel, bytes);
		}
		memcpy(fb->pixels + (size_t)y * sizeof(line), line, sizeof(line));
		fb->checksum = checksum(fb->checksum, line, sizeof(line));
	}
}

/* Every page is different, in every buffer. */
static void spare_fill(struct spare *spare)
{
	uint32_t page[PAGE / sizeof(uint32_t)], state = spare->handle * 2654435761u + 1;

	spare->checksum = 0;
	for (size_t at = 0; at < spare->length; at += PAGE) {
		for (unsigned int i = 0; i < PAGE / sizeof(uint32_t); i++) {
			state ^= state << 13;
			state ^= state >> 17;
			state ^= state << 5;
			page[i] = state;
		}
		memcpy(spare->bytes + at, page, PAGE);
		spare->checksum = checksum(spare->checksum, (uint8_t *)page, PAGE);
	}
}

static int spare_map(int card, struct spare *spare)
{
	struct drm_mode_map_dumb map = { .handle = spare->handle };

	if (ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map))
		return errno;
	spare->bytes = mmap(NULL, spare->length, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
	if (spare->bytes == MAP_FAILED) {
		spare->bytes = NULL;
		return errno;
	}
	spare->zeroed = all_zero(spare->bytes, spare->length);
	spare_fill(spare);
	return 0;
}

int spare_create(int card, struct spare *spare)
{
	struct drm_mode_create_dumb create = {
		.width = spare->width, .height = spare->height, .bpp = spare->bpp,
	};
	int error;

	if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &create))
		return errno;
	spare->handle = create.handle;
	spare->length = (create.size + PAGE - 1) / PAGE * PAGE;
	error = spare_map(card, spare);
	if (error)
		spare_destroy(card, spare);
	return error;
}

void spare_destroy(int card, struct spare *spare)
{
	struct drm_mode_destroy_dumb destroy = { .handle = spare->handle };

	if (spare->bytes)
		munmap(spare->bytes, spare->length);
	ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
	spare->bytes = NULL;
	spare->handle = 0;
}
