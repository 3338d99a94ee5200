#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Bursts against a listener that pauses: the same overflow, with three different causes.

. "$BATS_TEST_DIRNAME/lab.bash"

setup() { network_up; }
teardown() { network_down; }

# backlog of the application, stall and period of the acceptor in ms; prints the findings
overflow() {
	on_server /usr/bin/python3 "$lab/workload.py" acceptor 9000 "$1" "$2" "$3" 12 >/dev/null 3>&- &
	sleep 0.5
	# More than an emulated processor accepts would make the acceptor too slow.
	on_client /usr/bin/python3 "$lab/workload.py" bursts $server_address 9000 \
		$((${LAB_SLOWER:-0} ? 40 : 100)) $((${LAB_SLOWER:-0} ? 1000 : 250)) 40 >/dev/null 3>&- &
	sleep 0.5
	advise 7
}

@test "a queue cut short by somaxconn: the setting, the port and the namespace are named" {
	on_server sysctl -qw net.core.somaxconn=16
	run overflow 4096 150 500
	[ "$status" = 0 ]
	[ "$(counter TcpExtListenOverflows)" -gt 0 ]
	expect "*accept-queue recommend net.core.somaxconn - $(inode $server) 9000 - 16 *" "$output"
	refuse "*application-backlog*" "$output"
}

@test "after the proposed value and a restart the same load is quiet" {
	on_server sysctl -qw net.core.somaxconn=16
	run overflow 4096 150 500
	proposed=$(awk '/^accept-queue recommend/ { print $NF }' <<<"$output")
	[ "$proposed" -gt 16 ]
	network_down
	network_up
	on_server sysctl -qw net.core.somaxconn="$proposed"
	run overflow 4096 150 500
	[ "$status" = 0 ]
	[ "$(counter TcpExtListenOverflows)" = 0 ]
	refuse "*somaxconn*" "$output"
}

@test "the same overflow with listen(fd, 16): the application is named, somaxconn is not" {
	run overflow 16 150 500
	[ "$status" = 0 ]
	[ "$(counter TcpExtListenOverflows)" -gt 0 ]
	expect "*accept-queue not-a-setting - application-backlog $(inode $server) 9000 *" "$output"
	refuse "*recommend*somaxconn*" "$output"
}

@test "an acceptor that hardly accepts at all: no setting helps" {
	on_server sysctl -qw net.core.somaxconn=16
	run overflow 4096 4000 50
	[ "$status" = 0 ]
	[ "$(counter TcpExtListenOverflows)" -gt 0 ]
	refuse "*recommend*somaxconn*" "$output"
	expect "*not-a-setting*slow-acceptor*" "$output"
}

@test "an acceptor that is away for three seconds and then has nothing to do: no setting helps" {
	on_server sysctl -qw net.core.somaxconn=16
	on_server /usr/bin/python3 "$lab/workload.py" acceptor 9000 4096 3500 0 12 >/dev/null 3>&- &
	sleep 0.5
	(await_look; sleep 0.7; LAB_LOOKING='' on_client /usr/bin/python3 "$lab/workload.py" bursts $server_address 9000 60 250 10 >/dev/null 3>&-) &
	run advise 8
	[ "$status" = 0 ]
	[ "$(counter TcpExtListenOverflows)" -gt 0 ]
	refuse "*recommend*somaxconn*" "$output"
	expect "*not-a-setting*slow-acceptor*" "$output"
}
