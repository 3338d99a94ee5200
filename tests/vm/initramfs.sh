#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes an initramfs: busybox, the modules a guest needs before it has a root, and init. Not compressed.
#   initramfs.sh KERNEL_DIRECTORY BINARY OUTPUT
# Where the kernel has 9p, the guest's root is that of the host, below an overlay in memory (init). Where it has not, all
# it gets is in here: the binary and its libraries.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1 binary=$2 output=$3
export PATH=$PATH:/usr/sbin:/sbin
version=$(cat "$kernel/package")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,host,upper,modules,lib64,root,etc}

# Another machine's, when its libraries are given.
libraries=${LIBRARIES:-}
busybox=$libraries$(command -v busybox)
[ -e "$busybox" ] || busybox=$libraries/bin/busybox
cp "$busybox" "$root/bin/busybox"
for name in $(busybox --list); do [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"; done
cp "$here/init" "$root/init"
cp "$here/bare.sh" "$root/bare.sh"

# In the order in which they can be inserted; those that are built in have no file.
count=0
: >"$root/modules/order"
for name in virtio_pci virtio_blk virtio_rng 9pnet_virtio 9p overlay tcp_diag; do
	while read -r word file _; do
		[ "$word" = insmod ] || continue
		plain=$(basename "$file") plain=${plain%.xz} plain=${plain%.zst}
		[ ! -e "$root/modules/$plain" ] || continue
		case $file in
		*.xz) xz -dc "$file" >"$root/modules/$plain" ;;
		*.zst) zstd -dcq "$file" >"$root/modules/$plain" ;;
		*) cp "$file" "$root/modules/$plain" ;;
		esac
		echo "$plain" >>"$root/modules/order"
		count=$((count + 1))
	done < <(modprobe -d "$kernel" -S "$version" --show-depends "$name" 2>/dev/null)
done
[ "$count" != 0 ] || { echo "initramfs.sh: none of the modules of $version was found" >&2; exit 1; }

install -m 755 "$binary" "$root/bin/tunescope"
needed() { # file
	if [ -z "$libraries" ]; then
		ldd "$1" | grep -oE '/[^ ]+'
		return
	fi
	/usr/bin/readelf -ld "$1" | sed -nE 's/.*(Shared library: \[|program interpreter: )([^]]*)\].*/\2/p' | while read -r name; do
		for place in "" /lib /usr/lib /lib/aarch64-linux-gnu /usr/lib/aarch64-linux-gnu; do
			[ ! -e "$libraries$place/$name" ] || { echo "$place/$name"; break; }
		done
	done
}
copy_needed() { # file
	needed "$1" | while read -r library; do
		[ ! -e "$root$library" ] || continue
		install -D -m 755 "$(realpath "$libraries$library")" "$root$library"
		[ -z "$libraries" ] || copy_needed "$root$library"
	done
}
copy_needed "$binary"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$output"
