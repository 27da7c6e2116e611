// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocates from a dma-buf heap of per-device coherent memory: what
 * tools/testing/selftests/dmabuf-heaps does not ask for. Needs the driver of
 * CONFIG_DMA_COHERENT_HEAP_TEST and its device, which is unbound meanwhile.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"

#define DRIVER	"/sys/bus/platform/drivers/dma-coherent-heap-test"
#define POOLS	"/sys/kernel/debug/dma-coherent"
#define TASKS	100

static char heap[128];		/* the node */
static char pool[128];		/* its directory in debugfs */
static char device[64];
static long page;

/* Return: a file descriptor, or minus an errno. */
static int alloc(uint64_t len)
{
	struct dma_heap_allocation_data data = { .len = len, .fd_flags = O_RDWR | O_CLOEXEC };
	int fd = open(heap, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data) ? -errno : (int)data.fd;
	close(fd);
	return err;
}

static FILE *open_pool(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", pool, name);
	return fopen(path, "r");
}

/* Return: a number of "stat"; -1 if there is none. */
static long long stat_of(const char *name)
{
	FILE *file = open_pool("stat");
	long long value = -1, got;
	char line[128], key[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63[^:]: %lli", key, &got) == 2 && !strcmp(key, name))
			value = got;
	if (file)
		fclose(file);
	return value;
}

/* How much memory "map" says that an owner has. */
static long long owned_by(const char *owner)
{
	FILE *file = open_pool("map");
	long long start, len, sum = 0;
	char line[128], name[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lli %lli %63s", &start, &len, name) == 3 && !strcmp(name, owner))
			sum += len;
	if (file)
		fclose(file);
	return sum;
}

/* What is closed by another task may be released a moment later. */
static bool all_is_free(void)
{
	int i;

	for (i = 0; i < 1000 && stat_of("used"); i++)
		usleep(10000);
	return !stat_of("used");
}

static bool write_driver(const char *file)
{
	char path[128];
	bool good;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", DRIVER, file);
	fd = open(path, O_WRONLY);
	good = fd >= 0 && write(fd, device, strlen(device)) > 0;
	close(fd);
	return good;
}

/* Sizes */

static void test_sizes(void)
{
	long long size = stat_of("size");
	uint64_t bad[] = { 0, size + 1, INT64_MAX, UINT64_MAX, UINT64_MAX - page, 1ULL << 32 };
	unsigned int i, wrong = 0;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fd = alloc(bad[i]);
		if (fd >= 0 || (fd != -EINVAL && fd != -ENOMEM)) {
			ksft_print_msg("size %llu: %d\n", (unsigned long long)bad[i], fd);
			wrong++;
		}
	}
	fd = alloc(page + 1);
	if (fd < 0 || lseek(fd, 0, SEEK_END) != 2 * page || stat_of("used") != 2 * page)
		wrong++;
	close(fd);
	fd = alloc(size);
	if (fd < 0 || stat_of("free"))
		wrong++;
	close(fd);
	ksft_test_result(!wrong && all_is_free(), "sizes\n");
}

/* Mappings */

static void test_mmap(void)
{
	int fd = alloc(2 * page), other = alloc(page);
	unsigned char *map, *more;
	bool good;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	good = map != MAP_FAILED && !map[0] && !map[2 * page - 1];
	good = good && mmap(NULL, 3 * page, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED;
	good = good && mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 2 * page) == MAP_FAILED;
	good = good && mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED;
	if (good) {
		more = mremap(map, 2 * page, 3 * page, MREMAP_MAYMOVE);
		good = more == MAP_FAILED;
	}
	/* The file may be closed while it is mapped. */
	close(fd);
	close(other);
	if (good) {
		map[page] = 0x5a;
		good = map[page] == 0x5a && stat_of("used") == 2 * page;
		munmap(map, 2 * page);
	}
	ksft_test_result(good && all_is_free(), "mappings\n");
}

static void test_flags(void)
{
	struct dma_heap_allocation_data data = { .len = page, .fd_flags = O_RDWR };
	int fd = open(heap, O_RDWR | O_CLOEXEC), with = alloc(page);
	bool good;

	good = !ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data) && with >= 0 &&
	       !(fcntl(data.fd, F_GETFD) & FD_CLOEXEC) && (fcntl(with, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(with);
	close(data.fd);
	ksft_test_result(good && all_is_free(), "close on exec\n");
}

/* Tasks */

/* A name with a space and an end of line must not disturb the file. */
static void test_owner(void)
{
	char old[16];
	int fd;

	prctl(PR_GET_NAME, old);
	prctl(PR_SET_NAME, "a b\nc");
	fd = alloc(3 * page);
	prctl(PR_SET_NAME, old);
	if (fd >= 0 && !owned_by("heap:a_b_c") && !owned_by(device))
		ksft_test_result_skip("owner: not recorded\n");
	else
		ksft_test_result(fd >= 0 && owned_by("heap:a_b_c") == 3 * page, "owner\n");
	close(fd);
	all_is_free();
}

static void __attribute__((noreturn)) use_heap(unsigned int seed, int ready)
{
	unsigned char *map;
	int fd;

	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		fd = alloc((rand_r(&seed) % 8 + 1) * page);
		if (fd < 0)
			continue;
		map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED || map[0])
			_exit(1);
		map[0] = 1;
		munmap(map, page);
		if (rand_r(&seed) % 2)
			close(fd);
		else if (fd > 200)
			close_range(3, ~0U, 0);
	}
}

