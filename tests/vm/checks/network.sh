# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- a network with delay and loss

# Two namespaces, and what netem does to segments on their way out of either.
path_up() {
	modprobe sch_netem || { complain "no netem"; return; }
	ip netns add near
	ip netns add far
	ip link add near0 netns near type veth peer name far0 netns far
	ip -n near addr add 10.9.8.1/24 dev near0
	ip -n far addr add 10.9.8.2/24 dev far0
	ip -n near link set near0 up
	ip -n far link set far0 up
}
path_down() {
	ip netns del near
	ip netns del far
}

check_netem() {
	local sent
	path_up || return
	tc -n near qdisc add dev near0 root netem delay 60ms loss 10%
	observe
	ip netns exec far /usr/bin/python3 -c 'import socket
s = socket.create_server(("0.0.0.0", 8078)); s.settimeout(14)
try:
    while True:
        c, _ = s.accept()
        while c.recv(65536): pass
        c.sendall(b"y"); c.close()
except OSError: pass' &
	sleep 0.5
	ip netns exec near timeout 13 /usr/bin/python3 -c 'import socket
for _ in range(12):
    c = socket.create_connection(("10.9.8.2", 8078)); c.sendall(b"x" * 60000); c.shutdown(1); c.recv(1); c.close()' || :
	observed
	sent=$(for name in near far; do ip netns exec $name nstat -asz TcpRetransSegs; done | awk '$1 == "TcpRetransSegs" { sum += $2 } END { print sum }')
	path_down
	expect "segments sent again" "$sent" '>' 0
	expect "segments sent again, with TcpRetransSegs" "$(counted tcp_retransmits)" '==' "$sent"
	expect "round-trip time, of 60 ms" "$(counted tcp_minimum_rtt '{"port":"8078","side":"outbound"}' p50)" '>' 0.058
	expect "round-trip time, of 60 ms" "$(counted tcp_minimum_rtt '{"port":"8078","side":"outbound"}' p50)" '<' 0.120
}

# Short answers of which one in 25 is lost, over a path of 2 ms: for each a client waits as long as the shortest timeout.
exchange() { # seconds; prints how many waited for the shortest timeout that there is by default
	ip netns exec far timeout $(($1 + 15)) /usr/bin/python3 "$tree/tests/vm/exchanges.py" serve 8079 &
	sleep 1
	ip netns exec near /usr/bin/python3 "$tree/tests/vm/exchanges.py" ask 10.9.8.2 8079 4 "$1"
	kill $! 2>/dev/null
	wait $!
}
check_netem_rto() {
	local before after
	path_up || return
	tc -n far qdisc add dev far0 root netem delay 2ms loss 4%
	observe
	before=$(exchange 15)
	observed
	if ! ip netns exec far test -e /proc/sys/net/ipv4/tcp_rto_min_us; then
		echo "this kernel has no tcp_rto_min_us (6.11)"
		[ -z "$(recommended rto-min "" proposed)" ] || complain "what it has not is recommended: $(said_of rto-min)"
		path_down
		return
	fi
	[ -n "$(recommended rto-min tcp_rto_min_us proposed)" ] || complain "not recommended: $(said_of rto-min)"
	bash -c "$(recommended rto-min tcp_rto_min_us apply)" >/dev/null
	observe
	after=$(exchange 15)
	observed
	path_down
	expect "answers that took long, with $before before" "$after" '<' "$((before / 2))"
	[ -z "$(recommended rto-min "" proposed)" ] || complain "recommended again: $(said_of rto-min)"
}

# One segment in 100 is lost at random on a path of 100 ms without a queue, beside which waits for a busy host are short.
transfer() { # seconds; prints bytes
	ip netns exec far /usr/bin/python3 "$tree/tests/lab/workload.py" sink 8080 $(($1 + 10)) >"$results/sink" &
	sleep 1
	ip netns exec near /usr/bin/python3 "$tree/tests/lab/workload.py" source 10.9.8.2 8080 "$1" >/dev/null
	wait $!
	sed -n 's/^received=//p' "$results/sink"
}
check_netem_cc() {
	local before after
	path_up || return
	modprobe tcp_bbr || complain "no BBR"
	ip -n near link set near0 gso_max_segs 1
	tc -n near qdisc add dev near0 root netem delay 100ms loss 1% limit 10000
	observe
	before=$(transfer 15)
	observed
	[ "$(recommended congestion-control tcp_congestion_control proposed)" = bbr ] || complain "not recommended: $(said_of congestion-control)"
	bash -c "$(recommended congestion-control tcp_congestion_control apply)" >/dev/null
	observe
	after=$(transfer 15)
	observed
	path_down
	expect "bytes of 15 s, with $before before" "$after" '>' "$((before * 6 / 5))"
	[ -z "$(recommended congestion-control "" proposed)" ] || complain "recommended again: $(said_of congestion-control)"
}
