#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a guest's results say of families, rules and programs, one line each: kind, name, state, why or numbers. A family
# is what it was at its best in any report of the guest, but has failed when it did so once; a rule comes with the checks
# in which it recommended something, or named a cause that is not a setting.
#   record.sh RESULTS
set -euo pipefail
results=$1
[ "$(cat "$results/status")" = finished ] || {
	printf 'check\tboot\tnot ok\n'
	exit
}
printf 'kernel\t%s\n' "$(cat "$results/kernel")"
find "$results/reports" -name '*.json' -size +0 2>/dev/null | sort | xargs -r jq -rn '
	def checks($outcome): [.[] | select(.outcome == $outcome) | .check] | unique | join(" ");
	[inputs | . + {check: (input_filename | split("/")[-2])}] as $reports
	| ([$reports[].families[]] | group_by(.name)[] | . as $all
		| first(("failed", "ok", "no-data", "disabled", "unsupported") as $status | $all[] | select(.status == $status))
		| ["family", .name, .status, .why]),
	([$reports[] | .check as $check | .rules[] | . + {check: $check}] | group_by(.rule)[]
		| (map(select(.outcome != "unavailable")) | first) as $judged
		| ["rule", .[0].rule, (if $judged then "ok" else "unavailable" end), (if $judged then "" else .[0].why end),
			checks("recommend"), checks("not-a-setting")])
	| @tsv'
[ ! -s "$results/doctor.json" ] ||
	jq -r '.programs[] | ["program", .name, .status, .why, .instructions, .verified_instructions, (.verification_seconds * 1000 | round)] | @tsv' "$results/doctor.json"
sed -nE 's/^(not ok|ok) [0-9]+ - ([a-z0-9_]+).*/check\t\2\t\1/p' "$results/checks.tap"