/* A hundred at once, and each is killed in the middle. */
static void test_killed(void)
{
	int pids[TASKS], status, i, wrong = 0, ready[2];
	char byte;

	if (pipe(ready))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	for (i = 0; i < TASKS; i++) {
		pids[i] = fork();
		if (!pids[i])
			use_heap(i, ready[1]);
	}
	for (i = 0; i < TASKS; i++)
		wrong += read(ready[0], &byte, 1) != 1;
	usleep(300000);
	for (i = 0; i < TASKS; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < TASKS; i++)
		wrong += waitpid(pids[i], &status, 0) != pids[i] || !WIFSIGNALED(status);
	close(ready[0]);
	close(ready[1]);
	ksft_test_result(!wrong && all_is_free() && !stat_of("live"),
			 "%d tasks at once, killed in the middle\n", TASKS);
}

/* The driver */

static void test_unbind(void)
{
	int fd = alloc(2 * page), after, again;
	unsigned char *map;
	bool good;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	good = map != MAP_FAILED && write_driver("unbind");
	after = alloc(page);
	if (good) {
		map[page] = 0x5a;
		good = map[page] == 0x5a && after == -ENODEV && stat_of("used") == 2 * page;
	}
	good = write_driver("bind") && good;
	again = alloc(page);
	good = good && again >= 0 && map[page] == 0x5a && stat_of("used") == 3 * page;
	if (map != MAP_FAILED)
		munmap(map, 2 * page);
	close(fd);
	close(again);
	ksft_test_result(good && all_is_free(), "buffers outlive the driver\n");
}

/* The device of the driver, whose name ends with that of the heap. */
static bool find_device(void)
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_LNK && strcmp(entry->d_name, "module"))
			snprintf(device, sizeof(device), "%.63s", entry->d_name);
	if (dir)
		closedir(dir);
	return *device;
}

/* The pool that the device uses. */
static bool find_pool(void)
{
	char path[300], line[128];
	struct dirent *entry;
	DIR *dir = opendir(POOLS);
	FILE *file;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/devices", POOLS, entry->d_name);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			if (!strncmp(line, device, strlen(device)))
				snprintf(pool, sizeof(pool), "%s/%.80s", POOLS, entry->d_name);
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return *pool;
}

int main(void)
{
	ksft_print_header();
	page = sysconf(_SC_PAGESIZE);
	if (!find_device() || !find_pool())
		ksft_exit_skip("no device of the driver dma-coherent-heap-test\n");
	snprintf(heap, sizeof(heap), "/dev/dma_heap/%s", strrchr(device, ':') ?
		 strrchr(device, ':') + 1 : device);
	ksft_set_plan(6);
	test_sizes();
	test_mmap();
	test_flags();
	test_owner();
	test_killed();
	test_unbind();
	ksft_finished();
}
