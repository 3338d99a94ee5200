#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Recordings printed: by people read, by programs parsed; without root, on any machine.
. "$BATS_TEST_DIRNAME/cli.bash"

setup_file() {
	local samples
	samples=$(dirname "$(realpath "${TUNESCOPE:-$BATS_TEST_DIRNAME/../../build/tunescope}")")/tests/unit/test_dump
	"$samples" --samples "$BATS_FILE_TMPDIR"
}
setup() { recordings=$BATS_FILE_TMPDIR; }

validate_window() {
	/usr/bin/python3 -W ignore -m jsonschema --base-uri "file://$tree/docs/" -i "$1" "$tree/docs/window.schema.json"
}

@test "text: a header, then a line for each series of each window; nothing on standard error" {
	run --separate-stderr "$tunescope" dump "$recordings/whole.tsrec"
	expect_status 0
	[ -z "$stderr" ]
	expect "# web1, Linux 6.18.0 *# 2026-09-21 14:13:20Z to 2026-09-21 14:18:20Z: 30 frames of 10.0 s, 1 session*nothing is damaged*" "$output"
	expect "*2026-09-21 14:18:20Z  context_switches{kind=voluntary}  +30*" "$output"
	[ "$(grep -c '  window of ' <<<"$output")" = 30 ]
	[ "$("$tunescope" dump --text "$recordings/whole.tsrec")" = "$output" ]
}

@test "a damaged recording: text says so in its header, the other formats on standard error" {
	run --separate-stderr "$tunescope" dump "$recordings/gap.tsrec"
	expect_status 0
	[ -z "$stderr" ]
	expect "*# 1 place is damaged (checksum at * of *gap.tsrec), 1 frame is missing (10.0 s)*" "$output"
	for format in --json --csv --openmetrics; do
		run --separate-stderr "$tunescope" dump "$format" "$recordings/gap.tsrec"
		expect_status 0
		expect "tunescope: warning: *gap.tsrec: 1 place is damaged*" "$stderr"
		[ "$(wc -l <<<"$stderr")" = 1 ] || complain "$format"
	done
}

@test "JSON lines are valid, and those of hostile names too; the schema is not a sieve" {
	for name in whole gap hostile boots; do
		"$tunescope" dump --json "$recordings/$name.tsrec" 2>/dev/null |
			split -l 1 - "$BATS_TEST_TMPDIR/$name."
	done
	[ "$(ls "$BATS_TEST_TMPDIR" | wc -l)" = $((30 + 2 + 1 + 8)) ]
	for line in "$BATS_TEST_TMPDIR"/{whole.aa,whole.ab,gap.a?,hostile.a?,boots.a[ah]}; do
		validate_window "$line"
	done
	jq -e '.settings | length == 2' "$BATS_TEST_TMPDIR/whole.aa" >/dev/null
	jq -e 'has("settings") | not' "$BATS_TEST_TMPDIR/whole.ab" >/dev/null
	jq -e '.missing_seconds == 10' "$BATS_TEST_TMPDIR/gap.ab" >/dev/null
	for change in '.surprise = 1' 'del(.cost)' '.schema = "tunescope.window/2"' '.seconds = 0' \
		'.families[0].status = "zero"' '.host.cpus = "2"' '.cost.rss_bytes = -1'; do
		jq "$change" "$BATS_TEST_TMPDIR/whole.aa" >"$BATS_TEST_TMPDIR/changed.json"
		run validate_window "$BATS_TEST_TMPDIR/changed.json"
		[ "$status" != 0 ] || complain "accepted after $change"
	done
}

