# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- doctor: every source and program is there, or says what this kernel lacks; none has failed

check_doctor() {
	local code=0 over
	timeout 60 "$tunescope" doctor --json >"$results/doctor.json" 2>"$results/doctor.err" || code=$?
	timeout 60 "$tunescope" doctor >"$results/doctor.txt" 2>>"$results/doctor.err" || :
	[ $code -le 1 ] || complain "exit code $code" "$(cat "$results/doctor.err")"
	over=$(jq -r '.programs[] | select(.status == "ok") | [.name, .instructions, .verified_instructions] | @tsv' "$results/doctor.json" |
		"$tree/tests/cli/over_budget.sh" elsewhere)
	[ -z "$over" ] || complain "$over"
	jq -e '(.sources + .programs) | length > 20 and all(.status != "failed")' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c '(.sources + .programs)[] | select(.status == "failed") | [.name, .why]' "$results/doctor.json")"
}

# ---- what was counted during a load, against what the guest's own kernel and the load say

check_counts() {
	local switches inner requests opens out in sent received slice
	switches=$(of_stat ctxt) requests=$(of_disk vdb) opens=$(of_tcp TcpActiveOpens)
	out=$(of_tcp TcpOutSegs) in=$(of_tcp TcpInSegs)
	observe
	inner=$(of_stat ctxt)
	disk_load vdb 300 8 >/dev/null
	tcp_load 40 127.0.0.1
	inner=$(($(of_stat ctxt) - inner))
	observed
	requests=$(($(of_disk vdb) - requests)) opens=$(($(of_tcp TcpActiveOpens) - opens)) switches=$(($(of_stat ctxt) - switches))
	expect "requests to vdb, with /proc/diskstats" "$(counted block_latency '{"device":"vdb"}')" == $requests
	expect "requests to vdb" $requests '>=' 300
	expect "connections opened, with TcpActiveOpens" "$(counted tcp_connect_latency)" == $opens
	out=$(($(of_tcp TcpOutSegs) - out)) in=$(($(of_tcp TcpInSegs) - in))
	# Before there is a socket a request answers: that segment is nobody's; nor are those that come when it has ended.
	sent=$(($(counted tcp_connection_segments '{"direction":"sent"}') + opens))
	received=$(counted tcp_connection_segments '{"direction":"received"}')
	expect "segments sent, with TcpOutSegs" $sent '<=' $out
	expect "segments sent, with nearly TcpOutSegs" $((sent + 10)) '>=' $out
	expect "segments received, with TcpInSegs" "$received" '<=' $in
	expect "segments received, with nearly TcpInSegs" $((received + 10)) '>=' $in
	expect "connections closed, both ends" "$(counted tcp_connections_closed)" '>=' 40
	expect "context switches, with /proc/stat during the load" "$(counted context_switches)" '>=' $inner
	expect "context switches, with /proc/stat all the time" "$(counted context_switches)" '<=' $switches
	expect "waits for a CPU" "$(counted runq_latency)" '>' 0
	expect "the longest wait for a CPU, ms" "$(counted runq_latency '{}' max)" '<' 10
	slice=$(cat /sys/kernel/debug/sched/base_slice_ns 2>/dev/null) && # 6.6, and where it is not locked down
		expect "sched/base_slice_ns" "$(jq -r '.settings[] | select(.name == "sched/base_slice_ns") | .value' "$results/advise.json")" == "$slice"
	jq -e '.families | length > 40 and all(.status != "failed" and .status != "unsupported")' "$results/advise.json" >/dev/null ||
		jq -r '.families[] | select(.status == "failed" or .status == "unsupported") | "\(.name): \(.status), \(.why)"' "$results/advise.json"
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
	cp "$results/advise.json" "$results/report.json"
}
