#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Sessions that compete for CPU time: a small one starved by one with many tasks, and what looks like it.
. "$BATS_TEST_DIRNAME/lab.bash"

switch=/proc/sys/kernel/sched_autogroup_enabled

setup() {
	[ -w $switch ]
	before=$(cat $switch)
}
teardown() {
	echo "$before" >$switch
	[ ! -e "$BATS_TEST_TMPDIR/sessions" ] || xargs -r -n 1 pkill -KILL -s <"$BATS_TEST_TMPDIR/sessions" || true
	[ ! -e "$cgroup" ] || rmdir "$cgroup" || true
}

# A process belongs to an autogroup, or not, as the switch stood when it was forked.
# session SECONDS COMMAND: in a session of its own; prints its number
session() {
	local seconds=$1
	shift
	setsid timeout "$seconds" "$@" >/dev/null 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/sessions"
	echo $!
}
spin='import os, sys, time
for _ in range(int(sys.argv[1]) - 1):
    if not os.fork():
        break
end = time.monotonic() + 60
while time.monotonic() < end:
    pass'
# Works 5 ms of every 20 ms: a quarter of a CPU is all it wants.
periodic='import time
end = time.monotonic() + 60
while time.monotonic() < end:
    stop = time.thread_time() + 0.005
    while time.thread_time() < stop:
        pass
    time.sleep(0.015)'
crowd() { session 60 "${@:2}" /usr/bin/python3 -c "$spin" "$1"; }
small() { session 60 /usr/bin/python3 -c "$periodic"; }

# What a process waited and ran in the seconds that "advise" took, by the kernel's own account.
account() { awk '{ print $1, $2 }' "/proc/$1/schedstat"; }
observe() { # pid seconds: sets waited (ms) and share (%)
	local ran0 waited0 ran1 waited1
	read -r ran0 waited0 < <(account "$1")
	run advise "$2"
	[ "$status" = 0 ] || return
	read -r ran1 waited1 < <(account "$1")
	waited=$(((waited1 - waited0) / 1000000))
	share=$((100 * (ran1 - ran0) / (ran1 - ran0 + waited1 - waited0)))
	echo "waited $waited ms, ran $share % of the time it could run"
}
# Of a session in the report, in milliseconds.
reported() { # family session
	jq --arg name "$1" --arg session "$2" '[.families[] | select(.name == $name) | .series[]
		| select(.labels.session == $session) | .value] | add * 1000 | round' "$BATS_TEST_TMPDIR/report.json"
}

# None of these sessions is among those that a recommendation would help.
not_starved() { # session…
	jq -e '[.findings[] | select(.outcome == "recommend") | .sufferers[]?.labels.session]
		| all(. as $s | $ARGS.positional | index($s) | not)' --args "$@" <"$BATS_TEST_TMPDIR/report.json"
}
# No other session waited materially: what else the machine does must not decide a test.
nobody_else() { # session…
	jq -e '[.families[] | select(.name == "session_wait_seconds") | .series[]
		| select(.value > 0.02 * '"$(jq .window.seconds "$BATS_TEST_TMPDIR/report.json")"') | .labels.session]
		| all(. as $s | $ARGS.positional | index($s))' --args "$@" <"$BATS_TEST_TMPDIR/report.json"
}

