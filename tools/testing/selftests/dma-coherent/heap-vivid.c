// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of the tree's virtual camera in buffers of a heap: vivid imports them, maps
 * them for the CPU, and writes its test pattern. It must use contiguous memory:
 * vivid.allocators=1 on the kernel's command line.
 *
 *   heap-vivid HEAP
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest.h"

#define CAMERA	"/dev/video0"
#define FRAMES	8
#define BUFFERS	2

struct buffer {
	int fd;
	uint8_t *bytes;
	size_t length;
};

static struct buffer buffers[BUFFERS];
static struct v4l2_format format;
static int camera;

static bool alloc(struct buffer *buffer, const char *heap)
{
	struct dma_heap_allocation_data data = {
		.len = format.fmt.pix.sizeimage, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = open(heap, O_RDWR | O_CLOEXEC), err;

	err = ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data);
	close(fd);
	if (err)
		return false;
	buffer->fd = data.fd;
	buffer->length = lseek(buffer->fd, 0, SEEK_END);
	buffer->bytes = mmap(NULL, buffer->length, PROT_READ, MAP_SHARED, buffer->fd, 0);
	return buffer->bytes != MAP_FAILED;
}

static bool set_format(void)
{
	struct v4l2_capability found;

	camera = open(CAMERA, O_RDWR | O_CLOEXEC);
	if (camera < 0 || ioctl(camera, VIDIOC_QUERYCAP, &found) || strcmp((char *)found.driver, "vivid"))
		return false;
	format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	format.fmt.pix.width = 640;
	format.fmt.pix.height = 360;
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	return !ioctl(camera, VIDIOC_S_FMT, &format);
}

static bool request(unsigned int count)
{
	struct v4l2_requestbuffers req = {
		.count = count, .type = format.type, .memory = V4L2_MEMORY_DMABUF,
	};

	return !ioctl(camera, VIDIOC_REQBUFS, &req);
}

static bool queue(unsigned int index)
{
	struct v4l2_buffer buf = {
		.index = index, .type = format.type, .memory = V4L2_MEMORY_DMABUF,
		.m.fd = buffers[index].fd, .length = buffers[index].length,
	};

	return !ioctl(camera, VIDIOC_QBUF, &buf);
}

/* Return: the index of the buffer that has a frame; -1 on error. */
static int next_frame(void)
{
	struct v4l2_buffer buf = { .type = format.type, .memory = V4L2_MEMORY_DMABUF };

	if (ioctl(camera, VIDIOC_DQBUF, &buf) || buf.flags & V4L2_BUF_FLAG_ERROR ||
	    buf.bytesused != format.fmt.pix.sizeimage)
		return -1;
	return buf.index;
}

/* The pattern is eight bars, from white to black: each darker than the one before. */
static bool has_bars(const struct buffer *buffer)
{
	unsigned int bar = format.fmt.pix.width / 8, n, last = 256, luma;

	for (n = 0; n < 8; n++) {
		luma = buffer->bytes[2 * (n * bar + bar / 2)];
		if (luma >= last)
			return false;
		last = luma;
	}
	return true;
}

/* What is behind the frame was zeroed for user space, and vivid has not written there. */
static bool rest_is_zero(const struct buffer *buffer)
{
	size_t at;

	for (at = format.fmt.pix.sizeimage; at < buffer->length; at++)
		if (buffer->bytes[at])
			return false;
	return true;
}

static void capture(void)
{
	unsigned int frame, bars = 0, rests = 0;
	int index;

	for (frame = 0; frame < FRAMES; frame++) {
		index = next_frame();
		if (index < 0) {
			ksft_print_msg("frame %u: %s\n", frame, strerror(errno));
			break;
		}
		bars += has_bars(&buffers[index]);
		rests += rest_is_zero(&buffers[index]);
		if (!queue(index))
			ksft_print_msg("frame %u: cannot be queued: %s\n", frame, strerror(errno));
	}
	ksft_test_result(bars == FRAMES, "vivid writes its pattern: %u of %u frames\n", bars, FRAMES);
	ksft_test_result(rests == FRAMES, "vivid writes no more than a frame: %u of %u\n", rests,
			 FRAMES);
}

int main(int argc, char **argv)
{
	unsigned int type = V4L2_BUF_TYPE_VIDEO_CAPTURE, n, queued = 0;
	bool streams;

	ksft_print_header();
	if (argc != 2)
		ksft_exit_fail_msg("usage: heap-vivid HEAP\n");
	if (!set_format())
		ksft_exit_skip("no vivid as " CAMERA "\n");
	ksft_set_plan(3);
	for (n = 0; n < BUFFERS; n++)
		if (!alloc(&buffers[n], argv[1]))
			ksft_exit_fail_msg("%s: %s\n", argv[1], strerror(errno));
	streams = request(BUFFERS);
	for (n = 0; n < BUFFERS; n++)
		queued += queue(n);
	streams = streams && !ioctl(camera, VIDIOC_STREAMON, &type);
	ksft_test_result(streams && queued == BUFFERS, "vivid imports: %u of %u buffers, %s\n",
			 queued, BUFFERS, strerror(errno));
	capture();
	ioctl(camera, VIDIOC_STREAMOFF, &type);
	ksft_finished();
}
