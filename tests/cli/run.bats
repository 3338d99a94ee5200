#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tunescope run with the real kernel: the command is as it would be without it, and what is recorded is its own.
. "$BATS_TEST_DIRNAME/cli.bash"

cgroups() { find /sys/fs/cgroup -maxdepth 6 -name "tunescope-run-${1:-*}" -type d 2>/dev/null | grep -vxF "${before:-none}" || true; }
setup() { before=$(cgroups) && mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || exit 1; }
teardown() {
	[ -z "${runner-}" ] || kill -9 "$runner" 2>/dev/null || true
	[ -z "${left-}" ] || kill -9 "$left" 2>/dev/null || true
	nobody_teardown
}

# What a recording has of a family, all windows together.
values() { # file, family, label
	"$tunescope" dump "$1" --json | jq -r --arg f "$2" --arg l "$3" \
		'.families[] | select(.name == $f) | .series[] | select([.labels[]] | index($l)) | .value' |
		awk '{ sum += $1 } END { printf "%.6f", sum }'
}

@test "standard output and input are the command's, the words about it go to standard error" {
	run --separate-stderr bash -c 'echo in | "$1" run -- sh -c "cat; echo out; echo err >&2"' _ "$tunescope"
	expect_status 0
	[ "$output" = $'in\nout' ] || complain "output"
	expect "*err*tunescope: run 1: *exit status 0*1 run of: sh -c cat*command_seconds wall *s*" "$stderr"
	[ -z "$(cgroups)" ] || complain "$(cgroups)"
}

@test "the exit status is the command's: failed, killed, cannot be run" {
	for try in "exit 7:7" 'kill -9 $$:137' 'kill -TERM $$:143'; do
		run "$tunescope" run --quiet -- sh -c "${try%:*}"
		expect_status "${try##*:}"
	done
	run -127 --separate-stderr "$tunescope" run --quiet -- ./nowhere
	expect_status 127
	one_line_only
	expect "*cannot run ./nowhere: No such file or directory" "$stderr"
	echo text >text
	run --separate-stderr "$tunescope" run --quiet -- ./text
	expect_status 126
	one_line_only
}

@test "a command that fails is not run again, unless so wanted" {
	run "$tunescope" run -n 3 --quiet -- sh -c 'echo x >>ran; exit 3'
	expect_status 3
	[ "$(wc -l <ran)" = 1 ]
	run "$tunescope" run -n 3 --quiet -i -- sh -c 'echo x >>ran; exit 3'
	expect_status 3
	[ "$(wc -l <ran)" = 4 ]
}

@test "each run is a session of its own, with what it was and how it ended" {
	run "$tunescope" run -n 2 --quiet --interval 100ms -o runs.tsrec -- sleep 0.35
	expect_status 0
	expect "*2 sessions*" "$("$tunescope" dump runs.tsrec | head -2)"
	wall=$(values runs.tsrec command_seconds wall)
	awk 'BEGIN { exit !('"$wall"' >= 0.7) }' || complain "wall: $wall"
	run "$tunescope" replay runs.tsrec
	expect_status 0
	"$tunescope" run --quiet -o runs.tsrec -- true
	expect "*3 sessions*" "$("$tunescope" dump runs.tsrec | head -2)"
}

@test "a command of a moment, and one that does nothing" {
	run "$tunescope" run --quiet -o short.tsrec -- sleep 0.02
	expect_status 0
	wall=$(values short.tsrec command_seconds wall)
	awk 'BEGIN { exit !('"$wall"' >= 0.02) }' || complain "wall: $wall"
	run "$tunescope" run --quiet -- true
	expect_status 0
}

@test "CPU time is the command's own, all of it: also that of processes it does not wait for" {
	"$tunescope" run --quiet -o busy.tsrec -- bash -c 'burn() { local e=$((SECONDS + 2)); while ((SECONDS < e)); do :; done; }
		burn & read -r u <(:); burn; cat /proc/$$/stat >/dev/null; wait; times >times' 2>/dev/null
	# bash's own account: user and system of itself and of its children
	own=$(tr -s '\n' ' ' <times | sed 's/[ms]/ /g' | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 + $5 * 60 + $6 + $7 * 60 + $8 }')
	seen=$(values busy.tsrec task_cpu_seconds command)
	awk -v a="$own" -v b="$seen" 'BEGIN { exit !(a > 0.3 && b > 0.93 * a && b < 1.07 * a + 0.05) }' ||
		complain "bash says $own s, tunescope $seen s"
}

@test "others' context switches are not the command's" {
	bash -c 'while sleep 0.001; do :; done' &
	left=$!
	"$tunescope" run --quiet -o calm.tsrec -- sleep 1 2>/dev/null
	"$tunescope" run --quiet --scope host -o host.tsrec -- sleep 1 2>/dev/null
	kill "$left"
	command=$(values calm.tsrec context_switches voluntary)
	host=$(values host.tsrec context_switches voluntary)
	[ "${command%.*}" -lt 20 ] || complain "$command switches of a sleep"
	[ "${host%.*}" -gt 200 ] || complain "$host switches on the host"
}

