# SPDX-License-Identifier: GPL-2.0
#
# Reads a unified diff and says which of its hunks have no place, or more than
# one, in the files below the directory ROOT.  With one line of context per hunk
# patch(1) would take the nearest of several places, silently.

function flush(	i, j, n, places, where)
{
	if (!hunk)
		return
	if (!(file in length_of)) {
		length_of[file] = 0
		while ((getline line < (root "/" file)) > 0)
			text[file, ++length_of[file]] = line
		close(root "/" file)
	}
	n = length_of[file] - old + 1
	for (i = 1; i <= n; i++) {
		for (j = 1; j <= old && text[file, i + j - 1] == want[j]; j++)
			;
		if (j > old) {
			places++
			where = where " " i
		}
	}
	if (places != 1) {
		printf "%s, hunk %d (%s) %s\n", file, hunk, head, \
			places ? "fits in several places, at lines" where : "does not apply"
		bad = 1
		exit 1
	}
	old = 0
}

# The length in a hunk's "-first,length" or "+first,length".
function lines(range)
{
	return range ~ /,/ ? substr(range, index(range, ",") + 1) + 0 : 1
}

hunk && (left > 0 || right > 0) {
	c = substr($0, 1, 1)
	if (c != "+") {
		want[++old] = substr($0, 2)
		left--
	}
	if (c != "-")
		right--
	next
}
/^--- /		{ flush(); hunk = 0 }
/^\+\+\+ b\//	{ file = substr($2, 3) }
/^@@ /		{ flush(); hunk++; head = $0; left = lines($2); right = lines($3) }
END		{ if (!bad) flush() }
