# SPDX-License-Identifier: GPL-2.0


class Problem(Exception):
    """Something that ends the run; its text says what."""


class Unable(Problem):
    """This QEMU cannot have the board; nothing is known of the kernel."""
