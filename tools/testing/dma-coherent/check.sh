#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every quick test, with each compiler and each size of word that there is. Prints
# TAP, and how many passed.
#
#	check.sh directory compiler...

out=$1
shift

# try name command...: run it, and show the last line that it printed
try()
{
	name=$1
	began=$(date +%s%N)
	shift
	if output=$("$@" 2>&1); then
		lines=1 verdict=ok
	else
		lines=40 verdict='not ok'
		echo "# $*"
	fi
	echo "$output" | tail -n $lines | sed -n 's/^./# &/p'
	echo "$verdict - $name # time=$((($(date +%s%N) - began) / 1000000))ms"
}

skip()
{
	echo "ok - $1 # SKIP $2"
}

# can compiler flag...: does it link a program with these, and does that run here?
can()
{
	probe=$out/build/probe-${1##*/}
	echo 'int main(void) { return 0; }' |
		"$@" -fsanitize=address -x c - -o "$probe" 2>/dev/null && "$probe" 2>/dev/null
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
	[ "$1-$2" != clang-64 ] || try "$1 $2-bit fuzz" $make O="$out" fuzz TIME=3
	try "$1 $2-bit library" sh -c "$make O=$lib client && $lib/build/client/client"
}

# Both sizes of word, where the compiler has them.
with_both()
{
	if ! command -v "$1" >/dev/null; then
		skip "$1" 'not installed'
		return
	fi
	with "$1" 64
	if can "$1" -m32; then
		with "$1" 32
	else
		skip "$1 32-bit" \
			"needs libc6-dev-i386, lib32gcc-$(gcc -dumpversion)-dev and a kernel that runs it"
	fi
}

count() { cat "$said"/* | grep -c -e "$1"; }

# The compilers side by side: each writes to a file, and one shows them.
said=$out/build/said
rm -rf "$said"
mkdir -p "$said"
for compiler; do
	with_both "$compiler" >"$said/${compiler##*/}" &
done
wait
try 'words read' "${MAKE:-make}" -s O="$out" words >"$said/words"
cat "$said"/*
failed=$(count '^not ok - ')
echo "host checks: $(count '^ok - .* # time=') passed, $failed failed, $(count '^ok - .* # SKIP ') skipped"
[ "$failed" = 0 ]
