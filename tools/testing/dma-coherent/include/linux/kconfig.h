/* SPDX-License-Identifier: GPL-2.0-only */
/* Included first, as the kernel does it. Every symbol asked for here is on. */
#define IS_ENABLED(symbol)	1
