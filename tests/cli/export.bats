#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The exporter as Prometheus, other clients and an administrator meet it.
. "$BATS_TEST_DIRNAME/cli.bash"

clients() { /usr/bin/python3 "$BATS_TEST_DIRNAME/export.py" "$@"; }

# export_start ARGUMENTS: starts it in the background, waits until it serves; $exporter, $server, $url
export_start() {
	local i
	port=$(clients port)
	url=http://127.0.0.1:$port
	: >"$BATS_TEST_TMPDIR/stderr"
	"$tunescope" export --listen "127.0.0.1:$port" "$@" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
	exporter=$!
	for i in {1..100}; do
		grep -q '^tunescope: serving ' "$BATS_TEST_TMPDIR/stderr" && break
		sleep 0.1
	done
	expect "*serving http://127.0.0.1:$port/metrics*" "$(cat "$BATS_TEST_TMPDIR/stderr")"
	server=$(pgrep -P "$exporter")
}
# How it ended; leaves the exit code in $status.
export_wait() {
	status=0
	wait "$exporter" || status=$?
}
setup() { exporter='' server=''; }
teardown() {
	[ -z "$exporter" ] || kill -CONT "$exporter" 2>/dev/null || true
	[ -z "$exporter" ] || kill "$exporter" 2>/dev/null || true
	if [ -n "${cgroup-}" ]; then rmdir "$cgroup"; fi
	if [ -n "${small-}" ]; then umount "$small"; fi
	if [ -n "${namespace-}" ]; then ip netns del "$namespace"; fi
}
fetch() { curl -sS -m 10 "$@"; }
# Waits until a command succeeds; that it never does is an error, however busy the machine.
until_true() { # COMMAND
	local i
	for i in {1..150}; do
		"$@" && return
		sleep 0.2
	done
	complain "after 30 s still not: $*"
}
metrics_have() { # EXTENDED_EXPRESSION
	fetch "$url/metrics" | grep -E "$1" >/dev/null
}
# promtool is content: no complaint of any kind, hints included.
no_complaint() {
	local said
	said=$(promtool check metrics 2>&1) || complain "promtool: $said" || return
	[ -z "$said" ] || complain "promtool: $said"
}

# The reference parser of OpenMetrics, which is strict, takes it.
openmetrics_parses() {
	/usr/bin/python3 -c 'import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.buffer.read().decode()))
assert len(families) > 50, families'
}

@test "both formats: promtool has no complaint, every family has its status, the types are told" {
	export_start
	sleep 1
	fetch -D "$BATS_TEST_TMPDIR/headers" "$url/metrics" >"$BATS_TEST_TMPDIR/text"
	no_complaint <"$BATS_TEST_TMPDIR/text"
	expect "*Content-Type: text/plain; version=0.0.4*" "$(cat "$BATS_TEST_TMPDIR/headers")"
	[ "$(grep -c '^tunescope_family_status{' "$BATS_TEST_TMPDIR/text")" = \
		"$(grep -c '^X(' "$tree/include/tunescope/families.h")" ] || complain "families without status"
	for metric in runq_latency_seconds_bucket context_switches_total memory_bytes build_info \
		host_info setting_value process_cpu_seconds_total bpf_program_attached lost_events_total; do
		grep -qE "^tunescope_$metric[{ ]" "$BATS_TEST_TMPDIR/text" || complain "no $metric"
	done
	fetch -D "$BATS_TEST_TMPDIR/headers" -H 'Accept: application/openmetrics-text;version=1.0.0' \
		"$url/metrics" >"$BATS_TEST_TMPDIR/text"
	expect "*Content-Type: application/openmetrics-text; version=1.0.0*" "$(cat "$BATS_TEST_TMPDIR/headers")"
	[ "$(tail -1 "$BATS_TEST_TMPDIR/text")" = "# EOF" ]
	openmetrics_parses <"$BATS_TEST_TMPDIR/text"
	grep -q '^# UNIT tunescope_runq_latency_seconds seconds$' "$BATS_TEST_TMPDIR/text"
}

