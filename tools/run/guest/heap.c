// SPDX-License-Identifier: GPL-2.0
#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heap.h"

const char *frame_allocate(struct frame *frame, int *file, const char *heap,
			   const struct framebuffer *like)
{
	struct dma_heap_allocation_data data = { .len = like->length, .fd_flags = O_RDWR | O_CLOEXEC };
	char path[128];
	int node, error;

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", heap);
	node = open(path, O_RDWR | O_CLOEXEC);
	if (node < 0)
		return "the heap can't be opened";
	error = ioctl(node, DMA_HEAP_IOCTL_ALLOC, &data);
	close(node);
	if (error)
		return "the heap has no buffer";
	*file = data.fd;
	frame->length = lseek(*file, 0, SEEK_END);
	frame->pixels = mmap(NULL, frame->length, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
	return frame->pixels == MAP_FAILED ? "the buffer can't be mapped" : NULL;
}

static bool is_of_heap(const char *path, const char *heap)
{
	FILE *file = fopen(path, "r");
	char line[128], name[64];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "exp_name: %63s", name) == 1 && !strcmp(name, heap);
	if (file)
		fclose(file);
	return found;
}

bool frame_find_holder(const char *heap, unsigned int n, char *path, size_t size)
{
	bool found = false;
	glob_t files;
	size_t i;

	if (glob("/proc/[0-9]*/fdinfo/*", 0, NULL, &files))
		return false;
	for (i = 0; i < files.gl_pathc && !found; i++) {
		found = is_of_heap(files.gl_pathv[i], heap) && !n--;
		snprintf(path, size, "%s", files.gl_pathv[i]);
	}
	globfree(&files);
	return found;
}

void frame_draw(struct frame *frame, const struct framebuffer *like, const struct canvas *canvas)
{
	struct framebuffer fb = *like;

	fb.pixels = frame->pixels;
	framebuffer_show(&fb, canvas);
	frame->checksum = fb.checksum;
}

/* The mode that the display has, with another picture. */
static int set_picture(int card, uint32_t picture)
{
	uint32_t crtcs[8], connectors[8];
	struct drm_mode_card_res resources = {
		.crtc_id_ptr = (uintptr_t)crtcs, .count_crtcs = 8,
		.connector_id_ptr = (uintptr_t)connectors, .count_connectors = 8,
	};
	struct drm_mode_crtc crtc = { 0 };

	if (ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &resources) || !resources.count_crtcs ||
	    !resources.count_connectors)
		return -1;
	crtc.crtc_id = crtcs[0];
	if (ioctl(card, DRM_IOCTL_MODE_GETCRTC, &crtc))
		return -1;
	crtc.fb_id = picture;
	crtc.set_connectors_ptr = (uintptr_t)connectors;
	crtc.count_connectors = 1;
	return ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc);
}

const char *frame_show(int card, int file, const struct framebuffer *like)
{
	struct drm_prime_handle import = { .fd = file };
	struct drm_mode_fb_cmd2 picture = {
		.width = like->var.xres, .height = like->var.yres,
		.pixel_format = like->var.bits_per_pixel == 16 ? DRM_FORMAT_RGB565 : DRM_FORMAT_XRGB8888,
		.pitches = { like->fix.line_length },
	};

	if (ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &import))
		return "the display's driver does not import it";
	picture.handles[0] = import.handle;
	if (ioctl(card, DRM_IOCTL_MODE_ADDFB2, &picture))
		return "it is no picture";
	return set_picture(card, picture.fb_id) ? "the display does not show it" : NULL;
}
