# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# apt with a configuration of its own beside the host's: its mirrors, proxies and keyring, another suite or architecture.
# It checks the signature of the suite and the sums of what it downloads; nothing is installed, and what is not signed
# does not arrive. To be sourced; the caller has `fail`.

# Where this host gets its own packages: the archive of another suite is there, too.
mirror() { # debian | debian-security
	apt-get indextargets --format '$(REPO_URI)' | awk -v end="/$1/?$" '$0 ~ end { print; exit }'
}

# Makes WORK apt's and fetches the lists; packages come to WORK/archives.
private_apt() { # WORK SUITE ARCHITECTURE
	local work=$1 suite=$2 architecture=$3 uri variable
	local keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

	case $suite in
	jammy* | noble*)
		uri=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu} variable=UBUNTU_MIRROR
		keyring=$work/ubuntu-archive-keyring.gpg
		(ubuntu_keyring "$work/keyring" "$keyring") || exit 1
		;;
	*-security) uri=${DEBIAN_SECURITY_MIRROR:-$(mirror debian-security)} variable=DEBIAN_SECURITY_MIRROR ;;
	*) uri=${DEBIAN_MIRROR:-$(mirror debian)} variable=DEBIAN_MIRROR ;;
	esac
	[ -n "$uri" ] || fail "this host has no package source with $suite: set $variable to the URI of a Debian mirror"
	[ -r "$keyring" ] || fail "$keyring is missing (package debian-archive-keyring): signatures cannot be checked"
	mkdir -p "$work"/{lists/partial,archives/partial}
	echo "deb [signed-by=$keyring arch=$architecture] $uri $suite main" >"$work/sources.list"
	: >"$work/status"
	cat >"$work/apt.conf" <<-END
		APT::Architecture "$architecture";
		APT::Architectures { "$architecture"; };
		APT::Sandbox::User "root";
		Acquire::Retries "3";
		Dir::Etc::sourcelist "$work/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::Etc::preferencesparts "-";
		Dir::State "$work";
		Dir::State::lists "$work/lists";
		Dir::State::status "$work/status";
		Dir::Cache "$work";
END
	export APT_CONFIG=$work/apt.conf
	if ! apt-get update -qq >"$work/log" 2>&1 || grep -q '^[EW]:' "$work/log"; then
		cat "$work/log" >&2
		fail "the package lists of $suite cannot be had"
	fi
}

# The keys of Ubuntu are in a package of Debian's.
ubuntu_keyring() { # WORK OUTPUT
	mkdir -p "$1"
	private_apt "$1" trixie amd64
	private_download "$1" ubuntu-keyring
	dpkg-deb --fsys-tarfile "$1"/archives/*.deb | tar -xO ./usr/share/keyrings/ubuntu-archive-keyring.gpg >"$2" ||
		fail "no keys of Ubuntu in ubuntu-keyring"
	rm -rf "$1"
}

# The packages, which are then in WORK/archives.
private_download() { # WORK PACKAGE...
	local work=$1
	shift
	(cd "$work/archives" && apt-get download -q "$@") >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		fail "$* cannot be downloaded"
	}
}
