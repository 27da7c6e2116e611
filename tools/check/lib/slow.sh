# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# For tools/check/static to source: the checks that take minutes.

# Plain `clang` of Debian 12 is too old for the newest trees.
check_clang()
{
	need_packages clang-19:clang-19 ld.lld-19:lld-19 llvm-ar-19:llvm-19
	cp_config "$build-clang"
	compile "$build-clang" ARCH=um LLVM=-19 W=1
	verdict "clang W=1" "$build-clang/said"
}

# cp_config DIRECTORY: the configuration of the other checks, for another build
cp_config()
{
	mkdir -p "$1"
	cp "$build/.config" "$1/.config"
}

# compile DIRECTORY ARGUMENT...: our sources, as far as they are configured there, and
# what includes our headers; what is said goes to DIRECTORY/said, nothing where all
# went well
compile()
{
	local dir=$1 object symbol objects=(drivers/base/core.o)
	shift

	quiet_make "$dir" "$@" olddefconfig prepare || return 0
	for object in "${objs[@]}"; do
		symbol=$(sed -n "s/^obj-\\\$(\\(CONFIG_[A-Z_]*\\)).*[[:space:]]${object##*/}.*/\\1/p" \
			"${object%/*}"/{Makefile,Kbuild} 2>/dev/null || :)
		! grep -qE "^$symbol=[ym]" "$dir/.config" || objects+=("$object")
	done
	! grep -q '^CONFIG_HAS_DMA=y' "$dir/.config" || objects+=(kernel/dma/mapping.o)
	! quiet_make "$dir" "$@" "${objects[@]}" || ours_said "$dir"
}

# ours_said DIRECTORY: some headers of the tree have warnings of their own
ours_said()
{
	grep -E '^[^ ]*dma[-_]coherent[^ ]*: (warning|error): ' "$1/said" >"$1/ours" || :
	mv "$1/ours" "$1/said"
}

quiet_make()
{
	local dir=$1
	shift

	make -s O="$dir" -j"$(nproc)" "$@" >"$dir/said" 2>&1
}

# What our code asks about, left out or brought in: architecture, cross compiler,
# where the configuration starts from, and what is changed then.  Each of our own
# symbols is left out, too.
combinations=(
	'um - suites DEBUG_FS=n'
	'um - suites FTRACE=n'
	'um - suites MODULES=n'
	'um - suites OF=n'
	'um - suites KUNIT=n'
	'um - suites DMA_API_DEBUG=y'
	'x86_64 - x86_64_defconfig EXPERT=y PREEMPT_RT=y OF=y KUNIT=y DMA_COHERENT_KUNIT_TEST=y'
	'x86_64 - allnoconfig -'
	'arm arm-linux-gnueabihf stm32_defconfig -'
)

check_combinations()
{
	local line arch prefix start changes dir change

	need_packages arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf /usr/include/libelf.h:libelf-dev
	mapfile -t -O "${#combinations[@]}" combinations < <("$top/tools/overlay/config" symbols | sed 's/.*/um - suites &=n/')
	for line in "${combinations[@]}"; do
		read -r arch prefix start changes <<<"$line"
		[ "$prefix" != - ] || prefix=
		dir=$build-$arch
		mkdir -p "$dir"
		if [ "$start" = suites ]; then
			cp_config "$dir"
		else
			quiet_make "$dir" ARCH="$arch" CROSS_COMPILE="${prefix:+$prefix-}" "$start" || :
		fi
		# The tree has warnings of its own with W=1.
		for change in $changes WERROR=n; do
			[ "$change" = - ] || set_symbol "$dir/.config" "$change"
		done
		compile "$dir" ARCH="$arch" CROSS_COMPILE="${prefix:+$prefix-}" W=1
		verdict "$arch, ${start%_*}, $changes" "$dir/said"
	done
}

set_symbol()
{
	sed -i "/^CONFIG_${2%=*}=/d; /^# CONFIG_${2%=*} is not set/d" "$1"
	echo "CONFIG_$2" >>"$1"
}

