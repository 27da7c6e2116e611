# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For scripts to source: what a script needs from Debian's packages.
#
#   need_packages WHAT:PACKAGE...
#
# WHAT is a command, or a file where it begins with a slash.  Packages whose
# WHAT is missing get installed when root runs this; otherwise the one command
# to type is printed and the script ends.

need_packages()
{
	local pair what missing=()

	for pair in "$@"; do
		what=${pair%%:*}
		case $what in
		/*) [ -e "$what" ] || missing+=("${pair#*:}") ;;
		*) command -v "$what" >/dev/null || missing+=("${pair#*:}") ;;
		esac
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	install_packages "${missing[@]}"
}

install_packages()
{
	if ! command -v apt-get >/dev/null; then
		echo "${0##*/}: missing, and this is no Debian system to install them on: $*" >&2
		exit 1
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "${0##*/}: packages are missing; type: sudo apt-get install -y --no-install-recommends $*" >&2
		exit 1
	fi
	echo "${0##*/}: installing $*" >&2
	apt_was_updated && apt_install "$@" && return 0
	apt-get update -q >&2 || :	# one source that fails must not hide the others
	apt_install "$@" && return 0
	echo "${0##*/}: could not install $*" >&2
	exit 1
}

# On a new machine apt knows neither packages nor where they come from.
apt_was_updated() { [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ]; }

apt_install()
{
	DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends "$@" </dev/null >&2
}
