#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tunescope diff, check and baseline: verdicts from recordings with a known change, and what happens around a command.
. "$BATS_TEST_DIRNAME/cli.bash"

setup_file() {
	samples=$(dirname "$tunescope")/tests/unit/test_run_set
	[ -x "$samples" ] || make -s -C "$tree" BUILD="$(dirname "$tunescope")" "$samples"
	"$samples" --samples "$BATS_FILE_TMPDIR"
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here"
	ln -s "$BATS_FILE_TMPDIR"/*.tsrec .
	unset GITHUB_ACTIONS
}
teardown() { nobody_teardown; }

diff_schema=$tree/docs/diff.schema.json

@test "check of recordings: 0 the same and better, 1 worse, 4 when it cannot be told" {
	for try in same:0 better:0 worse:1 few:4 noisy:4; do
		run --separate-stderr "$tunescope" check --baseline base.tsrec "${try%:*}.tsrec"
		expect_status "${try#*:}"
		[ -z "$stderr" ] || complain "$try"
		[ "$(wc -l <<<"$output")" -le 40 ] || complain "more than a screen"
	done
	run "$tunescope" check --baseline base.tsrec worse.tsrec
	expect "regressed (high): *" "$output"
	expect "*command_seconds wall total *11.? s *1?.? s *+4? %*" "$output"
	run "$tunescope" check --baseline base.tsrec noisy.tsrec
	expect "inconclusive: too few runs without interference*6 of them disturbed by others*" "$output"
}

@test "diff says what changed and what else differs, and does not fail" {
	run --separate-stderr "$tunescope" diff base.tsrec tuned.tsrec
	expect_status 0
	expect "regressed (high): *; kernel.sched_autogroup_enabled differs*" "$(tr -s ' \n' ' ' <<<"$output")"
	expect "*What else differs:*kernel.sched_autogroup_enabled: 1 → 0*" "$output"
	[ "$("$tunescope" diff base.tsrec tuned.tsrec | sha256sum)" = "$("$tunescope" diff base.tsrec tuned.tsrec | sha256sum)" ]
}

@test "JSON by its schema, with and without check; CSV with a row for each metric" {
	"$tunescope" diff base.tsrec worse.tsrec --json >diff.json
	/usr/bin/python3 -W ignore -m jsonschema -i diff.json "$diff_schema"
	[ "$(jq -r .verdict diff.json)" = regressed ]
	"$tunescope" check --baseline base.tsrec same.tsrec --json >check.json
	/usr/bin/python3 -W ignore -m jsonschema -i check.json "$diff_schema"
	[ "$(jq -r .check.exit_code check.json)" = 0 ]
	"$tunescope" diff base.tsrec worse.tsrec --csv >diff.csv
	/usr/bin/python3 - diff.csv "$(jq '.changes | length' diff.json)" <<-'END'
		import csv, sys
		rows = list(csv.DictReader(open(sys.argv[1], newline="")))
		assert len(rows) == int(sys.argv[2])
		wall = [r for r in rows if r["metric"] == "command_seconds wall"][0]
		assert wall["verdict"] == "regressed" and 1.3 < float(wall["ratio"]) < 1.5, wall
	END
}

@test "HTML: one well-formed page with both distributions, and no script" {
	"$tunescope" diff base.tsrec worse.tsrec --html >page.html
	expect "<!DOCTYPE html>*<svg*class=\"a\"*class=\"b\"*</html>" "$(<page.html)"
	refuse "*<script*" "$(<page.html)"
	refuse "*nan*" "$(sed 's/unanswered//' page.html | grep -i '<path' || true)"
}

@test "--fail-on, --budgets and --strict" {
	run "$tunescope" check --baseline base.tsrec worse.tsrec --fail-on high
	expect_status 1
	run "$tunescope" check --baseline base.tsrec bit.tsrec --fail-on high
	refuse "1" "$status"
	printf '%s\n' 'runq_latency 100%' 'command_seconds any' 'task_cpu_seconds 100%' >budgets
	run "$tunescope" check --baseline base.tsrec worse.tsrec --budgets budgets
	expect_status 0
	run "$tunescope" check --baseline base.tsrec worse.tsrec --strict
	expect_status 1
	printf '%s\n' '# comment' 'runq_latency 10%' 'runq_latency.p98 5%' >budgets
	run --separate-stderr "$tunescope" check --baseline base.tsrec same.tsrec --budgets budgets
	expect_status 2
	one_line_only
	expect "tunescope: budgets:3: unknown statistic*" "$stderr"
}

@test "JUnit and annotations" {
	run --separate-stderr "$tunescope" check --baseline base.tsrec worse.tsrec --junit report.xml --github
	expect_status 1
	expect "*::error title=tunescope check::command_seconds wall total: *" "$output"
	/usr/bin/python3 - report.xml <<-'END'
		import sys, xml.etree.ElementTree as tree
		suite = tree.parse(sys.argv[1]).getroot()
		cases = suite.findall("testcase")
		assert len(cases) == int(suite.get("tests"))
		assert len(suite.findall("testcase/failure")) == int(suite.get("failures")) > 1
		assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped"))
	END
	GITHUB_ACTIONS=true run "$tunescope" check --baseline base.tsrec same.tsrec --junit /dev/full
	expect_status 3
}

@test "what is not comparable is refused, unless told to" {
	for what in cpus:CPUs layout:"histogram layout of runq_latency"; do
		run --separate-stderr "$tunescope" check --baseline base.tsrec "${what%%:*}.tsrec"
		expect_status 2
		one_line_only
		expect "*not comparable: ${what#*:} is *" "$stderr"
		run --separate-stderr "$tunescope" check --baseline base.tsrec "${what%%:*}.tsrec" --force
		refuse "2" "$status"
	done
}

@test "damaged, cut, hostile and foreign baselines" {
	head -c 40000 base.tsrec >cut.tsrec
	run --separate-stderr "$tunescope" check --baseline ./cut.tsrec same.tsrec
	expect_status 4
	expect "inconclusive: too few runs*1 that failed or were cut short left out*" "$output"
	expect "*damaged and passed over*" "$stderr"
	head -c 40 base.tsrec >stub.tsrec
	head -c 5000 /dev/urandom >noise.tsrec
	: >empty.tsrec
	for file in stub noise empty nowhere; do
		run --separate-stderr "$tunescope" check --baseline ./$file.tsrec same.tsrec
		expect_status 2
		one_line_only || complain "$file"
	done
	/usr/bin/python3 - base.tsrec <<-'END'
		import random, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		random.seed(3)
		for at in random.sample(range(len(data)), 400):
		    data[at] ^= 1 << random.randrange(8)
		open("flipped.tsrec", "wb").write(data)
	END
	run "$tunescope" check --baseline ./flipped.tsrec same.tsrec
	[ "$status" -le 4 ] || complain "it died"
}

@test "a recording of the first format has one run, which decides nothing" {
	run --separate-stderr "$tunescope" diff "$tree/tests/fixtures/recording-v1.tsrec" "$tree/tests/fixtures/recording-v1.tsrec"
	expect_status 0
	expect "inconclusive: *" "$output"
}

@test "baselines: added, pooled, listed, updated, found by name" {
	run --separate-stderr "$tunescope" baseline add bench base.tsrec
	expect_status 0
	expect "*baseline bench for x86_64-2cpu-8gib: 6 runs added, 6 in all" "$stderr"
	run --separate-stderr "$tunescope" baseline add bench same.tsrec base.tsrec
	expect "*6 runs added, 12 in all" "$stderr"
	run --separate-stderr "$tunescope" baseline list
	expect "bench *x86_64-2cpu-8gib *12 runs*6.18.0*make bench" "$output"
	file=$(echo .tunescope/baselines/*)
	run "$tunescope" check --baseline "$file" worse.tsrec
	expect_status 1
	run --separate-stderr "$tunescope" baseline add bench layout.tsrec
	expect_status 2
	expect "*not comparable*" "$stderr"
	"$tunescope" baseline update bench same.tsrec 2>/dev/null
	expect "*6 runs*" "$("$tunescope" baseline list)"
	"$tunescope" baseline add --keep 4 bench base.tsrec 2>/dev/null
	expect "*4 runs*" "$("$tunescope" baseline list)"
	[ "$(ls .tunescope/baselines)" = bench@x86_64-2cpu-8gib.tsrec ]
	for words in "add" "add x" "add ../x base.tsrec" "add x nowhere" "show none" "drop x" "list x"; do
		run --separate-stderr "$tunescope" baseline $words
		expect_status 2
		one_line_only || complain "$words"
	done
}

@test "--self-test: false alarms and the smallest change" {
	run --separate-stderr "$tunescope" check --baseline base.tsrec --self-test
	expect_status 0
	expect "*6 runs, 6 of them undisturbed*20 ways: 0 said regressed*runq_latency p50*+* %*" "$output"
	run "$tunescope" check --baseline few.tsrec --self-test
	expect_status 4
}

@test "no privilege is needed for recordings" {
	nobody_setup
	cp base.tsrec worse.tsrec "$public/"
	chmod 644 "$public"/*.tsrec
	run --separate-stderr as_nobody tunescope check --baseline "$public/base.tsrec" "$public/worse.tsrec"
	expect_status 1
}

@test "check -- CMD: its output goes to standard error; a command that fails or is killed is not judged" {
	"$tunescope" run -n 3 --quiet -o base0.tsrec -- sleep 0.05 2>/dev/null
	for command in "exit 7" 'kill -9 $$'; do
		run --separate-stderr "$tunescope" check --baseline ./base0.tsrec -n 3 -- sh -c "$command"
		expect_status 3
		[ -z "$output" ]
		expect "*check: the command failed*nothing is judged*" "$stderr"
	done
	run --separate-stderr "$tunescope" check --baseline ./base0.tsrec -n 3 --retries 0 --no-confirm --json -- sh -c 'echo hello; sleep 0.05'
	jq -e .check.exit_code <<<"$output" >/dev/null || complain "no JSON"
	expect "*hello*" "$stderr"
	[ "$status" = "$(jq .check.exit_code <<<"$output")" ]
	run --separate-stderr "$tunescope" check --baseline ./base0.tsrec -n 3 -- ./nowhere
	expect_status 3
}

@test "check -- CMD that takes 20 ms, and one that forks daemons" {
	"$tunescope" run -n 3 --quiet -o base0.tsrec -- sleep 0.02 2>/dev/null
	run --separate-stderr "$tunescope" check --baseline ./base0.tsrec -n 3 --retries 0 -- sleep 0.02
	[ "$status" = 0 ] || [ "$status" = 1 ] || [ "$status" = 4 ] || complain "status"
	run --separate-stderr "$tunescope" check --baseline ./base0.tsrec -n 3 --retries 0 --kill-leftovers --max-foreign 1000 -- \
		sh -c 'setsid sleep 77.7 >/dev/null 2>&1 & sleep 0.02'
	[ "$status" = 0 ] || [ "$status" = 1 ] || [ "$status" = 4 ] || complain "status"
	expect "*left 1 process behind*" "$stderr"
	! pgrep -r R,S,D -f 'sleep 77[.]7' || complain "it goes on"
}

@test "check --vs: the same work three times as long fails; disturbed or not" {
	run --separate-stderr "$tunescope" check -n 5 --retries 0 --max-foreign 1000 --vs 'sleep 0.1' -- sleep 0.3
	expect_status 1
	expect "*command_seconds wall total*" "$output"
	expect "*once more, it is worse again*" "$output"
}

@test "mistakes: one line, exit code 2" {
	for words in "diff" "diff base.tsrec" "diff base.tsrec same.tsrec worse.tsrec" "diff base.tsrec same.tsrec --json --csv" \
		"diff base.tsrec nowhere" "check" "check same.tsrec" "check --baseline base.tsrec" "check --baseline none same.tsrec" \
		"check --baseline base.tsrec same.tsrec -- true" "check --baseline base.tsrec --vs true -- true" "check --vs true" \
		"check --baseline base.tsrec --fail-on low same.tsrec" "check --baseline base.tsrec --budgets nowhere same.tsrec"; do
		run --separate-stderr "$tunescope" $words
		expect_status 2
		one_line_only || complain "$words"
	done
}
