#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Packets that are lost inside the host: fragments without room, memory of all UDP sockets, input queues.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() { network_up; }
teardown() {
	network_down
	put_back
}

# large SECONDS: four senders of datagrams of 60 KB, each in 41 fragments; the share that arrives goes
# to $BATS_TEST_TMPDIR/arrived, in percent
large() {
	on_server /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
s.bind(("0.0.0.0", 9100))
s.settimeout(0.2)
got, lasts = 0, lasting(float(sys.argv[1]), 0.5)
while lasts():
    try:
        s.recv(65536)
        got += 1
    except OSError:
        pass
print(got)' "$1" >"$BATS_TEST_TMPDIR/got" 3>&- &
	local receiver=$!
	await_receiver 9100
	on_client /usr/bin/python3 -c '
import os, socket, sys, time
from lasting import lasting
child = os.fork() or os.fork()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("'$server_address'", 9100))
sent, lasts = 0, lasting(float(sys.argv[1]))
while lasts():
    s.send(bytes(60000))
    sent += 1
    time.sleep(0.01)
print(sent, flush=True)
if child:
    os.wait()' "$1" >"$BATS_TEST_TMPDIR/sent" 3>&-
	wait $receiver
	awk 'NR == FNR { got = $1; next } { sent += $1 } END { print int(100 * got / sent) }' \
		"$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/arrived"
}

@test "fragments of datagrams that find no room: ipfrag_high_thresh where they arrive, and it helps" {
	# Less than one of them takes, however few of them are on their way at once.
	on_server sysctl -qw net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=65536
	large 4 3>&- &
	sleep 1
	run advise 3
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -lt 80 ]
	expect "*fragment-memory recommend net.ipv4.ipfrag_high_thresh - $(inode $server) * 65536 4194304*" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.ipfrag_high_thresh
	large 3 3>&- &
	sleep 1
	run advise 2
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -ge 95 ]
	refuse "*fragment-memory*" "$output"
}

# Some fragments other than the first vanish before they are put together.
lose_fragments() {
	on_server nft -f - <<-'END'
		table inet lab {
			chain early {
				type filter hook prerouting priority -500; policy accept;
				ip frag-off & 0x1fff != 0 numgen random mod 100 < 3 drop
			}
		}
	END
}

@test "fragments that are lost on their way: no limit is blamed" {
	on_server sysctl -qw net.ipv4.ipfrag_time=1
	lose_fragments
	large 5 3>&- &
	sleep 1.5
	run advise 3
	wait $!
	[ "$status" = 0 ]
	[ "$(counter IpReasmTimeout)" -gt 50 ]
	expect "*fragment-memory not-a-setting - path-loss $(inode $server) *" "$output"
	refuse "* recommend net.*" "$output"
}

@test "what they leave behind fills a limit below the default: no higher one is proposed" {
	on_server sysctl -qw net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=3000000
	lose_fragments
	large 3 3>&- &
	sleep 1
	run advise 2
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -lt 80 ]
	expect "*fragment-memory not-a-setting - path-loss $(inode $server) *" "$output"
	refuse "* recommend net.*" "$output"
}

