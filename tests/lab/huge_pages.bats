#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Huge pages for a program that touches its memory here and there.

. "$BATS_TEST_DIRNAME/lab.bash"

switch=/sys/kernel/mm/transparent_hugepage/enabled
# Larger than the one that is to be found, in small pages that are all used.
holder='import mmap, time
memory = mmap.mmap(-1, 700 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, len(memory), 1 << 20):
    memory[at:at + (1 << 20)] = b"x" * (1 << 20)
print("held", flush=True)
time.sleep(60)'

setup() {
	[ -w $switch ]
	before=$(sed 's/.*\[\(.*\)\].*/\1/' $switch)
}
teardown() {
	echo "$before" >$switch
	[ -z "${holding:-}" ] || kill "$holding"
}
beside() { # seconds
	/usr/bin/python3 "$lab/sparse.py" 400 "$1" >"$BATS_TEST_TMPDIR/load" 3>&- &
	sleep 0.3
	advise $(($1 - 1))
	wait $!
}

@test "one byte in every huge page, beside a larger program: madvise is recommended, and gives the memory back" {
	echo always >$switch
	coproc hold { exec /usr/bin/python3 -c "$holder"; } 3>&-
	holding=$hold_PID
	read -r _ <&"${hold[0]}"
	run beside 3
	[ "$status" = 0 ]
	expect "*huge-pages recommend $switch - * always madvise*" "$output"
	taken=$(cat "$BATS_TEST_TMPDIR/load")
	[ "$taken" -gt 390 ]
	apply_proposal $switch
	run beside 2
	[ "$status" = 0 ]
	refuse "*transparent_hugepage*" "$output"
	[ "$(cat "$BATS_TEST_TMPDIR/load")" -lt $((taken / 10)) ]
}
