#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A path with delay: buffers and windows too small for it, on the side that suffers, and clients that
# are turned away before they have finished their handshake.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() {
	network_up
	ip -n $client link del tslab0
	/usr/bin/python3 "$lab/wire.py" $client $server 15 40 >"$BATS_TEST_TMPDIR/wire" 3>&- &
	wire=$!
	for _ in {1..50}; do
		grep -q up "$BATS_TEST_TMPDIR/wire" && break
		sleep 0.1
	done
	ip -n $client addr add $client_address/24 dev wire
	ip -n $server addr add $server_address/24 dev wire
	ip -n $client link set wire up
	ip -n $server link set wire up
}
teardown() {
	kill $wire
	wait $wire || true
	network_down
	put_back
}

# send FROM TO ADDRESS SECONDS [RCVBUF]: prints how many bytes arrived.
send() {
	"on_$2" /usr/bin/python3 "$lab/workload.py" sink 9000 $(($4 + 1)) ${5:-} >"$BATS_TEST_TMPDIR/sink" 3>&- &
	sleep 0.4
	"on_$1" /usr/bin/python3 "$lab/workload.py" source $3 9000 "$4" >/dev/null 3>&-
	wait $!
	sed -n 's/^received=//p' "$BATS_TEST_TMPDIR/sink"
}

# judged FROM TO ADDRESS [RCVBUF]: advise beside a transfer; bytes go to $BATS_TEST_TMPDIR/bytes
judged() {
	send "$1" "$2" "$3" 5 ${4:-} >"$BATS_TEST_TMPDIR/bytes" 3>&- &
	sleep 0.6
	run advise 4
	wait $!
	[ "$status" = 0 ]
}

# The same transfer after what was proposed: at least half as much again, and nothing to recommend.
improves() { # FROM TO ADDRESS SETTING
	local before command
	before=$(cat "$BATS_TEST_TMPDIR/bytes")
	command=$(jq -r --arg s "$4" '.findings[] | select(.outcome == "recommend" and .setting == $s) | .apply' \
		"$BATS_TEST_TMPDIR/report.json")
	[ -n "$command" ]
	bash -c "$command"
	judged "$1" "$2" "$3"
	refuse "*recommend $4 *" "$output"
	echo "before $before, after $(cat "$BATS_TEST_TMPDIR/bytes")"
	[ $((2 * $(cat "$BATS_TEST_TMPDIR/bytes"))) -ge $((3 * before)) ]
}

@test "a small tcp_wmem: its third number is raised where the sender is, and more is sent" {
	on_server sysctl -qw net.ipv4.tcp_wmem="4096 16384 32768"
	judged server client $client_address
	expect "*send-buffer recommend net.ipv4.tcp_wmem - $(inode $server) *" "$output"
	improves server client $client_address net.ipv4.tcp_wmem
}

@test "window scaling off: it is switched on at that side only, and more arrives" {
	on_server sysctl -qw net.ipv4.tcp_window_scaling=0
	judged client server $server_address
	expect "*window-scaling recommend net.ipv4.tcp_window_scaling - $(inode $server) *" "$output"
	improves client server $server_address net.ipv4.tcp_window_scaling
}

@test "autotuning off: it is switched on at that side only, and more arrives" {
	on_server sysctl -qw net.ipv4.tcp_moderate_rcvbuf=0 net.ipv4.tcp_rmem="4096 65536 6291456"
	judged client server $server_address
	expect "*receive-buffer recommend net.ipv4.tcp_moderate_rcvbuf - $(inode $server) *" "$output"
	improves client server $server_address net.ipv4.tcp_moderate_rcvbuf
}

# uploads SECONDS PORT BYTES_AT_ONCE [SO_RCVBUF]: one connection after the other, each for half a second or 300 KB
uploads() {
	on_server timeout $(($1 + 10)) /usr/bin/python3 -c '
import socket, time
port, at_once, buffer = '"$2, $3, ${4:-0}"'
listener = socket.socket()
if buffer:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
listener.bind(("0.0.0.0", port))
listener.listen()
while True:
    connection = listener.accept()[0]
    while connection.recv(at_once):
        if at_once < 65536:
            time.sleep(at_once / 250e3)' 3>&- &
	sleep 0.3
	on_client /usr/bin/python3 -c '
import socket, time
port, slow, end = '"$2, $3 < 65536, time.monotonic() + $1"'
while time.monotonic() < end:
    with socket.create_connection(("'$server_address'", port)) as connection:
        until = time.monotonic() + 0.5
        while not slow and time.monotonic() < until:
            connection.send(bytes(65536))
        if slow:
            connection.sendall(bytes(300000))
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)' 3>&-
}

@test "short connections in a recording: tcp_rmem is named, a fixed buffer too, a slow reader convicts nothing" {
	on_server sysctl -qw net.ipv4.tcp_rmem="4096 32768 65536"
	"$tunescope" record --interval 1s -d 8 -o "$BATS_TEST_TMPDIR/recording" 2>/dev/null 3>&- &
	local recorder=$!
	uploads 8 9001 65536 24576 3>&- &
	uploads 8 9002 2500 3>&- &
	uploads 8 9000 65536
	wait $recorder
	"$tunescope" replay "$BATS_TEST_TMPDIR/recording" --json >"$BATS_TEST_TMPDIR/report.json"
	run /usr/bin/python3 "$lab/findings.py" "$BATS_TEST_TMPDIR/report.json"
	expect "*receive-buffer recommend net.ipv4.tcp_rmem - $(inode $server) 9000 *" "$output"
	expect "*receive-buffer not-a-setting - fixed-socket-buffer $(inode $server) 9001 *" "$output"
	[ "$(grep -c " recommend net[.]ipv4[.]tcp_rmem - $(inode $server)" <<<"$output")" = 1 ]
	refuse "*recommend net.core.rmem_max*" "$output"
}

