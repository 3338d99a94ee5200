#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A host without a bottleneck must get no recommendation.
. "$BATS_TEST_DIRNAME/lab.bash"

@test "an idle host: no recommendation, and nothing reported as wrong" {
	run advise 4
	[ "$status" = 0 ]
	refuse "*recommend*" "$output"
	refuse "*not-a-setting*" "$output"
}

@test "one CPU busy with stress-ng: no recommendation" {
	stress-ng --quiet --cpu 1 --timeout 60s 3>&- &
	sleep 0.5
	run advise 4
	kill $!
	wait || true
	[ "$status" = 0 ]
	refuse "*recommend*" "$output"
}
