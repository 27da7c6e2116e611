/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/bitops.h>

#define ilog2(n)		((int)__fls(n))
#define order_base_2(n)		((n) > 1 ? ilog2((n) - 1) + 1 : 0)
