/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <stdlib.h>

#define GFP_KERNEL		0
#define kvzalloc(size, gfp)	calloc(1, size)
#define kvfree(mem)		free(mem)

#endif
