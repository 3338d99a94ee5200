#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs every test and ends in one line: N passed, N failed, N skipped.
#   run-tests.sh [PATTERN]    only the test files whose path contains PATTERN
# Expects `make tests` and `make SANITIZE=1 tests` to have built everything. Pure tests run with
# the sanitizers, tests on the live kernel with the binary that is shipped.
# Pure tests and those of the command line run side by side: the latter mostly wait. Those whose
# result depends on what else the machine does run alone; of the command line's, the ones that bear
# the tag "alone".
set -u
cd "$(dirname "$0")/.." || exit 1
pattern=${1:-}
passed=0 failed=0 skipped=0
failures=()

wanted() { [[ $1 == *"$pattern"* ]]; }

# Counts the TAP lines of one test program. A program that dies or prints no test is a failure.
count() { # name, exit code, output file
	local ok not_ok skip
	skip=$(grep -cE '^(not )?ok .*# (SKIP|skip)' "$3")
	ok=$(grep -E '^ok ' "$3" | grep -vcE '# (SKIP|skip)')
	not_ok=$(grep -E '^not ok ' "$3" | grep -vcE '# (SKIP|skip)')
	if [ "$2" != 0 ] && [ "$not_ok" = 0 ] || [ $((ok + not_ok + skip)) = 0 ]; then
		echo "not ok - $1 (exit code $2, no failing test named)" >>"$3"
		not_ok=$((not_ok + 1))
	fi
	passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skip))
	printf '%-44s %4d passed' "$1" "$ok"
	[ "$not_ok" = 0 ] || printf ', %d FAILED' "$not_ok"
	[ "$skip" = 0 ] || printf ', %d skipped' "$skip"
	echo
	if [ "$not_ok" != 0 ]; then
		failures+=("$1")
		sed 's/^/    /' "$3" | tail -150
	fi
	grep -E '^(not )?ok .*# (SKIP|skip)' "$3" | sed 's/^/    /'
}

run() { # name, command...
	local name=$1 output code
	shift
	output=$(mktemp)
	timeout 600 "$@" >"$output" 2>&1 </dev/null
	code=$?
	count "$name" "$code" "$output"
	rm -f "$output"
}

# Every test at once, at most so many at a time, then counted in their order.
run_side_by_side() { # at a time, test files...
	local at_a_time=$1 directory file
	shift
	[ $# != 0 ] || return 0
	directory=$(mktemp -d)
	export directory
	printf '%s\0' "$@" | xargs -0 -P "$at_a_time" -I{} bash -c '
		file=$1 name=${1//\//_}
		case $file in
		*.bats) set -- bats --formatter tap "$file" ;;
		*) set -- "build-sanitize/${file%.c}" ;;
		esac
		CMOCKA_MESSAGE_OUTPUT=TAP timeout 600 "$@" >"$directory/$name.tap" 2>&1 </dev/null
		echo $? >"$directory/$name.code"' side-by-side {}
	for file; do
		touch "$directory/${file//\//_}.tap"
		count "$file" "$(cat "$directory/${file//\//_}.code" || echo 1)" "$directory/${file//\//_}.tap"
	done
	rm -rf "$directory"
}

# Live comparisons with independent readings can be disturbed by what else the host does: one that
# fails is shown and runs again; the third run decides.
run_live() { # name, command...
	local name=$1 output attempt
	shift
	output=$(mktemp)
	for attempt in first second; do
		if timeout 600 "$@" >"$output" 2>&1 </dev/null; then
			count "$name" 0 "$output"
			rm -f "$output"
			return
		fi
		echo "$name: the $attempt run failed, as follows; it runs again"
		grep -E '^not ok|ERROR|error:|^    # ' "$output" | head -30 | sed 's/^/    /'
	done
	rm -f "$output"
	run "$name" "$@"
}

if wanted lint; then
	output=$(mktemp)
	if make -s lint >"$output" 2>&1; then echo "ok 1 - lint" >>"$output"; else echo "not ok 1 - lint" >>"$output"; fi
	count lint 0 "$output"
	rm -f "$output"
fi
pure=() together=() alone=()
for source in tests/unit/test_*.c tests/rules/test_*.c; do
	! wanted "$source" || pure+=("$source")
done
run_side_by_side 2 ${pure[@]+"${pure[@]}"}
for source in tests/live/test_*.c; do
	wanted "$source" || continue
	CMOCKA_MESSAGE_OUTPUT=TAP run_live "$source" "build/${source%.c}"
done
for script in tests/cli/*.bats tests/live/*.bats tests/lab/*.bats; do
	{ [ -e "$script" ] && wanted "$script"; } || continue
	if [[ $script == tests/cli/* ]] && ! grep -q '^# bats file_tags=.*alone' "$script"; then
		together+=("$script")
	else
		alone+=("$script")
	fi
done
run_side_by_side 3 ${together[@]+"${together[@]}"}
for script in ${alone[@]+"${alone[@]}"}; do
	run "$script" bats --formatter tap "$script"
done

# The oldest and the newest kernel; `make check-vm` has the others and more checks.
! wanted tests/vm/check.sh || run tests/vm tests/vm/check.sh --brief 5.10 7

[ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