@test "signals reach the command, and its answer is the exit status" {
	for signal in TERM HUP USR1; do # (INT: bash ignores it in the background)
		rm -f out
		"$tunescope" run --quiet -- bash -c "trap 'echo got $signal; exit 9' $signal; echo ready; while :; do sleep 0.05; done" >out 2>/dev/null 3>&- &
		runner=$!
		for i in {1..400}; do ! grep -qs ready out || break; sleep 0.05; done
		kill -$signal $runner
		status=0
		wait $runner || status=$?
		runner=
		expect_status 9
		[ "$(<out)" = $'ready\ngot '$signal ] || complain "$signal: $(<out)"
	done
}

@test "Ctrl-C on a terminal reaches it once; no further run" {
	cat >counts <<-'END'
		#!/bin/bash
		trap 'echo int >>"$1"' INT
		echo ready >>"$1"
		for i in {1..30}; do sleep 0.05; done
	END
	chmod +x counts
	/usr/bin/python3 - "$tunescope" <<-'END'
		import os, pty, sys, time
		pid, terminal = pty.fork()
		if not pid:
		    os.execv(sys.argv[1], [sys.argv[1], "run", "--quiet", "-n", "3", "--", "./counts", "seen"])
		for i in range(100):
		    time.sleep(0.05)
		    if os.path.exists("seen"):
		        break
		os.write(terminal, b"\x03")
		while True:
		    try:
		        if not os.read(terminal, 1000):
		            break
		    except OSError:
		        break
		status = os.waitpid(pid, 0)[1]
		assert os.WIFEXITED(status), status
		print(os.WEXITSTATUS(status))
	END
	[ "$(sort seen | uniq -c | tr -s ' ' | tr '\n' ,)" = ' 1 int, 1 ready,' ] || complain "$(<seen)"
	[ -z "$(cgroups)" ]
}

@test "what a command leaves behind: told and left alone, or killed; nothing of the cgroup stays" {
	run --separate-stderr "$tunescope" run -- sh -c 'sleep 30 >/dev/null 2>&1 & echo $!'
	expect_status 0
	left=$output
	expect "*run 1 left 1 process behind, which go on*" "$stderr"
	kill -0 "$left" || complain "it was ended"
	[ -z "$(cgroups)" ] || complain "$(cgroups)"
	kill "$left"
	run --separate-stderr "$tunescope" run --kill-leftovers -- sh -c 'setsid sleep 30 >/dev/null 2>&1 & echo $!'
	expect_status 0
	left=
	! grep -q '^State:.[RSDT]' "/proc/$output/status" 2>/dev/null || complain "it goes on"
	[ -z "$(cgroups)" ] || complain "$(cgroups)"
}

@test "killed without warning: the command goes on, and what is left is removed after it" {
	"$tunescope" run --quiet -- sh -c 'echo begun >begun; sleep 0.7; echo done >done' 2>/dev/null 3>&- &
	runner=$!
	wait_until_attached $runner
	for i in {1..50}; do [ ! -e begun ] || break; sleep 0.1; done
	kill -9 $runner
	wait $runner || true
	for i in {1..40}; do [ ! -e done ] || break; sleep 0.1; done
	[ -e done ]
	for i in {1..40}; do [ -n "$(cgroups $runner)" ] || break; sleep 0.1; done
	[ -z "$(cgroups $runner)" ] || complain "$(cgroups)"
	runner=
}

@test "--user: that user, its groups and home; one that does not exist" {
	run --separate-stderr "$tunescope" run --quiet --user nobody -- sh -c 'id -u; id -g; echo $USER; grep Cap /proc/self/status | sort -u -k2 | wc -l'
	expect_status 0
	expect $'65534\n65534\nnobody*' "$output"
	run --separate-stderr "$tunescope" run --user no-such-user -- true
	expect_status 2
	one_line_only
}

@test "the command has the privileges that tunescope was started with, tunescope gives its own up" {
	run --separate-stderr "$tunescope" run --quiet -- sh -c 'grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status; cat /proc/$PPID/comm'
	expect_status 0
	[ "$(head -3 <<<"$output")" = "$(grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status)" ] || complain "privileges"
}

@test "--vs: alternately, as two sides" {
	run --separate-stderr "$tunescope" run -n 2 --quiet --vs 'echo old >>order' -o sides.tsrec -- sh -c 'echo new >>order'
	expect_status 0
	[ "$(paste -sd' ' order)" = "old new new old" ] || complain "$(<order)"
	expect "*2 runs of: sh -c echo new*" "$stderr"
}

@test "mistakes: one line, exit code 2; without privilege 3, and the command is not run" {
	for words in "run" "run --" "run -n 0 -- true" "run -n x -- true" "run --interval 1ms -- true" "run --scope all -- true" "run true"; do
		run --separate-stderr "$tunescope" $words
		expect_status 2
		one_line_only || complain "$words"
	done
	cp /etc/passwd passwd
	run --separate-stderr "$tunescope" run -o passwd -- touch ran
	expect_status 2
	one_line_only
	cmp passwd /etc/passwd
	nobody_setup
	run --separate-stderr as_nobody tunescope run -- touch "$public/ran"
	expect_status 3
	[ ! -e "$public/ran" ]
}
