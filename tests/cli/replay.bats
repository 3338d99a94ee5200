#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Recordings judged again: any slice, without root, with the findings that were seen live.
. "$BATS_TEST_DIRNAME/cli.bash"

space=tscli_replay

setup_file() {
	local samples
	samples=$(dirname "$(realpath "${TUNESCOPE:-$BATS_TEST_DIRNAME/../../build/tunescope}")")/tests/unit/test_dump
	"$samples" --samples "$BATS_FILE_TMPDIR"
}
setup() { recordings=$BATS_FILE_TMPDIR; }
teardown() {
	nobody_teardown
	[ ! -e /run/netns/$space ] || { ip netns pids $space | xargs -r kill -9; ip netns del $space; }
}

# The slice that these options choose, as seconds after the beginning of whole.tsrec.
slice() {
	"$tunescope" replay --json "$@" "$recordings/whole.tsrec" |
		TZ=UTC jq -r '[.window.start, .window.end] | map(fromdate - 1790000000) | join(" ")'
}

@test "the whole recording: the report of advise, which says that it is from a recording" {
	run --separate-stderr "$tunescope" replay "$recordings/whole.tsrec"
	expect_status 0
	[ -z "$stderr" ]
	expect "web1, Linux 6.18.0, 2 CPUs, 8.00 GiB; from a recording: 2026-09-21T14:13:20Z*2026-09-21T14:18:20Z*300 s measured*" "${output//$'\n' /}"
	for section in Coverage Rules "Own cost"; do
		expect "*$section*" "$output"
	done
	expect "*The recording has no gap in this time.*" "$output"
	! grep -E '^.{81,}' <<<"$output" || complain "wider than 80 columns"
}

@test "without any privilege, and the same bytes every time" {
	nobody_setup
	chmod 755 "$recordings" && chmod 644 "$recordings/whole.tsrec"
	install -m 644 "$recordings/whole.tsrec" "$public/recording"
	for words in "" --json "--window 1m" "--window 1m --json" --all; do
		first=$(as_nobody tunescope replay $words "$public/recording")
		[ -n "$first" ]
		[ "$first" = "$("$tunescope" replay $words "$recordings/whole.tsrec")" ] || complain "$words"
	done
}

@test "JSON is valid, has the window and what the recording lacks" {
	for name in whole gap hostile boots; do
		"$tunescope" replay --json "$recordings/$name.tsrec" >"$BATS_TEST_TMPDIR/$name.json"
		validate "$BATS_TEST_TMPDIR/$name.json"
	done
	jq -e '.window.start == "2026-09-21T14:13:20Z" and .window.end == "2026-09-21T14:18:20Z"
		and .window.seconds == 300 and .window.missing_seconds == 0
		and .recording.frames == 30 and .recording.damaged == 0 and .recording.open_sessions == 0' \
		"$BATS_TEST_TMPDIR/whole.json" >/dev/null
	jq -e '.window.seconds == 20 and .window.missing_seconds == 10 and .recording.damaged == 1
		and .recording.missing_frames == 1 and .recording.open_sessions == 1' "$BATS_TEST_TMPDIR/gap.json" >/dev/null
	jq -e '.recording.sessions == 2 and .recording.clock_steps == 1 and .host.boot_id == "boot-b"' \
		"$BATS_TEST_TMPDIR/boots.json" >/dev/null
	# The report of the present has no such member.
	"$tunescope" advise -d 200ms --json | jq -e 'has("recording") | not' >/dev/null
}

@test "what is damaged is said in the coverage" {
	run --separate-stderr "$tunescope" replay "$recordings/gap.tsrec"
	expect_status 0
	expect "*10.0 s missing*" "$output"
	expect "*10.0 s between the beginning and the end were not recorded.*" "$output"
	expect "*1 place in the recording is damaged*1 frame is missing*1 session was not ended*" "$output"
	run --separate-stderr "$tunescope" replay "$recordings/boots.tsrec"
	expect "*1 time the wall clock was set by more than a second*" "$output"
}

