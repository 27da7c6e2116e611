/* SPDX-License-Identifier: GPL-2.0-only */
/* The same numbers as in the kernel, so that a seed means the same here. */
#ifndef _LINUX_PRANDOM_H
#define _LINUX_PRANDOM_H

#include <linux/types.h>

struct rnd_state {
	u32 s[4];
};

static inline u32 prandom_step(u32 s, u32 mask, int up, int a, int b)
{
	return ((s & mask) << up) ^ (((s << a) ^ s) >> b);
}

static inline u32 prandom_u32_state(struct rnd_state *state)
{
	u32 *s = state->s;

	s[0] = prandom_step(s[0], -2U, 18, 6, 13);
	s[1] = prandom_step(s[1], -8U, 2, 2, 27);
	s[2] = prandom_step(s[2], -16U, 7, 13, 21);
	s[3] = prandom_step(s[3], -128U, 13, 3, 12);
	return s[0] ^ s[1] ^ s[2] ^ s[3];
}

static inline void prandom_seed_state(struct rnd_state *state, u64 seed)
{
	static const u32 least[] = { 2, 8, 16, 128 };
	u32 i = (seed >> 32) ^ (seed << 10) ^ seed;
	int n;

	for (n = 0; n < 4; n++)
		state->s[n] = i < least[n] ? i + least[n] : i;
}

#endif
