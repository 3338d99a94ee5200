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

# How long it takes is the emulation's: what counts is how often. Marks of free memory next to each other: kswapd starts
# when it is too late. A huge page would be no reason to wait.
judged_by_counts() {
	printf '[direct-reclaim]\nwait_share = 0.001\nwait_p99 = 0.0001\nkswapd_busy = 1\n' >"$results/by_counts.conf"
	echo never >/sys/kernel/mm/transparent_hugepage/enabled
	sysctl -qw vm.watermark_scale_factor=1
}
# Bursts that have to wait; with the proposed distance hardly any of the same has to.
check_direct_reclaim() {
	local before proposed counted stalled stalls
	judged_by_counts
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
# Programs that take more and more until hardly anything is left, and keep it. (Not until nothing is: where the processor is
# emulated a guest without memory comes to no end.)
check_leak() {
	local left waits
	judged_by_counts
	coproc leak { exec /usr/bin/python3 -c 'import mmap, os, sys, time
def kilobytes(name): return next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith(name))
sys.stdin.readline()
first = all([os.fork() for _ in range(3)])
kept = []
while (left := kilobytes("MemAvailable") / kilobytes("MemTotal")) > 0.08:
    kept.append(mmap.mmap(-1, (4 if left > 0.16 else 1) << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
if first:
    print(kilobytes("MemAvailable") >> 10, flush=True)
sys.stdin.readline()'; }
	exec 7</dev/vdc # or what was read would be dropped with the last that has it open
	dd of=/dev/null bs=1M count=500 skip=3500 status=none <&7
	observe --profile "$results/by_counts.conf"
	echo >&"${leak[1]}"
	read -r -t 200 left <&"${leak[0]}" || complain "it did not come to its end"
	observed
	eval "exec ${leak[1]}>&-" 7<&-
	waits=$(counted memory_wait '{"kind":"host"}')
	echo "$left MB left; $waits waits; $(about_reclaim)"
	expect "waits" "$waits" '>=' 20
	[[ $(about_reclaim) == *memory-leak* ]] || complain "not named: $(said_of direct-reclaim)"
	[[ $(about_reclaim) != *recommend* ]] || complain "recommended"
}
