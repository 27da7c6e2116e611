/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H

#include <linux/types.h>

#define BIT(n)			(1UL << (n))
#define BIT_WORD(n)		((n) / BITS_PER_LONG)
#define BIT_MASK(n)		(1UL << ((n) % BITS_PER_LONG))
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define GENMASK(high, low)	\
	((~0UL << (low)) & (~0UL >> (BITS_PER_LONG - 1 - (high))))

#define __ffs(word)		((unsigned long)__builtin_ctzl(word))
#define __fls(word)		(BITS_PER_LONG - 1UL - __builtin_clzl(word))

static inline unsigned int fls_long(unsigned long word)
{
	return word ? __fls(word) + 1 : 0;
}

static inline bool test_bit(unsigned long bit, const unsigned long *map)
{
	return map[BIT_WORD(bit)] & BIT_MASK(bit);
}

#endif
