#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetches a kernel package and prints the directory it is unpacked in: vmlinuz, config, modules/VERSION, package.
#   fetch.sh NAME | SUITE/PACKAGE [ARCHITECTURE]
# Nothing is installed (apt.sh). What is in the cache is not asked for again (REFRESH=1: it is).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TUNESCOPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tunescope}/kernels
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
cached() { [ -e "$target/package" ] && [ -z "${REFRESH:-}" ] && echo "$target"; }
! cached || exit 0
mkdir -p "$cache"
exec 9>"$cache/lock" # of guests that start side by side one fetches what both need
flock 9
! cached || exit 0

. "$here/apt.sh"
work=$target.new
rm -rf "$work" "$target"
mkdir -p "$work/root"
trap 'rm -rf "$work"' EXIT
private_apt "$work" "$suite" "$architecture"
# The package, and those of its parts that the kernel lies in.
packages=$package
while read -r word; do packages+=" $word"; done < <(
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$package" 2>/dev/null |
		grep -oE '^linux-(image|modules|binary)-[0-9][^ :]*' | sort -u)
# shellcheck disable=SC2086
private_download "$work" $packages
cd "$work/archives"
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
rm -rf "$work"/{lists,archives,root,log,apt.conf,sources.list,status,*.bin,auxfiles,*.gpg}
cd /
echo "$version" >"$work/package"
mv "$work" "$target"
trap - EXIT
echo "$target"