# crowd SECONDS: bursts to four receivers, all with a buffer of megabytes, while none of them reads. The
# share that arrives: as above.
crowd() {
	: >"$BATS_TEST_TMPDIR/turn"
	on_server /usr/bin/python3 -c '
import os, socket, sys
from lasting import lasting
from turns import Turns
number = 2 * (os.fork() == 0) + (os.fork() == 0)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
s.bind(("0.0.0.0", 9100 + number))
s.setblocking(False)
got, lasts, turns = 0, lasting(float(sys.argv[1]), 1), Turns(sys.argv[2])
while lasts():
    got += turns.drain(s)
os.write(1, b"%d\n" % got)
if number != 3:
    try:
        os.wait()
        os.wait()
    except OSError:
        pass' "$1" "$BATS_TEST_TMPDIR/turn" >"$BATS_TEST_TMPDIR/got" 3>&- &
	local receivers=$! port
	for port in {9100..9103}; do await_receiver $port; done
	on_client /usr/bin/python3 -c '
import socket, sys
from lasting import lasting
from turns import Turns
sent, lasts, turns = 0, lasting(float(sys.argv[1])), Turns(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send():
    global sent
    for port in range(9100, 9104):
        for _ in range(240):
            s.sendto(bytes(1000), ("'$server_address'", port))
            sent += 1
while lasts():
    turns.burst(send, 0.02)
print(sent)' "$1" "$BATS_TEST_TMPDIR/turn" >"$BATS_TEST_TMPDIR/sent" 3>&-
	wait $receivers
	arrived
}

# The share of what was sent that the receivers got, in percent.
arrived() {
	awk 'NR == FNR { got += $1; next } { sent += $1 } END { print int(100 * got / sent) }' \
		"$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/arrived"
}

@test "bursts to sockets with room, and no memory for all of UDP: udp_mem, and it helps" {
	keep net.ipv4.udp_mem
	sysctl -qw net.ipv4.udp_mem="256 1024 2048"
	crowd 5 3>&- &
	sleep 1
	run advise 4
	wait $!
	[ "$status" = 0 ]
	local before
	before=$(cat "$BATS_TEST_TMPDIR/arrived")
	[ "$before" -lt 80 ]
	expect "*udp-memory recommend net.ipv4.udp_mem *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.udp_mem
	crowd 4 3>&- &
	sleep 1
	run advise 3
	wait $!
	[ "$status" = 0 ]
	echo "arrived: $before % before, $(cat "$BATS_TEST_TMPDIR/arrived") % after"
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -ge 98 ]
	refuse "*udp-memory*" "$output"
	refuse "* recommend net.*" "$output"
}

# slow_crowd SECONDS: four receivers that work for 5 ms on each datagram; bursts to each
slow_crowd() {
	on_server /usr/bin/python3 -c '
import os, socket, sys, time
from lasting import lasting
number = 2 * (os.fork() == 0) + (os.fork() == 0)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
s.bind(("0.0.0.0", 9100 + number))
s.settimeout(0.2)
got, lasts = 0, lasting(float(sys.argv[1]), 0.5)
while lasts():
    try:
        s.recv(2048)
        got += 1
    except OSError:
        continue
    time.sleep(0.005)
os.write(1, b"%d\n" % got)
if number != 3:
    try:
        os.wait()
        os.wait()
    except OSError:
        pass' "$1" >"$BATS_TEST_TMPDIR/got" 3>&- &
	local receivers=$! port
	for port in {9100..9103}; do await_receiver $port; done
	on_client /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
sent, next, lasts = 0, time.monotonic(), lasting(float(sys.argv[1]))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while lasts():
    for port in range(9100, 9104):
        for _ in range(120):
            s.sendto(bytes(1000), ("'$server_address'", port))
            sent += 1
    next += 0.1
    time.sleep(max(0, next - time.monotonic()))
print(sent)' "$1" >"$BATS_TEST_TMPDIR/sent" 3>&-
	wait $receivers
	arrived
}

@test "memory of UDP is full of what slow receivers do not read: they are named, no setting" {
	keep net.ipv4.udp_mem
	sysctl -qw net.ipv4.udp_mem="512 1024 2048"
	slow_crowd 6 3>&- &
	sleep 1.5
	run advise 4
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -lt 80 ]
	expect "*udp-memory not-a-setting - receiver-too-slow *" "$output"
	refuse "* recommend net.*" "$output"
}

# steered RULES MASK: what the server receives is handled by these CPUs, after so many rules of its
# firewall
steered() {
	on_server sh -c "echo $2 >/sys/class/net/tslab1/queues/rx-0/rps_cpus"
	{
		echo 'table inet lab { chain early { type filter hook prerouting priority -300; policy accept;'
		for i in $(seq "$1"); do echo "udp dport $((20000 + i)) counter drop"; done
		echo '}; }'
	} | on_server nft -f -
}
# bursts SECONDS EVERY COUNT: of small datagrams from CPU 0; the share that arrives: as above
bursts() {
	on_server /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
s.bind(("0.0.0.0", 9100))
s.settimeout(0.2)
got, lasts = 0, lasting(float(sys.argv[1]), 0.5)
while lasts():
    try:
        s.recv(2048)
        got += 1
    except OSError:
        pass
print(got)' "$1" >"$BATS_TEST_TMPDIR/got" 3>&- &
	local receiver=$!
	await_receiver 9100
	on_client taskset -c 0 /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("'$server_address'", 9100))
seconds, every, count = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
sent, next, lasts = 0, time.monotonic(), lasting(seconds)
while lasts():
    for _ in range(count):
        s.send(bytes(100))
    sent += count
    next += every
    time.sleep(max(0, next - time.monotonic()))
