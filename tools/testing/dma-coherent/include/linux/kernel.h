/* SPDX-License-Identifier: GPL-2.0-only */
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define swap(a, b)	do {				\
	__auto_type _a = (a);				\
							\
	(a) = (b);					\
	(b) = _a;					\
} while (0)