@test "a receive buffer fixed by the application: named as the cause, no setting" {
	judged client server $server_address 8192
	expect "*receive-buffer not-a-setting - fixed-socket-buffer $(inode $server) *" "$output"
	refuse "*recommend net.ipv4.tcp*" "$output"
	refuse "*recommend net.core*" "$output"
}

@test "clients are reset when the queue is full for a moment: tcp_abort_on_overflow, and they come in" {
	on_server sysctl -qw net.ipv4.tcp_abort_on_overflow=1
	on_server /usr/bin/python3 "$lab/workload.py" acceptor 9000 16 150 500 12 >/dev/null 3>&- &
	sleep 0.5
	# Over a path with delay: many have been answered before the queue is full.
	bursts_reset() { # BURSTS
		on_client /usr/bin/python3 "$lab/workload.py" bursts $server_address 9000 12 50 "$1" 3>&- |
			sed -n 's/.*reset=//p'
	}
	bursts_reset 90 >"$BATS_TEST_TMPDIR/before" &
	sleep 0.5
	run advise 4
	wait $!
	[ "$status" = 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/before")" -ge 20 ]
	expect "*accept-queue recommend net.ipv4.tcp_abort_on_overflow - $(inode $server) 9000 - 1 0*" "$output"
	refuse "*recommend net.core.somaxconn*" "$output"
	apply_proposal net.ipv4.tcp_abort_on_overflow
	[ "$(bursts_reset 40)" = 0 ]
}

# records SECONDS: messages made when there is room for them; prints how old they are on arrival (ms)
records() {
	on_client /usr/bin/python3 -c '
import socket, struct, time
listener = socket.create_server(("0.0.0.0", 9000))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
listener.settimeout(10)
stream, ages = listener.accept()[0].makefile("rb"), []
while len(record := stream.read(4096)) == 4096:
    ages.append(time.monotonic() - struct.unpack_from("d", record)[0])
late = sorted(ages[len(ages) // 2:])
print(int(1e3 * late[len(late) // 2]))' >"$BATS_TEST_TMPDIR/age" 3>&- &
	local reader=$!
	sleep 0.3
	on_server /usr/bin/python3 -c '
import os, select, socket, struct, time
from lasting import lasting
s = socket.create_connection(("'$client_address'", 9000))
s.setblocking(False)
room, lasts, rest = select.poll(), lasting('"$1"'), b""
room.register(s, select.POLLOUT)
while lasts():
    if room.poll(100):
        rest = rest or struct.pack("d", time.monotonic()) + bytes(4088)
        try:
            rest = rest[os.write(s.fileno(), rest):]
        except BlockingIOError:
            pass
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
s.shutdown(socket.SHUT_WR)' 3>&-
	wait $reader
	cat "$BATS_TEST_TMPDIR/age"
}

@test "messages wait behind others in the send buffer: tcp_notsent_lowat, and they arrive sooner" {
	on_server sysctl -qw net.ipv4.tcp_wmem="4096 1048576 4194304"
	# The small window of the other side lets a megabyte a second pass: no queue on the path.
	records 6 >"$BATS_TEST_TMPDIR/before" 3>&- &
	sleep 0.8
	run advise 5
	wait $!
	[ "$status" = 0 ]
	expect "*write-ahead recommend net.ipv4.tcp_notsent_lowat - $(inode $server) *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.tcp_notsent_lowat
	records 2 >"$BATS_TEST_TMPDIR/after" 3>&-
	echo "before $(cat "$BATS_TEST_TMPDIR/before") ms, after $(cat "$BATS_TEST_TMPDIR/after") ms"
	[ $((3 * $(cat "$BATS_TEST_TMPDIR/after"))) -le "$(cat "$BATS_TEST_TMPDIR/before")" ]
}

# eight SECONDS: eight connections side by side; prints the bytes that arrived.
eight() {
	on_client /usr/bin/python3 "$lab/workload.py" sink 9000 $(($1 + 2)) >"$BATS_TEST_TMPDIR/sinks" 3>&- &
	local sink=$! sources=()
	sleep 0.4
	for _ in {1..8}; do
		on_server /usr/bin/python3 "$lab/workload.py" source $client_address 9000 "$1" >/dev/null 3>&- &
		sources+=($!)
	done
	wait "${sources[@]}" $sink
	awk -F= '/^received=/ { sum += $2 } END { print sum + 0 }' "$BATS_TEST_TMPDIR/sinks"
}

@test "all of TCP at the limit of its memory: tcp_mem, and more is sent" {
	keep net.ipv4.tcp_mem
	sysctl -qw net.ipv4.tcp_mem="256 384 512"
	eight 4 >"$BATS_TEST_TMPDIR/before" 3>&- &
	sleep 0.8
	run advise 3
	wait $!
	[ "$status" = 0 ]
	expect "*tcp-memory recommend net.ipv4.tcp_mem *" "$output"
	[ "$(grep -c " recommend net[.]" <<<"$output")" = 1 ]
	apply_proposal net.ipv4.tcp_mem
	eight 3 >"$BATS_TEST_TMPDIR/after" 3>&-
	echo "before $(cat "$BATS_TEST_TMPDIR/before") in 4 s, after $(cat "$BATS_TEST_TMPDIR/after") in 3 s"
	[ "$(cat "$BATS_TEST_TMPDIR/after")" -ge "$(cat "$BATS_TEST_TMPDIR/before")" ]
}
