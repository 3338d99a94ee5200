#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What the other side leaves behind: clients that vanish and hold what others wait for, and connections
# that this side has closed and the other has not.
. "$BATS_TEST_DIRNAME/lab.bash"

gone_address=10.213.7.3

setup() {
	network_up
	ip -n $client addr add $gone_address/24 dev tslab0
}
teardown() { network_down; }

# A service of four threads, for IPv4 and IPv6 alike, that asks for keepalive.
serve_four() {
	on_server /usr/bin/python3 -c '
import socket, threading
listener = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
def serve():
    while True:
        connection = listener.accept()[0]
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            while data := connection.recv(100):
                connection.send(data)
        except OSError:
            pass
        connection.close()
for _ in range(4):
    threading.Thread(target=serve).start()' >/dev/null 2>&1 3>&- &
	service=$!
	sleep 0.4
}

# hold NUMBER: so many clients that hold the service; sets holder
hold() {
	: >"$BATS_TEST_TMPDIR/held"
	on_client /usr/bin/python3 -c '
import socket, time
kept = [socket.create_connection(("'$server_address'", 9000), source_address=("'$gone_address'", 0)) for _ in range('"$1"')]
print("held", flush=True)
time.sleep(60)' >"$BATS_TEST_TMPDIR/held" 3>&- &
	holder=$!
	for _ in {1..30}; do
		grep -q held "$BATS_TEST_TMPDIR/held" && break
		sleep 0.1
	done
}

# Four clients that hold the service and vanish with their address; the host of three of them has
# not even their connections any more.
hold_and_vanish() {
	ip -n $client addr replace $gone_address/24 dev tslab0
	hold 3
	local vanished=$holder
	hold 1
	ip -n $client addr del $gone_address/24 dev tslab0
	kill -9 $vanished
	wait $vanished || true
}

# ask SECONDS: prints whether one more client is answered within that time.
ask() {
	on_client /usr/bin/python3 -c '
import socket
s = socket.create_connection(("'$server_address'", 9000))
s.settimeout('"$1"')
s.send(b"x")
try:
    print("answered" if s.recv(1) else "ended")
except TimeoutError:
    print("waits")' 3>&-
}

@test "clients that are gone hold a service: keepalive is asked to notice it, and others are served" {
	serve_four
	hold_and_vanish
	ask 5 >"$BATS_TEST_TMPDIR/before" 3>&- &
	asker=$!
	run advise 5
	wait $asker
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/before")" = waits ]
	expect "*keepalive recommend net.ipv4.tcp_keepalive_time - $(inode $server) 9000 - 7200 2*" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.tcp_keepalive_time
	ip netns pids $server | xargs -r kill -9
	kill -9 $holder
	wait $service $holder || true
	serve_four
	hold_and_vanish
	[ "$(ask 12)" = answered ]
}

# A service that takes half a second over an answer of many segments.
answer_late() {
	on_server /usr/bin/python3 -c '
import socket, time
listener, answered = socket.create_server(("0.0.0.0", 9000), backlog=64), []
while True:
    connection = listener.accept()[0]
    answered.append(connection)
    connection.recv(100)
    if len(answered) % 3 == 0:
        time.sleep(0.5)
        for each in answered[-3:]:
            each.setblocking(False)
            each.send(bytes(60000))' >/dev/null 2>&1 3>&- &
	service=$!
	sleep 0.4
}

@test "clients that vanish after their request look like a black hole: nothing is recommended" {
	answer_late
	: >"$BATS_TEST_TMPDIR/held"
	on_client /usr/bin/python3 -c '
import socket, time
kept = [socket.create_connection(("'$server_address'", 9000), source_address=("'$gone_address'", 0)) for _ in range(3)]
for each in kept:
    each.send(b"x")
print("held", flush=True)
time.sleep(60)' >"$BATS_TEST_TMPDIR/held" 3>&- &
	holder=$!
	until grep -q held "$BATS_TEST_TMPDIR/held"; do sleep 0.02; done
	ip -n $client addr del $gone_address/24 dev tslab0
	kill -9 $holder
	wait $holder || true
	sleep 2
	run advise 4
	kill $service
	[ "$status" = 0 ]
	[ "$(on_server ss -Htno state established "sport = :9000" | grep -c "timer:(on")" = 3 ]
	refuse "*recommend*$(inode $server)*" "$output"
	/usr/bin/python3 - "$BATS_TEST_TMPDIR/report.json" <<-'PYTHON'
		import json, sys
		rules = {r["rule"]: r for r in json.load(open(sys.argv[1]))["rules"]}
		assert rules["mtu-black-hole"]["outcome"] == "insufficient", rules["mtu-black-hole"]
		assert "3 connections" in rules["mtu-black-hole"]["why"], rules["mtu-black-hole"]
	PYTHON
}

# The other side accepts and never closes; connects and closes here at PER_SECOND, after AT_ONCE.
close_alone() { # PORT AT_ONCE PER_SECOND SECONDS
	on_client /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
listener, kept = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=1024), []
listener.settimeout(0.2)
lasts = lasting(float(sys.argv[2]), 1)
while lasts():
    try:
        kept.append(listener.accept())
    except OSError:
        pass' "$1" "$4" 3>&- &
	local other=$!
	sleep 0.3
	on_server /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
port, at_once, rate, seconds = map(float, sys.argv[1:])
lasts, failed, number = lasting(seconds), 0, 0
while lasts():
    s = socket.socket()
    failed += s.connect_ex(("'$client_address'", int(port))) != 0
    s.close()
    number += 1
    if number > at_once:
        time.sleep(1 / rate)
print(f"failed={failed}")' "$@" 3>&-
	wait $other
}

@test "closed here, never there, and waited for ten minutes: tcp_fin_timeout, and ports are free again" {
	on_server sysctl -qw net.ipv4.ip_local_port_range="40000 40099" net.ipv4.tcp_fin_timeout=600
	close_alone 9002 90 15 5 >"$BATS_TEST_TMPDIR/before" 3>&- &
	local load=$!
	sleep 1
	run advise 4
	wait $load
	[ "$status" = 0 ]
	grep -q '^failed=[1-9]' "$BATS_TEST_TMPDIR/before"
	expect "*local-ports recommend net.ipv4.tcp_fin_timeout - $(inode $server) - - 600 5*" "$output"
	echo "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.tcp_fin_timeout
	[ "$(close_alone 9003 0 15 8)" = failed=0 ]
}