@test "slices: every way to write a time" {
	[ "$(slice)" = "0 300" ]
	[ "$(slice --from 2026-09-21T14:14:20Z --to 2026-09-21T14:15:20Z)" = "60 120" ]
	[ "$(slice --from 2026-09-21T16:14:20+02:00 --to 2026-09-21T09:45:20-04:30)" = "60 120" ]
	[ "$(slice --from @1790000060 --to @1790000120.5)" = "60 120" ]
	[ "$(slice --from +1m --to +2m)" = "60 120" ]
	[ "$(slice --from -2m)" = "180 300" ]
	[ "$(slice --to -240s)" = "0 60" ]
	[ "$(slice --window +1m..+2m)" = "60 120" ]
	[ "$(slice --window ..+2m)" = "0 120" ]
	[ "$(slice --window=-2m..)" = "180 300" ]
	# Without a zone it is this host's.
	[ "$(TZ=EST5EDT,M3.2.0,M11.1.0 slice --from "2026-09-21 10:14:20" --to 2026-09-21T10:15:20)" = "60 120" ]
	[ "$(TZ=UTC slice --from 14:14:20 --to 14:15:20)" = "60 120" ]
	[ "$(TZ=IST-5:30 slice --from 19:44:20 --to 19:45:20)" = "60 120" ]
	# A time of day after the end of the recording is that of the day before.
	[ "$(TZ=UTC slice --from 14:20)" = "0 300" ]
	[ "$(TZ=UTC slice --from 2026-09-21 --to 2026-09-22)" = "0 300" ]
}

@test "mistakes in a time: one line that says what is accepted, exit code 2" {
	for time in yesterday 2026-09-31T00:00:00Z 2026-13-01 25:00 14:60 14 14:00:0 2026-09-21T14:00Zjunk -5x \
		+-5m @ @1e9 @-1 "2026-09-21T14:00:00+1" +1e3m 99999-01-01 @99999999999999999999; do
		run --separate-stderr "$tunescope" replay --from="$time" "$recordings/whole.tsrec"
		expect_status 2
		one_line_only
		expect "*--from '$time' is not accepted; accepted: 2026-11-21T14:00:00Z*-10m before the end*" "$stderr"
	done
	run --separate-stderr "$tunescope" replay --window 5parsecs "$recordings/whole.tsrec"
	expect_status 2
	one_line_only
	run --separate-stderr "$tunescope" replay --window +1m..noon "$recordings/whole.tsrec"
	expect_status 2
	one_line_only
	run --separate-stderr "$tunescope" replay --window +1m.. --to +2m "$recordings/whole.tsrec"
	expect_status 2
	one_line_only
}

@test "a slice with nothing in it: what there is instead, exit code 2" {
	run --separate-stderr "$tunescope" replay --from 2027-01-01T00:00:00Z "$recordings/whole.tsrec"
	expect_status 2
	one_line_only
	expect "*holds nothing from 2027-01-01T00:00:00Z; it goes from 2026-09-21T14:13:20Z to 2026-09-21T14:18:20Z" "$stderr"
	run --separate-stderr "$tunescope" replay --from +2m --to +1m "$recordings/whole.tsrec"
	expect_status 2
	one_line_only
	expect "*ends (2026-09-21T14:14:20Z) before it begins (2026-09-21T14:15:20Z)" "$stderr"
}

@test "--rule: only these are judged and shown; one that does not exist is a mistake, and all are listed" {
	"$tunescope" replay --json --rule accept-queue,syn-queue "$recordings/whole.tsrec" >"$BATS_TEST_TMPDIR/report.json"
	validate "$BATS_TEST_TMPDIR/report.json"
	jq -e '.rules | map(.rule) == ["accept-queue", "syn-queue"]' "$BATS_TEST_TMPDIR/report.json" >/dev/null
	run --separate-stderr "$tunescope" replay --rule accept-queue "$recordings/whole.tsrec"
	expect_status 0
	refuse "*switched off*" "$output"
	run --separate-stderr "$tunescope" replay --rule accept "$recordings/whole.tsrec"
	expect_status 2
	[ -z "$output" ]
	expect "tunescope: replay: --rule 'accept' is not accepted; *  accept-queue*  block-queue*" "$stderr"
}

@test "--window DURATION: windows in a row, a new one with each session, a short rest left out" {
	"$tunescope" replay --json --window 60s "$recordings/whole.tsrec" >"$BATS_TEST_TMPDIR/windows.json"
	split -l 1 "$BATS_TEST_TMPDIR/windows.json" "$BATS_TEST_TMPDIR/window."
	for line in "$BATS_TEST_TMPDIR"/window.a?; do validate "$line"; done
	jq -se 'map(.window.seconds) == [60, 60, 60, 60, 60]
		and map(.window.end)[:-1] == map(.window.start)[1:]' "$BATS_TEST_TMPDIR/windows.json" >/dev/null
	"$tunescope" replay --json --window 70s "$recordings/whole.tsrec" | jq -se 'map(.window.seconds) == [70, 70, 70, 70]' >/dev/null
	"$tunescope" replay --json --window 80s "$recordings/whole.tsrec" | jq -se 'map(.window.seconds) == [80, 80, 80, 60]' >/dev/null
	# 60 s in the first session, 20 s in the second.
	"$tunescope" replay --json --window 1h "$recordings/boots.tsrec" | jq -se 'map(.window.seconds) == [60, 20]' >/dev/null
	run --separate-stderr "$tunescope" replay --window 70s "$recordings/whole.tsrec"
	expect_status 0
	expect "web1, 2026-09-21T14:13:20Z to 2026-09-21T14:18:00Z: 4 windows of 70.0 s; a rest of 20.0 s is too short*" "$output"
	expect "*Nothing was found wrong in any of them.*The last window, 2026-09-21T14:16:50Z to 2026-09-21T14:18:00Z:*" "$output"
}