@test "paths, methods and encodings" {
	export_start
	[ "$(fetch "$url/healthz")" = ok ]
	expect '*<a href="/metrics">*' "$(fetch "$url/")"
	[ "$(fetch -o /dev/null -w '%{http_code}' "$url/nothing")" = 404 ]
	[ "$(fetch -o /dev/null -w '%{http_code}' -X POST -d x=1 "$url/metrics")" = 405 ]
	[ "$(fetch -o /dev/null -w '%{http_code}' -X DELETE "$url/")" = 405 ]
	run --separate-stderr curl -sS -m 10 -I "$url/metrics"
	expect "HTTP/1.1 200 OK*Content-Length: [1-9]*" "$output"
	run --separate-stderr curl -sS -m 10 -H 'Accept-Encoding: gzip' -D "$BATS_TEST_TMPDIR/headers" \
		-o "$BATS_TEST_TMPDIR/packed" "$url/metrics"
	expect "*Content-Encoding: gzip*" "$(cat "$BATS_TEST_TMPDIR/headers")"
	gzip -dc "$BATS_TEST_TMPDIR/packed" | no_complaint
	[ "$(clients pipelined "$port")" = "[200, 200, 404, 200]" ]
	# What was counted is in the text.
	until_true metrics_have '^tunescope_http_requests_total\{code="405"\} 2$'
}

@test "two processes: the one that serves has no privilege and no BPF, the other one what reading needs" {
	export_start
	state=$(cat /proc/"$server"/status)
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		expect "*$set:"$'\t'"0000000000000000*" "$state"
	done
	expect "*NoNewPrivs:"$'\t'"1*" "$state"
	expect "*Uid:"$'\t65534\t65534\t65534\t65534*' "$state"
	expect "*Gid:"$'\t65534\t65534\t65534\t65534*' "$state"
	[ -z "$(bpf_objects "$server")" ] || complain "the server holds BPF objects"
	[ -n "$(bpf_objects "$exporter")" ] || complain "the collector holds none"
	# Standard streams, the listening socket, the collector's, epoll and its wake-up: nothing else.
	[ "$(ls /proc/"$server"/fd | wc -l)" -le 8 ] || complain "$(ls -l /proc/"$server"/fd)"
	state=$(cat /proc/"$exporter"/status)
	expect "*NoNewPrivs:"$'\t'"1*" "$state"
	# bpf, sys_admin, sys_ptrace, net_admin, dac_read_search and nothing else
	expect "*CapBnd:"$'\t'"0000008000281004*" "$state"
}

@test "advise gives up what it does not need, and still sees every family and other namespaces" {
	namespace=exportpriv
	ip netns add $namespace
	ip -n $namespace link set lo up
	ip netns exec $namespace setpriv --reuid=65534 --regid=65534 --clear-groups \
		/usr/bin/python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 9011))
time.sleep(30)' 3>&- &
	listener=$!
	"$tunescope" advise -d 3s --json >"$BATS_TEST_TMPDIR/report" 3>&- &
	advise=$!
	wait_until_attached "$advise"
	sleep 1
	state=$(cat /proc/"$advise"/status)
	wait "$advise"
	kill "$listener"
	for set in CapPrm CapEff CapBnd; do
		expect "*$set:"$'\t'"0000008000281004*" "$state"
	done
	expect "*NoNewPrivs:"$'\t'"1*" "$state"
	jq -e --arg netns "$(stat -L -c %i /run/netns/$namespace)" '
		([.families[] | select(.status == "failed" or (.status == "unsupported" and (.why | test("this host has no") | not)))] == [])
		and ([.families[] | select(.name == "network_counters") | .series[] | select(.labels.netns == $netns)] != [])
		and ([.families[] | select(.name == "tcp_listener_backlog") | .series[]
			| select(.labels == {netns: $netns, port: "9011"})] != [])' "$BATS_TEST_TMPDIR/report" >/dev/null ||
		complain "$(jq -c '[.families[] | select(.status != "ok") | {name, status, why}]' "$BATS_TEST_TMPDIR/report")"
}

