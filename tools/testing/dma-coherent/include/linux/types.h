/* SPDX-License-Identifier: GPL-2.0-only */
/* What the pool uses of <linux/types.h> and <linux/spinlock.h>. */
#ifndef _LINUX_TYPES_H
#define _LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#ifndef BITS_PER_LONG
#define BITS_PER_LONG	(__SIZEOF_LONG__ * 8)
#endif

/* Nobody contends for it here; it only knows how often it was asserted. */
typedef struct {
	unsigned long asserted;
} raw_spinlock_t;

#endif
