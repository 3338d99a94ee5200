#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The size of the BPF programs on this kernel, within what instructions.conf allows.
. "$BATS_TEST_DIRNAME/cli.bash"

@test "no program is larger, or more work for the verifier, than its budget" {
	run --separate-stderr "$tunescope" doctor --json
	[ "$status" -le 1 ] || complain "doctor"
	programs=$(jq -r '.programs[] | select(.status == "ok") | [.name, .instructions, .verified_instructions] | @tsv' <<<"$output")
	[ "$(wc -l <<<"$programs")" -ge 10 ] || complain "too few programs: $programs"
	while read -r name instructions verified; do
		[ "$instructions" -gt 0 ] && [ "$verified" -gt 0 ] || complain "$name: its size is not known" || return
		read -r _ may may_verify < <(awk -v name="$name" '/^[^#]/ && ($1 == name || $1 == "*") { print; exit }' "$BATS_TEST_DIRNAME/instructions.conf")
		[ "$instructions" -le "$may" ] || complain "$name: $instructions instructions, may have $may" || return
		[ "$verified" -le "$may_verify" ] || complain "$name: the verifier goes through $verified, may be $may_verify" || return
	done <<<"$programs"
}
@test "every budget is that of a program" {
	programs=$("$tunescope" doctor --json | jq -r '.programs[].name')
	for name in $(awk '/^[^#*]/ { print $1 }' "$BATS_TEST_DIRNAME/instructions.conf"); do
		grep -qx "$name" <<<"$programs" || complain "$name has a budget, and is no program"
	done
}
