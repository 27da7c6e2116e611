/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before the pool itself where the words that it reads are counted.
 * Setting bits of a bitmap reads its first and its last word at most.
 */
#include <linux/bitmap.h>

extern unsigned long pool_words;

#define POOL_READ(word)		(pool_words++, (word))
#define bitmap_set(...)		(pool_words += 2, bitmap_set(__VA_ARGS__))
#define bitmap_clear(...)	(pool_words += 2, bitmap_clear(__VA_ARGS__))
