// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads what debugfs shows of per-device coherent memory, again and again while
 * a KUnit suite makes pools, allocates from several threads and takes the pools
 * away, and holds all numbers against each other, in the words of
 * Documentation/ABI/testing/debugfs-dma-coherent.
 *
 * The suite's stress goes on until enough was seen: pools in use, and pools that
 * came and went. Without the suite the pools that are there are read for a moment.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"

#define POOLS	"/sys/kernel/debug/dma-coherent"
#define SUITE	"/sys/kernel/debug/kunit/dma_coherent_random/run"
#define PARAMETERS "/sys/module/dma_coherent_kunit/parameters/"

#define READS		100	/* of each file, at least */
#define ENOUGH		20	/* how often everything else must have been seen */
#define PATIENCE	20	/* in seconds of its own CPU time, however slowly that passes */
#define STRESS_LIMIT	240	/* in seconds; KUnit itself ends a case after 300 */

/* What was found wrong, of each file; and what was seen at all. */
static struct {
	const char *name;
	unsigned long reads;
	unsigned long faults;
} files[] = { { "stat" }, { "map" }, { "devices" } };

enum { STAT, MAP, DEVICES };

static unsigned long busy;	/* pools with buffers out */
static unsigned long changes;	/* pools that had come or gone since the last look */

static void __attribute__((format(printf, 3, 4)))
fault(int file, const char *pool, const char *format, ...)
{
	char text[256];
	va_list args;

	if (files[file].faults++ >= 5)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ksft_print_msg("%s/%s: %s\n", pool, files[file].name, text);
}

/* Return: false when the pool has gone meanwhile. */
static bool read_file(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	do {
		got = pread(fd, text + n, size - 1 - n, n);
		if (got > 0)
			n += got;
	} while (got > 0);
	text[n] = '\0';
	return !got;
}

static int open_file(const char *pool, int file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), POOLS "/%s/%s", pool, files[file].name);
	return open(path, O_RDONLY);
}

/* stat */

static unsigned long long number(const char *pool, const char *text, const char *name)
{
	size_t length = strlen(name);
	const char *line = text;
	char *end;
	unsigned long long value;

	while (strncmp(line, name, length) || line[length] != ':') {
		line = strchr(line, '\n');
		if (!line++) {
			fault(STAT, pool, "no line '%s'", name);
			return 0;
		}
	}
	value = strtoull(line + length + 1, &end, 0);
	if (*end != '\n')
		fault(STAT, pool, "not a number: %.40s", line);
	return value;
}

static void check_stat(const char *pool, const char *text, const char *before)
{
	static const char *const counters[] = {
		"high_water", "allocations", "releases", "failed_bad_size",
		"failed_too_large", "failed_full", "failed_fragmented",
		"failed_out_of_reach", "bad_free_wrong_order", "bad_free_interior",
		"bad_free_not_live",
	};
	unsigned long long page = sysconf(_SC_PAGESIZE);
	unsigned long long size = number(pool, text, "size");
	unsigned long long used = number(pool, text, "used");
	unsigned long long live = number(pool, text, "live");
	unsigned long long high = number(pool, text, "high_water");
	unsigned int i;

	busy += !!used;
	if (!size || size % page || used % page)
		fault(STAT, pool, "size %llu, used %llu: not whole pages", size, used);
	if (used + number(pool, text, "free") != size)
		fault(STAT, pool, "used and free are not size");
	if (used > high || high > size)
		fault(STAT, pool, "used %llu, high_water %llu, size %llu", used, high, size);
	if (live != number(pool, text, "allocations") - number(pool, text, "releases"))
		fault(STAT, pool, "live %llu is not allocations less releases", live);
	if (live > used / page || !live != !used)
		fault(STAT, pool, "%llu buffers in %llu bytes", live, used);
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (number(pool, text, counters[i]) < number(pool, before, counters[i]))
			fault(STAT, pool, "%s went down", counters[i]);
}

static void look_at_stat(const char *pool)
{
	static char before[8192], text[8192];
	int fd = open_file(pool, STAT);

	if (fd < 0)
		return;
	if (read_file(fd, before, sizeof(before)) && read_file(fd, text, sizeof(text))) {
		files[STAT].reads++;
		check_stat(pool, text, before);
	}
	close(fd);
}

/* map */

static void check_map(const char *pool, char *text)
{
	unsigned long long first, length, end = 0, page = sysconf(_SC_PAGESIZE);
	char *line;
	int n;

	while ((line = strsep(&text, "\n")) && text) {
		n = -1;
		if (sscanf(line, "0x%llx 0x%llx %n", &first, &length, &n) != 2 ||
		    n < 0 || !line[n]) {
			fault(MAP, pool, "malformed: %.60s", line);
			return;
		}
		if (first != end)
			fault(MAP, pool, "a line begins at %#llx, the one before ended at %#llx",
			      first, end);
		if (!length || length % page)
			fault(MAP, pool, "a run of %llu bytes", length);
		end = first + length;
	}
	if (line && *line)
		fault(MAP, pool, "the last line has no end");
	if (!end)
		fault(MAP, pool, "empty");
}