print(sent)' "$@" >"$BATS_TEST_TMPDIR/sent" 3>&-
	wait $receiver
	awk 'NR == FNR { got = $1; next } { sent = $1 } END { print int(100 * got / sent) }' \
		"$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/arrived"
}
ticks() { awk '$1 == "cpu1" { print $5, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat; }
# How much of the time CPU 1 has idled since then, in percent.
idle_since() { ticks | awk -v before="$*" '{ split(before, b); print int(100 * ($1 - b[1]) / ($2 - b[2])) }'; }

@test "bursts longer than the input queue of a CPU that idles in between: netdev_max_backlog, and it helps" {
	keep net.core.netdev_max_backlog
	sysctl -qw net.core.netdev_max_backlog=100
	steered 250 2
	bursts 5 0.2 1500 3>&- &
	sleep 1
	local idle before
	idle=$(ticks)
	run advise 3
	idle=$(idle_since $idle)
	wait $!
	[ "$status" = 0 ]
	before=$(cat "$BATS_TEST_TMPDIR/arrived")
	[ "$before" -lt 90 ]
	expect "*softnet-backlog *" "$output"
	# Where something else keeps that CPU busy it is right to say so.
	[ "$idle" -ge 25 ] || return 0
	expect "*softnet-backlog recommend net.core.netdev_max_backlog *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.core.netdev_max_backlog
	bursts 3 0.2 1500
	echo "arrived: $before % before, $(cat "$BATS_TEST_TMPDIR/arrived") % after"
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -ge 98 ]
}

@test "rounds of input that run out of their budget, and nothing lost: harmless, and no setting" {
	keep net.core.netdev_max_backlog net.core.netdev_budget net.core.dev_weight
	sysctl -qw net.core.netdev_max_backlog=100000 net.core.netdev_budget=1 net.core.dev_weight=1
	steered 1 2
	bursts 5 0.02 50 3>&- &
	sleep 1
	run advise 3
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/arrived")" -ge 99 ]
	expect "*softnet-backlog not-a-setting - harmless *" "$output"
	refuse "*recommend net.*" "$output"
}

# flows NUMBER SECONDS: datagrams of so many flows from CPU 0, as fast as they are taken
flows() {
	on_client taskset -c 0 /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.connect(("'$server_address'", 9100))
lasts = lasting(float(sys.argv[2]))
while lasts():
    for s in sockets:
        for _ in range(8):
            try:
                s.send(bytes(200))
            except OSError:  # nobody listens there
                pass' "$@" 3>&- &
	sleep 1
}
# Has CPU 1 idled for more than half of the time?
others_idle() { # PERCENT
	[ "$1" -ge 60 ] || { echo "CPU 1 idled for $1 % only"; return 1; }
}

@test "packets of many flows on one CPU, and another that idles: rps_cpus of the device, and more come through" {
	local idle setting=/sys/class/net/tslab1/queues/rx-0/rps_cpus before after
	steered 1200 0
	flows 16 6
	before=$(counter IpInReceives)
	idle=$(ticks)
	run advise 3
	idle=$(idle_since $idle)
	before=$(($(counter IpInReceives) - before))
	wait
	[ "$status" = 0 ]
	# Where something else keeps the other CPU busy there is nothing to gain.
	others_idle "$idle" || return 0
	expect "*packet-steering recommend $setting - $(inode $server) - tslab1 0 *" "$output"
	refuse "*recommend net.*" "$output"
	apply_proposal "$setting"
	on_server grep -q 3 "$setting"
	flows 16 5
	after=$(counter IpInReceives)
	idle=$(ticks)
	run advise 3
	after=$(($(counter IpInReceives) - after))
	wait
	[ "$status" = 0 ]
	refuse "*recommend $setting*" "$output"
	echo "packets: $before before, $after after"
	# CPUs that are emulated take turns, and together do no more than one.
	[ "$after" -ge $((before + before / (${LAB_SLOWER:-0} ? 1000 : 5))) ]
}

@test "packets of one flow on one CPU: they cannot be spread, and no setting is blamed" {
	local idle
	steered 1200 0
	flows 1 5
	idle=$(ticks)
	run advise 3
	idle=$(idle_since $idle)
	wait
	[ "$status" = 0 ]
	refuse "*recommend */rps_cpus*" "$output"
	others_idle "$idle" || return 0
	expect "*packet-steering not-a-setting - single-flow $(inode $server) *" "$output"
}
