#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tunescope record with the real kernel: what is in the file, and what happens when things go wrong.
. "$BATS_TEST_DIRNAME/cli.bash"

setup() { mkdir "$BATS_TEST_TMPDIR/area" && cd "$BATS_TEST_TMPDIR/area" || exit 1; }
teardown() {
	fsfreeze --unfreeze disk 2>/dev/null || true
	[ -z "${recorder-}" ] || kill -9 "$recorder" 2>/dev/null || true
	umount -q "$BATS_TEST_TMPDIR/area/disk" 2>/dev/null || true
}

# Lists the frames of files, in their order, with those that stand beside them as long as they are
# recorded: type, sequence, session, length of the window in ms, whether all of it is right. The
# windows of a group are listed one by one, and what stands there twice once. Written from the
# description of the format, not from the program.
frames() {
	/usr/bin/python3 - "$@" <<-'END'
		import os, struct, sys, zlib
		kinds = {1: "context", 2: "window", 3: "end", 4: "group"}
		seen = set()
		def show(kind, sequence, session, duration, whole):
		    if (session, sequence) not in seen or not whole:
		        print(kind, sequence, session, round(duration / 1e6), whole)
		    seen.add((session, sequence))
		def number(data, at):
		    value = shift = 0
		    while True:
		        value |= (data[at] & 127) << shift
		        shift += 7
		        at += 1
		        if data[at - 1] < 128:
		            return value, at
		def group(payload, sequence, session, count):
		    start = zlib.decompressobj().decompress(payload, 4096)
		    assert start[0] == 14
		    at = number(start, 1)[1]
		    windows, at = number(start, at)
		    assert windows == count
		    for _ in range(windows):
		        step, at = number(start, at)
		        _, at = number(start, at)
		        duration, at = number(start, at)
		        _, at = number(start, at)
		        _, at = number(start, at)
		        sequence += step
		        show("window", sequence, session, duration, True)
		paths = []
		for path in sys.argv[1:]:
		    paths += [p for p in (path, path + ".newest-1", path + ".newest") if os.path.exists(p)]
		for path in dict.fromkeys(paths):
		    data = open(path, "rb").read()
		    at = 0
		    while at < len(data):
		        header = data[at:at + 64]
		        assert len(header) == 64 and header[:5] == b"\x89TSF\x04", (path, at)
		        assert struct.unpack("<I", header[60:]) == (zlib.crc32(header[:60]),), (path, at)
		        stored, raw, session, sequence, context = struct.unpack("<IIQII", header[8:32])
		        duration, checksum = struct.unpack("<QI", header[48:60])
		        payload = data[at + 64:at + 64 + stored]
		        whole = len(payload) == stored and zlib.crc32(payload) == checksum
		        if header[5] == 4 and whole:
		            group(payload, sequence, session, context)
		        else:
		            show(kinds[header[5]], sequence, session, duration, whole)
		        at += 64 + stored
	END
}
windows() { frames "$@" | grep -c ^window || true; }
seconds() { frames "$@" | awk '/^window/ { ms += $4 } END { printf "%.3f", ms / 1000 }'; }
# The same but for the rounding of what record says, which is to 0.1; less than a window.
same_seconds() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a - b < 0.06 && b - a < 0.06) }' || complain "$1 s, $2 s told"; }
size() { cat "$@" | wc -c; }
# How many windows the last recording says it has written.
recorded() { sed -n 's/.*recorded \([0-9]*\) windows* .*/\1/p' <<<"$stderr"; }

# Waits until a command succeeds; that it never does is an error, however busy the machine.
until_true() { # COMMAND
	local i
	for i in {1..300}; do
		"$@" && return
		sleep 0.1
	done
	complain "after 30 s still not: $*"
}
# The oldest frame is not the first that was written.
dropped_some() { # FILES
	[ "$(frames "$@" | head -1 | cut -d' ' -f2)" != 0 ]
}
has_bytes() { # NUMBER FILE
	[ -e "$2" ] && [ "$(size "$2")" -ge "$1" ]
}
has_windows() { # NUMBER FILES
	[ "$(windows "${@:2}")" -ge "$1" ]
}

# Starts a recording in the background and waits for its first window.
start_recording() { # options
	"$tunescope" record --interval 100ms "$@" 2>err 3>&- &
	recorder=$!
	wait_until_attached $recorder
	sleep 0.3
}
stop_recording() { # signal
	kill -"$1" $recorder
	status=0
	wait $recorder || status=$?
	recorder=
	stderr=$(<err)
}