@test "a small session is starved by one with many tasks: autogrouping is recommended, and helps" {
	echo 0 >$switch
	crowd 20 >/dev/null
	id=$(small)
	sleep 0.7
	worker=$(pgrep -s "$id" python3)
	observe "$worker" 3
	expect "*runq-latency recommend kernel.sched_autogroup_enabled - * 0 1*" "$output"
	refuse "*cpu-saturated*" "$output"
	starved=$share
	# What the report says it got is what the kernel says.
	told_run=$(reported session_run_seconds "$id") told_wait=$(reported session_wait_seconds "$id")
	told=$((100 * told_run / (told_run + told_wait)))
	echo "told: waited $told_wait ms, ran $told % of the time it could run"
	[ "$told" -ge $((share - 5)) ] && [ "$told" -le $((share + 5)) ]
	# It is named, unless the four that are named waited longer for what else this machine does.
	jq -e --arg id "$id" --argjson wait "$told_wait" '.findings[]
		| select(.setting == "kernel.sched_autogroup_enabled") | .takes_effect == "new-processes"
		and (([.sufferers[].labels.session] | index($id))
			or (.sufferers | length >= 4 and all(.value * 1000 >= $wait - 1)))' \
		"$BATS_TEST_TMPDIR/report.json"
	apply=$(jq -r '.findings[] | select(.setting == "kernel.sched_autogroup_enabled") | .apply' "$BATS_TEST_TMPDIR/report.json")
	xargs -r -n 1 pkill -KILL -s <"$BATS_TEST_TMPDIR/sessions"
	sleep 0.2

	# The value proposed, and the same work started anew.
	sh -c "$apply"
	[ "$(cat $switch)" = 1 ]
	crowd 20 >/dev/null
	id=$(small)
	sleep 0.7
	worker=$(pgrep -s "$id" python3)
	observe "$worker" 2
	refuse "*autogroup*" "$output"
	[ "$share" -ge $((2 * starved)) ]
}

@test "sessions as large as each other: too much work, and no setting is blamed" {
	echo 0 >$switch
	first=$(crowd 4)
	second=$(crowd 4)
	sleep 0.7
	run advise 2
	[ "$status" = 0 ]
	not_starved "$first" "$second"
	nobody_else "$first" "$second" || return 0
	expect "*runq-latency not-a-setting - cpu-saturated*" "$output"
	refuse "*recommend*" "$output"
}

@test "those started before it was set take no part: that is said, and nothing recommended" {
	echo 0 >$switch
	crowd 12 >/dev/null
	small >/dev/null
	sleep 0.7
	echo 1 >$switch
	run advise 2
	[ "$status" = 0 ]
	expect "*runq-latency not-a-setting - outside-autogroup*" "$output"
	refuse "*recommend*" "$output"
}

@test "the crowd is in a cgroup with CPU control: autogroups do not reach it" {
	for cgroup in /sys/fs/cgroup/cpu /sys/fs/cgroup; do
		[ -e $cgroup/cgroup.procs ] && break
	done
	cgroup=$cgroup/tslab-autogroup
	mkdir "$cgroup"
	[ -e "$cgroup/cpu.max" ] || [ -e "$cgroup/cpu.shares" ] || skip "no cpu controller to be had"
	echo 0 >$switch
	many=$(crowd 12 sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$cgroup")
	few=$(small)
	sleep 0.7
	run advise 2
	xargs -r -n 1 pkill -KILL -s <"$BATS_TEST_TMPDIR/sessions"
	sleep 0.2
	[ "$status" = 0 ]
	jq -e --arg id "$many" '[.families[] | select(.name == "session_wait_seconds") | .series[]
		| select(.labels.session == $id) | .labels.sharing] | . == ["cgroup"]' "$BATS_TEST_TMPDIR/report.json"
	refuse "*session $many *" "$(jq -r '.findings[].title' "$BATS_TEST_TMPDIR/report.json")"
	nobody_else "$many" "$few" || return 0
	refuse "*autogroup*" "$output"
}

@test "tasks of nice 19 alone, more than there are CPUs: nothing is wrong" {
	many=$(crowd 8 nice -n 19)
	sleep 0.5
	run advise 2
	[ "$status" = 0 ]
	refuse "*recommend*" "$output"
	! nobody_else "$many" || refuse "*runq-latency*" "$output"
	jq -e '[.families[] | select(.name == "session_wait_seconds") | .series[]
		| select(.labels.class == "background") | .value] | add > 2' "$BATS_TEST_TMPDIR/report.json"
}
