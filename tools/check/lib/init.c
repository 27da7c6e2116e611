// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a UML that has run its KUnit suites: runs the selftests,
 * loads the test module where there is one, has kmemleak look for what all of them
 * left behind, prints what it finds, and halts. On the kernel's command line
 * fuzz=SECONDS says how long heaps are fuzzed, and coverage=DIRECTORY has it leave
 * there, on the host, what gcov counted in our files.
 *
 * kmemleak passes over what is younger than five seconds, and needs a second
 * scan to see that an object doesn't change.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAPS	"/dev/dma_heap"
#define LEAKS	"/sys/kernel/debug/kmemleak"

static void print_leaks(int fd)
{
	char text[4096];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, n, stdout);
}

/* The tree's kunit_vm_mmap() never drops one reference to its address space. */
static void print_mm_size(void)
{
	FILE *file = fopen("/sys/kernel/slab/mm_struct/object_size", "r");
	unsigned int size;

	if (!file)
		return;
	if (fscanf(file, "%u", &size) == 1)
		printf("leaks: an mm_struct has %u bytes\n", size);
	fclose(file);
}

static void run(const char *program, const char *argument, const char *another)
{
	fflush(stdout);
	if (!fork()) {
		execl(program, program, argument, another, NULL);
		_exit(127);
	}
	wait(NULL);
}

/* Heaps that the suites opened and closed are still there, but serve nothing. */
static void unlink_closed_heaps(void)
{
	struct dirent *entry;
	DIR *dir;

	if (chdir(HEAPS))
		return;
	dir = opendir(".");
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' && strcmp(entry->d_name, "video"))
			unlink(entry->d_name);
	if (dir)
		closedir(dir);
	if (chdir("/"))
		perror("/");
}

/* With a device tree that has the device. */
static void test_heap(const char *seconds)
{
	if (mount("none", "/dev", "devtmpfs", 0, NULL) || access(HEAPS "/video", R_OK))
		return;
	mkdir("/proc", 0755);
	mount("none", "/proc", "proc", 0, NULL);
	puts("heap: begins");
	unlink_closed_heaps();
	run("/dmabuf-heap", NULL, NULL);
	run("/heap", NULL, NULL);
	run("/heap-vivid", HEAPS "/video", NULL);
	run("/heap-fuzz", HEAPS "/video", seconds ? seconds : "3");
	puts("heap: ends");
}

/* Twice: what was left of the first time would be in the way. */
static void load_module(void)
{
	int fd = open("/module.ko", O_RDONLY | O_CLOEXEC), i;

	if (fd < 0)
		return;
	for (i = 0; i < 2; i++) {
		if (syscall(SYS_finit_module, fd, "", 0) ||
		    syscall(SYS_delete_module, "dma_coherent_module_test", 0)) {
			perror("module");
			close(fd);
			return;
		}
	}
	close(fd);
	puts("module: loaded and unloaded twice");
}

static int scan(int fd)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (write(fd, "scan", 4) != 4)
			return -1;
	}
	print_leaks(fd);
	return close(fd);
}

/* Return: 0, to go on. */
static int save_count(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	const char *name = path + at->base;
	char text[4096], copy[256];
	int from, to;
	ssize_t n;

	(void)stat;
	if (type != FTW_F || !strstr(name, "dma-coherent") || !strstr(name, ".gcda"))
		return 0;
	snprintf(copy, sizeof(copy), "/coverage/%s", name);
	from = open(path, O_RDONLY);
	to = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	while ((n = read(from, text, sizeof(text))) > 0)
		if (write(to, text, n) != n)
			perror(copy);
	close(from);
	close(to);
	return 0;
}

static void save_coverage(const char *directory)
{
	mkdir("/coverage", 0755);
	if (mount("none", "/coverage", "hostfs", 0, directory) ||
	    nftw("/sys/kernel/debug/gcov", save_count, 16, FTW_PHYS))
		perror("coverage");
}

int main(void)
{
	const char *coverage = getenv("coverage");
	int fd;

	mkdir("/sys", 0755);
	mount("none", "/sys", "sysfs", 0, NULL);
	mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	run("/selftest", NULL, NULL);
	test_heap(getenv("fuzz"));
	load_module();
	fd = open(LEAKS, O_RDWR);
	if (fd >= 0) {
		print_mm_size();
		sleep(6);
		if (scan(fd))
			perror("leaks: " LEAKS);
		else
			puts("leaks: scanned");
	}
	if (coverage)
		save_coverage(coverage);
	fflush(stdout);
	return reboot(RB_POWER_OFF);
}
