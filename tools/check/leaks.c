// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a UML that has run its KUnit suites: has kmemleak look
 * for what they left behind, prints what it finds, and halts.
 *
 * kmemleak passes over what is younger than five seconds, and needs a second
 * scan to see that an object doesn't change.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAKS	"/sys/kernel/debug/kmemleak"

static void print_leaks(int fd)
{
	char text[4096];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, n, stdout);
}

static int scan(void)
{
	int fd = open(LEAKS, O_RDWR);
	int i;

	if (fd < 0)
		return -1;
	for (i = 0; i < 3; i++) {
		if (write(fd, "scan", 4) != 4)
			return -1;
	}
	print_leaks(fd);
	return close(fd);
}

int main(void)
{
	mkdir("/sys", 0755);
	mount("none", "/sys", "sysfs", 0, NULL);
	mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	sleep(6);
	if (scan())
		perror("leaks: " LEAKS);
	else
		puts("leaks: scanned");
	fflush(stdout);
	return reboot(RB_POWER_OFF);
}