@test "record -d: as many windows as intervals, numbered, whole, adjoining; a summary" {
	run --separate-stderr "$tunescope" record -d 2s --interval 200ms
	expect_status 0
	[ -z "$output" ]
	# A busy machine may be late for one, which is longer then.
	expect "*tunescope: recorded * windows (2.[0-9] s) in tunescope.tsrec: *MB a day*own cost: CPU *RSS *lost events" "$stderr"
	frames tunescope.tsrec >list
	number=$(grep -c ^window list)
	[ "$number" = "$(recorded)" ]
	[ "$number" -ge 5 ] && [ "$number" -le 10 ] || complain "$number windows"
	[ "$(head -1 list | cut -d' ' -f1)" = context ]
	[ "$(tail -1 list | cut -d' ' -f1)" = end ]
	refuse "*False*" "$(<list)"
	# A context that was due in the middle stands before the group.
	sort -n -k2,2 list | awk '$2 != NR - 1 { exit 1 }' || complain "sequence: $(<list)"
	awk '/^window/ && $4 < 100 { exit 1 }' list || complain "lengths"
	total=$(seconds tunescope.tsrec)
	awk -v s="$total" 'BEGIN { exit !(s >= 1.95 && s < 3) }' || complain "$total s"
}

@test "a second recording is appended, as another session" {
	number=0
	for session in 1 2; do
		run --separate-stderr "$tunescope" record -d 600ms --interval 200ms -o twice.tsrec
		expect_status 0
		number=$((number + $(recorded)))
	done
	[ "$(windows twice.tsrec)" = $number ]
	[ "$(frames twice.tsrec | cut -d' ' -f3 | uniq | wc -l)" = 2 ]
	[ "$(frames twice.tsrec | grep -c ^end)" = 2 ]
}

@test "SIGTERM, Ctrl-C and the end of the terminal: orderly, with an end frame, exit code 0" {
	for signal in TERM INT HUP; do
		start_recording -o $signal.tsrec
		stop_recording $signal
		expect_status 0
		expect "*recorded * window*" "$stderr"
		[ "$(frames $signal.tsrec | tail -1 | cut -d' ' -f1)" = end ]
	done
}

@test "the second signal kills" {
	# The end of the recording cannot be written: it waits for a file system that is frozen.
	mkdir disk
	truncate -s 16M image
	mkfs.ext4 -q image
	mount -o loop image disk
	start_recording -o disk/frozen.tsrec --interval 10s
	sleep 1.2 # enough for a last window
	fsfreeze --freeze disk
	kill -TERM $recorder
	sleep 1
	running=0
	kill -0 $recorder || running=$?
	kill -TERM $recorder
	fsfreeze --unfreeze disk
	status=0
	wait $recorder || status=$?
	recorder=
	[ $running = 0 ]
	expect_status 143
	umount disk
}

@test "ended at once: nothing recorded, exit code 3, no file left" {
	"$tunescope" record -o none.tsrec 2>err 3>&- &
	recorder=$!
	wait_until_attached $recorder
	stop_recording TERM
	expect_status 3
	expect "tunescope: nothing was recorded*" "$stderr"
	[ ! -e none.tsrec ]
}

@test "kill -9 loses at most the last window; the recording goes on in the same file" {
	for round in 1 2 3; do
		start_recording -o killed.tsrec
		until_true has_windows $((round * 5)) killed.tsrec
		stop_recording KILL
		expect_status 137
	done
	run "$tunescope" record -d 300ms --interval 100ms -o killed.tsrec
	expect_status 0
	refuse "*False*" "$(frames killed.tsrec)"
	[ "$(windows killed.tsrec)" -ge 15 ]
	[ "$(frames killed.tsrec | grep -c ^end)" = 1 ]
}