@test "CSV: what a parser reads is what was recorded, quotes and line ends in names included" {
	"$tunescope" dump --csv "$recordings/whole.tsrec" >"$BATS_TEST_TMPDIR/whole.csv"
	"$tunescope" dump --csv "$recordings/hostile.tsrec" >"$BATS_TEST_TMPDIR/hostile.csv"
	/usr/bin/python3 - "$BATS_TEST_TMPDIR" <<-'END'
		import csv, datetime, sys
		def rows(name):
		    with open(f"{sys.argv[1]}/{name}.csv", newline="", encoding="utf-8", errors="surrogateescape") as f:
		        reader = csv.reader(f, strict=True)
		        head = next(reader)
		        assert head[:4] == ["time", "seconds", "family", "unit"] and head[-2:] == ["field", "value"], head
		        for row in reader:
		            assert len(row) == len(head), row
		            yield dict(zip(head, row))
		whole = list(rows("whole"))
		switches = [r for r in whole if r["family"] == "context_switches"]
		assert [float(r["value"]) for r in switches] == list(range(1, 31)), switches
		assert all(r["kind"] == "voluntary" and r["field"] == "delta" for r in switches)
		first, last = (datetime.datetime.fromisoformat(switches[i]["time"]) for i in (0, -1))
		assert (last - first).total_seconds() == 290
		assert sum(float(r["value"]) for r in whole if r["family"] == "runq_latency" and r["field"] == "count") == 465
		assert not [r for r in whole if r["family"] == "pressure_seconds"]
		errors = [r for r in rows("hostile") if r["family"] == "block_errors"]
		assert len(errors) == 1 and errors[0]["value"] == "9", errors
		assert errors[0]["device"].encode("utf-8", "surrogateescape") == \
		    b'\033[31m"a",b\r\n=c\xff\xe2\x80\xae{}', errors
	END
}

@test "OpenMetrics: promtool makes blocks of it, and the counters in them are the sums" {
	"$tunescope" dump --openmetrics "$recordings/whole.tsrec" >"$BATS_TEST_TMPDIR/metrics"
	[ "$(tail -1 "$BATS_TEST_TMPDIR/metrics")" = "# EOF" ]
	run promtool tsdb create-blocks-from openmetrics "$BATS_TEST_TMPDIR/metrics" "$BATS_TEST_TMPDIR/data"
	expect_status 0
	mkdir -p "$BATS_TEST_TMPDIR/data/wal" # promtool looks for one
	run promtool tsdb dump "$BATS_TEST_TMPDIR/data"
	expect_status 0
	series=$(grep -F '__name__="tunescope_context_switches_total"' <<<"$output")
	[ "$(wc -l <<<"$series")" = 30 ] || complain "not 30 samples"
	expect "*kind=\"voluntary\"* 1 1790000010000*" "$(head -1 <<<"$series")"
	expect "*} 465 1790000300000" "$(tail -1 <<<"$series")"
	# A family stands there once, in one piece.
	families=$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$BATS_TEST_TMPDIR/metrics")
	[ -n "$families" ] && [ -z "$(sort <<<"$families" | uniq -d)" ] || complain "$families"
}

@test "OpenMetrics of hostile names can be read, too" {
	"$tunescope" dump --openmetrics "$recordings/hostile.tsrec" >"$BATS_TEST_TMPDIR/metrics"
	run promtool tsdb create-blocks-from openmetrics "$BATS_TEST_TMPDIR/metrics" "$BATS_TEST_TMPDIR/data"
	expect_status 0
	mkdir -p "$BATS_TEST_TMPDIR/data/wal" # promtool looks for one
	run promtool tsdb dump "$BATS_TEST_TMPDIR/data"
	expect '*__name__="tunescope_block_errors_total"*' "$output"
}

@test "--family: only these; a name that no family has is a mistake, and the names are listed" {
	run --separate-stderr "$tunescope" dump --family tasks,runq_latency "$recordings/whole.tsrec"
	expect_status 0
	expect "*  tasks{state=running}  7*" "$output"
	expect "*  runq_latency  count=7 *" "$output"
	refuse "*context_switches*" "$output"
	run --separate-stderr "$tunescope" dump --family runq_latencies "$recordings/whole.tsrec"
	expect_status 2
	[ -z "$output" ]
	expect "tunescope: dump: --family 'runq_latencies' is not accepted; *  runq_latency*" "$stderr"
}

