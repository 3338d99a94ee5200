#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# BPF programs and sources: left out one by one, and gone afterwards.
. "$BATS_TEST_DIRNAME/cli.bash"

# What can be switched off; "command" is there only while `run` runs one.
sources() { "$tunescope" doctor --json | jq -r '.sources[].name | select(. != "command")'; }

@test "without any single program the rest works, and the report says which is missing" {
	programs=$("$tunescope" advise -d 200ms --json | jq -r '.cost.programs[].name')
	[ "$(wc -l <<<"$programs")" -ge 6 ]
	for program in $programs; do
		run --separate-stderr "$tunescope" advise -d 200ms --disable-program "$program" --json
		expect_status 0
		jq -e --arg p "$program" --argjson n "$(wc -l <<<"$programs")" '
			[.cost.programs[] | select(.status == "ok") | .name] as $ok
			| ($ok | index($p) | not)
			and (($ok | length) >= $n - 2)' <<<"$output" >/dev/null ||
			complain "without $program: more than it is missing"
		[ -z "$stderr" ] || complain "$program"
		run --separate-stderr "$tunescope" advise -d 150ms --disable-program "$program"
		expect_status 0
		expect "*$program was switched off by the user*" "$(tr -s "\n " " " <<<"$output")"
	done
}

@test "without any single source its families are disabled and all others are not" {
	for source in $(sources); do
		run --separate-stderr "$tunescope" advise -d 150ms --disable "$source" --json
		expect_status 0
		jq -e --arg s "$source" '[.families[] | select(.source == $s)] | length > 0 and all(.status == "disabled" and .series == [])' \
			<<<"$output" >/dev/null || complain "$source"
		jq -e --arg s "$source" '[.families[] | select(.source != $s and .status == "ok")] | length > 10' <<<"$output" >/dev/null ||
			complain "without $source"
	done
}

@test "everything disabled: a valid report in which no rule could be judged" {
	all=$(sources | paste -sd,)
	"$tunescope" advise -d 150ms --disable $all --json >"$BATS_TEST_TMPDIR/report.json"
	validate "$BATS_TEST_TMPDIR/report.json"
	jq -e '[.rules[].outcome] | all(. == "unavailable")' "$BATS_TEST_TMPDIR/report.json"
	run --separate-stderr "$tunescope" advise -d 150ms --disable $all
	expect_status 0
	expect "*Nothing could be judged*" "$output"
	refuse "*Nothing to change*" "$output"
}

@test "a program name that does not exist is pointed out" {
	run --separate-stderr "$tunescope" advise -d 150ms --disable-program no_such_program
	expect_status 0
	expect "*no_such_program*" "$stderr"
}

@test "nothing of ours is left in the kernel after a normal end" {
	"$tunescope" advise -d 1s >/dev/null 3>&- &
	pid=$!
	wait_until_attached $pid
	objects=$(bpf_objects $pid)
	wait $pid
	all_gone "$objects"
}

@test "nothing is left after Ctrl-C, SIGTERM and kill -9" {
	for signal in INT TERM KILL; do
		"$tunescope" advise -d 20s >/dev/null 2>&1 3>&- &
		pid=$!
		wait_until_attached $pid
		objects=$(bpf_objects $pid)
		kill -$signal $pid
		wait $pid || true
		all_gone "$objects"
	done
}

@test "run-time statistics are not left on" {
	[ "$(cat /proc/sys/kernel/bpf_stats_enabled)" = 0 ]
	"$tunescope" advise -d 300ms >/dev/null
	[ "$(cat /proc/sys/kernel/bpf_stats_enabled)" = 0 ]
}