@test "a torn tail is cut off, with a word about it" {
	"$tunescope" record -d 500ms --interval 100ms -o torn.tsrec 2>/dev/null
	truncate -s $(($(size torn.tsrec) - 100)) torn.tsrec
	run --separate-stderr "$tunescope" record -d 500ms --interval 100ms -o torn.tsrec
	expect_status 0
	expect "*torn.tsrec: recording was killed while it wrote there*cut off*" "$stderr"
	# The torn frame held all of them.
	[ "$(windows torn.tsrec)" = "$(recorded)" ]
	start_recording -o newest.tsrec
	until_true has_windows 2 newest.tsrec
	stop_recording KILL
	before=$(windows newest.tsrec)
	truncate -s $(($(size newest.tsrec.newest) - 100)) newest.tsrec.newest
	run --separate-stderr "$tunescope" record -d 500ms --interval 100ms -o newest.tsrec
	expect_status 0
	expect "*newest.tsrec.newest: recording was killed while it wrote there*cut off*" "$stderr"
	[ "$(windows newest.tsrec)" = $((before - 1 + $(recorded))) ]
	[ ! -e newest.tsrec.newest ]
}

@test "files that are something else are refused and not touched, exit code 2" {
	cp /etc/passwd passwd
	run --separate-stderr "$tunescope" record -d 1s -o passwd
	expect_status 2
	one_line_only
	expect "*passwd holds something else than a recording*" "$stderr"
	cmp passwd /etc/passwd
	run --separate-stderr "$tunescope" record -d 1s -o /dev/null
	expect_status 2
	one_line_only
	[ -c /dev/null ]
}

@test "two on the same path: the second one says so and ends with 3" {
	mkdir dir
	for path in file.tsrec dir; do
		start_recording -o $path
		run --separate-stderr "$tunescope" record -d 1s -o $path
		expect_status 3
		one_line_only
		expect "*another tunescope is recording there*" "$stderr"
		stop_recording TERM
		expect_status 0
	done
}

@test "paths that cannot be written: one line, exit code 3" {
	mkdir disk
	mount -t tmpfs -o size=64k,ro record-test disk
	for path in disk/x.tsrec disk disk/ nowhere/x.tsrec; do
		run --separate-stderr "$tunescope" record -d 1s -o $path
		expect_status 3
		one_line_only
	done
}

@test "a full disk: said once, kept in memory, written when there is space" {
	mkdir disk
	mount -t tmpfs -o size=64k record-test disk
	start_recording -o disk/full.tsrec
	head -c 1M /dev/zero >disk/filler 2>/dev/null || true
	until_true grep -q 'the disk is full: windows are kept' err
	before=$(windows disk/full.tsrec)
	sleep 2
	[ "$(windows disk/full.tsrec)" = "$before" ]
	rm disk/filler
	until_true grep -q 'can be written again' err
	stop_recording TERM
	expect_status 0
	[ "$(grep -c 'the disk is full: windows are kept' err)" = 1 ]
	[ "$(grep -c 'can be written again' err)" = 1 ]
	expect "*windows had to be put together*" "$stderr"
	refuse "*False*" "$(frames disk/full.tsrec)"
	# All of the time is in it, in fewer windows.
	read -r told <<<"$(sed -n 's/.*recorded [0-9]* windows (\([0-9.]*\) s).*/\1/p' err)"
	same_seconds "$(seconds disk/full.tsrec)" "$told"
	awk -v s="$told" 'BEGIN { exit !(s > 2.5) }'
	frames disk/full.tsrec | awk '/^window/ && $4 > 1000 { found = 1 } END { exit !found }'
}

@test "a disk that is full at the start: said, and what a killed recording left is taken in later" {
	mkdir disk
	mount -t tmpfs -o size=512k record-test disk
	start_recording -o disk/left.tsrec
	# More than what is left of the last page of the file.
	until_true has_bytes 8192 disk/left.tsrec.newest
	stop_recording KILL
	before=$(windows disk/left.tsrec)
	head -c 1M /dev/zero >disk/filler 2>/dev/null || true
	start_recording -o disk/left.tsrec
	expect "*left.tsrec: the disk is full: windows are kept*" "$(<err)"
	[ "$(windows disk/left.tsrec)" = "$before" ]
	rm disk/filler
	until_true grep -q 'can be written again' err
	stop_recording TERM
	expect_status 0
	[ "$(grep -c 'the disk is full' err)" = 1 ]
	[ ! -e disk/left.tsrec.newest ]
	refuse "*False*" "$(frames disk/left.tsrec)"
	has_windows $((before + 1)) disk/left.tsrec
}

@test "a disk that stays full: what is lost is said, exit code 3" {
	mkdir disk
	mount -t tmpfs -o size=64k record-test disk
	start_recording -o disk/full.tsrec
	head -c 1M /dev/zero >disk/filler 2>/dev/null || true
	until_true grep -q 'the disk is full: windows are kept' err
	stop_recording TERM
	expect_status 3
	expect "*windows * could not be written and are lost*" "$stderr"
	refuse "*False*" "$(frames disk/full.tsrec)"
}

