/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_BITMAP_H
#define _LINUX_BITMAP_H

#include <linux/bitops.h>

/* The bits of word @i of a bitmap that lie between @start and @end. */
static inline unsigned long bitmap_part(unsigned long i, unsigned long start,
					unsigned long end)
{
	unsigned long first = i * BITS_PER_LONG, mask = ~0UL;

	if (start > first)
		mask &= ~0UL << (start - first);
	if (end - first < BITS_PER_LONG)
		mask &= ~(~0UL << (end - first));
	return mask;
}

static inline void bitmap_set(unsigned long *map, unsigned long start,
			      unsigned long len)
{
	unsigned long i;

	for (i = BIT_WORD(start); i < BITS_TO_LONGS(start + len); i++)
		map[i] |= bitmap_part(i, start, start + len);
}

static inline void bitmap_clear(unsigned long *map, unsigned long start,
				unsigned long len)
{
	unsigned long i;

	for (i = BIT_WORD(start); i < BITS_TO_LONGS(start + len); i++)
		map[i] &= ~bitmap_part(i, start, start + len);
}

static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long end, unsigned long bit)
{
	while (bit < end && !test_bit(bit, map))
		bit++;
	return bit < end ? bit : end;
}

static inline bool bitmap_empty(const unsigned long *map, unsigned long bits)
{
	return find_next_bit(map, bits, 0) == bits;
}

#endif
