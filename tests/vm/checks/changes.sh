# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- what comes and goes while it is measured

# CPUs taken offline and online: nothing is lost, counted twice or hangs.
check_cpus() {
	local switches last
	[ -e /sys/devices/system/cpu/cpu1/online ] || { echo "one CPU: nothing to take offline"; return; }
	switches=$(of_stat ctxt)
	observe
	for _ in 1 2; do
		for last in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 0 >"$last"; done
		disk_load vdb 60 4 >/dev/null
		for last in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 1 >"$last"; done
		disk_load vdb 60 4 >/dev/null
	done
	observed
	switches=$(($(of_stat ctxt) - switches))
	expect "requests to vdb" "$(counted block_latency '{"device":"vdb"}')" '==' 240
	expect "context switches, with /proc/stat" "$(counted context_switches)" '<=' "$switches"
	expect "the longest wait for a CPU, s" "$(counted runq_latency '{}' max)" '<' 10
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
	expect "CPUs" "$(jq .host.cpus "$results/advise.json")" '==' "$(nproc)"
}
# Of CPUs that are possible but not online nothing is expected.
check_half_online() {
	local possible=$(($(sed 's/.*-//' /sys/devices/system/cpu/possible) + 1))
	expect "CPUs online" "$(nproc)" '<' $possible
	expect "CPUs of the report" "$(jq .host.cpus "$results/report.json")" '==' "$(nproc)"
	expect "CPUs with times" "$(jq '[.families[] | select(.name == "cpu_seconds") | .series[].labels.cpu] | unique | length' "$results/report.json")" '==' "$(nproc)"
}
check_churn() {
	local i
	mkdir -p /sys/fs/cgroup/churn
	observe
	for i in {1..12}; do
		ip netns add churn$i
		ip -n churn$i link set lo up
		mkdir /sys/fs/cgroup/churn/$i
		sh -c "echo \$\$ >/sys/fs/cgroup/churn/$i/cgroup.procs; exec ip netns exec churn$i sleep 0.1"
		ip netns del churn$i
		rmdir /sys/fs/cgroup/churn/$i
	done
	observed
	rmdir /sys/fs/cgroup/churn
	! grep -v 'this is about the first' "$results/advise.err" || complain "advise said so"
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
}
# A recording through all of that: nothing is lost or counted twice, and what it holds is what the kernel counts, too.
check_record() {
	local switches requests opens last i recorder
	opens=$(of_tcp TcpActiveOpens) requests=$(of_disk vdb) switches=$(of_stat ctxt)
	timeout 300 "$tunescope" record --quiet --interval 1s -o "$results/recording.tsrec" 2>"$results/record.err" &
	recorder=$!
	for ((i = 0; i < 300; i++)); do
		[ ! -s "$results/recording.tsrec" ] || break
		sleep 0.1
	done
	for i in 1 2 3; do
		for last in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 0 >"$last"; done
		disk_load vdb 60 4 >/dev/null
		ip netns add churn$i
		ip netns exec churn$i ip link set lo up
		for last in /sys/devices/system/cpu/cpu[1-9]*/online; do echo 1 >"$last"; done
		tcp_load 20 127.0.0.1
		mkdir /sys/fs/cgroup/churn$i
		sh -c "echo \$\$ >/sys/fs/cgroup/churn$i/cgroup.procs; exec ip netns exec churn$i sleep 1"
		ip netns del churn$i
		rmdir /sys/fs/cgroup/churn$i
	done
	sleep 2
	pkill -TERM -P $recorder
	wait $recorder || complain "record: exit code $?: $(cat "$results/record.err")"
	opens=$(($(of_tcp TcpActiveOpens) - opens)) requests=$(($(of_disk vdb) - requests)) switches=$(($(of_stat ctxt) - switches))
	timeout 60 "$tunescope" replay --json "$results/recording.tsrec" >"$results/advise.json" 2>"$results/replay.err" ||
		complain "replay: exit code $?: $(cat "$results/replay.err")"
	[ ! -s "$results/replay.err" ] || complain "replay: $(cat "$results/replay.err")"
	keep_report "$results/advise.json"
	expect "requests to vdb, with /proc/diskstats" "$(counted block_latency '{"device":"vdb"}')" == "$requests"
	expect "connections opened, with TcpActiveOpens" "$(counted tcp_connect_latency)" == "$opens"
	expect "context switches, with /proc/stat" "$(counted context_switches)" '<=' "$switches"
	expect "context switches, with half of /proc/stat" "$(counted context_switches)" '>' "$((switches / 2))"
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
}
# The clock is set forth by an hour, back by two, and right again: time neither folds nor tears, and nothing becomes too old.
check_clock() {
	local recorder step began spent
	timeout 300 "$tunescope" record --quiet --interval 500ms --keep 10m -o "$results/clock/" 2>"$results/record.err" &
	recorder=$!
	for ((i = 0; i < 300; i++)); do
		[ ! -s "$(echo "$results"/clock/*.tsrec)" ] || break
		sleep 0.1
	done
	began=$(cut -d. -f1 /proc/uptime)
	for step in 3600 -7200 3600; do
		sleep 3
		date -s @$(($(date +%s) + step)) >/dev/null
	done
	sleep 3
	pkill -TERM -P $recorder
	wait $recorder || complain "record: exit code $?: $(cat "$results/record.err")"
	spent=$(($(cut -d. -f1 /proc/uptime) - began))
	"$tunescope" dump --json "$results/clock" >"$results/clock.jsonl" 2>"$results/replay.err" || complain "dump: exit code $?"
	[ ! -s "$results/replay.err" ] || complain "dump: $(cat "$results/replay.err")"
	expect "seconds recorded" "$(jq -s 'map(.seconds) | add | floor' "$results/clock.jsonl")" '>=' $((spent - 1))
	expect "of them on the axis, from end to end" \
		"$(jq -s '[first.start, last.end] | map(fromdate) | .[1] - .[0]' "$results/clock.jsonl")" '<=' $((spent + 3))
	expect "windows longer than two seconds" "$(jq -s 'map(select(.seconds > 2)) | length' "$results/clock.jsonl")" '==' 0
	expect "windows that begin before the one before" \
		"$(jq -s 'map(.start | fromdate) | [.[1:], .[:-1]] | transpose | map(select(.[0] < .[1])) | length' "$results/clock.jsonl")" '==' 0
	expect "steps of the clock that are told" "$("$tunescope" dump "$results/clock" | grep -c 'clock was set')" '>=' 1
}
