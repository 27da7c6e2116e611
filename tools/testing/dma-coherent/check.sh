#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every quick test, with each compiler and each size of word that there is.
#
#	check.sh directory compiler...

out=$1
shift
passed=0 failed=0 skipped=0

# try name command...: run it, and show the last line that it printed
try()
{
	name=$1
	shift
	if said=$("$@" 2>&1); then
		passed=$((passed + 1))
		printf 'ok       %-24s %s\n' "$name" "$(echo "$said" | tail -n 1)"
	else
		failed=$((failed + 1))
		printf 'FAILED   %-24s %s\n' "$name" "$*"
		echo "$said" | tail -n 40
	fi
}

skip()
{
	skipped=$((skipped + 1))
	echo "skipped: $1: $2"
}

# can compiler flag...: does it link a program with these?
can()
{
	echo 'int main(void) { return 0; }' |
		"$@" -fsanitize=address -x c - -o "$out/build/probe" 2>/dev/null
}

# with compiler bits
# shellcheck disable=SC2086 # a make and its arguments
with()
{
	make="${MAKE:-make} -s CC=$1 BITS=$2 SAN=1"
	lib=$out/build/library-$1-$2
	try "$1 $2-bit build" $make O="$out" all
	try "$1 $2-bit kunit" $make O="$out" kunit
	try "$1 $2-bit exhaustive" $make O="$out" exhaustive
	try "$1 $2-bit model" $make O="$out" model STEPS=100000
	try "$1 $2-bit corpus" $make O="$out" replay
	try "$1 $2-bit library" sh -c "$make O=$lib client && $lib/build/client/client"
}

mkdir -p "$out/build"
for compiler; do
	if ! command -v "$compiler" >/dev/null; then
		skip "$compiler" 'not installed'
		continue
	fi
	with "$compiler" 64
	if can "$compiler" -m32; then
		with "$compiler" 32
	else
		skip "$compiler 32-bit" \
			"needs libc6-dev-i386 and lib32gcc-$(gcc -dumpversion)-dev"
	fi
done
try 'words read' "${MAKE:-make}" -s O="$out" words
echo "host checks: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