@test "a limit of the file size (ulimit -f) does not kill" {
	(
		ulimit -f 16
		exec "$tunescope" record -d 3s --interval 100ms -o limited/
	) 2>err
	refuse "*False*" "$(frames limited/*)"
	for file in limited/*; do [ "$(size "$file")" -le 16384 ]; done
	total=$(seconds limited/*)
	awk -v s="$total" 'BEGIN { exit !(s >= 2.9) }' || complain "$total s"
}

@test "--max-size: a directory stays below at all times, and only own files are deleted" {
	mkdir dir
	echo mine >dir/notes.txt
	echo mine >dir/tunescope-mine.tsrec
	start_recording -o dir --max-size 32K
	for i in {1..50}; do
		[ $i -lt 50 ] || until_true dropped_some dir/tunescope-2*
		bytes=$(find dir -name 'tunescope-2*' -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')
		[ "$bytes" -le 32768 ] || complain "$bytes bytes"
		sleep 0.1
	done
	stop_recording TERM
	expect_status 0
	[ "$(size dir/tunescope-2*)" -le 32768 ]
	frames dir/tunescope-2* >list
	refuse "*False*" "$(<list)"
	[ "$(head -1 list | cut -d' ' -f1)" = context ]
	[ "$(head -1 list | cut -d' ' -f2)" != 0 ] || complain "nothing was dropped"
	[ "$(cat dir/notes.txt dir/tunescope-mine.tsrec)" = $'mine\nmine' ]
}

@test "--max-size: a file stays below at all times and keeps its newest frames" {
	start_recording -o small.tsrec --max-size 32K
	for i in {1..50}; do
		[ $i -lt 50 ] || until_true dropped_some small.tsrec
		[ "$(size small.tsrec)" -le 32768 ] || complain "$(size small.tsrec) bytes"
		sleep 0.1
	done
	stop_recording TERM
	expect_status 0
	[ "$(size small.tsrec)" -le 32768 ]
	frames small.tsrec >list
	refuse "*False*" "$(<list)"
	[ "$(head -1 list | cut -d' ' -f2)" != 0 ] || complain "nothing was dropped"
	[ "$(tail -1 list | cut -d' ' -f1)" = end ]
	[ ! -e small.tsrec.tmp ]
}

@test "--keep: old segments are deleted, old frames of a file are dropped" {
	for path in dir/ file.tsrec; do
		run "$tunescope" record -d 5s --interval 100ms --keep 2s -o $path
		expect_status 0
	done
	for files in "$(echo dir/*)" file.tsrec; do
		total=$(seconds $files)
		awk -v s="$total" 'BEGIN { exit !(s >= 2 && s < 3.5) }' || complain "$files: $total s"
	done
}

@test "a file that is taken away in the middle is followed by a new one" {
	start_recording -o log.tsrec
	until_true has_windows 1 log.tsrec
	mv log.tsrec log.1.tsrec
	until_true test -s log.tsrec
	until_true has_windows 2 log.tsrec
	stop_recording TERM
	expect_status 0
	# The newest windows follow the path; none is lost.
	read -r told <<<"$(sed -n 's/.*recorded [0-9]* windows (\([0-9.]*\) s).*/\1/p' err)"
	same_seconds "$(seconds log.1.tsrec log.tsrec)" "$told"
	[ "$(windows log.tsrec)" -ge 2 ]
	[ ! -e log.1.tsrec.newest ] && [ ! -e log.tsrec.newest ]
	grep -q ^context <<<"$(frames log.tsrec)"
}

@test "stopped for a while (SIGSTOP): one long window, then on as before" {
	start_recording -o stopped.tsrec
	until_true has_windows 2 stopped.tsrec
	kill -STOP $recorder
	sleep 5
	kill -CONT $recorder
	before=$(windows stopped.tsrec)
	until_true has_windows $((before + 4)) stopped.tsrec
	stop_recording TERM
	expect_status 0
	frames stopped.tsrec | awk '/^window/ { long += $4 > 4800; n++ } END { exit !(long == 1 && n > 4) }' ||
		complain "$(frames stopped.tsrec)"
}

