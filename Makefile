# SPDX-License-Identifier: GPL-2.0
#
# This repository's own commands; not part of a kernel tree.  See `make help`.

RELEASE ?= 6.12
KDIR    ?=
CONFIG  ?=
BOARD   ?=
SUITE   ?=
CHOICE  ?=
export RELEASE KDIR CONFIG BOARD SUITE CHOICE

# A kernel's own make must not see what was said to this one.
script = @env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

help:
	@echo 'make run      the main job: builds a kernel for an emulated board, boots it, and draws'
	@echo '              into a framebuffer from a declared pool; leaves build/run/'
	@echo '              BOARD=vexpress-a9 (the default, arm) or zcu102 (arm64; build/run/zcu102/);'
	@echo '              DTS=file: another device tree for that board'
	@echo 'make test     every check that a change must pass; ends with "N passed, N failed";'
	@echo '              leaves build/test/junit.xml'
	@echo 'make kunit    the KUnit suites under UML;  CONFIG=debug, smp (newest only), kcsan, rt;'
	@echo '              LONG=1: a minute of stress, long random sequences;'
	@echo '              ARCH=arm64 and others of tools/check/machines: as QEMU emulates them'
	@echo 'make matrix   the KUnit suites on each of those machines (hours the first time)'
	@echo 'make coverage which lines and branches of ours the suites reach under UML'
	@echo 'make mutate   breaks our code in 500 ways, and counts what the tests notice (two hours)'
	@echo 'make soak     boots each UML kernel that was built, N=60 times, alone and with user space,'
	@echo '              while the processors are kept busy: what fails by chance (hours)'
	@echo 'make clients  compiles everything in the tree that declares or attaches such memory'
	@echo 'make check    sparse, W=1, checkpatch, kernel-doc, shellcheck'
	@echo 'make bench    the pool beside the allocator it replaces, in one run'
	@echo 'make fresh    README'"'"'s two commands in a fresh root of a Debian suite; as root, an hour;'
	@echo '              SUITE=trixie (the default), bookworm, sid;  FIRST=run: make run only'
	@echo 'make patches  a series for "git am", for the chosen tree;  BISECT=1: builds and tests each'
	@echo '              state of it, and without each of the mails that can be dropped'
	@echo 'make tree     gets a kernel tree, lays our files over it, prints its path'
	@echo 'make update   asks Debian for a later version of the chosen release first'
	@echo 'make menuconfig  asks which of our symbols every kernel is built with; saves to build/config,'
	@echo '              which kunit, run, bench, clients, coverage and mutate take from then on;'
	@echo '              CHOICE=file: another one;  CHOICE=none: as if there were none'
	@echo 'make clean    removes build/, which holds everything that the others make'
	@echo
	@echo 'RELEASE=6.12  (the default), newest, or another x.y or x.y.z that Debian has: which kernel tree'
	@echo 'KDIR=path     a tree of your own, with any of them; it is copied, never changed'

run:
	$(script) tools/run/run

test:
	$(script) tools/check/test

kunit:
	$(script) tools/check/kunit

matrix:
	$(script) tools/check/matrix

soak:
	$(script) tools/check/soak

clients:
	$(script) tools/check/clients

coverage:
	$(script) tools/check/coverage

mutate:
	$(script) tools/check/mutate

check:
	$(script) tools/check/static

bench:
	$(script) tools/bench/bench

fresh:
	$(script) tools/check/fresh

patches:
	$(script) tools/overlay/mails

tree:
	$(script) tools/overlay/tree

update:
	$(script) tools/overlay/tree --update

menuconfig:
	$(script) tools/overlay/config menu

clean:
	rm -rf build

.PHONY: help run test kunit matrix soak clients coverage mutate check bench fresh patches tree update menuconfig clean
.NOTPARALLEL:
