#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Makes sure that what a goal needs is installed; installs what is missing with apt. Quiet when nothing is.
#   setup.sh build|check|vm|arm64|bench [--no-install]
set -eu

goal=${1:-build}
mode=${2:-}
missing=

need_command() { # command package
	command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need_library() { # pkg-config name, package
	pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}

# What fetches kernels and boots them.
collect_for_guests() {
	need_command qemu-system-x86_64 qemu-system-x86
	need_command busybox busybox-static
	! file -L "$(command -v busybox)" 2>/dev/null | grep -q 'dynamically linked' || missing="$missing busybox-static"
	need_command cpio cpio
	need_command modprobe kmod
	need_command xz xz-utils
	need_command zstd zstd
	need_command ip iproute2
	need_command jq jq
	need_command fio fio
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
}

collect_missing() {
	missing=
	need_command pkg-config pkg-config
	need_command "${CC:-gcc}" gcc
	[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
	need_command "${CLANG:-clang}" clang
	need_command bpftool bpftool
	need_library libbpf libbpf-dev
	need_library libelf libelf-dev
	need_library zlib zlib1g-dev
	need_library jansson libjansson-dev
	need_library inih libinih-dev
	need_library libcap libcap-dev
	need_library libmicrohttpd libmicrohttpd-dev
	[ "$goal" = build ] && return 0
	collect_for_guests
	[ "$goal" = vm ] && return 0
	if [ "$goal" = arm64 ]; then
		need_command aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
		[ -e /usr/share/doc/libc6-dev-arm64-cross ] || missing="$missing libc6-dev-arm64-cross"
		need_command qemu-system-aarch64 qemu-system-arm
		need_command file file
		return 0
	fi
	need_library cmocka libcmocka-dev
	need_command bats bats
	need_command fio fio
	need_command stress-ng stress-ng
	need_command sysctl procps
	need_command ip iproute2
	need_command nft nftables
	need_command mkfs.ext4 e2fsprogs
	need_command losetup mount
	need_command setpriv util-linux
	need_command clang-format clang-format
	need_command git git
	need_command jq jq
	need_command groff groff-base
	need_command script bsdutils
	need_command chromium chromium
	[ -d /usr/share/fonts/truetype/dejavu ] || missing="$missing fonts-dejavu-core"
	need_command promtool prometheus
	need_command curl curl
	need_command setcap libcap2-bin
	need_command strace strace
	/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null ||
		missing="$missing python3-prometheus-client"
	/usr/bin/python3 -c 'import yaml' 2>/dev/null || missing="$missing python3-yaml"
	[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import jsonschema' 2>/dev/null ||
		missing="$missing python3-jsonschema"
	[ "$goal" = check ] && return 0
	need_command perf linux-perf
	[ -x /usr/sbin/runqlat ] || missing="$missing libbpf-tools"
}

collect_missing
[ -z "$missing" ] && exit 0

if [ "$mode" = --no-install ]; then
	echo "tunescope: missing:$missing (install them, or let 'sudo make advise' do it)" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "tunescope: missing:$missing, and there is no apt-get here to install them with" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "tunescope: missing:$missing; run 'sudo make advise' or: sudo apt-get install$missing" >&2
	exit 1
fi

echo "tunescope: installing$missing" >&2
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=
clean_up() {
	rm -f "$log"
	[ -z "$made_policy" ] || rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
# Only the programs are wanted: no service that comes with them (prometheus) is started on this host.
if [ ! -e "$policy" ]; then
	made_policy=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# The package lists of a fresh host are old or empty: fetch them once, when the first try fails.
# shellcheck disable=SC2086
if ! apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1; then
	apt-get update -q >>"$log" 2>&1 || true
	if ! apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1; then
		cat "$log" >&2
		echo "tunescope: apt could not install:$missing" >&2
		exit 1
	fi
fi
case $missing in
*' prometheus'*) systemctl --quiet disable prometheus.service >/dev/null 2>&1 || true ;;
esac
collect_missing
if [ -n "$missing" ]; then
	echo "tunescope: still missing after installing:$missing" >&2
	exit 1
fi
