# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- a host that is short of memory: only a guest may be that

bursts() { # megabytes of each, processes, first megabyte to read of a disk of zeroes
	observe
	/usr/bin/python3 tests/vm/bursts.py /dev/vdc 20 "$1" "$2" 40 "$3" >"$results/bursts"
	observed
}
waited() { counted memory_wait '{"kind":"host"}' sum; }
about_reclaim() { jq -r '.findings[] | select(.rule == "direct-reclaim") | [.outcome, .setting, .proposed, .cause] | map(. // "-") | @tsv' "$results/advise.json"; }

# (In no row of scenarios.conf: on a slow host the bursts take so long that nothing waits. CHECKS=direct_reclaim runs it.)
# Marks of free memory next to each other: kswapd starts when it is too late. With the proposed distance the same bursts
# wait for a small part of that.
check_direct_reclaim() {
	local before proposed
	sysctl -qw vm.watermark_scale_factor=1
	bursts 12 6 0
	before=$(waited)
	echo "bursts (median and longest, ms; MB read): $(cat "$results/bursts"); waited $before s; $(about_reclaim)"
	proposed=$(about_reclaim | awk '$1 == "recommend" && $2 == "vm.watermark_scale_factor" { print $3 }')
	[ -n "$proposed" ] || { complain "vm.watermark_scale_factor is not recommended: $(about_reclaim)"; return; }
	sysctl -qw vm.watermark_scale_factor="$proposed"
	bursts 12 6 1500
	echo "with $proposed: $(cat "$results/bursts"); waited $(waited) s"
	expect "time waited, of $before s before" "$(waited)" '<' "$(awk -v b="$before" 'BEGIN { print b / 2 }')"
	[ -z "$(about_reclaim)" ] || complain "still: $(about_reclaim)"
}
# What is read once goes through the whole of memory, and hurts nobody.
check_backup() {
	sysctl -qw vm.watermark_scale_factor=10
	observe
	dd if=/dev/vdc of=/dev/null bs=1M count=1500 skip=2200 status=none
	observed
	expect "memory freed, MB" "$(jq '[.families[] | select(.name == "vm_events") | .series[] | select(.labels.event | test("pgsteal_(kswapd|direct)")) | .value] | add / 256' "$results/advise.json")" '>' 500
	jq -e '[.findings[] | select(.rule | test("reclaim|swappiness|compaction"))] == []' "$results/advise.json" >/dev/null ||
		complain "$(jq -c '.findings[] | [.rule, .outcome, .title]' "$results/advise.json")"
}
# A program that takes more and more, until there is none.
check_leak() {
	observe
	/usr/bin/python3 -c 'import mmap, time
kept = []
while True:
    kept.append(mmap.mmap(-1, 4 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)); time.sleep(0.05)' 2>/dev/null
	observed
	[[ $(about_reclaim) != *recommend* ]] || complain "$(about_reclaim)"
}
