# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For scripts to source, after packages.sh: where the system's apt gets Debian's
# packages from, and how.  No address of a mirror is written down anywhere.

# debian_mirror PATTERN: the address of the first source of the system whose suite
# matches, an extended regular expression; nothing where there is none.
debian_mirror()
{
	apt_was_updated || [ "$(id -u)" != 0 ] || apt-get update -q >&2 || :
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
		awk -v suite="^($1)\$" '$2 == "main" && $1 ~ suite && !uri { uri = $3 } END { print uri }'
}

# The mirror of Debian's main archive.
main_mirror()
{
	local codename

	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
	debian_mirror "$codename|(old)?stable|testing|unstable|sid"
}

# The system's way to a mirror, as lines of an apt.conf: proxies, certificates, and
# whether a mirror may be out of date.
apt_transport()
{
	apt-config dump | grep -E '^Acquire::(http|https|ForceIPv4|ForceIPv6|Check-Valid-Until|Check-Date)\b' || :
}
