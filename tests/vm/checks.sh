#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs in a guest, from the tree: the checks that are named. Prints TAP; what else they leave is in $results. A check is
# a function of checks/*.sh, or live_NAME (tests/live/test_NAME), or lab_NAME (tests/lab/NAME.bats), or the path of a
# script.
: "${results:?}" "${tree:?}"
tunescope=$tree/build/tunescope
number=0
# shellcheck source=/dev/null
for file in "$tree"/tests/vm/checks/*.sh; do . "$file"; done

# It has failed when it complained, and goes on all the same where that makes sense. What does not come to its end is
# ended, and says what waited where: of a guest that hangs nothing else is left.
check() { # name
	local code=0 result started=$SECONDS output=$results/output pid watchdog
	number=$((number + 1))
	export TUNESCOPE_REPORTS=$results/reports/$1
	mkdir -p "$TUNESCOPE_REPORTS"
	(failed=0; perform "$1"; exit $failed) >"$output" 2>&1 9>&- &
	pid=$!
	# A pipe into which nobody writes: a pause without a process that would have to be ended, too.
	(read -rt "${CHECK_LIMIT:-600}" -u 9 || overdue $pid >>"$output" 2>&1) &
	watchdog=$!
	wait $pid || code=$?
	kill $watchdog 2>/dev/null
	wait $watchdog 2>/dev/null
	result=ok
	[ $code = 0 ] || result='not ok'
	echo "$result $number - $1 ($((SECONDS - started)) s)"
	sed 's/^/# /' "$output"
}
overdue() { # pid
	local pid below
	echo "not over after ${CHECK_LIMIT:-600} s; what there is but the kernel's threads:"
	ps -o pid,ppid,stat,wchan:24,args --ppid 2 -p 2 -N ww | cut -c 1-140
	for pid in $(ps -eo pid,stat | awk '$2 ~ /^D/ { print $1 }'); do
		echo "$pid waits in:"
		cat "/proc/$pid/stack"
	done
	below=$(ps -eo pid,ppid | awk -v top="$1" '{ above[$1] = $2 }
		END { for (pid in above) for (up = pid; up > 1; up = above[up]) if (up == top) { print pid; break } }')
	# shellcheck disable=SC2086
	[ -z "$below" ] || kill -KILL $below
}
perform() { # name
	case $(type -t "check_$1"):$1 in
	function:*) "check_$1" ;;
	:live_*) live "${1#live_}" ;;
	:lab_*) lab "${1#lab_}" ;;
	:/*) bash "$1" || complain "exit code $?" ;;
	*) complain "there is no such check" ;;
	esac
}
complain() {
	echo "$*"
	failed=1
	false
}
# What a check saw, for the table of kernels.
keep_report() { # FILE
	cp "$1" "$(mktemp "$TUNESCOPE_REPORTS/XXXXXX.json")"
}

# ---- what was counted during a load

# Starts advise, and returns when it measures: what is done between this and observed lies within its window. When all is
# attached it gives up privileges; before that it may load one program for longer than any pause one could wait for.
observe() { # further options of advise
	local i mine
	mine=$(capabilities self)
	rm -f "$results/advise.json"
	"$tunescope" advise -d 300 --json "$@" >"$results/advise.json" 2>"$results/advise.err" 3>&- &
	observer=$!
	for ((i = 0; i < 1200; i++)); do
		[ "$(capabilities $observer)" = "$mine" ] || break
		sleep 0.1
	done
	[ "$i" != 1200 ] && sleep 3 || complain "advise does not come to measure: $(cat "$results/advise.err")"
}
capabilities() { sed -n 's/^CapEff:\t//p' "/proc/$1/status"; }
observed() {
	sleep 1
	kill -TERM $observer
	wait $observer || complain "advise: exit code $?: $(cat "$results/advise.err")"
	keep_report "$results/advise.json"
}

# The sum over the series of a family whose labels contain all of an object.
counted() { # family, labels, field of a histogram
	jq --arg name "$1" --argjson labels "${2:-{\}}" --arg field "${3:-count}" '[.families[] | select(.name == $name) | .series[]
		| select(.labels | contains($labels)) | .value // .[$field] // 0] | add // 0' "$results/advise.json"
}
quantile() { counted "$1" "$2" "$3"; }
# What is recommended for a setting: a field of that finding, or nothing.
recommended() { # rule, end of the setting's name, field
	jq -r --arg rule "$1" --arg setting "$2" --arg field "$3" '.findings[] | select(.rule == $rule
		and .outcome == "recommend" and (.setting | endswith($setting))) | .[$field]' "$results/advise.json"
}
said_of() { # rule
	jq -c --arg rule "$1" '[(.rules[], .findings[]) | select(.rule == $rule) | [.outcome, .why, .cause, .proposed]]' "$results/advise.json"
}
expect() { # what, value, comparison of awk, value
	awk -v a="$2" -v b="$4" "BEGIN { exit !(a $3 b) }" || complain "$1: $2, to be $3 $4"
}
of_stat() { awk -v key="$1" '$1 == key { print $2 }' /proc/stat; }
of_disk() { awk -v disk="$1" '$3 == disk { print $4 + $8 }' /proc/diskstats; }
of_tcp() { nstat -asz "$1" 2>/dev/null | awk -v key="$1" '$1 == key { print $2 }'; }
disk_load() { # device, requests, requests at a time
	fio --name=load --filename="/dev/$1" --rw=randrw --bs=4k --iodepth="$3" --ioengine=libaio --direct=1 --size=32m \
		--number_ios="$2" --output-format=json 2>/dev/null
}
tcp_load() { # connections, address
	/usr/bin/python3 - "$@" <<-'END'
		import socket, sys, threading
		address = (sys.argv[2], 8077)
		server = socket.create_server(("0.0.0.0", 8077))
		for _ in range(int(sys.argv[1])):
		    client = socket.create_connection(address); peer, _ = server.accept()
		    client.sendall(b"x" * 100); peer.recv(100); peer.sendall(b"y" * 100); client.recv(100)
		    client.close(); peer.close()
	END
}

# ---- the tests that there are anyway

# A filesystem that can do without the page cache, which the overlay of the root cannot: files of loop devices lie there.
files_on_disk() {
	mountpoint -q /var/tmp || { mkfs.ext4 -q -F /dev/vdc && mount /dev/vdc /var/tmp && chmod 1777 /var/tmp; } ||
		complain "no filesystem on /dev/vdc"
}
live() {
	modprobe -a loop tun || complain "no loop devices, no tun"
	files_on_disk
	TEST_SLOWER=6 CMOCKA_MESSAGE_OUTPUT=TAP timeout 200 "build/tests/live/test_$1" >"$results/test_$1.tap" 2>&1 ||
		complain "exit code $?" "$(grep -E '^not ok|^# |ERROR' "$results/test_$1.tap" || tail -3 "$results/test_$1.tap")"
}
lab() {
	files_on_disk
	LAB_SLOWER=3 timeout "$((${CHECK_LIMIT:-600} - 10))" bats --formatter tap "tests/lab/$1.bats" >"$results/lab_$1.tap" 2>&1 ||
		complain "exit code $?" "$(grep -E '^not ok|^# ' "$results/lab_$1.tap" | cut -c 1-300 | head -30)"
}

mkfifo "$results/pause"
exec 9<>"$results/pause"
for name in "${@:-doctor}"; do check "$name"; done
echo "1..$number"
