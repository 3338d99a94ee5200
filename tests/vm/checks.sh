#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs in a guest, from the tree: the checks that are named, or all. Prints TAP; what else they leave is in $results.
: "${results:?}" "${tree:?}"
tunescope=$tree/build/tunescope
number=0

# A check is a function; it has failed when it complained, and went on all the same where that makes sense.
check() { # name
	local output code=0 result started=$SECONDS
	number=$((number + 1))
	output=$(failed=0; "check_$1" 2>&1; exit $failed) || code=$?
	result=ok
	[ $code = 0 ] || result='not ok'
	echo "$result $number - $1 ($((SECONDS - started)) s)"
	[ -z "$output" ] || sed 's/^/# /' <<<"$output"
}
complain() {
	echo "$*"
	failed=1
	false
}

# ---- doctor: every source and program is there, or says what this kernel lacks; none has failed

check_doctor() {
	local code=0
	timeout 60 "$tunescope" doctor --json >"$results/doctor.json" 2>"$results/doctor.err" || code=$?
	timeout 60 "$tunescope" doctor >"$results/doctor.txt" 2>>"$results/doctor.err" || :
	[ $code -le 1 ] || complain "exit code $code" "$(cat "$results/doctor.err")"
	jq -e '(.sources + .programs) | length > 20 and all(.status != "failed")' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c '(.sources + .programs)[] | select(.status == "failed") | [.name, .why]' "$results/doctor.json")"
}

# ---- what was counted during a load, against what the guest's own kernel and the load say

# Starts advise, and returns when it measures: what is done between this and observed lies within its window.
observe() {
	local i
	"$tunescope" advise -d 300 --json >"$results/advise.json" 2>"$results/advise.err" 3>&- &
	observer=$!
	for ((i = 0; i < 300; i++)); do
		! grep -qs '^link_id' /proc/$observer/fdinfo/* || break
		sleep 0.1
	done
	sleep 1.5
}
observed() {
	sleep 1
	kill -TERM $observer
	wait $observer || complain "advise: exit code $?: $(cat "$results/advise.err")"
}

# The sum over the series of a family whose labels contain all of an object.
counted() { # family, labels, field of a histogram
	jq --arg name "$1" --argjson labels "${2:-{\}}" --arg field "${3:-count}" '[.families[] | select(.name == $name) | .series[]
		| select(.labels | contains($labels)) | .value // .[$field] // 0] | add // 0' "$results/advise.json"
}
quantile() { counted "$1" "$2" "$3"; }
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

check_counts() {
	local switches inner requests opens
	switches=$(of_stat ctxt) requests=$(of_disk vdb) opens=$(of_tcp TcpActiveOpens)
	observe
	inner=$(of_stat ctxt)
	disk_load vdb 300 8 >/dev/null
	tcp_load 40 127.0.0.1
	inner=$(($(of_stat ctxt) - inner))
	observed
	requests=$(($(of_disk vdb) - requests)) opens=$(($(of_tcp TcpActiveOpens) - opens)) switches=$(($(of_stat ctxt) - switches))
	expect "requests to vdb, with /proc/diskstats" "$(counted block_latency '{"device":"vdb"}')" == $requests
	expect "requests to vdb" $requests '>=' 300
	expect "connections opened, with TcpActiveOpens" "$(counted tcp_connect_latency)" == $opens
	expect "connections closed, both ends" "$(counted tcp_connections_closed)" '>=' 40
	expect "context switches, with /proc/stat during the load" "$(counted context_switches)" '>=' $inner
	expect "context switches, with /proc/stat all the time" "$(counted context_switches)" '<=' $switches
	expect "waits for a CPU" "$(counted runq_latency)" '>' 0
	expect "the longest wait for a CPU, ms" "$(counted runq_latency '{}' max)" '<' 10
	jq -e '.families | length > 40 and all(.status != "failed" and .status != "unsupported")' "$results/advise.json" >/dev/null ||
		jq -r '.families[] | select(.status == "failed" or .status == "unsupported") | "\(.name): \(.status), \(.why)"' "$results/advise.json"
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
	cp "$results/advise.json" "$results/report.json"
}

# ---- devices with real queues: which part of the time is the queue's and which the device's

# A device that takes a fixed time for each of a few requests at once; the others wait in front of it.
check_null_blk() {
	local device p50 requests
	modprobe null_blk nr_devices=1 queue_mode=2 irqmode=2 completion_nsec=20000000 submit_queues=2 hw_queue_depth=4 gb=1 ||
		complain "no null_blk"
	echo mq-deadline >/sys/block/nullb0/queue/scheduler
	echo 64 >/sys/block/nullb0/queue/nr_requests
	sleep 1 # the kernel looks for partitions
	requests=$(of_disk nullb0)
	observe
	device=$(disk_load nullb0 200 32 | jq '.jobs[0].read.lat_ns.mean * 1.1 / 1e9')
	observed
	requests=$(($(of_disk nullb0) - requests))
	rmmod null_blk
	expect "requests, some of 200 merged" $requests '>' 150
	expect "requests, with /proc/diskstats" "$(counted block_latency '{"device":"nullb0"}')" == "$requests"
	p50=$(counted block_device_latency '{"device":"nullb0","op":"read"}' p50)
	expect "the device's part, of 20 ms" "$p50" '>' 0.018
	expect "the device's part, of 20 ms" "$p50" '<' 0.040
	expect "the queue's part, of 32 before 8" "$(counted block_queue_latency '{"device":"nullb0","op":"read"}' p50)" '>' 0.020
	expect "all of it, at most what fio saw" "$(counted block_latency '{"device":"nullb0","op":"read"}' p50)" '<' "$device"
}
check_scsi_debug() {
	local disk requests
	modprobe -a sd_mod && modprobe scsi_debug ndelay=10000000 dev_size_mb=64 max_queue=8 submit_queues=2 || { complain "no scsi_debug"; return; }
	for _ in {1..50}; do
		disk=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*:*/block/* 2>/dev/null)
		[ -z "$disk" ] || break
		sleep 0.2
	done
	disk=${disk##*/}
	[ -n "$disk" ] || { complain "scsi_debug made no disk" "$(find /sys/class/block | tr "\n" " ")"; return; }
	sleep 2
	requests=$(of_disk "$disk")
	observe
	disk_load "$disk" 200 4 >/dev/null
	observed
	requests=$(($(of_disk "$disk") - requests))
	rmmod scsi_debug || :
	expect "requests, with /proc/diskstats" "$(counted block_latency "{\"device\":\"$disk\"}")" == $requests
	expect "the device's part, of 10 ms" "$(counted block_device_latency "{\"device\":\"$disk\",\"op\":\"read\"}" p50)" '>' 0.009
	expect "the device's part, of 10 ms" "$(counted block_device_latency "{\"device\":\"$disk\",\"op\":\"read\"}" p50)" '<' 0.030
}
# A delay above the device is neither its queue's nor its own.
check_dm_delay() {
	modprobe dm_delay || { complain "no dm-delay"; return; }
	command -v dmsetup >/dev/null || { complain "no dmsetup"; return; }
	dmsetup create --noudevsync slow --table "0 65536 delay /dev/vdb 0 20"
	dmsetup mknodes
	observe
	disk_load mapper/slow 100 4 >/dev/null
	observed
	dmsetup remove --noudevsync slow
	expect "requests to vdb" "$(counted block_latency '{"device":"vdb"}')" '>=' 100
	expect "the device's part, without the 20 ms" "$(counted block_device_latency '{"device":"vdb","op":"read"}' p50)" '<' 0.015
	expect "the queue's part, without the 20 ms" "$(counted block_queue_latency '{"device":"vdb","op":"read"}' p50)" '<' 0.015
}

