# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- a host that is short of memory: only a guest may be that

bursts() { # first megabyte to read of a disk of zeroes; sets stalled, stalls: bursts with direct reclaim, and how often
	observe --profile "$results/by_counts.conf"
	/usr/bin/python3 tests/vm/bursts.py /dev/vdc 12 2 8 "$1" >"$results/bursts"
	observed
	read -r stalled stalls _ <"$results/bursts"
}
of_vmstat() { awk -v name="$1" 'index($1, name) == 1 { sum += $2 } END { print sum + 0 }' /proc/vmstat; }
about_reclaim() { jq -r '.findings[] | select(.rule == "direct-reclaim") | [.outcome, .setting, .proposed, .cause] | map(. // "-") | @tsv' "$results/advise.json"; }

# Marks of free memory next to each other: kswapd starts when it is too late. With the proposed distance hardly any of the
# same bursts has to wait. Decided by how often: how long it takes is the emulation's.
check_direct_reclaim() {
	local before proposed counted stalled stalls
	printf '[direct-reclaim]\nwait_share = 0.001\nwait_p99 = 0.0001\nkswapd_busy = 1\n' >"$results/by_counts.conf"
	echo never >/sys/kernel/mm/transparent_hugepage/enabled # a huge page is not worth waiting for
	sysctl -qw vm.watermark_scale_factor=1
	before=$(of_vmstat allocstall)
	bursts 0
	counted=$(counted memory_wait '{"kind":"host"}')
	echo "bursts: $(cat "$results/bursts"); $counted waits; $(about_reclaim)"
	expect "bursts with direct reclaim, of 12" "$stalled" '>=' 9
	expect "waits, with allocstall in the bursts" "$counted" '>=' "$stalls"
	expect "waits, with allocstall all the time" "$counted" '<=' $(($(of_vmstat allocstall) - before))
	proposed=$(about_reclaim | awk '$1 == "recommend" && $2 == "vm.watermark_scale_factor" { print $3 }')
	[ -n "$proposed" ] || { complain "vm.watermark_scale_factor is not recommended: $(said_of direct-reclaim)"; return; }
	before=$stalls
	bash -c "$(recommended direct-reclaim vm.watermark_scale_factor apply)" >/dev/null
	bursts 2000
	echo "with $proposed: $(cat "$results/bursts"); $(about_reclaim)"
	expect "bursts with direct reclaim, of 12, with $proposed" "$stalled" '<=' 3
	expect "direct reclaims, of $before before" "$stalls" '<' "$((before / 4))"
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
