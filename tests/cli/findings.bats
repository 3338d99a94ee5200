#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bats file_tags=alone
# A real finding as the user sees it: an application with a backlog of 16 under bursts.
. "$BATS_TEST_DIRNAME/cli.bash"

space=tscli_find

setup() {
	ip netns add $space
	ip -n $space link set lo up
}
teardown() {
	ip netns pids $space | xargs -r kill -9
	ip netns del $space
}
load() {
	ip netns exec $space /usr/bin/python3 "$tree/tests/lab/workload.py" acceptor 9100 16 150 400 60 >/dev/null 2>&1 3>&- &
	sleep 0.5
	ip netns exec $space /usr/bin/python3 "$tree/tests/lab/workload.py" bursts 127.0.0.1 9100 100 250 60 >/dev/null 2>&1 3>&- &
	sleep 0.5
}

@test "the verdict, the cause, what is acquitted and what to do stand on the first screen; --exit-code gives 1" {
	load
	run --separate-stderr "$tunescope" advise -d 5s --exit-code
	expect_status 1
	[ -z "$stderr" ]
	first=$(head -30 <<<"$output")
	expect "*problem*that no setting fixes*" "$first"
	expect "*9100*" "$first"
	expect "*application-backlog*" "$first"
	expect "*not to blame*somaxconn*" "$first"
	expect "*Evidence*confidence*" "$output"
}

@test "the same as JSON is valid; without --exit-code the exit code is 0" {
	load
	"$tunescope" advise -d 5s --json >"$BATS_TEST_TMPDIR/report.json"
	validate "$BATS_TEST_TMPDIR/report.json"
	jq -e --argjson n "$(stat -L -c %i /run/netns/$space)" '.findings[] | select(.outcome == "not-a-setting" and .scope.netns == $n)
		| .cause == "application-backlog" and .setting == "" and (.acquits | index("net.core.somaxconn") != null)
		and (.evidence | length > 0) and .remedy != ""' "$BATS_TEST_TMPDIR/report.json" >/dev/null || {
		output=$(jq -c .findings "$BATS_TEST_TMPDIR/report.json")
		complain "the finding is missing"
	}
}
