#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boots kernels and prints TAP: each check of each guest.
#   check.sh [--brief | --record] [GUEST...]
# Environment: CHECKS (those, instead of what the guest's row says), LIMIT (seconds a guest may take).
# GUEST: a name of kernels.conf or scenarios.conf, SCENARIO@KERNEL, or SUITE/PACKAGE.
# Without a guest: all. --brief: only what make check has time for. --record: what was found becomes
# tests/vm/results/GUEST.tsv, of which docs/kernels.md is made.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../../build}
# As slow as disks are, or what the kernel does for each request takes longer than the device, when all is emulated.
disk=1024/throttling.bps-read=40000000/throttling.bps-write=20000000
all='doctor counts null_blk scsi_debug dm_delay nr_requests saturated_device netem netem_rto cpus churn record no_btf live_kernel_types live_block live_tcp live_writeback live_sched_sessions live_sockets'
brief='doctor counts null_blk cpus no_btf live_kernel_types'
record=
while :; do
	case ${1:-} in
	--brief) all=$brief ;;
	--record) record=yes ;;
	*) break ;;
	esac
	shift
done
if [ $# = 0 ]; then
	mapfile -t guests < <(awk '/^[^#]/ { print $1 }' "$here/kernels.conf" "$here/scenarios.conf")
	set -- "${guests[@]}"
fi
number=0
line() { # result, description
	number=$((number + 1))
	echo "$1 $number - $2"
}
# Some checks alone add to what is known: what was worse or is not known yet is taken from them, and what they were made for.
record() { # results, file
	local new
	new=$("$here/record.sh" "$1")
	[ -z "${CHECKS:-}" ] || [ ! -s "$2" ] || new=$(awk -F'\t' '
		{ key = $1 FS $2 }
		NR == FNR { new[key] = $0; order[++count] = key; bad[key] = $3 == "failed"; next }
		key in new && ($1 !~ /^(family|rule)$/ || bad[key] || $3 ~ /^(failed|unavailable|unsupported)$/) { print new[key]; done[key] = 1; next }
		{ print; done[key] = 1 }
		END { for (i = 1; i <= count; i++) if (!(order[i] in done) && order[i] !~ /^kernel/) print new[order[i]] }
	' <(echo "$new") "$2")
	echo "$new" >"$2"
}
for guest; do
	name=${guest//\//-}
	results=$build/vm/$name
	read -r kernel cpus memory disks checks append < <(
		awk -v name="${guest%@*}" '/^[^#]/ && $1 == name { $1 = ""; print }' "$here/scenarios.conf")
	[[ $guest != *@* ]] || kernel=${guest#*@}
	checks=${CHECKS:-${checks:-${all// /,}}}
	started=$SECONDS
	status=$(SMP=${cpus:-2} MEMORY=${memory:-1536} DISKS=${disks:-$disk} APPEND=${append:-} \
		LIMIT=${LIMIT:-$([ "$all" = "$brief" ] && echo 280 || echo 1500)} "$here/run.sh" "${kernel:-$guest}" "$results" "${checks//,/ }" 2>&1 | tail -1)
	if [ "$status" = finished ]; then
		line ok "$guest: $(cat "$results/kernel") boots, and ends after $((SECONDS - started)) s"
	else
		line 'not ok' "$guest: $status"
		tail -5 "$results/console" 2>/dev/null | sed 's/^/# /'
	fi
	seen=0
	while IFS= read -r row; do
		case $row in
		'ok '*) line ok "$guest: ${row#* - }"; seen=$((seen + 1)) ;;
		'not ok '*) line 'not ok' "$guest: ${row#* - }"; seen=$((seen + 1)) ;;
		'#'*) echo "$row" ;;
		esac
	done < <(cat "$results/checks.tap" 2>/dev/null)
	# A guest that stopped in between has not passed what it did not come to.
	wanted=$(tr -cd , <<<"$checks" | wc -c)
	[ "$seen" = $((wanted + 1)) ] || line 'not ok' "$guest: $seen of $((wanted + 1)) checks were made"
	[ -z "$record" ] || record "$results" "$here/results/$name.tsv"
done
echo "1..$number"
