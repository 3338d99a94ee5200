#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Memory that is not to be had at once. What needs a host that is short of it runs in a guest: tests/vm/checks/memory.sh.

. "$BATS_TEST_DIRNAME/lab.bash"

# The hierarchy that has the memory controller, of either version.
memory_cgroups() {
	awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts | grep . ||
		awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}
limit_memory() { # bytes
	if [ -e "$cgroup/memory.max" ]; then echo "$1" >"$cgroup/memory.max"; else echo "$1" >"$cgroup/memory.limit_in_bytes"; fi
}

setup() {
	cgroup=$(memory_cgroups)
	[ ! -e "$cgroup/cgroup.subtree_control" ] || echo +memory >"$cgroup/cgroup.subtree_control"
	cgroup+=/tslabm
	mkdir -p "$cgroup"
	file=$BATS_TEST_TMPDIR/file
	dd if=/dev/urandom of="$file" bs=1M count=160 status=none
	forget
}
teardown() {
	rm -f "$file"
	[ ! -d "$cgroup" ] || rmdir "$cgroup"
}
# Its pages are of the cgroup that reads them first.
forget() {
	sync "$file"
	dd if="$file" iflag=nocache count=0 status=none
}
beside() { # seconds
	( echo $BASHPID >"$cgroup/cgroup.procs"; exec /usr/bin/python3 "$lab/memory.py" "$file" "$1" >"$BATS_TEST_TMPDIR/load" ) 3>&- &
	sleep 0.7
	advise $(($1 - 1))
	wait
}

@test "files that do not fit in a memory cgroup: no setting of the host, but its limit" {
	limit_memory $((64 << 20))
	run beside 5
	expect "*direct-reclaim not-a-setting - memory-cgroup *" "$output"
	refuse "* recommend *" "$output"
	before=$(cat "$BATS_TEST_TMPDIR/load")
	limit_memory $((512 << 20))
	forget
	run beside 4
	refuse "*memory-cgroup*" "$output"
	refuse "* recommend *" "$output"
	[ "$(cat "$BATS_TEST_TMPDIR/load")" -gt $((2 * before)) ]
}
