// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls on a dma-buf heap and its buffers, valid and not, by some tasks at
 * once, while the heap's driver is unbound and bound. It passes if the kernel lives,
 * says nothing, and the pool is empty after it.
 *
 *   heap-fuzz HEAP [SECONDS [SEED]]
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <drm/drm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRIVER	"/sys/bus/platform/drivers/dma-coherent-heap-test"
#define POOLS	"/sys/kernel/debug/dma-coherent"
#define TASKS	4
#define SLOTS	16

#define HANG_SECONDS	30	/* then a task that still runs has failed */

struct mapping {
	char *at;
	size_t length;
};

static const char *heap;
static int heap_fd, card_fd, memory_fd;
static int files[SLOTS];
static struct mapping mappings[SLOTS];
static uint32_t handles[SLOTS];
static uint64_t state;
static sigjmp_buf faulted;

static uint32_t any(uint32_t limit)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % limit;
}

/* A length: mostly of some pages, sometimes odd, huge, or none. */
static uint64_t any_length(void)
{
	switch (any(12)) {
	case 0:	return 0;
	case 1:	return UINT64_MAX - any(8192);
	case 2:	return (uint64_t)any(1 << 30) << any(34);
	case 3:	return 1 + any(3 * 4096);
	case 4:	return (1 + any(64)) << 20;
	default: return (1 + any(256)) * 4096;
	}
}

/* A file that is open, or none. */
static int any_file(void)
{
	return any(40) ? files[any(SLOTS)] : 3 + (int)any(60);
}

static void do_alloc(void)
{
	struct dma_heap_allocation_data data = {
		.len = any_length(),
		.fd = any(20) ? 0 : any(100),
		.fd_flags = any(20) ? O_RDWR | (any(2) ? O_CLOEXEC : 0) : any(UINT32_MAX),
		.heap_flags = any(20) ? 0 : any(UINT32_MAX),
	};
	int slot = any(SLOTS);

	if (ioctl(heap_fd, DMA_HEAP_IOCTL_ALLOC, any(50) ? &data : NULL))
		return;
	if (files[slot] >= 0)
		close(files[slot]);
	files[slot] = data.fd;
}

static void do_close(void)
{
	int slot = any(SLOTS);

	close(files[slot]);
	files[slot] = -1;
}

