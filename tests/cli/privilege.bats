#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Without privilege, without BTF, and with no more privilege than needed.
. "$BATS_TEST_DIRNAME/cli.bash"

setup() { nobody_setup; }
teardown() { nobody_teardown; }

@test "advise as an ordinary user: one line names the capabilities, exit code 3" {
	run --separate-stderr as_nobody tunescope advise -d 200ms
	expect_status 3
	one_line_only
	expect "*CAP_BPF*CAP_PERFMON*" "$stderr"
}

@test "help and --version need no privilege" {
	run as_nobody tunescope help
	expect_status 0
	run as_nobody tunescope --version
	expect_status 0
}

@test "doctor as an ordinary user still says what this kernel has, and what is lost; exit code 3" {
	run --separate-stderr as_nobody tunescope doctor
	expect_status 3
	for name in CAP_BPF CAP_PERFMON CAP_NET_ADMIN CAP_SYS_ADMIN CAP_SYS_PTRACE; do
		expect "*missing*$name*lost: *" "$output"
	done
	expect "*btf*" "$output"
	expect "*Nothing can be measured here*" "$output"
	expect "tunescope: *CAP_BPF*" "$stderr"
	run --separate-stderr as_nobody tunescope doctor --json
	expect_status 3
	jq -e '.schema == "tunescope.doctor/1" and .health == "none" and .cost == null and .programs == []
		and ([.capabilities[] | select(.held | not)] | length >= 5)' <<<"$output" >/dev/null || complain "json"
}

@test "a kernel without BTF: one line, exit code 3" {
	run --separate-stderr "$tunescope" advise -d 200ms --btf /nonexistent
	expect_status 3
	one_line_only
	expect "*/nonexistent*" "$stderr"
	run --separate-stderr "$tunescope" doctor --btf /nonexistent
	expect_status 3
	[ "$(wc -l <<<"$stderr")" = 1 ]
	expect "*no*btf*/nonexistent*" "$output"
}

@test "a file that is not BTF: one line, exit code 3" {
	run --separate-stderr "$tunescope" advise -d 200ms --btf /etc/passwd
	expect_status 3
	one_line_only
}

@test "root with CAP_BPF and CAP_PERFMON alone: what works works, what does not is told" {
	run --separate-stderr setpriv --bounding-set=-all,+bpf,+perfmon "$tunescope" advise -d 300ms --json
	expect_status 0
	jq -e '.families[] | select(.name == "runq_latency") | .status == "ok"' <<<"$output" >/dev/null ||
		complain "runq_latency is not measured"
	jq -e '[.families[] | select(.status != "ok" and .status != "no-data") | .why != ""] | all' <<<"$output" >/dev/null ||
		complain "a family without a reason"
	run --separate-stderr setpriv --bounding-set=-all,+bpf,+perfmon "$tunescope" doctor
	expect "*missing*CAP_SYS_ADMIN*" "$output"
}
