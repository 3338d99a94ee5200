#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boots one kernel under qemu and runs checks in it.
#   run.sh KERNEL RESULTS [CHECK...]
# RESULTS/status says "failed: …" from before the guest starts until what came out of it was read: a guest that dies,
# hangs or writes nothing has not passed. Environment: SMP (-smp of qemu: 2), MEMORY (1536, MiB), DISKS (besides
# vda for the results and vdb of 512 MiB: MIB[/OPTION OF -drive]..., commas between them, e.g. 64,256/throttling.iops-total=100),
# LIMIT (seconds, 240; a check may take a third of it), APPEND (kernel command line), BINARY; ARCHITECTURE (amd64; with arm64, LIBRARIES is the root to
# take the binary's from).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
architecture=${ARCHITECTURE:-amd64}
kernel=$("$here/fetch.sh" "$1" "$architecture")
results=$2
shift 2
checks=$*
rm -rf "$results"
mkdir -p "$results"
echo 'failed: the guest has not started' >"$results/status"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/tunescope-vm.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$here/initramfs.sh" "$kernel" "${BINARY:-$tree/build/tunescope}" "$work/initramfs"
truncate -s 64M "$work/results"
disks=()
for disk in 512 $(tr , ' ' <<<"${DISKS:--}"); do
	[ "$disk" != - ] || continue
	file=$(mktemp "$work/disk.XXXXXX")
	truncate -s "${disk%%/*}M" "$file"
	disks+=(-drive "file=$file,if=virtio,format=raw,cache=unsafe$(sed -n 's|^[^/]*/|,|; t p; b; :p s|/|,|g; p' <<<"$disk")")
done
echo 'failed: the guest did not finish' >"$results/status"
# TCG, not KVM: nested virtualisation is not to be had everywhere, and where it seems to be it may hang. One thread: with
# several, 7.2 has been seen to meet a breakpoint of its own code patching after that was over, and to die of it.
# The host's root is of no use to another machine.
root=(-virtfs 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap')
case $architecture in
amd64) machine=(qemu-system-x86_64 -cpu 'max,la57=off') console=ttyS0 ;;
arm64) machine=(qemu-system-aarch64 -machine virt -cpu cortex-a72) console=ttyAMA0 root=() ;;
esac
code=0
timeout -k 10 "${LIMIT:-240}" "${machine[@]}" -accel tcg,thread=single -smp "${SMP:-2}" -m "${MEMORY:-1536}" \
	-nodefaults -no-user-config -no-reboot -display none -net none \
	-serial "file:$results/console" -device virtio-rng-pci \
	-kernel "$kernel/vmlinuz" -initrd "$work/initramfs" \
	-append "console=$console panic=-1 quiet net.ifnames=0 tunescope.modules=$kernel/lib/modules tunescope.tree=$tree tunescope.checks=${checks// /,} tunescope.check_limit=$((${LIMIT:-240} / 3)) ${APPEND:-}" \
	-drive "file=$work/results,if=virtio,format=raw,cache=unsafe" \
	"${disks[@]}" "${root[@]}" \
	</dev/null >"$results/qemu" 2>&1 || code=$?
if [ $code != 0 ]; then
	echo "failed: qemu ended with code $code after at most ${LIMIT:-240} s" >"$results/status"
elif ! tar -C "$results" -xf "$work/results" 2>/dev/null || [ ! -e "$results/finished" ]; then
	echo 'failed: the guest ended without results' >"$results/status"
else
	echo finished >"$results/status"
fi
cat "$results/status"
