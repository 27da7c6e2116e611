/* SPDX-License-Identifier: GPL-2.0-only */
/* Complete in itself: the C library's <errno.h> includes a file of this name. */
#ifndef _LINUX_ERRNO_H
#define _LINUX_ERRNO_H

#define ENOENT	2
#define ENOMEM	12
#define EBUSY	16
#define EINVAL	22

#endif