@test "findings are told when they come; --quiet leaves that out" {
	# A listener whose queue overflows all the time.
	/usr/bin/python3 - 3>&- <<-'END' &
		import socket, time
		listener = socket.socket()
		listener.bind(("127.0.0.1", 0))
		listener.listen(1)
		end = time.time() + 25
		while time.time() < end:
		    clients = []
		    for _ in range(20):
		        client = socket.socket()
		        client.setblocking(False)
		        client.connect_ex(listener.getsockname())
		        clients.append(client)
		    time.sleep(0.05)
		    for client in clients:
		        client.close()
		    try:
		        listener.settimeout(0)
		        for _ in range(5):
		            listener.accept()[0].close()
		    except OSError:
		        pass
	END
	load=$!
	run --separate-stderr "$tunescope" record -d 11s --interval 1s -o told.tsrec
	told=$stderr
	run --separate-stderr "$tunescope" record -d 10500ms --interval 1s -o told.tsrec --quiet
	kill $load
	expect "*20[0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] found accept-queue/*: *" "$told"
	refuse "*found*" "$stderr"
}

@test "progress on a terminal, cleared at the end" {
	run script -qec "'$tunescope' record -d 1500ms --interval 500ms" /dev/null
	expect_status 0
	expect "*"$'\r'"tunescope: 1 window, * KB, * MB a day, CPU * %, RSS * MB*" "$output"
	expect "*recorded 3 windows*" "$output"
}

@test "mistakes: one line that says what is accepted, exit code 2, nothing created" {
	while IFS='|' read -r words pattern; do
		run --separate-stderr timeout 5 "$tunescope" record $words
		expect_status 2
		one_line_only
		expect "*$pattern*" "$stderr"
	done <<-'END'
		--interval 50ms|from 0.1 s to 3600 s
		--interval 2h|from 0.1 s to 3600 s
		--keep 0|500ms, 10s, 2m, 1h, 7d
		--keep 7w|500ms, 10s, 2m, 1h, 7d
		--max-size 10|512M, 10G
		--max-size -1M|512M, 10G
		--max-size 10X|512M, 10G
		--max-size 10MB|512M, 10G
		--max-size 1e9|512M, 10G
		--max-size inf|512M, 10G
		--max-size 9999999T|512M, 10G
		--profile ./missing.conf|profile
		-o|needs a value
		extra|unexpected argument
		--json|unknown option
	END
	run --separate-stderr "$tunescope" record -o ""
	expect_status 2
	one_line_only
	[ -z "$(ls)" ] || complain "created: $(ls)"
}

@test "sizes and durations that are accepted" {
	for words in "--max-size 16k --keep 1d" "--max-size 1.5GiB --keep 0.5d" "--max-size 65536" "--max-size 1TiB" "--max-size 10M"; do
		run "$tunescope" record -d 200ms --interval 100ms -o accepted.tsrec $words
		expect_status 0
	done
}

@test "an ordinary user is told what is missing, and leaves no file behind" {
	nobody_setup
	chmod 777 "$public"
	run --separate-stderr as_nobody tunescope record -d 1s -o "$public/x.tsrec"
	[ ! -e "$public/x.tsrec" ] || status="a file was left"
	nobody_teardown
	expect_status 3
	one_line_only
}

@test "after attaching, privileges that recording does not need are given up" {
	start_recording -o privileges.tsrec
	grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/$recorder/status
	effective=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/$recorder/status)
	stop_recording TERM
	expect_status 0
	# CAP_SYS_MODULE, CAP_SYS_BOOT, CAP_CHOWN, CAP_SETUID
	(((0x$effective & (1 << 16 | 1 << 22 | 1 << 0 | 1 << 7)) == 0)) || complain "$effective"
}

@test "the help and the man page name every option" {
	run "$tunescope" help record
	expect_status 0
	[ "$(wc -L <<<"$output")" -le 80 ]
	for option in --output --interval --keep --max-size --duration --profile --disable --disable-program --btf --quiet --verbose; do
		expect "*$option*" "$output"
		grep -q -- "${option//-/\\\\-}" "$tree/docs/tunescope.8" || complain "$option is not in the man page"
	done
}

@test "a link that leads nowhere is a mistake, and said to be one" {
	ln -s nowhere/x.tsrec link.tsrec
	run --separate-stderr timeout 5 "$tunescope" record -o link.tsrec -d 1s
	expect_status 2
	one_line_only
	expect "*link.tsrec is a symbolic link that leads nowhere*" "$stderr"
}