# Our symbols as the tree's own tool chooses them: all on, all off, and CHOICES (default
# 3) random choices.  SEED=N is the seed of the first of these.
check_choices()
{
	local dir=$build-choices seed=${SEED:-$(od -An -N 3 -t u4 /dev/urandom)} i

	if ! "$top/tools/overlay/config" symbols >"$build/choices.out" 2>&1; then
		verdict "choices of symbols" "$build/choices.out"
		return
	fi
	mkdir -p "$dir"
	cp "$build/.config" "$dir/base"
	# No other file is to be built again for the test that is a module.
	printf '%s\n' CONFIG_MODULES=y '# CONFIG_WERROR is not set' >>"$dir/base"
	choose "all on" allyesconfig
	choose "all off" allnoconfig
	for ((i = 0; i < ${CHOICES:-3}; i++)); do
		choose "random, SEED=$((seed + i))" randconfig KCONFIG_SEED=$((seed + i))
	done
}

# choose NAME TARGET [ARGUMENT]: has the tree's tool choose, and compiles with that
choose()
{
	local name=$1 choice=$dir/choice

	shift
	rm -f "$choice"
	if quiet_make "$dir" ARCH=um KBUILD_KCONFIG="$top/Kconfig" KCONFIG_CONFIG="$choice" "$@" &&
		CHOICE=$choice "$top/tools/overlay/config" apply "$dir/base" 2>"$dir/said" >"$dir/.config" &&
		quiet_make "$dir" ARCH=um olddefconfig prepare &&
		CHOICE=$choice "$top/tools/overlay/config" check "$dir/.config" >"$dir/said" 2>&1 &&
		quiet_make "$dir" ARCH=um W=1 drivers/base/; then
		ours_said "$dir"
	fi
	verdict "choices of symbols, $name" "$dir/said"
}

check_coccinelle()
{
	local script

	need_packages spatch:coccinelle
	: >"$build/coccinelle.out"
	laid '^(drivers|kernel|tools/(bench|check))/.*\.c$' >"$build/files"
	find scripts/coccinelle -name '*.cocci' | sort >"$build/cocci"
	# Those that can report; some ask for a later spatch.
	xargs -a "$build/cocci" grep -l '^virtual report' | while read -r script; do
		xargs -a "$build/files" spatch --very-quiet -D report --sp-file "$script" \
			--no-includes --include-headers --patch . 2>/dev/null || :
	done | grep -E 'dma[-_]coherent' >"$build/coccinelle.out" || :
	verdict coccinelle "$build/coccinelle.out"
}

check_html()
{
	need_packages sphinx-build:python3-sphinx dot:graphviz /usr/share/doc/python3-sphinx-rtd-theme:python3-sphinx-rtd-theme
	make -s htmldocs SPHINXDIRS=core-api BUILDDIR="$build/html" DOCS_THEME=alabaster >"$build/html.log" 2>&1 || :
	if [ -n "$(find "$build/html" -name dma-coherent.html -print -quit)" ]; then
		grep -iE 'dma[-_]coherent.*(warning|error)' "$build/html.log" >"$build/html.out" || :
	else
		tail -n 30 "$build/html.log" >"$build/html.out"
	fi
	verdict htmldocs "$build/html.out"
}

# The examples of the manual and of README.md, and the nodes of the tests, by the
# schemas of reserved memory.
check_bindings()
{
	local dts

	need_packages dt-validate:dt-schema dtc:device-tree-compiler
	reserved_memory_schemas || { skip bindings "no dt-schema with reserved memory could be had"; return; }
	: >"$build/bindings.out"
	example Documentation/core-api/dma-coherent.rst >"$build/manual.dts"
	example "$top/README.md" >"$build/readme.dts"
	cp drivers/base/test/dma-coherent-of-kunit.dts "$build/suite.dts"
	for dts in manual readme suite; do
		dtc -q -I dts -O dtb -o "$build/$dts.dtb" "$build/$dts.dts" >>"$build/bindings.out" 2>&1 || continue
		# The schemas of a whole machine's root are not for parts of one, and those
		# who use regions in the tests are no hardware.
		dt-validate -m -s "$schemas" "$build/$dts.dtb" 2>&1 | paste - - |
			grep -F "$schemas" >>"$build/bindings.out" || :
	done
	verdict bindings "$build/bindings.out"
}

