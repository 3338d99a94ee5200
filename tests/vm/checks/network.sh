# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- a network with delay and loss

check_netem() {
	local sent
	modprobe sch_netem || { complain "no netem"; return; }
	ip netns add near
	ip netns add far
	ip link add near0 netns near type veth peer name far0 netns far
	ip -n near addr add 10.9.8.1/24 dev near0
	ip -n far addr add 10.9.8.2/24 dev far0
	ip -n near link set near0 up
	ip -n far link set far0 up
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
	ip netns del near
	ip netns del far
	expect "segments sent again" "$sent" '>' 0
	expect "segments sent again, with TcpRetransSegs" "$(counted tcp_retransmits)" '==' "$sent"
	expect "round-trip time, of 60 ms" "$(counted tcp_minimum_rtt '{"port":"8078","side":"outbound"}' p50)" '>' 0.058
	expect "round-trip time, of 60 ms" "$(counted tcp_minimum_rtt '{"port":"8078","side":"outbound"}' p50)" '<' 0.120
}
