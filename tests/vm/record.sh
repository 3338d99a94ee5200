#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a guest's results say of families, rules and programs, one line each: kind, name, state, why or numbers.
#   record.sh RESULTS
set -euo pipefail
results=$1
printf 'kernel\t%s\n' "$(cat "$results/kernel")"
jq -r '.families[] | ["family", .name, .status, .why] | @tsv' "$results/report.json"
jq -r '.rules[] | ["rule", .rule, (if .outcome == "unavailable" then "unavailable" else "ok" end),
	(if .outcome == "unavailable" then .why else "" end)] | @tsv' "$results/report.json"
jq -r '.programs[] | ["program", .name, .status, .why, .instructions, .verified_instructions, (.verification_seconds * 1000 | round)] | @tsv' "$results/doctor.json"
sed -nE 's/^(not ok|ok) [0-9]+ - ([a-z0-9_]+).*/check\t\2\t\1/p' "$results/checks.tap"
