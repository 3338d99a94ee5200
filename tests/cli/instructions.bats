#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The size of the BPF programs on this kernel, within what instructions.conf allows.
. "$BATS_TEST_DIRNAME/cli.bash"

@test "no program is larger, or more work for the verifier, than its budget" {
	run --separate-stderr "$tunescope" doctor --json
	[ "$status" -le 1 ] || complain "doctor"
	programs=$(jq -r '.programs[] | select(.status == "ok") | [.name, .instructions, .verified_instructions] | @tsv' <<<"$output")
	[ "$(wc -l <<<"$programs")" -ge 20 ] || complain "hardly any program: $programs"
	over=$("$BATS_TEST_DIRNAME/over_budget.sh" <<<"$programs")
	[ -z "$over" ] || complain "$over"
	# It can fail.
	[ -n "$(sed 's/\t/\t99/g' <<<"$programs" | "$BATS_TEST_DIRNAME/over_budget.sh")" ] || complain "whatever is within the budget"
}
@test "nor on a kernel of which docs/kernels.md tells" {
	for recorded in "$BATS_TEST_DIRNAME"/../vm/results/*.tsv; do
		programs=$(awk -F'\t' -v OFS='\t' '$1 == "program" && $3 == "ok" { print $2, $5, $6 }' "$recorded")
		[ -n "$programs" ] || continue
		over=$("$BATS_TEST_DIRNAME/over_budget.sh" elsewhere <<<"$programs")
		[ -z "$over" ] || complain "$recorded: $over" || return
	done
}
@test "every budget is that of a program" {
	programs=$("$tunescope" doctor --json | jq -r '.programs[].name')
	for name in $(awk '/^[^#*]/ { print $1 }' "$BATS_TEST_DIRNAME/instructions.conf"); do
		grep -qx "$name" <<<"$programs" || complain "$name has a budget, and is no program"
	done
}
