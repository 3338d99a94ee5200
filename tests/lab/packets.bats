#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Packets that are lost inside the host: fragments without room, memory of all UDP sockets, input queues.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() { network_up; }
teardown() {
	network_down
	put_back
}

# Loads of datagrams.py: receivers in the server's namespace, whose process is $receivers, and who sends to them.
receivers() { # COUNT COMMAND ARGUMENTS…
	local port
	on_server /usr/bin/python3 "$lab/datagrams.py" "$2" "$1" "${@:3}" >"$BATS_TEST_TMPDIR/got" 3>&- &
	receivers=$!
	for ((port = 9100; port < 9100 + $1; port++)); do await_receiver $port; done
}
send() { on_client /usr/bin/python3 "$lab/datagrams.py" send "$server_address" "$@" 3>&-; }
# The share of what was sent that the receivers got goes to $BATS_TEST_TMPDIR/arrived, in percent.
arrived() {
	wait $receivers
	awk 'NR == FNR { got += $1; next } { sent += $1 } END { print int(100 * got / sent) }' \
		"$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/sent" >"$BATS_TEST_TMPDIR/arrived"
}

# large SECONDS: four senders of datagrams of 60 KB, each in 41 fragments
large() {
	receivers 1 receive 0 "$1"
	local senders=() i
	: >"$BATS_TEST_TMPDIR/sent"
	for i in {1..4}; do
		send 1 1 60000 0.01 "$1" >>"$BATS_TEST_TMPDIR/sent" &
		senders+=($!)
	done
	wait "${senders[@]}"
	arrived
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

# crowd SECONDS: bursts to four receivers while none of them reads
crowd() {
	: >"$BATS_TEST_TMPDIR/turn"
	receivers 4 receive-in-turn "$BATS_TEST_TMPDIR/turn" "$1"
	on_client /usr/bin/python3 "$lab/datagrams.py" send-in-turn "$server_address" 4 240 "$BATS_TEST_TMPDIR/turn" "$1" \
		>"$BATS_TEST_TMPDIR/sent" 3>&-
	arrived
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

# slow_crowd SECONDS: bursts to four receivers that work for 5 ms on each datagram
slow_crowd() {
	receivers 4 receive 0.005 "$1"
	send 4 120 1000 0.1 "$1" >"$BATS_TEST_TMPDIR/sent"
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
# bursts SECONDS EVERY COUNT: of small datagrams from CPU 0
bursts() {
	receivers 1 receive 0 "$1"
	on_client taskset -c 0 /usr/bin/python3 "$lab/datagrams.py" send "$server_address" 1 "$3" 100 "$2" "$1" \
		>"$BATS_TEST_TMPDIR/sent" 3>&-
	arrived
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
