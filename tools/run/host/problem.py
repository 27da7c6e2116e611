# SPDX-License-Identifier: GPL-2.0


class Problem(Exception):
    """Something that ends the run; its text says what."""
