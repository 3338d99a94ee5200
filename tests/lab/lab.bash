# SPDX-License-Identifier: GPL-2.0-only
# Shared by the end-to-end tests: network namespaces of their own, and reports to look at.
lab=$BATS_TEST_DIRNAME
tunescope=${TUNESCOPE:-$lab/../../build/tunescope}
client=tslabc server=tslabs
client_address=10.213.7.1 server_address=10.213.7.2

network_up() {
	network_down
	ip netns add $client
	ip netns add $server
	ip link add tslab0 netns $client type veth peer name tslab1 netns $server
	ip -n $client addr add $client_address/24 dev tslab0
	ip -n $server addr add $server_address/24 dev tslab1
	ip -n $client link set tslab0 up
	ip -n $server link set tslab1 up
	ip -n $client link set lo up
	ip -n $server link set lo up
}
network_down() {
	local name
	for name in $client $server; do
		[ -e /run/netns/$name ] || continue
		ip netns pids $name | xargs -r kill -9
		ip netns del $name
	done
}
on_client() { ip netns exec $client "$@"; }
on_server() { ip netns exec $server "$@"; }
inode() { stat -L -c %i "/run/netns/$1"; }
load() { /usr/bin/python3 "$lab/workload.py" "$@"; }

# Loads last until advise has had its look (lasting.py), which takes long to begin where the processor is emulated.
export LAB_LOOKING=${BATS_TEST_TMPDIR:-/nowhere}/looking PYTHONPATH=$lab PYTHONDONTWRITEBYTECODE=1

# advise SECONDS: the report goes to $BATS_TEST_TMPDIR/report.json, its findings to standard output. LAB_SLOWER: so many
# times as long, where what is sampled at the price of a share of a CPU is sampled less often.
advise() {
	local observer code=0
	touch "$LAB_LOOKING"
	"$tunescope" advise -d "$(awk "BEGIN { print $1 * ${LAB_SLOWER:-1} }")" --json >"$BATS_TEST_TMPDIR/report.json" 3>&- &
	observer=$!
	until measures $observer; do sleep 0.05; done
	touch "$LAB_LOOKING.measures"
	wait $observer || code=$?
	rm -f "$LAB_LOOKING" "$LAB_LOOKING.measures"
	[ $code = 0 ] || return $code
	[ -z "${TUNESCOPE_REPORTS:-}" ] || cp "$BATS_TEST_TMPDIR/report.json" "$(mktemp "$TUNESCOPE_REPORTS/XXXXXX.json")"
	/usr/bin/python3 "$lab/findings.py" "$BATS_TEST_TMPDIR/report.json"
}
# When all is attached it gives up privileges; or it is over.
privileges=$(grep ^CapEff /proc/self/status)
measures() { # PID
	local status
	status=$(cat "/proc/$1/status")
	[[ $status != *"$privileges"* || $status == *State:?Z* ]]
}
looked_at() { [ -e "$LAB_LOOKING" ]; }
# What happens once only waits for the beginning of the look.
await_look() { until [ -e "$LAB_LOOKING.measures" ]; do sleep 0.05; done; }
# A receiver of datagrams has come so far.
await_receiver() { # PORT
	local i
	for ((i = 0; i < 200; i++)); do
		[ -z "$(on_server ss -Hlun "sport = :$1")" ] || return 0
		sleep 0.05
	done
	return 1
}
# A counter of nstat in the server's namespace, since it was created.
counter() { on_server nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# The proposal for a setting in the last report, as a person would paste it.
apply_proposal() { # SETTING
	local command
	command=$(jq -r --arg s "$1" '.findings[] | select(.outcome == "recommend" and .setting == $s) | .apply' \
		"$BATS_TEST_TMPDIR/report.json")
	[ -n "$command" ]
	bash -c "$command"
}
# keep KEY…: settings of the whole host, as they are before the test changes them; put_back in teardown
keep() {
	local key
	for key in "$@"; do
		echo "$key|$(sysctl -n "$key")" >>"$BATS_TEST_TMPDIR/kept"
	done
}
# Last kept, first put back: of limits that bound each other the order matters.
put_back() {
	local key value
	[ -e "$BATS_TEST_TMPDIR/kept" ] || return 0
	tac "$BATS_TEST_TMPDIR/kept" | while IFS='|' read -r key value; do
		sysctl -qw "$key=$value"
	done
}

# Shows what was seen when a check fails.
expect() { # pattern text
	[[ $2 == $1 ]] || { echo "expected: $1"; echo "got: $2"; cat "$BATS_TEST_TMPDIR/report.json" | head -c 20000; return 1; }
}
refuse() { # pattern text
	[[ $2 != $1 ]] || { echo "must not appear: $1"; echo "got: $2"; return 1; }
}
