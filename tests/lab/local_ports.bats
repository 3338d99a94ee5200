#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A client that runs out of local ports: through TIME_WAIT, through connections it never closes, and
# through connections the other side never closes; and what only looks like it.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() {
	network_up
	on_client sh -c 'ulimit -n 20000; exec "$@"' sh /usr/bin/python3 "$lab/workload.py" sink 9000 20 >/dev/null 3>&- &
	on_server sysctl -qw net.ipv4.ip_local_port_range="40000 40199" net.ipv4.tcp_tw_reuse=0
	sleep 0.5
}
teardown() { network_down; }

@test "TIME_WAIT fills a small port range: the range is recommended in the namespace that suffers" {
	on_server /usr/bin/python3 "$lab/workload.py" churn $client_address 9000 7 >"$BATS_TEST_TMPDIR/churn" 3>&- &
	sleep 0.5
	run advise 5
	wait $!
	[ "$status" = 0 ]
	cat "$BATS_TEST_TMPDIR/churn"
	grep -q 'no_local_port=[1-9]' "$BATS_TEST_TMPDIR/churn"
	expect "*local-ports recommend net.ipv4.ip_local_port_range - $(inode $server) *" "$output"
}

@test "connections that are never closed: the leak is named, the range is not" {
	on_server /usr/bin/python3 "$lab/workload.py" hold $client_address 9000 400 12 >/dev/null 3>&- &
	sleep 1
	on_server /usr/bin/python3 "$lab/workload.py" churn $client_address 9000 7 >"$BATS_TEST_TMPDIR/churn" 3>&- &
	run advise 5
	wait $!
	[ "$status" = 0 ]
	grep -q 'no_local_port=[1-9]' "$BATS_TEST_TMPDIR/churn"
	expect "*local-ports not-a-setting - connection-leak $(inode $server) *" "$output"
	refuse "*recommend*ip_local_port_range*" "$output"
}

@test "a full range that nobody uses any more: nothing is said" {
	on_server /usr/bin/python3 "$lab/workload.py" churn $client_address 9000 1 >"$BATS_TEST_TMPDIR/churn"
	grep -q 'no_local_port=[1-9]' "$BATS_TEST_TMPDIR/churn"
	run advise 3
	[ "$status" = 0 ]
	[ "$(on_server awk '$1 == "TCP:" { print $7 }' /proc/net/sockstat)" -ge 160 ]
	refuse "*local-ports*" "$output"
}

@test "TIME_WAIT fills the range on loopback, where it is reused: nothing is said" {
	on_server sysctl -qw net.ipv4.tcp_tw_reuse=2
	on_server /usr/bin/python3 "$lab/workload.py" sink 9001 12 >/dev/null 3>&- &
	sleep 0.3
	on_server /usr/bin/python3 -c '
import socket, time
from lasting import lasting
start, failed, i, lasts = time.monotonic(), 0, 0, lasting(8)
while lasts(): # 140 a second: more than half the range, which is reused first, less than all
    s = socket.socket()
    failed += s.connect_ex(("127.0.0.1", 9001)) != 0
    s.close()
    i += 1
    time.sleep(max(0, start + i / 140 - time.monotonic()))
print(f"failed={failed}")' >"$BATS_TEST_TMPDIR/loopback" 3>&- &
	sleep 4
	run advise 3
	wait $!
	[ "$status" = 0 ]
	grep -q '^failed=0$' "$BATS_TEST_TMPDIR/loopback"
	[ "$(on_server awk '$1 == "TCP:" { print $7 }' /proc/net/sockstat)" -ge 160 ]
	refuse "*local-ports*" "$output"
}

@test "a pool of a steady size leaves too few ports: the range is recommended, no leak is claimed" {
	on_server /usr/bin/python3 "$lab/workload.py" hold $client_address 9000 170 12 >/dev/null 3>&- &
	sleep 1
	on_server /usr/bin/python3 "$lab/workload.py" churn $client_address 9000 7 >"$BATS_TEST_TMPDIR/churn" 3>&- &
	run advise 4
	wait $!
	[ "$status" = 0 ]
	grep -q 'no_local_port=[1-9]' "$BATS_TEST_TMPDIR/churn"
	expect "*local-ports recommend net.ipv4.ip_local_port_range - $(inode $server) *" "$output"
	refuse "*connection-leak*" "$output"
}

# HOW: shutdown leaves an open socket in FIN_WAIT_2, close one that the kernel keeps as if in TIME_WAIT.
other_side_never_closes() { # HOW
	on_client /usr/bin/python3 -c '
import socket, time
from lasting import lasting
listener, kept = socket.create_server(("0.0.0.0", 9002), backlog=1024), []
listener.settimeout(0.2)
lasts = lasting(14, 1)
while lasts():
    try:
        kept.append(listener.accept())
    except OSError:
        pass' 3>&- &
	sleep 0.3
	on_server /usr/bin/python3 -c '
import socket, time
from lasting import lasting
lasts, kept, failed = lasting(6), [], 0
while lasts():
    s = socket.socket()
    if s.connect_ex(("'$client_address'", 9002)) == 0:
        if "'$1'" == "close":
            s.close()
            continue
        s.shutdown(socket.SHUT_WR)
        kept.append(s)
    else:
        failed += 1
        s.close()
    time.sleep(0.005)
print(f"failed={failed}")' >"$BATS_TEST_TMPDIR/half" 3>&- &
	sleep 0.5
	run advise 4
	wait $!
	[ "$status" = 0 ]
	grep -q '^failed=[1-9]' "$BATS_TEST_TMPDIR/half"
	expect "*local-ports not-a-setting - connection-leak $(inode $server) *" "$output"
	refuse "*recommend*ip_local_port_range*" "$output"
	grep -q "$client_address:9002 has not closed its own" "$BATS_TEST_TMPDIR/report.json"
}

@test "the other side never closes what was shut down here: it is named, the range is not" {
	other_side_never_closes shutdown
}

@test "the other side never closes what was closed here: it is named, the range is not" {
	other_side_never_closes close
}

@test "more short connections than any range has ports for: tcp_tw_reuse, and none fails" {
	on_client sysctl -qw net.ipv4.ip_local_port_range="20000 25999"
	on_server /usr/bin/python3 "$lab/workload.py" sink 9000 16 >/dev/null 3>&- &
	sleep 0.4
	on_client /usr/bin/python3 "$lab/workload.py" churn $server_address 9000 7 1300 >"$BATS_TEST_TMPDIR/before" 3>&- &
	sleep 2
	run advise 4
	wait $!
	[ "$status" = 0 ]
	! grep -q "no_local_port=0$" "$BATS_TEST_TMPDIR/before"
	expect "*local-ports recommend net.ipv4.tcp_tw_reuse - $(inode $client) * 1*" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.tcp_tw_reuse
	sleep 1
	on_client /usr/bin/python3 "$lab/workload.py" churn $server_address 9000 2 1300 >"$BATS_TEST_TMPDIR/after" 3>&-
	grep -q "no_local_port=0$" "$BATS_TEST_TMPDIR/after"
}