# ---- a network with delay and loss

check_netem() {
	local sent
	modprobe sch_netem || { complain "no netem"; return; }
	ip netns add near
	ip netns add far
	ip link add near0 netns near type veth peer name far0 netns far
	ip -n near addr add 10.9.8.1/24 dev near0
	ip -n far addr add 10.9.8.2/24 dev far0
	ip -n near link set near0 up
	ip -n far link set far0 up
	tc -n near qdisc add dev near0 root netem delay 60ms loss 10%
	observe
	ip netns exec far /usr/bin/python3 -c 'import socket
s = socket.create_server(("0.0.0.0", 8078)); s.settimeout(14)
try:
    while True:
        c, _ = s.accept()
        while c.recv(65536): pass
        c.sendall(b"y"); c.close()
except OSError: pass' &
	sleep 0.5
	ip netns exec near timeout 13 /usr/bin/python3 -c 'import socket
for _ in range(12):
    c = socket.create_connection(("10.9.8.2", 8078)); c.sendall(b"x" * 60000); c.shutdown(1); c.recv(1); c.close()' || :
	observed
	sent=$(for name in near far; do ip netns exec $name nstat -asz TcpRetransSegs; done | awk '$1 == "TcpRetransSegs" { sum += $2 } END { print sum }')
	ip netns del near
	ip netns del far
	expect "segments sent again" "$sent" '>' 0
	expect "segments sent again, with TcpRetransSegs" "$(counted tcp_retransmits)" '==' "$sent"
	expect "round-trip time, of 60 ms" "$(counted tcp_minimum_rtt '{"port":"8078","side":"outbound"}' p50)" '>' 0.058
	expect "round-trip time, of 60 ms" "$(counted tcp_minimum_rtt '{"port":"8078","side":"outbound"}' p50)" '<' 0.120
}

# ---- what comes and goes while it is measured

