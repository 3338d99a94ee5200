#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Tables of the network stack that are full: neighbours, and tracked connections.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() { network_up; }
teardown() {
	network_down
	put_back
}

# reach SECONDS: tries 120 addresses of the client again and again, all at once; prints how many of
# 100 tries got no answer (a refusal is one)
reach() {
	on_server /usr/bin/python3 -c '
import errno, select, socket, sys, time
from lasting import lasting
tries = answers = 0
lasts = lasting(float(sys.argv[1]))
while lasts():
    waiting = select.poll()
    open = {}
    for i in range(120):
        s = socket.socket()
        s.setblocking(False)
        code = s.connect_ex(("10.213.8.%d" % (i + 1), 9))
        tries += 1
        answers += code == errno.ECONNREFUSED
        if code == errno.EINPROGRESS:
            open[s.fileno()] = s
            waiting.register(s, select.POLLOUT)
    give_up = time.monotonic() + 0.3
    while open and time.monotonic() < give_up:
        for number, _ in waiting.poll(50):
            code = open[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            answers += code == errno.ECONNREFUSED
            waiting.unregister(number)
            open.pop(number).close()
    for s in open.values():
        s.close()
print(100 - 100 * answers // tries)' "$1" 3>&-
}

@test "more neighbours than the table holds: its limits are raised together, and all are reached" {
	keep net.ipv4.neigh.default.gc_thresh1 net.ipv4.neigh.default.gc_thresh2 net.ipv4.neigh.default.gc_thresh3
	for i in {1..120}; do echo "addr add 10.213.8.$i/16 dev tslab0"; done | ip -n $client -batch -
	ip -n $server addr add 10.213.9.1/16 dev tslab1
	sysctl -qw net.ipv4.neigh.default.gc_thresh1=8 net.ipv4.neigh.default.gc_thresh2=16 \
		net.ipv4.neigh.default.gc_thresh3=32
	reach 4 >"$BATS_TEST_TMPDIR/before" &
	sleep 0.5
	run advise 3
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/before")" -ge 20 ]
	expect "*neighbour-table recommend net.ipv4.neigh.default.gc_thresh3 *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.neigh.default.gc_thresh3
	[ "$(sysctl -n net.ipv4.neigh.default.gc_thresh1)" -ge 120 ]
	reach 3 >"$BATS_TEST_TMPDIR/after" &
	sleep 0.5
	run advise 2
	wait $!
	[ "$status" = 0 ]
	refuse "*neighbour-table*" "$output"
	[ "$(cat "$BATS_TEST_TMPDIR/after")" -le 5 ]
}

track() {
	on_server nft -f - <<-'RULES'
		table inet lab {
			chain in {
				type filter hook input priority 0; policy accept;
				ct state invalid drop
			}
		}
	RULES
}
# connect COUNT SECONDS [close]: that many connections at once, and then five each 0.2 s; prints how
# many of 100 were established within two seconds. With close they are ended by the client alone.
connect() {
	on_client /usr/bin/python3 -c '
import select, socket, sys, time
from lasting import lasting
count, seconds = int(sys.argv[1]), float(sys.argv[2])
adds, lasts = lasting(seconds - 2), lasting(seconds, 2)
tried, up, kept, open = 0, 0, [], {}
waiting = select.poll()
def begin(number):
    for _ in range(number):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("'$server_address'", 9000))
        open[s.fileno()] = s
        waiting.register(s, select.POLLOUT)
    return number
tried += begin(count)
next = time.monotonic() + 0.5
while lasts():
    for number, _ in waiting.poll(50):
        s = open.pop(number)
        waiting.unregister(number)
        if not s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            up += 1
        if len(sys.argv) > 3:
            s.close()
        else:
            kept.append(s)
    if time.monotonic() >= next and adds():
        tried += begin(5)
        next += 0.2
print(100 * up // tried)' "$@" 3>&-
}
# Accepts and keeps what it has accepted.
keeper() { # SECONDS
	on_server /usr/bin/python3 -c '
import socket, sys, time
from lasting import lasting
listener = socket.create_server(("0.0.0.0", 9000), backlog=512)
listener.settimeout(0.2)
kept, lasts = [], lasting(float(sys.argv[1]), 1)
while lasts():
    try:
        kept.append(listener.accept()[0])
    except OSError:
        pass' "$1" 3>&- &
	sleep 0.4
}

@test "more connections than are tracked: nf_conntrack_max, and with it all come through" {
	track # with it comes the setting
	keep net.netfilter.nf_conntrack_max
	sysctl -qw net.netfilter.nf_conntrack_max=100
	LAB_LOOKING='' keeper 60 # for both looks
	connect 110 5 >"$BATS_TEST_TMPDIR/before" &
	sleep 0.3
	run advise 3
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/before")" -lt 95 ]
	expect "*conntrack-table recommend net.netfilter.nf_conntrack_max *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.netfilter.nf_conntrack_max
	(await_look; LAB_LOOKING='' connect 110 4) >"$BATS_TEST_TMPDIR/after" 3>&- &
	run advise 2
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/after")" = 100 ]
	refuse "*conntrack-table*" "$output"
}

@test "a flood that nobody answers fills the table: it is named, and no larger table" {
	track # with it comes the setting
	keep net.netfilter.nf_conntrack_max
	sysctl -qw net.netfilter.nf_conntrack_max=100
	on_client /usr/bin/python3 -c '
import socket, time
from lasting import lasting
lasts = lasting(4)
while lasts():
    for _ in range(20):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b"x", ("'$server_address'", 9))
        s.close()
    time.sleep(0.02)' 3>&- &
	sleep 0.7
	run advise 3
	wait $!
	[ "$status" = 0 ]
	expect "*conntrack-table not-a-setting - connection-flood $(inode $server) *" "$output"
	refuse "* recommend net.*" "$output"
}

@test "connections that the service never closes fill the table: the leak is named" {
	track # with it comes the setting
	keep net.netfilter.nf_conntrack_max
	sysctl -qw net.netfilter.nf_conntrack_max=100
	keeper 6
	connect 110 5 close >/dev/null &
	sleep 0.3
	run advise 3
	wait $!
	[ "$status" = 0 ]
	expect "*conntrack-table not-a-setting - connection-leak $(inode $server) *" "$output"
	refuse "* recommend net.*" "$output"
}