static void look_at_map(const char *pool)
{
	static char text[1 << 20];
	int fd = open_file(pool, MAP);

	if (fd < 0)
		return;
	if (read_file(fd, text, sizeof(text))) {
		files[MAP].reads++;
		check_map(pool, text);
	}
	close(fd);
}

/* devices */

static void check_device(const char *pool, const char *line)
{
	unsigned long long handle, reach;
	char policy[16], state[16];
	const char *at = line + strlen(line);
	int fields = 0;
	long live;

	/* Names may have spaces in them: count from the end. */
	while (at > line && fields < 5)
		fields += *--at == ' ';
	if (at == line ||
	    sscanf(at, " 0x%llx %llu %ld %15s %15s", &handle, &reach, &live, policy, state) != 5) {
		fault(DEVICES, pool, "malformed: %.80s", line);
		return;
	}
	if (reach % sysconf(_SC_PAGESIZE))
		fault(DEVICES, pool, "reaches %llu bytes", reach);
	if (strcmp(policy, "exclusive") && strcmp(policy, "fallback"))
		fault(DEVICES, pool, "policy %s", policy);
	if (strcmp(state, "attached") && strcmp(state, "detached"))
		fault(DEVICES, pool, "state %s", state);
}

static void look_at_devices(const char *pool)
{
	static char text[1 << 16];
	char *rest = text, *line;
	int fd = open_file(pool, DEVICES);

	if (fd < 0)
		return;
	if (read_file(fd, text, sizeof(text))) {
		files[DEVICES].reads++;
		line = strsep(&rest, "\n");
		if (strcmp(line, "# device handle reach live policy state"))
			fault(DEVICES, pool, "headline: %.60s", line);
		while (rest && (line = strsep(&rest, "\n")) && *line)
			check_device(pool, line);
	}
	close(fd);
}

/* All of them */

static void look_at_pools(void)
{
	static unsigned long before;
	unsigned long pools = 0;	/* each directory has a number of its own */
	struct dirent *entry;
	DIR *dir = opendir(POOLS);

	if (!dir)
		ksft_exit_fail_msg(POOLS ": %s\n", strerror(errno));
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		pools += entry->d_ino;
		look_at_stat(entry->d_name);
		look_at_map(entry->d_name);
		look_at_devices(entry->d_name);
	}
	closedir(dir);
	changes += pools != before;
	before = pools;
}

static bool seen_enough(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].reads < READS)
			return false;
	return busy >= ENOUGH && changes >= ENOUGH;
}

/* The suite */

static void set_parameter(const char *name, unsigned int value)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || dprintf(fd, "%u", value) < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

static pid_t start_suite(void)
{
	int fd = open(SUITE, O_WRONLY);
	pid_t pid;

	if (fd < 0)
		return 0;
	set_parameter("stress_looks", 1);
	set_parameter("stress_seconds", STRESS_LIMIT);
	pid = fork();
	if (!pid)
		_exit(write(fd, "1", 1) != 1);
	close(fd);
	return pid;
}

/* Each look is told to the suite: a pool stays, and stays away, until it was looked at. */
static void look_while_suite_runs(pid_t suite)
{
	unsigned int looks = 1;

	do {
		look_at_pools();
		set_parameter("stress_looks", ++looks);
		if (seen_enough() || clock() > PATIENCE * CLOCKS_PER_SEC)
			set_parameter("stress_seconds", 0);
	} while (!waitpid(suite, NULL, WNOHANG));
	set_parameter("stress_looks", 0);
}

static void look_for_a_moment(void)
{
	time_t start = time(NULL);

	do {
		look_at_pools();
	} while (time(NULL) < start + 2);
}

int main(void)
{
	unsigned int i;
	pid_t suite;

	ksft_print_header();
	if (access(POOLS, R_OK))
		ksft_exit_skip("no " POOLS ": CONFIG_DMA_COHERENT_DEBUGFS, and debugfs mounted?\n");
	ksft_set_plan(ARRAY_SIZE(files) + 2);
	suite = start_suite();
	if (suite)
		look_while_suite_runs(suite);
	else
		look_for_a_moment();

	for (i = 0; i < ARRAY_SIZE(files); i++)
		ksft_test_result(!files[i].faults && (!suite || files[i].reads >= READS),
				 "%s, read %lu times\n", files[i].name, files[i].reads);
	if (suite) {
		ksft_test_result(busy >= ENOUGH, "pools were in use %lu times\n", busy);
		ksft_test_result(changes >= ENOUGH, "pools came and went %lu times\n", changes);
	} else {
		ksft_test_result_skip("in use: no " SUITE "\n");
		ksft_test_result_skip("came and went: no " SUITE "\n");
	}
	ksft_finished();
}
