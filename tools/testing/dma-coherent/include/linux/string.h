/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H

#include <string.h>

/* The first byte that is not @byte. */
static inline void *memchr_inv(const void *mem, int byte, size_t size)
{
	const unsigned char *p;

	for (p = mem; size; p++, size--)
		if (*p != (unsigned char)byte)
			return (void *)p;
	return NULL;
}

#endif
