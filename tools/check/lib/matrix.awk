# SPDX-License-Identifier: GPL-2.0
#
# Replaces the section of one release in tools/check/matrix.md, or adds it at the end.
#
#   awk -v section=FILE -f matrix.awk matrix.md
#
# The first line of FILE is the heading "## Linux x.y.z".  The section that it
# replaces is that of any x.y.
function put(	line)
{
	print heading
	while ((getline line <section) > 0)
		print line
	print ""
	done = 1
}

BEGIN {
	getline heading <section
	key = heading
	sub(/\.[^.]*$/, ".", key)
}

/^## Linux / {
	skip = index($0, key) == 1
	if (skip && !done)
		put()
}

!skip { print }

END {
	if (!done) {
		print ""
		put()
	}
}
