/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_LIMITS_H
#define _LINUX_LIMITS_H

#include <stdint.h>

#define U32_MAX		UINT32_MAX
#ifndef ULONG_MAX
#define ULONG_MAX	(~0UL)
#endif

#endif
