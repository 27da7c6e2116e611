# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For tools/check/kunit and tools/check/soak to source: how a UML kernel that
# kunit.py built is booted with user space, and what a kernel's log must look like.
# The caller sets $top, $tree, $build and $config, and reads the file $verdict: what
# was checked, as TAP.

# What a kernel prints when it finds a mistake, and what looks like it but isn't.
reports='BUG: |BUG at|WARNING: |KASAN: |UBSAN: |DMA-API: |ODEBUG: |kmemleak: |cut here'
reports+='|possible (circular|recursive) locking|possible irq lock inversion|inconsistent lock state'
reports+='|[Ii]nvalid wait context|suspicious RCU usage|sleeping function called'
reports+='|scheduling while atomic|unreferenced object|refcount_t: |list_(add|del) corruption'
reports+='|rcu: INFO|self-detected stall|soft lockup|blocked for more than|Oops|Kernel panic'
reports+='|general protection fault|Call Trace:|Bad page state|stack smashing'
# kmemleak lists each object that it counts.
harmless='kmemleak: (Kernel memory leak detector initialized|Automatic memory scanning thread started'
harmless+='|[0-9]+ new suspected memory leaks)'
# A race of the tree's own.
harmless+='|KCSAN: data-race in ktime_get_mono_fast_ns / timekeeping_update'
harmless+='|DMA-API: (preallocated [0-9]+ debug entries|debugging enabled by kernel config)'

timeout=300	# seconds for a boot

