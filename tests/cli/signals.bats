#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Ctrl-C and SIGTERM during the observation.
. "$BATS_TEST_DIRNAME/cli.bash"

# Starts an observation of 30 s, sends a signal after so many seconds of it, waits for the end.
interrupt() { # signal, seconds
	"$tunescope" advise -d 30s --json >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	local pid=$!
	wait_until_attached $pid
	sleep "$2"
	kill -"$1" $pid
	status=0
	wait $pid || status=$?
	output=$(<"$BATS_TEST_TMPDIR/out") stderr=$(<"$BATS_TEST_TMPDIR/err")
}

@test "Ctrl-C and SIGTERM: a report about what was seen so far, and a line that says so" {
	for signal in INT TERM; do
		interrupt $signal 1.3
		expect_status 0
		validate "$BATS_TEST_TMPDIR/out"
		jq -e '.window.seconds > 1 and .window.seconds < 15' "$BATS_TEST_TMPDIR/out" >/dev/null || complain "window"
		[ "$(wc -l <<<"$stderr")" = 1 ]
		expect "tunescope: *interrupted*of the 30 s asked for" "$stderr"
	done
}

@test "Ctrl-C at once: too little to judge, one line, exit code 3" {
	interrupt INT 0
	expect_status 3
	one_line_only
	expect "*interrupted after*too little to judge" "$stderr"
}

@test "a second Ctrl-C kills" {
	# The reader of a tiny pipe does not read: after the first signal the report cannot be written.
	run /usr/bin/python3 - "$tunescope" <<-'END'
		import fcntl, os, signal, subprocess, sys, time
		reader, writer = os.pipe()
		fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
		process = subprocess.Popen([sys.argv[1], "advise", "-d", "30s", "--json"],
		                           stdout=writer, stderr=subprocess.DEVNULL)
		os.close(writer)
		time.sleep(2.5)
		process.send_signal(signal.SIGINT)
		time.sleep(1.5)
		assert process.poll() is None, f"ended by the first signal: {process.returncode}"
		process.send_signal(signal.SIGINT)
		assert process.wait(5) == -signal.SIGINT, process.returncode
	END
	expect_status 0
}
