#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What a rule, a setting, a signal or a measure is.
. "$BATS_TEST_DIRNAME/cli.bash"

setup() { nobody_setup; }
teardown() { nobody_teardown; }

@test "without a name: lists everything, each with a line on it, and needs no privilege" {
	run --separate-stderr as_nobody tunescope explain
	expect_status 0
	[ -z "$stderr" ]
	for word in Rules accept-queue Settings net.core.somaxconn Signals runq_latency Measures service-time-p95; do
		expect "*$word*" "$output"
	done
	[ "$(wc -L <<<"$output")" -le 80 ] || complain "wider than 80 columns"
}

@test "each name that is listed can be explained, within 80 columns" {
	names=$("$tunescope" explain | sed -n 's/^  \([^ ]\+\).*/\1/p')
	[ "$(wc -l <<<"$names")" -gt 50 ] || complain "too few names: $names"
	while read -r name; do
		run --separate-stderr "$tunescope" explain "$name"
		expect_status 0
		expect "$name*" "$output"
		# Names of files and functions may be long.
		! grep -vE '[^ ]{50}' <<<"$output" | grep -E '.{81}' || complain "wider than 80 columns"
	done <<<"$names"
}

@test "several names, in their order" {
	run --separate-stderr "$tunescope" explain somaxconn runq_latency
	expect_status 0
	expect "net.core.somaxconn (setting)*runq_latency (signal)*" "$output"
}

@test "an unknown name: near misses, exit code 2" {
	while IFS='|' read -r name pattern; do
		run --separate-stderr "$tunescope" explain "$name"
		expect_status 2
		one_line_only
		expect "*$pattern*" "$stderr"
	done <<-'END'
		net.core.somaxcon|did you mean net.core.somaxconn?
		accept-queu|did you mean accept-queue
		nonsense|'nonsense'; `tunescope explain` lists them
		|there is no rule, setting, signal or measure ''
	END
}

@test "thresholds as a profile has them" {
	printf '[accept-queue]\ndropped_connections = 7\n' >"$public/mine.conf"
	run --separate-stderr "$tunescope" explain --profile "$public/mine.conf" accept-queue
	expect_status 0
	expect "*dropped_connections = 7: *mine, by default 5*" "$output"
	run --separate-stderr "$tunescope" explain --profile "$public/none.conf" accept-queue
	expect_status 2
	one_line_only
}

@test "the pages in docs/ are what --markdown prints" {
	for page in rules settings signals; do
		run --separate-stderr "$tunescope" explain --markdown $page
		expect_status 0
		[ "$output" = "$(<"$tree/docs/$page.md")" ] || complain "docs/$page.md: run make docs"
	done
	run --separate-stderr "$tunescope" explain --markdown rules accept-queue
	expect_status 2
	one_line_only
}

@test "standard output that cannot be written is a failure" {
	run --separate-stderr bash -c "'$tunescope' explain >/dev/full"
	expect_status 3
	expect "*cannot write to standard output*" "$stderr"
}
