# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For tools/check/kunit to source: has it run on a machine of the table in tools/check/machines.

# use_machine NAME: sets what kunit.py and the kernel are told; $tree is there and
# $build is where things go.
use_machine()
{
	local compiler qemu memory symbols symbol options

	read -r _ arch compiler qemu takes_tree memory symbols options < <(grep "^$1 " "$top/tools/check/machines") ||
		die "ARCH=$1: not in tools/check/machines"
	compiler=${compiler#gcc-}
	need_packages "$compiler-gcc:gcc-${compiler//_/-}"
	kunitconfigs+=(--cross_compile="$compiler-")
	for symbol in ${symbols//,/ }; do
		[ "$symbol" = - ] || kunitconfigs+=(--kconfig_add="CONFIG_$symbol")
	done
	[ -z "${ALONE:-}" ] || takes_tree=-
	if [ "$arch" = um ]; then
		[ "$1" != um-i386 ] || use_i386 "$compiler"
		return
	fi
	use_qemu_config
	need_packages "$qemu" /usr/include/libelf.h:libelf-dev
	[ "$arch" != riscv32 ] || use_firmware
	timeout=1800
	[ "$memory" = - ] || use_memory "${memory%+*}" "${memory#*+}"
	[ -z "$options" ] || use_options "$options"
	[ "$takes_tree" = - ] || kunitconfigs+=(--qemu_args="-dtb $build/test.dtb")
}

use_i386()
{
	need_packages "/usr/$1/lib/libc.a:libc6-dev-i386-cross"
	kunitconfigs+=(--make_options=SUBARCH=i386)
}

# What kunit.py knows of the machine, or where it doesn't, what the newest one does.
use_qemu_config()
{
	local path=tools/testing/kunit/qemu_configs/$arch.py

	qemu_config=$tree/$path
	[ -e "$qemu_config" ] || qemu_config=$(RELEASE=newest "$top/tools/overlay/tree")/$path
	[ -e "$qemu_config" ] || die "kunit.py of ${tree##*/} does not know $arch"
	kunitconfigs+=(--qemu_config="$qemu_config")
}

# QEMU looks for it there; Debian builds it for 64 bits only.
use_firmware()
{
	firmware=${OPENSBI:-/usr/share/qemu/opensbi-riscv32-generic-fw_dynamic.bin}

	if [ ! -e "$firmware" ]; then
		echo "kunit: error: Debian has no OpenSBI of 32 bits: say OPENSBI=path of a fw_dynamic.bin" >&2
		exit 75
	fi
	kunitconfigs+=(--qemu_args="-bios $firmware")
}

# What kunit.py's own configuration has too, counts as it comes last.
use_options()
{
	machine_options+=("$1")
	kunitconfigs+=(--qemu_args="$1")
}

# use_memory FIRST MEGABYTES
use_memory()
{
	ram=$1 end=$(($1 + (($2 - 16) << 20)))
	use_options "-m $2"
	args+=("mem=$(($2 - 16))M" "$(printf 'dma_coherent_kunit.spare=%#x' "$end")")
	# What firmware keeps from the kernel: no device tree says so here.
	case $arch in
	x86_64 | i386) args+=("memmap=16M\$0x20000000" dma_coherent_kunit.reserved=0x20000000) ;;
	esac
}

# run_machine ARGUMENT...: QEMU, as the machine that kunit.py has it be, but without a
# kernel
run_machine()
{
	local command

	mapfile -t command < <(PYTHONPATH=$tree/tools/testing python3 -B - "$qemu_config" <<-'END'
		import importlib.util, sys
		spec = importlib.util.spec_from_file_location("kunit.qemu_configs.it", sys.argv[1])
		module = importlib.util.module_from_spec(spec)
		spec.loader.exec_module(module)
		machine = module.QEMU_ARCH
		print("qemu-system-" + machine.qemu_arch, *machine.extra_qemu_params, sep="\n")
	END
	)
	# shellcheck disable=SC2068
	"${command[@]}" ${machine_options[@]} ${firmware:+-bios "$firmware"} -nodefaults -display none "$@"
}

# own_tree: writes what QEMU gives the machine.
own_tree()
{
	run_machine -machine "dumpdtb=$build/own.dtb" >&2
	dtc -q -I dtb -O dts "$build/own.dtb"
}

# blob_address: writes where QEMU puts the device tree, which depends on its size.
# What else it is asked to load does not matter.
blob_address()
{
	local address

	address=$(run_machine -S -monitor stdio -kernel "$qemu_config" -dtb "$build/test.dtb" \
		<<<$'info roms\nquit' | sed -n 's/.*addr=\([0-9a-f]*\) .*name="\(dtb\|fdt\)".*/0x\1/p')
	[ -n "$address" ] || die "QEMU does not say where it puts the device tree"
	echo "$address"
}

# memory_nodes: writes the regions that lie at fixed places of the machine's memory.
memory_nodes()
{
	local symbols=(-DRAM="$ram" -DEND="$end" -DBLOB="$blob")

	[ "$arch" != arm ] || symbols+=(-D__arm__)
	gcc -E -P -nostdinc -undef -x assembler-with-cpp "${symbols[@]}" \
		"$tree/drivers/base/test/dma-coherent-memory-kunit.dtsi"
}

# machine_tree SUITE: writes the machine's own device tree with what the suites look
# for.  The tree's core crashes early where part of a page is no-map.
machine_tree()
{
	own_tree
	sed '/^\/dts-v1\/;/d; /compatible = ".*-machine"/d; s/0x40800/0x40000/' "$1"
	[ -z "$ram" ] || memory_nodes
}

# Takes our files out of a copy of the tree, and leaves KUnit's own example.
without_ours()
{
	local file

	name+=-alone build+=-alone
	rm -rf "$build/tree"
	mkdir -p "$build"
	cp -al "$tree" "$build/tree"
	tree=$build/tree
	while IFS= read -r file; do
		rm -f "$tree/$file"
	done <"$tree/.overlay/laid"
	cp -r --remove-destination "$tree/.overlay/orig/." "$tree/"
	printf '%s\n' CONFIG_KUNIT=y CONFIG_KUNIT_EXAMPLE_TEST=y >"$build/alone.config"
	kunitconfigs=("${kunitconfigs[@]:1}" --kunitconfig="$build/alone.config")
}
