#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Calls that fail for a limit, in programs that are gone a moment later: whose limit it was.

. "$BATS_TEST_DIRNAME/lab.bash"

setup() {
	map_count=$(cat /proc/sys/vm/max_map_count)
	file_max=$(cat /proc/sys/fs/file-max)
}
teardown() {
	sysctl -qw vm.max_map_count="$map_count" fs.file-max="$file_max"
}

# Runs the program again and again beside a look at the host, for as long as that takes.
beside() { # arguments of limits.py
	( while /usr/bin/python3 "$lab/limits.py" "$@" >"$BATS_TEST_TMPDIR/load" && sleep 0.5 && looked_at; do :; done ) 3>&- &
	advise 4
	wait
}

@test "mappings: the setting is named, and with the proposed value none is refused" {
	sysctl -qw vm.max_map_count=800
	run beside mappings 3000
	expect "*mapping-limit recommend vm.max_map_count - - - - 800 *" "$output"
	[[ $(/usr/bin/python3 "$lab/limits.py" mappings 3000) == *ENOMEM ]]
	proposed=$(awk '/^mapping-limit recommend/ { print $NF }' <<<"$output")
	sysctl -qw vm.max_map_count="$proposed"
	run beside mappings 3000
	[ "$(cat "$BATS_TEST_TMPDIR/load")" = "3000 -" ]
	refuse "*-limit *" "$output"
}

@test "files of the whole host: fs.file-max is named" {
	sysctl -qw fs.file-max=$(($(cut -f1 /proc/sys/fs/file-nr) + 600))
	run beside files 3000
	expect "*file-limit recommend fs.file-max - - - - *" "$output"
	refuse "*rlimit-nofile*" "$output"
}

@test "descriptors of one process: not fs.file-max, but its own limit" {
	run beside files 3000 256
	[[ $(cat "$BATS_TEST_TMPDIR/load") == *EMFILE ]]
	expect "*file-limit not-a-setting - rlimit-nofile *" "$output"
	refuse "*-limit recommend*" "$output"
}

@test "address space of one process: not vm.max_map_count, but RLIMIT_AS" {
	run beside mappings 3000 $((512 << 20))
	[[ $(cat "$BATS_TEST_TMPDIR/load") == *ENOMEM ]]
	expect "*mapping-limit not-a-setting - rlimit-as *" "$output"
	refuse "*-limit recommend*" "$output"
}

@test "tasks of one user: not kernel.pid_max, but RLIMIT_NPROC" {
	run beside tasks 300 60
	[[ $(cat "$BATS_TEST_TMPDIR/load") == *EAGAIN ]]
	expect "*task-limit not-a-setting - rlimit-nproc *" "$output"
	refuse "*-limit recommend*" "$output"
}

@test "watches in a user namespace that allows less: not fs.inotify.max_user_watches" {
	run beside watches 300 50
	[[ $(cat "$BATS_TEST_TMPDIR/load") == *ENOSPC ]]
	expect "*inotify-limit not-a-setting - user-namespace *" "$output"
	refuse "*-limit recommend*" "$output"
}
