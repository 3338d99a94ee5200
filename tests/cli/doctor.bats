#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# doctor: compared with what bpftool and the kernel say themselves.
. "$BATS_TEST_DIRNAME/cli.bash"

@test "doctor lists kernel, capabilities, sources, programs and cost" {
	run --separate-stderr "$tunescope" doctor
	[ "$status" = 0 ] || [ "$status" = 1 ] || complain "exit code"
	[ -z "$stderr" ]
	for part in Kernel Capabilities Sources "BPF programs" "Own cost" "/sys/kernel/btf/vmlinux" sched_switch start-up; do
		expect "*$part*" "$output"
	done
	[ "$status" = 1 ] || expect "*Everything works.*" "$output"
}

@test "the programs that doctor calls attached are those the kernel has, at the hooks it names" {
	"$tunescope" doctor --json >"$BATS_TEST_TMPDIR/doctor.json" 3>&- &
	pid=$!
	wait_until_attached $pid
	# On a busy host attaching all of them takes a while; then it observes for two seconds.
	held= before=none
	while [ "$held" != "$before" ]; do
		before=$held
		sleep 0.8
		held=$(bpf_objects $pid | awk '$1 == "prog" { print $2 }')
	done
	# All at once: asked for one by one, the last are gone before it is their turn.
	kernel=$(bpftool prog show --json | jq -r --arg held "$held" \
		'($held | split("\n") | map(tonumber)) as $ids | .[] | select(.id as $id | $ids | index($id)) | .name[:15]' | sort)
	wait $pid || [ $? = 1 ]
	# The kernel itself keeps 15 characters of a name.
	ours=$(jq -r '.programs[] | select(.status == "ok") | .name[:15]' "$BATS_TEST_TMPDIR/doctor.json" | sort)
	[ -n "$ours" ]
	missing=$(comm -23 <(sort -u <<<"$ours") <(sort -u <<<"$kernel"))
	[ -z "$missing" ] || complain "not in the kernel: $missing"
	jq -e '[.programs[].hook] | all(test("^([?a-z_]+/[a-z0-9_]+|raw_tp)$"))' "$BATS_TEST_TMPDIR/doctor.json"
}

@test "the cost is measured: programs that run have a price, in the order of what bpftool reads" {
	run --separate-stderr "$tunescope" doctor --json
	[ "$status" = 0 ] || [ "$status" = 1 ]
	jq -e '.programs[] | select(.hook == "tp_btf/sched_switch")
		| .ns_per_event > 0 and .events_per_second > 0 and .cpu_percent > 0' <<<"$output" >/dev/null || complain "no cost"
	jq -e '.cost.start_seconds > 0 and .cost.map_bytes > 0 and .cost.rss_bytes > 0
		and .cost.statistics_seconds > 1.5' <<<"$output" >/dev/null || complain "no own cost"
	# Independent: context switches of the host per second, from /proc/stat.
	before=$(awk '/^ctxt/ { print $2 }' /proc/stat)
	run --separate-stderr "$tunescope" doctor --json
	after=$(awk '/^ctxt/ { print $2 }' /proc/stat)
	jq -e --argjson n $((after - before)) '.cost.statistics_seconds as $s
		| .programs[] | select(.hook == "tp_btf/sched_switch") | .events_per_second * $s
		| . <= $n and . > $n / 4' <<<"$output" >/dev/null || complain "events do not fit $((after - before)) context switches"
}

@test "facts agree with the kernel's own files" {
	run --separate-stderr "$tunescope" doctor --json
	jq -e '.facts | map({(.name): .state}) | add | .btf == "yes"' <<<"$output" >/dev/null
	if cat /proc/pressure/cpu >/dev/null 2>&1; then state=yes; else state=no; fi
	jq -e --arg s $state '.facts[] | select(.name == "pressure") | .state == $s' <<<"$output" >/dev/null || complain pressure
	state=yes
	grep -qxh 0 /sys/block/*/queue/iostats && state=no
	jq -e --arg s $state '.facts[] | select(.name == "iostats") | .state == $s' <<<"$output" >/dev/null || complain iostats
	jq -e --argjson n "$(nproc)" '[.capabilities[] | select(.essential)] | length == 2 and all(.held)' <<<"$output" >/dev/null ||
		complain capabilities
}

@test "what was disabled is said and is not a fault" {
	run --separate-stderr "$tunescope" doctor --json
	healthy=$status
	program=$(jq -r '.programs[0].name' <<<"$output")
	run --separate-stderr "$tunescope" doctor --json --disable pressure --disable-program "$program"
	expect_status "$healthy"
	jq -e --arg p "$program" '(.sources[] | select(.name == "pressure") | .status == "disabled" and (.why | length > 0))
		and (.programs | all(.name != $p or .status == "disabled"))' <<<"$output" >/dev/null || complain "not disabled"
}
