#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What can be checked of arm64 on another machine, as TAP: the BPF objects fit an arm64 kernel's types, the binary can be
# built for it, and does its work on that kernel under qemu.
#   arm64.sh BUILD_DIRECTORY
# Compiler and emulator come from this host's packages, arm64's libraries are unpacked beside the cache: the host's own
# packages are left alone.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
build=$1
kernel_package=trixie/linux-image-arm64
cache=${TUNESCOPE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tunescope}
libraries='libc6-dev libbpf-dev libelf-dev zlib1g-dev libjansson-dev libinih-dev libcap-dev'
export PATH=$PATH:/usr/sbin:/sbin
number=0
fail() {
	echo "arm64.sh: $1" >&2
	exit 1
}
step() { # description, command...
	local description=$1
	shift
	number=$((number + 1))
	if "$@" >"$build/log" 2>&1; then
		echo "ok $number - arm64: $description"
	else
		echo "not ok $number - arm64: $description"
		tail -20 "$build/log" | sed 's/^/# /'
		echo "1..$number"
		exit 1
	fi
}

fetch_kernel() { kernel=$("$here/fetch.sh" $kernel_package arm64) && /usr/bin/python3 "$here/image_btf.py" "$kernel/vmlinuz" "$build/vmlinux.btf"; }

# Everything that the libraries need to be linked with, in a root of its own.
fetch_libraries() {
	local release work packages
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	root=$cache/roots/$release-arm64
	[ ! -e "$root/packages" ] || return 0
	work=$root.new
	rm -rf "$work" "$root"
	(
		. "$here/apt.sh"
		private_apt "$work" "$release" arm64
		# shellcheck disable=SC2086
		packages=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances $libraries |
			grep -E '^(lib|zlib|linux-libc)' | sort -u)
		# shellcheck disable=SC2086
		private_download "$work" $packages libmicrohttpd-dev busybox-static
		mkdir "$work/root"
		for file in "$work"/archives/*.deb; do dpkg-deb -x "$file" "$work/root"; done
		ls "$work/archives" >"$work/root/packages"
	) || return 1
	mv "$work/root" "$root" && rm -rf "$work"
}

cross_build() {
	printf '#!/bin/sh\nexec aarch64-linux-gnu-gcc --sysroot=%s "$@"\n' "$root" >"$build/gcc"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nPKG_CONFIG_SYSROOT_DIR=%s PKG_CONFIG_LIBDIR=%s exec pkg-config "$@"\n' "$root" \
		"$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig" >"$build/pkg-config"
	chmod +x "$build/gcc" "$build/pkg-config"
	make -C "$tree" --no-print-directory -s -j2 all BUILD="$build" ARCH=aarch64 CC="$build/gcc" AR=aarch64-linux-gnu-ar \
		PKG_CONFIG="$build/pkg-config" LOADED_PACKAGES= SANITIZE= &&
		file "$build/tunescope" | grep 'ELF 64-bit LSB pie executable, ARM aarch64'
}

# A relocation that finds nothing turns its instruction into one that the verifier refuses when it is reached. Some are
# meant to: they stand behind a question for the field. So: which do not find anything must be the same on arm64 and on
# x86-64's kernel of the same version, on which the programs are seen to load.
relocations() { # objects, BTF, output
	local object
	for object in "$1"/*.linked.o; do
		"$tree/build/tests/vm/relocate" "$object" "$2" || return 1
	done >"$3"
}
compare_relocations() {
	local amd64
	amd64=$("$here/fetch.sh" "${kernel_package/arm64/amd64}") || return 1
	/usr/bin/python3 "$here/image_btf.py" "$amd64/vmlinuz" "$build/amd64.btf" &&
		relocations "$build/bpf" "$build/vmlinux.btf" "$build/arm64.relocations" &&
		relocations "$tree/build/bpf" "$build/amd64.btf" "$build/amd64.relocations" &&
		[ "$(wc -l <"$build/arm64.relocations")" -gt 100 ] &&
		diff "$build/amd64.relocations" "$build/arm64.relocations"
}

boots() {
	ARCHITECTURE=arm64 BINARY=$build/tunescope LIBRARIES=$root LIMIT=400 "$here/run.sh" $kernel_package "$build/guest" bare
	[ "$(cat "$build/guest/status")" = finished ] && grep -q '^ok 1' "$build/guest/checks.tap" || {
		cat "$build/guest/checks.tap" "$build/guest/doctor.txt"
		tail -5 "$build/guest/console"
		return 1
	}
	jq -e '(.sources + .programs) | length > 20 and all(.status != "failed")' "$build/guest/doctor.json"
}

mkdir -p "$build"
build=$(cd "$build" && pwd)
step 'the kernel package has types' fetch_kernel
step 'the libraries are there' fetch_libraries
step 'objects and binary are built' cross_build
step 'relocations find what they find on x86-64' compare_relocations
step 'the binary measures on that kernel' boots
echo "1..$number"