# CPUs taken offline and online: nothing is lost, counted twice or hangs.
check_cpus() {
	local switches last
	[ -e /sys/devices/system/cpu/cpu1/online ] || { echo "one CPU: nothing to take offline"; return; }
	switches=$(of_stat ctxt)
	observe
	for _ in 1 2; do
		for last in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 0 >"$last"; done
		disk_load vdb 60 4 >/dev/null
		for last in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 1 >"$last"; done
		disk_load vdb 60 4 >/dev/null
	done
	observed
	switches=$(($(of_stat ctxt) - switches))
	expect "requests to vdb" "$(counted block_latency '{"device":"vdb"}')" '==' 240
	expect "context switches, with /proc/stat" "$(counted context_switches)" '<=' "$switches"
	expect "the longest wait for a CPU, s" "$(counted runq_latency '{}' max)" '<' 10
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
	expect "CPUs" "$(jq .host.cpus "$results/advise.json")" '==' "$(nproc)"
}
# Of CPUs that are possible but not online nothing is expected.
check_half_online() {
	local possible=$(($(sed 's/.*-//' /sys/devices/system/cpu/possible) + 1))
	expect "CPUs online" "$(nproc)" '<' $possible
	expect "CPUs of the report" "$(jq .host.cpus "$results/report.json")" '==' "$(nproc)"
	expect "CPUs with times" "$(jq '[.families[] | select(.name == "cpu_seconds") | .series[].labels.cpu] | unique | length' "$results/report.json")" '==' "$(nproc)"
}
check_churn() {
	local i
	mkdir -p /sys/fs/cgroup/churn
	observe
	for i in {1..12}; do
		ip netns add churn$i
		ip -n churn$i link set lo up
		mkdir /sys/fs/cgroup/churn/$i
		sh -c "echo \$\$ >/sys/fs/cgroup/churn/$i/cgroup.procs; exec ip netns exec churn$i sleep 0.1"
		ip netns del churn$i
		rmdir /sys/fs/cgroup/churn/$i
	done
	observed
	rmdir /sys/fs/cgroup/churn
	! grep -v 'this is about the first' "$results/advise.err" || failed=1
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
}

# ---- what the command line has taken away

check_no_pressure() {
	jq -e '.families[] | select(.name == "pressure_seconds") | (.status == "unsupported" or .status == "disabled") and (.why | length > 10)' \
		"$results/report.json" >/dev/null || complain "$(jq -c '.families[] | select(.name == "pressure_seconds")' "$results/report.json")"
	jq -e '.sources | all(.status == "ok" or .status == "no-data" or .status == "disabled")' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c .sources "$results/doctor.json")"
}
one_line() { # exit code, file, words
	[ "$1" = 3 ] || complain "exit code $1"
	[ "$(wc -l <"$2")" = 1 ] || complain "more than one line:" "$(cat "$2")"
	grep -q "^tunescope: .*$3" "$2" || complain "nothing about $3:" "$(cat "$2")"
}
check_no_btf() {
	local code=0
	mount -t tmpfs tmpfs /sys/kernel/btf
	timeout 30 "$tunescope" advise -d 1 >"$results/no-btf.out" 2>"$results/no-btf.err" || code=$?
	umount /sys/kernel/btf
	one_line $code "$results/no-btf.err" CONFIG_DEBUG_INFO_BTF
}
# Under lockdown=confidentiality BPF may not read the kernel's memory: that is said, and the rest works.
check_refused() {
	local code=0
	timeout 60 "$tunescope" doctor --json >"$results/doctor.json" 2>"$results/doctor.err" || code=$?
	timeout 60 "$tunescope" doctor >"$results/doctor.txt" 2>/dev/null || :
	[ $code = 1 ] || complain "exit code $code" "$(cat "$results/doctor.err")"
	jq -e '[.sources[] | select(.status == "ok")] | length >= 5' "$results/doctor.json" >/dev/null || complain "$(jq -c .sources "$results/doctor.json")"
	jq -e '.sources | all(.status == "ok" or .status == "no-data" or (.why | test("lock")))' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c '.sources[] | select(.status != "ok")' "$results/doctor.json")"
}

# ---- the live tests that fit in a guest

live() {
	modprobe -a loop tun || complain "no loop devices, no tun"
	CMOCKA_MESSAGE_OUTPUT=TAP timeout 150 "build/tests/live/test_$1" >"$results/test_$1.tap" 2>&1 ||
		complain "exit code $?" "$(grep -E '^not ok|^# |ERROR' "$results/test_$1.tap" || tail -3 "$results/test_$1.tap")"
}
check_live_block() { live block; }
check_live_tcp() { live tcp; }
check_live_writeback() { live writeback; }
check_live_sched_sessions() { live sched_sessions; }
check_live_sockets() { live sockets; }
check_live_kernel_types() { live kernel_types; }
check_live_proc() { live proc; }

for name in "${@:-doctor}"; do check "$name"; done
echo "1..$number"