# UML has its memory in /dev/shm, which in a container is too small for some kernels.
shm=$(df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
[ "${shm:-0}" -ge 2048 ] || { mkdir -p "$top/build" && export TMPDIR=$top/build; }

# Where the host allows it, each boot has the same addresses, and a failure comes
# again.  No test depends on it: the kernel places the regions.
run=()
! setarch "$(uname -m)" -R true 2>/dev/null || run=(setarch "$(uname -m)" -R)

# apart COMMAND...: in a group of processes of its own, all of which a UML that panics
# ends; at the latest with this shell
apart() { setpriv --pdeathsig TERM timeout -k 10 "$timeout" "$@"; }

# pass CASE; fail CASE: why comes from standard input
began=${EPOCHREALTIME/./}
pass() { result ok "$1"; }
fail()
{
	sed 's/^/# /' | tee -a "$verdict"
	result 'not ok' "$1"
}
result()
{
	echo "$1 - $2 # time=$(((${EPOCHREALTIME/./} - began) / 1000))ms" | tee -a "$verdict"
	began=${EPOCHREALTIME/./}
}

# search_log LOG: each search is a check of its own
search_log()
{
	local log=$1 line case="no reports in ${1##*/}"

	if ! grep -anE "$reports" "$log" | grep -avE "$harmless" >"$log.reports"; then
		pass "$case"
		return
	fi
	{
		echo "$(wc -l <"$log.reports") reports of the kernel in ${log#"$top/"}, the first of them:"
		while IFS=: read -r line _; do
			sed -n "${line},$((line + 25))p" "$log"
			echo ...
		done < <(head -n 3 "$log.reports")
	} | fail "$case"
}

# make_user_space: an initial file system of init.c and the selftest, in $build/user
make_user_space()
{
	local user=$build/user

	mkdir -p "$user"
	gcc -static -O -Wall -o "$user/init" "$top/tools/check/lib/init.c" || die "could not build init.c"
	gcc -static -O -Wall -o "$user/selftest" "$tree/tools/testing/selftests/dma-coherent/debugfs.c" ||
		die "could not build the selftest"
	printf '%s\n' 'dir /dev 755 0 0' 'nod /dev/console 600 0 0 c 5 1' \
		"file /init $user/init 755 0 0" "file /selftest $user/selftest 755 0 0" >"$user/list"
	! has_heap || make_heap_tests
	! loads_modules ||
		echo "file /module.ko $build/drivers/base/test/dma-coherent-module-test.ko 644 0 0" >>"$user/list"
	"$build/usr/gen_init_cpio" "$user/list" >"$user/cpio"
	rm -f "$user/stdin"
	mkfifo "$user/stdin"
}

# The tree's own selftest of heaps, as it is, and ours. Debian has no <drm/drm.h> of
# the kernel, and bookworm lacks what that of newer trees includes.
make_heap_tests()
{
	local user=$build/user selftests=$tree/tools/testing/selftests test

	mkdir -p "$user/include/linux"
	ln -sfn "$tree/include/uapi/drm" "$user/include/drm"
	ln -sf "$tree/include/uapi/linux/bits.h" "$user/include/linux/bits.h"
	gcc -static -O -Wall -D__user= -I"$user/include" -I"$selftests" -o "$user/dmabuf-heap" \
		"$selftests/dmabuf-heaps/dmabuf-heap.c" || die "could not build the tree's selftest of heaps"
	for test in heap heap-vivid heap-fuzz; do
		gcc -static -O -Wall -D__user= -I"$user/include" -o "$user/$test" \
			"$selftests/dma-coherent/$test.c" || die "could not build the selftest $test"
	done
	for test in dmabuf-heap heap heap-vivid heap-fuzz; do
		echo "file /$test $user/$test 755 0 0" >>"$user/list"
	done
}

has_symbol() { grep -qxs "CONFIG_$1" "$build/.config"; }
has_heap() { has_symbol DMA_COHERENT_HEAP_TEST=y; }
loads_modules() { has_symbol DMA_COHERENT_MODULE_TEST=m; }

# boot_user_space LOG [ARGUMENT...]: boots what kunit.py built once more, with these on
# the kernel's command line: the suites run, then init.c.  UML's console would go
# quiet at the end of its input, hence the pipe.
boot_user_space()
{
	local log=$1

	shift
	apart "${run[@]}" "$build/linux" mem=1G console=tty \
		kunit.enable=1 initrd="$build/user/cpio" "$@" 0<>"$build/user/stdin" >"$log" 2>&1 || :
	count_selftest "$log"
	! has_heap || [[ " $* " != *" dtb="* ]] || count_heap "$log"
	! loads_modules || count_module "$log"
	[ "$config" != debug ] || look_for_leaks "$log"
	search_log "$log"
}

count_selftest()
{
	local case="selftest, and the suites again, in ${1##*/}"

	if ! grep -aqE '^ *not ok' "$1" &&
		{ ! has_symbol DMA_COHERENT_DEBUGFS=y || grep -aq '^# Totals: pass:5 fail:0 xfail' "$1"; }; then
		pass "$case"
		return
	fi
	{
		echo "the selftest, or a suite, failed or did not end: see ${1#"$top/"}"
		grep -aE '^ *not ok|^# ' "$1" | tail -n 40
	} | fail "$case"
}

# The tree's selftest has a few cases more in newer trees; none may be skipped.
count_heap()
{
	local case="user space allocates from a heap in ${1##*/}"

	if grep -aqE '^# Totals: pass:1[1-9] fail:0 xfail:0 xpass:0 skip:0 error:0' "$1" &&
		grep -aqE '^# Totals: pass:[56] fail:0 xfail:0 xpass:0 skip:[01] error:0' "$1" &&
		grep -aq '^ok 6 buffers outlive the driver' "$1" &&
		grep -aq '^ok 3 vivid writes no more than a frame' "$1" &&
		grep -aqE '^ok 1 .* seconds, 0 failed, 0 bytes of the pool in use' "$1"; then
		pass "$case"
		return
	fi
	{
		echo "a selftest of heaps failed or did not end: see ${1#"$top/"}"
		sed -n '/^heap: begins/,/^heap: ends/p' "$1" | tail -n 60
	} | fail "$case"
}

count_module()
{
	local case="module in ${1##*/}"

	if grep -aq '^module: loaded and unloaded twice' "$1"; then
		pass "$case"
		return
	fi
	{
		echo "the test module failed: see ${1#"$top/"}"
		grep -aE '^module:|dma_coherent_module_test' "$1" | tail -n 20
	} | fail "$case"
}

look_for_leaks()
{
	local mm_size

	if grep -aq '^leaks: scanned' "$1"; then
		pass "kmemleak in ${1##*/}"
	else
		{ echo "kmemleak could not be asked"; tail -n 20 "$1"; } | fail "kmemleak in ${1##*/}"
	fi
	# kunit_vm_mmap() of the tree leaves the mm_struct of each test behind, and
	# kmemleak has no more than its size to know it by under UML.
	mm_size=$(sed -n 's/^leaks: an mm_struct has \([0-9]*\) bytes.*/\1/p' "$1")
	[ -z "$mm_size" ] || harmless+="|unreferenced object 0x[0-9a-f]+ \\(size $mm_size\\)"
}