@test "--from and --to" {
	run --separate-stderr "$tunescope" dump --from +10s --to 2026-09-21T14:13:50Z "$recordings/whole.tsrec"
	expect_status 0
	[ "$(grep -c '  window of ' <<<"$output")" = 2 ]
	expect "*  tasks{state=running}  2*  tasks{state=running}  3*" "$output"
}

@test "one format at a time, and one recording" {
	run --separate-stderr "$tunescope" dump --csv --json "$recordings/whole.tsrec"
	expect_status 2
	one_line_only
	expect "*only one of --text, --json, --openmetrics and --csv*" "$stderr"
	run --separate-stderr "$tunescope" dump
	expect_status 2
	one_line_only
	run --separate-stderr "$tunescope" dump "$recordings/whole.tsrec" "$recordings/gap.tsrec"
	expect_status 2
	one_line_only
}

@test "hostile names on a terminal: shown, and harmless; LANG=C: plain ASCII" {
	run --separate-stderr "$tunescope" dump "$recordings/hostile.tsrec"
	expect_status 0
	refuse $'*\033*' "$output"
	expect '*device=\\x1b\[31m"a",b*' "$output"
	LC_ALL=C run --separate-stderr "$tunescope" dump "$recordings/hostile.tsrec"
	! LC_ALL=C grep -q '[^ -~]' <<<"$output" || complain "not ASCII"
}

@test "a full device, a closed descriptor: one line, exit code 3; a reader that is gone: quiet" {
	for format in --text --json --csv --openmetrics; do
		run --separate-stderr bash -c '"$@" >/dev/full' _ "$tunescope" dump "$format" "$recordings/whole.tsrec"
		expect_status 3
		one_line_only
		expect "*standard output: No space left on device" "$stderr"
		run --separate-stderr bash -c '"$@" >&-' _ "$tunescope" dump "$format" "$recordings/whole.tsrec"
		expect_status 3
		one_line_only
		run --separate-stderr bash -c '"$@" | true; exit ${PIPESTATUS[0]}' _ "$tunescope" dump "$format" "$recordings/whole.tsrec"
		[ "$status" = 141 ] || [ "$status" = 0 ] || complain "$format"
		[ -z "$stderr" ] || complain "$format"
	done
}

@test "what was recorded just now: dump, replay and /proc agree" {
	before=$(awk '/^ctxt/ { print $2 }' /proc/stat)
	"$tunescope" record --quiet -o "$BATS_TEST_TMPDIR/now.tsrec" --interval 1s -d 3s 2>/dev/null
	after=$(awk '/^ctxt/ { print $2 }' /proc/stat)
	"$tunescope" dump --json "$BATS_TEST_TMPDIR/now.tsrec" >"$BATS_TEST_TMPDIR/now.json"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/now.json")" = 3 ]
	while read -r line; do
		printf %s "$line" >"$BATS_TEST_TMPDIR/line.json"
		validate_window "$BATS_TEST_TMPDIR/line.json"
	done <"$BATS_TEST_TMPDIR/now.json"
	sum='[.families[] | select(.name == "context_switches").series[].value] | add'
	dumped=$(jq -s "map($sum) | add" "$BATS_TEST_TMPDIR/now.json")
	replayed=$("$tunescope" replay --json "$BATS_TEST_TMPDIR/now.tsrec" | jq "$sum")
	[ "$dumped" = "$replayed" ] || complain "dump $dumped, replay $replayed"
	# Starting and ending switch as well; what is in between cannot be more.
	[ "$dumped" -gt 0 ] && [ "$dumped" -le $((after - before)) ] || complain "$dumped of $((after - before))"
	jq -se --arg host "$(uname -n)" 'all(.[]; .host.hostname == $host) and (map(.seconds) | add) > 2.5
		and all(.[]; .cost.rss_bytes > 0)' "$BATS_TEST_TMPDIR/now.json" >/dev/null
}