@test "addresses: what is none, what is taken, what others can reach" {
	for address in nonsense 127.0.0.1 127.0.0.1:0 127.0.0.1:70000 "[::1]" ::1:80 127.0.0.1:http; do
		run --separate-stderr "$tunescope" export --listen "$address"
		expect_status 2
		one_line_only
		expect "*$address*" "$stderr"
	done
	export_start
	run --separate-stderr "$tunescope" export --listen "127.0.0.1:$port"
	expect_status 3
	one_line_only
	expect "*$port is in use*" "$stderr"
	run --separate-stderr "$tunescope" export --listen 192.0.2.1:1
	expect_status 3
	one_line_only
	kill "$exporter"
	export_wait
	other=$(clients port)
	"$tunescope" export --listen ":$other" 2>"$BATS_TEST_TMPDIR/all" 3>&- &
	exporter=$!
	until_true grep -q '^tunescope: serving ' "$BATS_TEST_TMPDIR/all"
	[ "$(fetch "http://127.0.0.1:$other/healthz")" = ok ]
	kill "$exporter"
	export_wait
	expect "*can be reached from other hosts*" "$(cat "$BATS_TEST_TMPDIR/all")"
}

@test "options that do not go together, and limits" {
	for words in "--once" "--interval 5s" "--textfile /tmp/x.prom --listen :1" "--max-series 3" \
		"--max-series 1e9" "--window 1s" "operand"; do
		run --separate-stderr "$tunescope" export $words
		expect_status 2
		one_line_only
	done
}

@test "SIGTERM, SIGINT and SIGHUP: both processes and all programs are gone, exit code 0, not a word" {
	for signal in TERM INT HUP; do
		export_start
		objects=$(bpf_objects "$exporter")
		kill -$signal "$exporter"
		export_wait
		expect_status 0
		[ "$(wc -l <"$BATS_TEST_TMPDIR/stderr")" = 1 ] || complain "$(cat "$BATS_TEST_TMPDIR/stderr")"
		! kill -0 "$server" 2>/dev/null || complain "the server lives on"
		all_gone "$objects"
	done
}

@test "kill -9 of either: the other one ends and says so, nothing is left" {
	export_start
	objects=$(bpf_objects "$exporter")
	kill -9 "$server"
	export_wait
	expect_status 3
	expect "*the HTTP server was ended by signal 9*" "$(cat "$BATS_TEST_TMPDIR/stderr")"
	all_gone "$objects"
	export_start
	objects=$(bpf_objects "$exporter")
	kill -9 "$exporter"
	export_wait
	for i in {1..50}; do
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 "$server" 2>/dev/null || complain "the server lives on"
	expect "*the collector has ended*" "$(cat "$BATS_TEST_TMPDIR/stderr")"
	all_gone "$objects"
}

@test "200 scrapes at once: all are answered whole, and share a snapshot a second" {
	export_start
	run clients crowd "$port" 200
	echo "$output" >&3
	expect "statuses={200: 200} whole=200 snapshots=* seconds=*" "$output"
	snapshots=${output#*snapshots=} seconds=${output#*seconds=}
	[ "${snapshots%% *}" -le $((${seconds%%.*} + 2)) ] || complain "too many snapshots"
}

@test "hundreds of clients that send nothing or do not read: everybody else is served" {
	export_start
	run clients besieged "$port" 900 6
	echo "$output" >&3
	expect "statuses={200: *} stuck=900*" "$output"
	refuse "*,*" "${output%%\}*}"
	[ "$(fetch "$url/healthz")" = ok ]
	run clients cut-off "$port" 20
	[ "$output" = "cut off" ]
	until_true metrics_have '^tunescope_http_cut_off_total [1-9]'
}

@test "a collector that is stuck: /healthz says 503 within seconds, and recovers" {
	export_start
	kill -STOP "$exporter"
	[ "$(fetch -o /dev/null -w '%{http_code}' "$url/healthz")" = 503 ]
	kill -CONT "$exporter"
	[ "$(fetch "$url/healthz")" = ok ]
	fetch "$url/metrics" | no_complaint
}

@test "names with quotes, backslashes and line feeds stay one label value" {
	for root in /sys/fs/cgroup/cpu /sys/fs/cgroup/unified /sys/fs/cgroup; do
		if [ -e "$root/cpu.cfs_quota_us" ] || grep -qsw cpu "$root/cgroup.subtree_control"; then break; fi
	done
	cgroup=$root/$'tunescope "quoted"\\ and \xff'
	mkdir "$cgroup"
	if [ -e "$cgroup/cpu.cfs_quota_us" ]; then
		echo 50000 >"$cgroup/cpu.cfs_quota_us"
	else
		echo "50000 100000" >"$cgroup/cpu.max"
	fi
	# A process alone in a namespace gives it its name; a line feed is allowed in one.
	unshare -n /usr/bin/python3 -c 'import time
open("/proc/self/comm", "wb").write(b"a\"} 1\n# EOF\\\xff")
time.sleep(30)' 3>&- &
	hostile=$!
	export_start
	sleep 1
	fetch "$url/metrics" >"$BATS_TEST_TMPDIR/text"
	fetch -H 'Accept: application/openmetrics-text' "$url/metrics" | openmetrics_parses
	kill "$hostile"
	no_complaint <"$BATS_TEST_TMPDIR/text"
	grep -qF '/tunescope \"quoted\"\\ and \\xff"} 0.5' "$BATS_TEST_TMPDIR/text" ||
		complain "$(grep -a quoted "$BATS_TEST_TMPDIR/text")"
	grep -q 'comm="a\\"} 1.*' "$BATS_TEST_TMPDIR/text" || complain "$(grep -a netns_info "$BATS_TEST_TMPDIR/text")"
	! grep -q '^# EOF' "$BATS_TEST_TMPDIR/text"
}

@test "a peak is seen by every scraper for a minute, though each scrape is a new snapshot" {
	export_start
	# Twenty connections wait to be accepted for a second, and are then gone.
	waiting=$(clients port)
	clients waiting "$waiting" 20
	series="tunescope_tcp_accept_queue_peak{netns=\"$(stat -L -c %i /proc/self/ns/net)\",port=\"$waiting\"}"
	for i in {1..3}; do
		fetch "$url/metrics" | grep -F "$series" >"$BATS_TEST_TMPDIR/peak$i" || complain "no $series"
		[ "$(awk '{ print $2 }' "$BATS_TEST_TMPDIR/peak$i")" = 20 ] || complain "$(cat "$BATS_TEST_TMPDIR/peak$i")"
		sleep 1.1
	done
}

@test "--max-series: more is left out, and counted" {
	export_start --max-series 10
	fetch "$url/metrics" >"$BATS_TEST_TMPDIR/text"
	no_complaint <"$BATS_TEST_TMPDIR/text"
	[ "$(grep -c '^tunescope_vm_events_total{' "$BATS_TEST_TMPDIR/text")" = 10 ]
	grep -qE '^tunescope_left_out_series\{family="vm_events"\} [1-9]' "$BATS_TEST_TMPDIR/text"
}

@test "a source that is switched off: no samples, and the reason" {
	export_start --disable sched,net
	fetch "$url/metrics" >"$BATS_TEST_TMPDIR/text"
	! grep -qE '^tunescope_(runq_latency|network_counters)' "$BATS_TEST_TMPDIR/text"
	grep -q '^tunescope_family_status{family="runq_latency",source="sched",status="disabled",reason="switched off' \
		"$BATS_TEST_TMPDIR/text"
}

@test "the text file: whole, readable by all, as node_exporter takes it; once" {
	file=$BATS_TEST_TMPDIR/tunescope.prom
	umask 077
	run --separate-stderr "$tunescope" export --textfile "$file" --interval 2s --once
	expect_status 0
	[ -z "$stderr" ]
	[ "$(stat -c %a "$file")" = 644 ]
	no_complaint <"$file"
	grep -q '^tunescope_runq_latency_seconds_count [1-9]' "$file"
	grep -q '^tunescope_rule{rule="runq-latency",' "$file"
	[ "$(ls -A "$BATS_TEST_TMPDIR" | grep -c prom)" = 1 ] || complain "$(ls -A "$BATS_TEST_TMPDIR")"
}

@test "the text file again and again; a full disk is told once, and that it is over" {
	small=$BATS_TEST_TMPDIR/small
	mkdir "$small"
	mount -t tmpfs -o size=2M none "$small"
	"$tunescope" export --textfile "$small/t.prom" --interval 1s 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
	exporter=$!
	until_true test -e "$small/t.prom"
	first=$(stat -c %i "$small/t.prom")
	dd if=/dev/zero of="$small/filler" bs=64K 2>/dev/null || true
	until_true grep -q 'No space left' "$BATS_TEST_TMPDIR/stderr"
	sleep 2.5 # it goes on to try, and does not say so again
	no_complaint <"$small/t.prom"
	[ "$(grep -c 'No space left' "$BATS_TEST_TMPDIR/stderr")" = 1 ] || complain "$(cat "$BATS_TEST_TMPDIR/stderr")"
	rm "$small/filler"
	until_true grep -q 'is written again' "$BATS_TEST_TMPDIR/stderr"
	[ "$(stat -c %i "$small/t.prom")" != "$first" ]
	no_complaint <"$small/t.prom"
	objects=$(bpf_objects "$exporter")
	kill "$exporter"
	export_wait
	expect_status 0
	all_gone "$objects"
	[ "$(ls -A "$small")" = t.prom ] || complain "$(ls -A "$small")"
}

@test "the text file in a directory of another user, and where there is none" {
	mkdir "$BATS_TEST_TMPDIR/theirs"
	chown 65534:65534 "$BATS_TEST_TMPDIR/theirs"
	chmod 755 "$BATS_TEST_TMPDIR/theirs"
	run --separate-stderr "$tunescope" export --textfile "$BATS_TEST_TMPDIR/theirs/t.prom" --once --interval 1s
	expect_status 0
	no_complaint <"$BATS_TEST_TMPDIR/theirs/t.prom"
	run --separate-stderr "$tunescope" export --textfile /nonexistent/t.prom --once
	expect_status 3
	one_line_only
	run --separate-stderr "$tunescope" export --textfile /dev/null --once
	expect_status 3
	one_line_only
}

@test "an ordinary user: one line, exit code 3, and no process is left" {
	nobody_setup
	port=$(clients port)
	run --separate-stderr as_nobody tunescope export --listen "127.0.0.1:$port"
	nobody_teardown
	expect_status 3
	one_line_only
	expect "*CAP_BPF*" "$stderr"
	! fetch "http://127.0.0.1:$port/" 2>/dev/null
}

@test "root that may not become nobody is refused: the server would have privileges" {
	port=$(clients port)
	run --separate-stderr setpriv --bounding-set=-all,+bpf,+perfmon "$tunescope" export --listen "127.0.0.1:$port"
	expect_status 3
	one_line_only
	expect "*CAP_SETUID and CAP_SETGID*" "$stderr"
}

@test "the capabilities of the systemd unit are enough, and so are those of a user of its own" {
	set=$(sed -n 's/^CapabilityBoundingSet=//p' "$tree/contrib/tunescope-exporter.service" | tr A-Z a-z | sed 's/cap_/+/g; s/ /,/g')
	reading=+bpf,+perfmon,+net_admin,+sys_admin,+sys_ptrace,+dac_read_search
	nobody_setup
	for how in "--bounding-set=-all,$set --no-new-privs" \
		"--reuid=65533 --regid=65533 --clear-groups --inh-caps=-all,$reading --ambient-caps=-all,$reading"; do
		port=$(clients port)
		setpriv $how "$public/tunescope" export --listen "127.0.0.1:$port" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
		exporter=$!
		for i in {1..100}; do
			! grep -q '^tunescope: serving ' "$BATS_TEST_TMPDIR/stderr" || break
			sleep 0.1
		done
		fetch "http://127.0.0.1:$port/metrics" >"$BATS_TEST_TMPDIR/text"
		kill "$exporter"
		export_wait
		expect_status 0
		no_complaint <"$BATS_TEST_TMPDIR/text"
		! grep -E '^tunescope_family_status\{.*status="(failed|unsupported)"' "$BATS_TEST_TMPDIR/text"
		grep -qE '^tunescope_runq_latency_seconds_count [1-9]' "$BATS_TEST_TMPDIR/text"
	done
	nobody_teardown
}
