#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# How connections fare on their path and at their end: a black hole for large segments, loss without
# selective acknowledgements, orphans cut off, and TIME_WAIT overflow, which only looks like harm.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() { network_up; }
teardown() {
	if [ -e "$BATS_TEST_TMPDIR/max_orphans" ]; then
		sysctl -qw net.ipv4.tcp_max_orphans="$(cat "$BATS_TEST_TMPDIR/max_orphans")"
	fi
	network_down
}

# The client's end of the wire drops what the rule says.
drop_on_client() { # RULE
	on_client nft -f - <<-RULES
		table inet lab {
			chain in {
				type filter hook input priority 0; policy accept;
				$1 drop
			}
		}
	RULES
}

# send SECONDS: the server sends to a sink of the client; prints how many bytes arrived.
send() {
	on_client /usr/bin/python3 "$lab/workload.py" sink 9000 $(($1 + 2)) >"$BATS_TEST_TMPDIR/sink" 3>&- &
	sleep 0.5
	on_server /usr/bin/python3 "$lab/workload.py" source $client_address 9000 "$1" >/dev/null 3>&-
	wait $!
	sed -n 's/^received=//p' "$BATS_TEST_TMPDIR/sink"
}

# send_beside SECONDS: the same while advise looks for SECONDS; its output is that of `run advise`.
send_beside() {
	send $(($1 + 1)) >/dev/null 3>&- &
	sleep 1
	run advise "$1"
	wait $!
}

@test "full-sized segments vanish: probing is recommended, and gets data through" {
	# One segment at a time: what is put together on a virtual wire is no segment.
	ip -n $server link set tslab1 gso_max_segs 1
	drop_on_client "meta length > 1300"
	send 6 >"$BATS_TEST_TMPDIR/before" 3>&- &
	sleep 1.5
	run advise 4
	wait $!
	[ "$status" = 0 ]
	expect "*mtu-black-hole recommend net.ipv4.tcp_mtu_probing - $(inode $server) *" "$output"
	refuse "*recommend*rto_min*" "$output"
	[ "$(cat "$BATS_TEST_TMPDIR/before")" = "" ] || [ "$(cat "$BATS_TEST_TMPDIR/before")" = 0 ]
	apply_proposal net.ipv4.tcp_mtu_probing
	send 7 >"$BATS_TEST_TMPDIR/after"
	[ "$(cat "$BATS_TEST_TMPDIR/after")" -gt 100000 ]
}

@test "loss without selective acknowledgements: they are recommended, and then used" {
	on_server sysctl -qw net.ipv4.tcp_sack=0
	ip -n $server link set tslab1 gso_max_segs 1
	drop_on_client "numgen random mod 100 < 2"
	send_beside 3
	[ "$status" = 0 ]
	expect "*tcp-sack recommend net.ipv4.tcp_sack - $(inode $server) *" "$output"
	refuse "*recommend*rto_min*" "$output"
	apply_proposal net.ipv4.tcp_sack
	send_beside 3
	[ "$status" = 0 ]
	refuse "*tcp-sack*" "$output"
	[ "$(counter TcpExtTCPSackRecovery)" -gt 5 ]
}

@test "TIME_WAIT overflows: harmless, and nothing is recommended" {
	on_server sysctl -qw net.ipv4.tcp_max_tw_buckets=10
	on_client /usr/bin/python3 "$lab/workload.py" sink 9000 6 >/dev/null 3>&- &
	sleep 0.5
	on_server /usr/bin/python3 "$lab/workload.py" churn $client_address 9000 3 >"$BATS_TEST_TMPDIR/churn" 3>&- &
	sleep 0.5
	run advise 2
	wait $!
	[ "$status" = 0 ]
	grep -q 'no_local_port=0$' "$BATS_TEST_TMPDIR/churn"
	expect "*time-wait not-a-setting - harmless $(inode $server) *" "$output"
	refuse "*recommend*tw_buckets*" "$output"
}

# Twelve answers that are written and closed at once, to clients that take them three seconds later;
# prints how many of these are cut off.
answers() {
	on_server /usr/bin/python3 -c '
import socket, time
listener = socket.create_server(("0.0.0.0", 9003), backlog=64)
listener.settimeout(0.2)
end = time.monotonic() + 3
while time.monotonic() < end:
    try:
        connection = listener.accept()[0]
    except OSError:
        continue
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200000)
    connection.setblocking(False)
    connection.send(bytes(150000))
    connection.close()' 3>&- &
	sleep 0.3
	on_client /usr/bin/python3 -c '
import socket, time
clients, cut = [], 0
for _ in range(12):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("'$server_address'", 9003))
    clients.append(s)
    time.sleep(0.1)
time.sleep(2.5)
for s in clients:
    s.settimeout(5)
    try:
        while s.recv(65536):
            pass
    except OSError:
        cut += 1
print(cut)' 3>&-
	wait $!
}

@test "orphans beyond tcp_max_orphans are cut off: a larger limit is recommended, and keeps them" {
	sysctl -n net.ipv4.tcp_max_orphans >"$BATS_TEST_TMPDIR/max_orphans"
	sysctl -qw net.ipv4.tcp_max_orphans=4
	(await_look; answers) >"$BATS_TEST_TMPDIR/before" 3>&- &
	run advise 4
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/before")" -ge 3 ]
	expect "*orphans recommend net.ipv4.tcp_max_orphans *" "$output"
	apply_proposal net.ipv4.tcp_max_orphans
	answers >"$BATS_TEST_TMPDIR/after"
	[ "$(cat "$BATS_TEST_TMPDIR/after")" = 0 ]
}
