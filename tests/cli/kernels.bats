#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What is said of other kernels, and that a guest that does not come to its end has not passed. Boots nothing.
. "$BATS_TEST_DIRNAME/cli.bash"

@test "docs/kernels.md is made from what was recorded, and from the signals and rules there are" {
	run --separate-stderr "$tree/tests/vm/kernels_page.py"
	expect_status 0
	[ "$output" = "$(<"$tree/docs/kernels.md")" ] || complain "docs/kernels.md: run make docs"
	# Known: on a busy host more than a hundred events of emulated programs were lost in the test of block requests on 6.1.
	refuse '*\*\*failed\*\**' "$(grep -v '^| live_block |' <<<"$output")"
}

@test "a guest that ends early has failed, and so has one that cannot be had" {
	export TUNESCOPE_CACHE=$BATS_TEST_TMPDIR/kernel
	run --separate-stderr "$tree/tests/vm/run.sh" none/nothing "$BATS_TEST_TMPDIR/results" doctor
	[ "$status" != 0 ] || complain "a suite that does not exist"
	expect '*fetch.sh: *' "$stderr"
	refuse '*finished*' "$output$(cat "$BATS_TEST_TMPDIR/results/status" 2>/dev/null)"
	# A kernel that is none.
	mkdir -p "$TUNESCOPE_CACHE/kernels/none-nothing-amd64"
	echo 1.0 >"$TUNESCOPE_CACHE/kernels/none-nothing-amd64/package"
	echo 'not a kernel' >"$TUNESCOPE_CACHE/kernels/none-nothing-amd64/vmlinuz"
	run --separate-stderr "$tree/tests/vm/run.sh" none/nothing "$BATS_TEST_TMPDIR/results" doctor
	expect 'failed: *' "$(cat "$BATS_TEST_TMPDIR/results/status")"
	export BUILD=$BATS_TEST_TMPDIR
	run --separate-stderr "$tree/tests/vm/check.sh" none/nothing
	expect '*not ok 1 - none/nothing: *' "$output"
	refuse '*finished*' "$output"
	[[ $output != ok* ]] || complain "it has not passed"
}
