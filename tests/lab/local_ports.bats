#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A client that runs out of local ports: through TIME_WAIT, and through connections it never closes.
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