@test "what is no recording: one line that says why, exit code 2" {
	printf 'GIF89a and a long text that is nothing of ours\n' >"$BATS_TEST_TMPDIR/text"
	: >"$BATS_TEST_TMPDIR/empty"
	mkdir "$BATS_TEST_TMPDIR/directory"
	# Every frame damaged, in its payload.
	/usr/bin/python3 - "$recordings/whole.tsrec" "$BATS_TEST_TMPDIR/damaged" <<-'END'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		at = 0
		while at < len(data):
		    length = struct.unpack_from("<I", data, at + 8)[0]
		    data[at + (64 if length else 8)] ^= 1
		    at += 64 + length
		open(sys.argv[2], "wb").write(data)
	END
	# Every window nonsense, though its checksums are right.
	/usr/bin/python3 - "$recordings/whole.tsrec" "$BATS_TEST_TMPDIR/nonsense" <<-'END'
		import struct, sys, zlib
		data = bytearray(open(sys.argv[1], "rb").read())
		at = 0
		while at < len(data):
		    end = at + 64 + struct.unpack_from("<I", data, at + 8)[0]
		    if data[at + 5] == 2:
		        data[at + 64:end] = b"U" * (end - at - 64)
		        struct.pack_into("<I", data, at + 56, zlib.crc32(data[at + 64:end]))
		        struct.pack_into("<I", data, at + 60, zlib.crc32(data[at:at + 60]))
		    at = end
		open(sys.argv[2], "wb").write(data)
	END
	while read -r name words; do
		for command in dump replay; do
			run --separate-stderr "$tunescope" "$command" "$BATS_TEST_TMPDIR/$name"
			expect_status 2
			one_line_only
			expect "*$BATS_TEST_TMPDIR/$name*$words*" "$stderr"
		done
	done <<-'END'
		missing No such file or directory
		text is not a recording
		empty holds nothing yet
		directory holds no recording
		damaged every frame of it is damaged
		nonsense not one of the 30 frames of that time can be decoded
	END
	run --separate-stderr "$tunescope" replay
	expect_status 2
	one_line_only
	run --separate-stderr "$tunescope" replay /dev/null
	expect_status 2
	one_line_only
}

@test "a directory of segments, a pipe, and cat give the same report as the file" {
	file=$("$tunescope" replay --json "$recordings/whole.tsrec")
	[ "$("$tunescope" replay --json <(cat "$recordings/whole.tsrec"))" = "$file" ]
	[ "$(cat "$recordings/whole.tsrec" | "$tunescope" replay --json /dev/stdin)" = "$file" ]
	mkdir "$BATS_TEST_TMPDIR/segments"
	# Two pieces that do not end with a frame's end, and other files beside them.
	head -c 3000 "$recordings/whole.tsrec" >"$BATS_TEST_TMPDIR/segments/b.tsrec"
	cp "$recordings/whole.tsrec" "$BATS_TEST_TMPDIR/segments/a.tsrec"
	echo note >"$BATS_TEST_TMPDIR/segments/README"
	run --separate-stderr "$tunescope" replay --json "$BATS_TEST_TMPDIR/segments"
	expect_status 0
	[ "$(jq -c '.families' <<<"$output")" = "$(jq -c .families <<<"$file")" ] || complain "other figures"
	jq -e '.recording.frames == 30 and .recording.duplicates > 0 and .recording.damaged == 1' <<<"$output" >/dev/null
}

@test "a full device: one line, exit code 3" {
	for words in "" --json "--window 10s" "--window 10s --json"; do
		run --separate-stderr bash -c '"$@" >/dev/full' _ "$tunescope" replay $words "$recordings/whole.tsrec"
		expect_status 3
		one_line_only
	done
}

@test "hostile names: harmless on a terminal" {
	run --separate-stderr "$tunescope" replay --all "$recordings/hostile.tsrec"
	expect_status 0
	refuse $'*\033*' "$output"
	run --separate-stderr "$tunescope" replay --window 10s "$recordings/hostile.tsrec"
	expect_status 0
	refuse $'*\033*' "$output"
}

