#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Where output goes, how it looks, and what happens when it cannot be written.
. "$BATS_TEST_DIRNAME/cli.bash"

@test "the report is on standard output, nothing is on standard error" {
	run --separate-stderr "$tunescope" advise -d 300ms
	expect_status 0
	[ -z "$stderr" ]
	for section in Coverage Rules "Own cost"; do
		expect "*$section*" "$output"
	done
	expect "*$(uname -n), Linux $(uname -r)*" "$output"
	expect "*rule*quiet*" "$output"
}

@test "a reader that stops after one line: quiet, no hang" {
	run --separate-stderr timeout 20 bash -c '"$1" advise -d 300ms | head -1' _ "$tunescope"
	expect_status 0
	[ -z "$stderr" ]
	[ "${#lines[@]}" = 1 ]
}

@test "a reader that is gone: killed by SIGPIPE without a word, as git is" {
	for words in "advise -d 300ms" "advise -d 300ms --json" help doctor; do
		run --separate-stderr timeout 20 bash -c '"$@" | true; exit ${PIPESTATUS[0]}' _ "$tunescope" $words
		# `true` may be gone before or after a short text was written.
		[ "$status" = 141 ] || [ "$status" = 0 ] || complain "$words"
		[ -z "$stderr" ] || complain "$words"
	done
	run --separate-stderr timeout 20 bash -c 'trap "" PIPE; "$1" advise -d 300ms | sleep 0.1; exit ${PIPESTATUS[0]}' _ "$tunescope"
	expect_status 141
	[ -z "$stderr" ]
}

@test "a full device: one line, exit code 3" {
	for words in "advise -d 200ms" "advise -d 200ms --json" help --version doctor; do
		run --separate-stderr bash -c '"$@" >/dev/full' _ "$tunescope" $words
		expect_status 3
		one_line_only
		expect "*standard output: No space left on device" "$stderr"
	done
}

@test "standard output closed: one line, exit code 3" {
	run --separate-stderr bash -c '"$1" advise -d 200ms >&-' _ "$tunescope"
	expect_status 3
	one_line_only
	expect "*cannot write to standard output*" "$stderr"
}

@test "standard error and input closed do no harm" {
	run --separate-stderr bash -c '"$1" advise -d 200ms --json 2>&- <&- | jq -r .schema' _ "$tunescope"
	expect_status 0
	[ "$output" = tunescope.report/1 ]
}

@test "LANG=C: nothing but ASCII; UTF-8: bars of blocks" {
	LC_ALL=C run --separate-stderr "$tunescope" advise -d 500ms --all
	expect_status 0
	! LC_ALL=C grep -q '[^ -~]' <<<"$output" || complain "not ASCII"
	expect "*|*#*" "$output"
	LC_ALL=C.UTF-8 run --separate-stderr "$tunescope" advise -d 500ms --all
	expect_status 0
	expect "*█*" "$output"
}

@test "a locale with a decimal comma leaves numbers and JSON alone" {
	LC_ALL=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8 run --separate-stderr "$tunescope" advise -d 200ms --json
	expect_status 0
	jq -e '.window.seconds > 0.1' <<<"$output" >/dev/null
}

@test "colours: never through a pipe, always when asked for, NO_COLOR on a terminal" {
	escape=$'\033['
	run --separate-stderr "$tunescope" advise -d 200ms
	refuse "*$escape*" "$output"
	run --separate-stderr "$tunescope" advise -d 200ms --color=always
	expect "*$escape*" "$output"
	export TERM=xterm
	run script -qec "'$tunescope' advise -d 200ms 2>/dev/null" /dev/null
	expect "*${escape}1m*" "$output"
	NO_COLOR=1 run script -qec "'$tunescope' advise -d 200ms 2>/dev/null" /dev/null
	refuse "*$escape*" "$output"
	run script -qec "'$tunescope' advise -d 200ms --color never 2>/dev/null" /dev/null
	refuse "*$escape*" "$output"
	TERM=dumb run script -qec "'$tunescope' advise -d 200ms 2>/dev/null" /dev/null
	refuse "*$escape*" "$output"
}

@test "progress: on a terminal only, and cleared afterwards" {
	run --separate-stderr "$tunescope" advise -d 700ms
	refuse "*observing*" "$output$stderr"
	run script -qec "'$tunescope' advise -d 700ms >/dev/null" /dev/null
	expect "*"$'\r'"tunescope: observing, 0 of 0.7 s*" "$output"
	[[ $output =~ $'\r'\ +$'\r'$ ]] || complain "the progress line is not cleared"
}

@test "80 columns, and the first line that matters is the verdict" {
	run --separate-stderr "$tunescope" advise -d 500ms
	expect_status 0
	! grep -vE '^   (type|undo|id) ' <<<"$output" | grep -E '^.{81,}' || complain "wider than 80 columns"
	head -5 <<<"$output" | grep -qE 'Nothing to change|to change|no setting fixes' || complain "no verdict"
}

@test "--json is valid against the schema, and holds what the contract names" {
	file=$BATS_TEST_TMPDIR/report.json
	"$tunescope" advise -d 700ms --json >"$file"
	validate "$file"
	jq -e '.schema == "tunescope.report/1" and (.families | length > 50) and (.rules | length >= 8)
		and ([.objectives[].name] | unique == ["HighErrorRate", "HighResponseTime"]) and (.cost.bpf_ns_per_event | length > 0)
		and (.cost.bpf_ns_per_event | to_entries | all(.value > 0))
		and .host.hostname == $host and .host.cpus == $cpus
		and .window.seconds >= 0.7 and .window.seconds < 5
		and (.cost.rss_bytes > 0) and (.cost.map_bytes > 0)' \
		--arg host "$(uname -n)" --argjson cpus "$(nproc --all)" "$file"
}

@test "the buckets of a histogram add up to its count, and its quantiles lie in order" {
	run --separate-stderr "$tunescope" advise -d 700ms --json
	expect_status 0
	jq -e '[.families[] | select(.kind == "histogram") | .series[] | select(.count > 0)]
		| length > 0 and all((.buckets | map(.[1]) | add) == .count and .p50 <= .p95 and .p95 <= .p99
			and .p99 <= .max)' <<<"$output" >/dev/null || complain "a histogram is wrong"
}

@test "JSON of hand-made reports is valid too, and the schema is not a sieve" {
	samples=$(dirname "$tunescope")/tests/unit/test_render_json
	[ -x "$samples" ] || make -s -C "$tree" BUILD="$(dirname "$tunescope")" "$samples"
	"$samples" --samples "$BATS_TEST_TMPDIR"
	for file in each-outcome measurements hostile huge; do
		validate "$BATS_TEST_TMPDIR/$file.json"
	done
	while read -r change; do
		jq "$change" "$BATS_TEST_TMPDIR/each-outcome.json" >"$BATS_TEST_TMPDIR/changed.json"
		run validate "$BATS_TEST_TMPDIR/changed.json"
		[ "$status" != 0 ] || complain "accepted after $change"
	done <<-'END'
		.surprise = 1
		del(.cost)
		.schema = "tunescope.report/2"
		.findings[0].outcome = "perhaps"
		.findings[0].apply = ""
		.findings[1].cause = ""
		del(.findings[1].acquits)
		.rules[0].outcome = "fine"
		.families[0].status = "zero"
		.families[0] += {"status": "failed", "why": ""}
		.window.seconds = "10"
	END
}
