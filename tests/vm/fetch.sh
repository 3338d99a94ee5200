#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetches a kernel package and prints the directory it is unpacked in: vmlinuz, config, modules/VERSION, package.
#   fetch.sh NAME | SUITE/PACKAGE [ARCHITECTURE]
# The packages come through apt, with a configuration of their own beside the host's: its mirrors, proxies and keyring,
# another suite. apt checks the signature of the suite and the sums of what it downloads; nothing is installed, and
# what is not signed is not unpacked. What is in the cache is not asked for again (REFRESH=1: it is).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TUNESCOPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tunescope}/kernels
keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
architecture=${2:-amd64}

fail() {
	echo "fetch.sh: $1" >&2
	exit 1
}

case ${1:-} in
*/*) suite=${1%%/*} package=${1#*/} ;;
?*) read -r suite package < <(awk -v name="$1" '$1 == name { print $2, $3 }' "$here/kernels.conf") ||
	fail "no kernel '$1' in $here/kernels.conf: name one of them, or SUITE/PACKAGE" ;;
*) fail "which kernel? NAME or SUITE/PACKAGE" ;;
esac
target=$cache/$suite-$package-$architecture
if [ -e "$target/package" ] && [ -z "${REFRESH:-}" ]; then
	echo "$target"
	exit
fi

# Where this host gets its own packages: the archive of a suite is there, too.
mirror() { # debian | debian-security
	apt-get indextargets --format '$(REPO_URI)' | awk -v end="/$1/?$" '$0 ~ end { print; exit }'
}
case $suite in
*-security) uri=${DEBIAN_SECURITY_MIRROR:-$(mirror debian-security)} variable=DEBIAN_SECURITY_MIRROR ;;
*) uri=${DEBIAN_MIRROR:-$(mirror debian)} variable=DEBIAN_MIRROR ;;
esac
[ -n "$uri" ] || fail "this host has no package source with $suite: set $variable to the URI of a Debian mirror"
[ -r "$keyring" ] || fail "$keyring is missing (package debian-archive-keyring): signatures cannot be checked"

work=$target.new
rm -rf "$work" "$target"
mkdir -p "$work"/{lists/partial,archives/partial,root}
trap 'rm -rf "$work"' EXIT
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

apt-get update -qq >"$work/log" 2>&1 && ! grep -q '^[EW]:' "$work/log" || {
	cat "$work/log" >&2
	fail "the package lists of $suite cannot be had"
}
# The package, and those of its parts that the kernel lies in.
packages=$package
while read -r word; do packages+=" $word"; done < <(
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$package" 2>/dev/null |
		grep -oE '^linux-(image|modules|binary)-[0-9][^ :]*' | sort -u)
cd "$work/archives"
# shellcheck disable=SC2086
apt-get download -q $packages >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	fail "$package of $suite cannot be downloaded"
}
for file in *.deb; do dpkg-deb -x "$file" "$work/root"; done

shopt -s nullglob
found=("$work"/root/{,usr/}lib/modules/*)
[ ${#found[@]} = 1 ] || fail "$package of $suite has no modules of one kernel: is it a kernel?"
modules=${found[0]} version=${found[0]##*/}
found=("$work/root/boot/vmlinuz-$version"* "$modules/vmlinuz"*)
[ ${#found[@]} != 0 ] || fail "$package of $suite has no kernel image"
image=${found[0]}
cp "$image" "$work/vmlinuz"
found=("$work/root/boot/config-$version" "$modules/config")
for file in "${found[@]}"; do [ ! -e "$file" ] || cp "$file" "$work/config"; done
mkdir -p "$work/lib/modules"
mv "$modules" "$work/lib/modules/"
depmod -b "$work" "$version" 2>"$work/log" || fail "depmod: $(cat "$work/log")"
for file in *.deb; do dpkg-deb -f "$file" Package Version | paste -sd ' ' | sed 's/Package: //; s/Version: //'; done >"$work/packages"
rm -rf "$work"/{lists,archives,root,log,apt.conf,sources.list,status,*.bin,auxfiles}
cd /
echo "$version" >"$work/package"
mv "$work" "$target"
trap - EXIT
echo "$target"