@test "recordings of every format version can be read" {
	versions=0
	for recording in "$tree"/tests/fixtures/recording-v*.tsrec; do
		[ -e "$recording" ] || complain "no fixture"
		run --separate-stderr "$tunescope" replay --json "$recording"
		expect_status 0
		[ -z "$stderr" ]
		printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/report.json"
		validate "$BATS_TEST_TMPDIR/report.json"
		jq -e '.recording.frames > 0 and .recording.damaged == 0 and .host.hostname != ""
			and (.families | map(select(.status == "ok")) | length >= 10)' "$BATS_TEST_TMPDIR/report.json" >/dev/null
		run --separate-stderr "$tunescope" dump "$recording"
		expect_status 0
		[ "$(grep -c '  window of ' <<<"$output")" -gt 0 ]
		versions=$((versions + 1))
	done
	[ "$versions" -ge 1 ]
}

windows_of() { "$tunescope" dump "$1" 2>/dev/null | grep -c '  window of ' || true; }

@test "an overflowing accept queue: replay finds what record found live, and --exit-code says so" {
	ip netns add $space
	ip -n $space link set lo up
	ip netns exec $space /usr/bin/python3 "$tree/tests/lab/workload.py" acceptor 9100 16 150 400 25 >/dev/null 2>&1 3>&- &
	sleep 0.5
	ip netns exec $space /usr/bin/python3 "$tree/tests/lab/workload.py" bursts 127.0.0.1 9100 60 250 36 >/dev/null 2>&1 3>&- &
	"$tunescope" record -o "$BATS_TEST_TMPDIR/live.tsrec" --interval 1s -d 21s 2>"$BATS_TEST_TMPDIR/live" 3>&- &
	local recorder=$! until
	# While it goes on, the windows stand one by one beside the recording; at the end they are one group of it.
	until [ "$(windows_of "$BATS_TEST_TMPDIR/live.tsrec")" -ge 17 ]; do sleep 0.2; done
	cp "$BATS_TEST_TMPDIR"/live.tsrec "$BATS_TEST_TMPDIR/early.tsrec"
	cp "$BATS_TEST_TMPDIR"/live.tsrec.newest "$BATS_TEST_TMPDIR/early.tsrec.newest"
	wait $recorder
	[ ! -e "$BATS_TEST_TMPDIR/live.tsrec.newest" ]
	until=$("$tunescope" replay --json "$BATS_TEST_TMPDIR/early.tsrec" | jq -r .window.end)
	until=$(date -u -d "$until - 2 seconds" +%FT%TZ)
	for recording in early live; do
		"$tunescope" replay --json --to "$until" "$BATS_TEST_TMPDIR/$recording.tsrec" | jq 'del(.recording)' >"$BATS_TEST_TMPDIR/$recording.json"
	done
	jq -e '.findings | map(select(.rule == "accept-queue")) | length > 0' "$BATS_TEST_TMPDIR/early.json"
	cmp "$BATS_TEST_TMPDIR/early.json" "$BATS_TEST_TMPDIR/live.json" || complain "a group is judged otherwise than its windows one by one"
	sed -n 's/^tunescope: [-0-9]* [:0-9]* found \([^ ]*\): .*/\1/p' "$BATS_TEST_TMPDIR/live" | sort -u >"$BATS_TEST_TMPDIR/seen"
	grep "^accept-queue/.*netns:$(stat -L -c %i /run/netns/$space)/port:9100" "$BATS_TEST_TMPDIR/seen" ||
		complain "not found live: $(cat "$BATS_TEST_TMPDIR/live")"
	"$tunescope" replay --window 10s --json "$BATS_TEST_TMPDIR/live.tsrec" >"$BATS_TEST_TMPDIR/windows"
	jq -r '.findings[] | select(.outcome == "recommend" or .outcome == "not-a-setting").id' "$BATS_TEST_TMPDIR/windows" |
		sort -u | diff "$BATS_TEST_TMPDIR/seen" - || complain "other findings than live"

	# The same as text: a line with the stretch of time, and the report of the worst window.
	run --separate-stderr "$tunescope" replay --window 10s --rule accept-queue --exit-code "$BATS_TEST_TMPDIR/live.tsrec"
	expect_status 1
	expect "*Z - *Z  * window*  accept-queue  accept-queue/*/port:9100  *9100*; harm: *" "$output"
	expect "*The worst window, *application-backlog*not to blame*somaxconn*" "$output"
	# Before the load there was nothing to find; after all of it there is.
	run --separate-stderr "$tunescope" replay --rule accept-queue --exit-code "$BATS_TEST_TMPDIR/live.tsrec"
	expect_status 1
	expect "*not to blame*somaxconn*" "$output"
	run --separate-stderr "$tunescope" replay --rule dirty-throttle --exit-code "$BATS_TEST_TMPDIR/live.tsrec"
	expect_status 0
}
