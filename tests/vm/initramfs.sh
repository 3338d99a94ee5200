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

busybox=$(command -v busybox)
cp "$busybox" "$root/bin/busybox"
for name in $("$busybox" --list); do [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"; done
cp "$here/init" "$root/init"
cp "$here/bare.sh" "$root/bare.sh"

# In the order in which they can be inserted; those that are built in have no file.
count=0
: >"$root/modules/order"
for name in virtio_pci virtio_blk virtio_rng 9pnet_virtio 9p overlay; do
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
ldd "$binary" | grep -oE '/[^ ]+' | while read -r library; do
	install -D -m 755 "$(realpath "$library")" "$root$library"
done
(cd "$root" && find . | cpio -o -H newc --quiet) >"$output"