# Sets $schemas. The dt-schema of Debian 12 has none of reserved memory, but reads
# those of a later one.
reserved_memory_schemas()
{
	local dir=/usr/lib/python3/dist-packages/dtschema/schemas/reserved-memory

	schemas=$dir
	[ ! -d "$schemas" ] || return 0
	schemas=$build/dt-schema$dir
	[ ! -d "$schemas" ] || return 0
	RELEASE=newest "$top/tools/overlay/tree" >/dev/null || return 1
	(
		cd "$build" || exit
		APT_CONFIG=$top/build/apt/apt.conf apt-get download -q dt-schema >&2
		dpkg -x dt-schema_*.deb dt-schema
		rm dt-schema_*.deb
	)
	[ -d "$schemas" ]
}

# example FILE: the first device tree that it shows, as one that compiles
example()
{
	echo '/dts-v1/; / { #address-cells = <1>; #size-cells = <1>;'
	awk '/reserved-memory \{/ { on = 1 }
		on { print; n += gsub(/{/, "{") - gsub(/}/, "}") }
		on && n == 0 && seen++ { exit }' "$1"
	echo '};'
}

# checkpatch on the mails themselves, whose messages no other check reads. What only
# runs on the host (tools/) has other rules.
check_mails()
{
	local out mails host_mails host=INVALID_UTF8,EXECUTE_PERMISSIONS,MACRO_ARG_UNUSED,AVOID_EXTERNS,MACRO_WITH_FLOW_CONTROL
	host+=,PREFER_DEFINED_ATTRIBUTE_MACRO,MACRO_ARG_PRECEDENCE,STRNCPY,CAMELCASE,IS_ENABLED_CONFIG,NEW_TYPEDEFS
	host+=,EMBEDDED_FUNCTION_NAME,EMBEDDED_FILENAME

	out=$("$top/tools/overlay/mails" 2>"$build/mails.log") ||
		{ cp "$build/mails.log" "$build/mails.out"; verdict mails "$build/mails.out"; return; }
	mapfile -t mails < <(grep -lP '^\+\+\+ b/(?!tools/)' "$out"/*.patch)
	mapfile -t host_mails < <(find "$out" -name "*.patch" -not -name "0000-*" -exec grep -LP '^\+\+\+ b/(?!tools/)' {} +)
	{
		# It takes the name of a file that is sourced for the sourcing file's own.
		checkpatch_mails EMBEDDED_FILENAME "${mails[@]}"
		checkpatch_mails "$host" "${host_mails[@]}"
	} >"$build/mails.out" 2>&1
	verdict "checkpatch --strict of the mails" "$build/mails.out"
}

# checkpatch_mails TYPES MAIL...: except for these types, and those that the checks of
# the files leave out
checkpatch_mails()
{
	local ignored=$1

	shift
	scripts/checkpatch.pl --strict --terse --show-types --no-summary --quiet \
		--ignore "$ignored,FILE_PATH_CHANGES,MACRO_ARG_REUSE,ENOSYS,UNDOCUMENTED_DT_STRING,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,SPACING,LONG_LINE,NO_CHANGELOG" "$@" || :
}

# The manual's own lines for those who test, as they stand there; `make run` has
# those of the tour.
check_commands()
{
	local manual=Documentation/core-api/dma-coherent.rst line

	awk '/^\t\.\/tools\/testing\/kunit\/kunit\.py run/ { on = 1 }
		on { print; if (!/\\$/) exit }' "$manual" >"$build/command"
	: >"$build/commands.out"
	[ -s "$build/command" ] || echo "the manual has no command" >"$build/commands.out"
	run_command "$build/command"
	# shellcheck disable=SC2016 # these are no expansions
	grep -o '``make -C [^`]*``' "$manual" | tr -d '`' >"$build/make-commands"
	while IFS= read -r line; do
		echo "$line" >"$build/command"
		run_command "$build/command"
	done <"$build/make-commands"
	verdict "the manual's commands" "$build/commands.out"
}

run_command()
{
	bash -e "$1" </dev/null >"$build/command.log" 2>&1 ||
		{ cat "$1"; tail -n 30 "$build/command.log"; } >>"$build/commands.out"
}
