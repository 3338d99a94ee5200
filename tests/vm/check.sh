#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boots kernels and prints TAP: each check of each guest, and at the end a table kernel x check, signal and rule.
#   check.sh [--brief | --record] [GUEST...]
# Environment: CHECKS (those, instead of what the guest's row says), LIMIT (seconds a guest may take), JOBS (guests at
# a time, 1, with --brief 2; each keeps one CPU busy).
# GUEST: a name of kernels.conf or scenarios.conf, SCENARIO@KERNEL, or SUITE/PACKAGE.
# Without a guest: all. --brief: only what make check has time for. --record: what was found becomes
# tests/vm/results/GUEST.tsv, of which docs/kernels.md is made.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../../build}
# As slow as disks are, or what the kernel does for each request takes longer than the device, when all is emulated.
disk=1024/throttling.bps-read=40000000/throttling.bps-write=20000000
all='doctor counts null_blk scsi_debug dm_delay nr_requests saturated_device netem netem_rto netem_cc cpus churn record clock no_btf live_kernel_types live_block live_tcp live_writeback live_sched_sessions live_sockets live_socket_looks'
brief='doctor counts null_blk cpus no_btf live_kernel_types'
record=
while :; do
	case ${1:-} in
	--brief) all=$brief JOBS=${JOBS:-2} ;;
	--record) record=yes ;;
	*) break ;;
	esac
	shift
done
if [ $# = 0 ]; then
	mapfile -t guests < <(awk '/^[^#]/ { print $1 }' "$here/kernels.conf" "$here/scenarios.conf")
	set -- "${guests[@]}"
fi
# Some checks alone add to what is known: what was worse or is not known yet is taken from them, and what they were made for.
record() { # what was found, file
	local new
	new=$(cat "$1")
	[ -z "${CHECKS:-}" ] || [ ! -s "$2" ] || new=$(awk -F'\t' '
		{ key = $1 FS $2 }
		NR == FNR { new[key] = $0; order[++count] = key; bad[key] = $3 == "failed"; next }
		key in new && ($1 !~ /^(family|rule)$/ || bad[key] || $3 ~ /^(failed|unavailable|unsupported)$/) { print new[key]; done[key] = 1; next }
		{ print; done[key] = 1 }
		END { for (i = 1; i <= count; i++) if (!(order[i] in done) && order[i] !~ /^kernel/) print new[order[i]] }
	' <(echo "$new") "$2")
	echo "$new" >"$2"
}
# Prints TAP without numbers; what was found goes to $build/vm/GUEST.tsv.
check_guest() { # guest
	local guest=$1 name=${1//\//-} results kernel cpus memory disks checks append started=$SECONDS status seen=0 row wanted
	results=$build/vm/$name
	read -r kernel cpus memory disks checks append < <(
		awk -v name="${guest%@*}" '/^[^#]/ && $1 == name { $1 = ""; print }' "$here/scenarios.conf")
	[[ $guest != *@* ]] || kernel=${guest#*@}
	checks=${CHECKS:-${checks:-${all// /,}}}
	status=$(SMP=${cpus:-2} MEMORY=${memory:-1536} DISKS=${disks:-$disk} APPEND=${append:-} \
		LIMIT=${LIMIT:-$([ "$all" = "$brief" ] && echo 340 || echo 1500)} "$here/run.sh" "${kernel:-$guest}" "$results" "${checks//,/ }" 2>&1 | tail -1)
	if [ "$status" = finished ]; then
		echo "ok - $guest: $(cat "$results/kernel") boots, and ends after $((SECONDS - started)) s"
	else
		echo "not ok - $guest: $status"
		tail -5 "$results/console" 2>/dev/null | sed 's/^/# /'
	fi
	while IFS= read -r row; do
		case $row in
		'ok '*) echo "ok - $guest: ${row#* - }"; seen=$((seen + 1)) ;;
		'not ok '*) echo "not ok - $guest: ${row#* - }"; seen=$((seen + 1)) ;;
		'#'*) echo "$row" ;;
		esac
	done < <(cat "$results/checks.tap" 2>/dev/null)
	# A guest that stopped in between has not passed what it did not come to.
	wanted=$(tr -cd , <<<"$checks" | wc -c)
	[ "$seen" = $((wanted + 1)) ] || echo "not ok - $guest: $seen of $((wanted + 1)) checks were made"
	mkdir -p "$build/vm"
	"$here/record.sh" "$results" >"$build/vm/$name.tsv"
	[ -z "$record" ] || record "$build/vm/$name.tsv" "$here/results/$name.tsv"
}

outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
begun=0 shown=0 number=0 pids=()
show_next() {
	local row
	wait "${pids[shown]}"
	while IFS= read -r row; do
		case $row in
		'ok - '*) number=$((number + 1)); echo "ok $number ${row#ok }" ;;
		'not ok - '*) number=$((number + 1)); echo "not ok $number ${row#not ok }" ;;
		*) echo "$row" ;;
		esac
	done <"$outputs/$shown"
	shown=$((shown + 1))
}
for guest; do
	[ $((begun - shown)) -lt "${JOBS:-1}" ] || show_next
	check_guest "$guest" >"$outputs/$begun" &
	pids+=($!)
	begun=$((begun + 1))
done
while [ $shown -lt $begun ]; do show_next; done
if [ "$all" != "$brief" ]; then
	number=$((number + 1))
	table=$("$here/kernels_page.py" "$build/vm" "$@" 2>&1) && echo "ok $number - every signal and rule is in the table" ||
		echo "not ok $number - every signal and rule is in the table"
	sed 's/^/# /' <<<"$table"
fi
echo "1..$number"
