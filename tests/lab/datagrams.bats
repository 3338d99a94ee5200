#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Datagram sockets that are full: bursts into a buffer that is too small, and what only looks like it.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() { network_up; }
teardown() {
	network_down
	put_back
}

# receiver RCVBUF PAUSE EVERY WORK SECONDS: pauses for PAUSE of EVERY seconds, works for WORK on each
receiver() {
	on_server /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
buffer, pause, every, work, seconds = int(sys.argv[1]), *map(float, sys.argv[2:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if buffer:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
s.bind(("0.0.0.0", 9100))
s.settimeout(0.2)
lasts = lasting(seconds, 1)
wake = time.monotonic() + every
while lasts():
    if pause and time.monotonic() >= wake:
        time.sleep(pause)
        wake = time.monotonic() + every
    try:
        s.recv(2048)
    except OSError:
        continue
    until = time.monotonic() + work
    while work and time.monotonic() < until:
        pass' "$@" >/dev/null 3>&- &
	await_receiver 9100
}
# sender COUNT EVERY SECONDS: bursts of COUNT datagrams
sender() {
	on_client /usr/bin/python3 "$lab/datagrams.py" send "$server_address" 1 "$1" 1000 "$2" "$3" >/dev/null 3>&- &
	sleep 0.3
}
dropped() { counter UdpRcvbufErrors; }

@test "bursts while the receiver rests, into a buffer fixed by the application: that is named, no setting" {
	receiver 16384 0.05 0.1 0 7
	sender 120 0.1 6
	run advise 4
	[ "$status" = 0 ]
	[ "$(dropped)" -gt 50 ]
	expect "*udp-receive-buffer not-a-setting - fixed-socket-buffer $(inode $server) 9100 *" "$output"
	refuse "*recommend net.core.rmem*" "$output"
}

@test "a receiver slower than what arrives: it is named, no setting" {
	receiver 0 0 1 0.002 7
	sender 100 0.05 6
	run advise 4
	[ "$status" = 0 ]
	[ "$(dropped)" -gt 50 ]
	expect "*udp-receive-buffer not-a-setting - receiver-too-slow $(inode $server) 9100 *" "$output"
	refuse "*recommend net.core.rmem*" "$output"
}

# cured SETTING RCVBUF BAD: bursts with the bad value, and again with the one that is proposed
cured() {
	local before
	keep "$1"
	sysctl -qw "$1=$3"
	receiver "$2" 0.05 0.1 0 4.5
	sender 120 0.1 4
	run advise 3
	wait
	[ "$status" = 0 ]
	before=$(dropped)
	[ "$before" -gt 50 ]
	expect "*udp-receive-buffer recommend $1 *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal "$1"
	receiver "$2" 0.05 0.1 0 3.5
	sender 120 0.1 3
	run advise 2
	wait
	[ "$status" = 0 ]
	[ "$(dropped)" = "$before" ]
	refuse "*udp-receive-buffer*" "$output"
}

@test "bursts into a buffer of the default size: rmem_default, and it helps" {
	cured net.core.rmem_default 0 32768
}

@test "bursts into a buffer that was cut short: rmem_max, and it helps" {
	cured net.core.rmem_max 4000000 32768
}

# logger SECONDS: a unix datagram socket whose reader leaves the turn to each burst
logger() {
	local i
	: >"$BATS_TEST_TMPDIR/turn"
	rm -f "$BATS_TEST_TMPDIR/log"
	on_server /usr/bin/python3 -c '
import socket, sys
from lasting import lasting
from turns import Turns
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[2])
s.setblocking(False)
lasts, turns = lasting(float(sys.argv[1]), 1), Turns(sys.argv[3])
while lasts():
    turns.drain(s)' "$1" "$BATS_TEST_TMPDIR/log" "$BATS_TEST_TMPDIR/turn" >/dev/null 3>&- &
	for ((i = 0; i < 200; i++)); do
		[ ! -S "$BATS_TEST_TMPDIR/log" ] || return 0
		sleep 0.05
	done
	return 1
}
# Bursts of 100 messages without waiting for room; prints the percentage that was refused.
messages() { # SECONDS
	on_server /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
from turns import Turns
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
s.connect(sys.argv[2])
refused = sent = 0
lasts, turns = lasting(float(sys.argv[1])), Turns(sys.argv[3])
def send():
    global refused, sent
    for _ in range(100):
        try:
            s.send(bytes(400))
            sent += 1
        except OSError:
            refused += 1
while lasts():
    turns.burst(send, 0.04)
print(100 * refused // (sent + refused))' "$1" "$BATS_TEST_TMPDIR/log" "$BATS_TEST_TMPDIR/turn" 3>&-
}

@test "bursts of messages while a logger rests: max_dgram_qlen in its namespace, and it helps" {
	local before value
	on_server sysctl -qw net.unix.max_dgram_qlen=10
	logger 6.5
	messages 5 >"$BATS_TEST_TMPDIR/refused" &
	sleep 0.3
	run advise 4
	wait $!
	[ "$status" = 0 ]
	before=$(cat "$BATS_TEST_TMPDIR/refused")
	[ "$before" -ge 50 ]
	expect "*unix-datagram-queue recommend net.unix.max_dgram_qlen - $(inode $server) *" "$output"
	value=$(awk '$1 == "unix-datagram-queue" { print $NF }' <<<"$output")
	sleep 1.5
	on_server sysctl -qw net.unix.max_dgram_qlen="$value"
	logger 6.5
	messages 5 >"$BATS_TEST_TMPDIR/refused" &
	sleep 0.3
	run advise 4
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/refused")" -le $((before / 10)) ]
	refuse "*unix-datagram-queue*" "$output"
}