static void do_ioctl(void)
{
	struct dma_buf_sync sync = { .flags = any(20) ? any(8) : any(UINT32_MAX) };
	uint64_t junk[32];
	unsigned int i;

	for (i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		junk[i] = any(3) ? any(8) : any(UINT32_MAX);
	switch (any(5)) {
	case 0:	ioctl(any_file(), DMA_BUF_SET_NAME_B, "a name"); break;
	case 1:	ioctl(any_file(), _IOC(any(4), DMA_BUF_BASE, any(8), any(64)), junk); break;
	case 2:	ioctl(heap_fd, _IOC(any(4), DMA_HEAP_IOC_MAGIC, any(4), any(256)), junk); break;
	default: ioctl(any_file(), DMA_BUF_IOCTL_SYNC, &sync); break;
	}
}

static void do_map(void)
{
	struct mapping *mapping = &mappings[any(SLOTS)];
	size_t length = any(4) ? (1 + any(64)) * 4096 : any_length();
	int prot = any(4) ? PROT_READ | PROT_WRITE : any(8);
	int flags = any(8) ? MAP_SHARED : any(2) ? MAP_PRIVATE : MAP_SHARED | MAP_POPULATE;
	off_t offset = any(3) ? 0 : any(4) ? any(64) * 4096 : any_length();
	char *at = mmap(NULL, length, prot, flags, any_file(), offset);

	if (at == MAP_FAILED)
		return;
	if (mapping->at)
		munmap(mapping->at, mapping->length);
	*mapping = (struct mapping) { at, length };
}

static void fault(int signal)
{
	(void)signal;
	siglongjmp(faulted, 1);
}

static void touch(const struct mapping *mapping)
{
	size_t at = any(2) ? any(4096) : mapping->length - 1 - any(4096);

	if (at < mapping->length && !sigsetjmp(faulted, 1))
		((volatile char *)mapping->at)[at] ^= 1;
}

static void do_change_map(void)
{
	struct mapping *mapping = &mappings[any(SLOTS)];
	size_t part = mapping->length / 2 & ~4095UL;
	char bytes[64] = {}, *at;
	struct iovec to = { bytes, sizeof(bytes) }, from;

	if (!mapping->at)
		return;
	from = (struct iovec) { mapping->at + any(4096), sizeof(bytes) };
	switch (any(9)) {
	case 0:
		mprotect(mapping->at, mapping->length, any(8));
		break;
	case 1:
		madvise(mapping->at, mapping->length, any(26));
		break;
	case 2:
		at = mremap(mapping->at, mapping->length, any(2) ? mapping->length * 2 : 4096, MREMAP_MAYMOVE);
		if (at != MAP_FAILED)
			mapping->at = NULL;
		if (at != MAP_FAILED)
			munmap(at, mapping->length * 2);
		break;
	case 3:
		if (part)
			munmap(mapping->at + part, mapping->length - part);
		if (part)
			mapping->length = part;
		break;
	case 4:
		process_vm_readv(getpid(), &to, 1, &from, 1, 0);
		break;
	case 5:
		if (pwrite(memory_fd, bytes, sizeof(bytes), (uintptr_t)mapping->at) < 0)
			return;
		break;
	case 6:
		msync(mapping->at, mapping->length, MS_SYNC);
		mlock(mapping->at, mapping->length);
		break;
	default:
		touch(mapping);
		break;
	}
}

static void do_file(void)
{
	struct pollfd set = { .fd = any_file(), .events = POLLIN | POLLOUT };
	char bytes[64] = {};
	struct stat found;
	int file = any_file(), slot = any(SLOTS);

	switch (any(8)) {
	case 0:	poll(&set, 1, 0); break;
	case 1:	lseek(file, any_length(), any(6)); break;
	case 2:	fstat(file, &found); break;
	case 3:	if (read(file, bytes, sizeof(bytes)) > 0) return; break;
	case 4:	if (write(file, bytes, sizeof(bytes)) > 0) return; break;
	case 5:	if (ftruncate(file, any_length())) return; break;
	case 6:	if (!fallocate(file, any(4), 0, any_length())) return; break;
	default:
		if (files[slot] < 0)
			files[slot] = dup(file);
		break;
	}
}

/* Another driver imports a buffer, maps it, and lets it go. */
static void do_import(void)
{
	struct drm_prime_handle import = { .fd = any_file() };
	struct drm_gem_close gone;
	int slot = any(SLOTS);

	if (card_fd < 0)
		return;
	gone.handle = handles[slot];
	if (handles[slot])
		ioctl(card_fd, DRM_IOCTL_GEM_CLOSE, &gone);
	handles[slot] = 0;
	if (any(2) && !ioctl(card_fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &import))
		handles[slot] = import.handle;
}

/* A task that inherits everything, and ends in one way or another. */
static void do_fork(void)
{
	pid_t task = fork();

	if (!task) {
		do_map();
		do_alloc();
		if (any(2))
			_exit(0);
		pause();
	}
	if (task < 0)
		return;
	usleep(any(2000));
	kill(task, SIGKILL);
	waitpid(task, NULL, 0);
}

static bool write_driver(const char *what, const char *device)
{
	char path[128];
	bool good;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", DRIVER, what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, device, strlen(device)) > 0;
	close(fd);
	return good;
}

static void do_step(void)
{
	switch (any(16)) {
	case 0 ... 3:	do_alloc(); break;
	case 4 ... 5:	do_close(); break;
	case 6 ... 7:	do_ioctl(); break;
	case 8 ... 9:	do_map(); break;
	case 10 ... 11:	do_change_map(); break;
	case 12 ... 13:	do_file(); break;
	case 14:	do_import(); break;
	default:	any(32) ? do_file() : do_fork(); break;
	}
}

static void fuzz(uint64_t seed, time_t seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long steps = 0;
	int slot;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(seconds + HANG_SECONDS);
	signal(SIGSEGV, fault);
	signal(SIGBUS, fault);
	state = seed;
	heap_fd = open(heap, O_RDWR | O_CLOEXEC);
	card_fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	memory_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	for (slot = 0; slot < SLOTS; slot++)
		files[slot] = -1;
	for (; time(NULL) < end; steps++)
		do_step();
	printf("# seed %llu: %lu steps\n", (unsigned long long)seed, steps);
	fflush(stdout);
	_exit(0);
}

static long long used(const char *device)
{
	char path[300], line[128];
	struct dirent *entry;
	DIR *dir = opendir(POOLS);
	long long sum = -1, value;
	bool ours;
	FILE *file;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/devices", POOLS, entry->d_name);
		file = fopen(path, "r");
		for (ours = false; file && fgets(line, sizeof(line), file);)
			ours |= !strncmp(line, device, strlen(device));
		if (file)
			fclose(file);
		snprintf(path, sizeof(path), "%s/%s/stat", POOLS, entry->d_name);
		file = ours ? fopen(path, "r") : NULL;
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "used: %lli", &value) == 1)
				sum = value;
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return sum;
}

static bool find_device(char *device, size_t size)
{
	const char *name = strrchr(heap, '/') + 1;
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		found = strstr(entry->d_name, name);
		snprintf(device, size, "%.60s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* What a task that was killed had may be released a moment later. */
static long long used_at_last(const char *device)
{
	int i;

	for (i = 0; i < 1000 && used(device) > 0; i++)
		usleep(10000);
	return used(device);
}

int main(int argc, char **argv)
{
	time_t seconds = argc > 2 ? atol(argv[2]) : 10;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	time_t end = time(NULL) + seconds;
	int i, status, failed = 0;
	char device[64];
	long long left;

	if (argc < 2 || !strchr(argv[1], '/')) {
		fprintf(stderr, "usage: heap-fuzz HEAP [SECONDS [SEED]]\n");
		return 2;
	}
	heap = argv[1];
	if (!find_device(device, sizeof(device))) {
		printf("1..0 # SKIP no device of the driver dma-coherent-heap-test\n");
		return 4;
	}
	printf("1..1\n");
	fflush(stdout);
	for (i = 0; i < TASKS; i++)
		if (!fork())
			fuzz(seed + i, seconds);
	for (i = 0; time(NULL) < end; i++) {
		usleep(50000);
		write_driver(i % 2 ? "bind" : "unbind", device);
	}
	while (wait(&status) > 0)
		failed += !!status;
	write_driver("bind", device);
	left = used_at_last(device);
	printf("%s 1 %d tasks for %lld seconds, %d failed, %lld bytes of the pool in use\n",
	       left || failed ? "not ok" : "ok", TASKS, (long long)seconds, failed, left);
	return left || failed;
}
