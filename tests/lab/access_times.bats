#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Files that are only read, on a file system that notes each access, and on one that does not.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() {
	files=$BATS_TEST_TMPDIR/files
	mkdir "$files"
	truncate -s 200M "$BATS_TEST_TMPDIR/image"
	mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$BATS_TEST_TMPDIR/image"
	device=$(losetup --show -f "$BATS_TEST_TMPDIR/image")
	name=$(basename "$device")
}
teardown() {
	umount "$files"
	losetup -d "$device"
}

# mounted OPTION: with files, as they lie there when the machine has started
mounted() {
	mount -o "$1,commit=1" "$device" "$files"
	mkdir "$files/many"
	for i in $(seq 500); do echo "$i" >"$files/many/$i"; done
	umount "$files"
	mount -o "$1,commit=1" "$device" "$files"
}
written() { awk '{ print $7 }' "/sys/block/$name/stat"; } # sectors
# observe: a look at the host beside readers; sectors is what was written meanwhile
observe() {
	local before=$(written)
	for ((i = 0; i < 6 || looked_at; i++)); do
		cat "$files"/many/* >/dev/null
		sleep 0.5
	done 3>&- &
	local job=$!
	run advise 3
	wait $job
	sectors=$(($(written) - before))
	echo "$sectors sectors were written"
}

@test "strictatime: noatime is recommended, and reading no longer makes the device write" {
	mounted strictatime
	observe
	expect "*access-times recommend mount$files/atime - - - $name strictatime noatime*" "$output"
	first=$sectors
	sh -c "$(jq -r '.findings[] | select(.rule == "access-times") | .apply' "$BATS_TEST_TMPDIR/report.json")"
	grep -q " $files [^ ]*noatime" /proc/self/mountinfo
	sync
	observe
	refuse "*access-times*" "$output"
	[ $((10 * sectors)) -lt "$first" ]
}

@test "files that are written, and now and then read: that is why the device writes" {
	mounted strictatime
	(for ((round = 0; round < 6 || looked_at; round++)); do
		for i in $(seq 500); do echo >>"$files/many/$i"; done
		cat "$files"/many/1?? >/dev/null
		sleep 0.4
	done) 3>&- &
	job=$!
	run advise 3
	wait $job
	refuse "*access-times*" "$output"
}

@test "relatime, the default: reading makes nobody write, and nothing is said" {
	mounted relatime
	cat "$files"/many/* >/dev/null
	sync
	observe
	refuse "*access-times*" "$output"
}
