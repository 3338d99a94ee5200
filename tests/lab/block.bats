#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Block devices as slow as told: a setting of the queue that holds them up, and what looks like one.
. "$BATS_TEST_DIRNAME/lab.bash"

setup() {
	directory=$BATS_TEST_TMPDIR/disk
	mkdir "$directory"
	dirty=$(sysctl vm.dirty_bytes vm.dirty_background_bytes vm.dirty_ratio vm.dirty_background_ratio | tr -d ' ')
}
teardown() {
	local pair
	# Of each pair only the one in force can be written back.
	for pair in $dirty; do
		[[ $pair == *=0 ]] || sysctl -qw "$pair"
	done
	[ -z "$cgroup" ] || rmdir "$cgroup"
	! mountpoint -q "$BATS_TEST_TMPDIR/files" || umount "$BATS_TEST_TMPDIR/files"
	[ -z "$device" ] || put_back
}
put_back() {
	local name
	for name in scheduler nr_requests read_ahead_kb max_sectors_kb wbt_lat_usec; do
		[ ! -e "$BATS_TEST_TMPDIR/was.$name" ] || cat "$BATS_TEST_TMPDIR/was.$name" >"$queue/$name"
	done
	losetup -d "$device"
	# And with it the program that serves it ends. Who has begun a mount namespace since has the
	# filesystem in it, too, which keeps the device.
	umount -q "$directory" || umount -l "$directory"
}

# disk CHANNELS MILLISECONDS [MEGABYTES_A_SECOND]: sets device, name and queue
disk() {
	/usr/bin/python3 "$lab/disk.py" "$directory" 1000 "$@" 3>&- &
	until [ -e "$directory/disk" ]; do sleep 0.05; done
	device=$(losetup --show --direct-io=on -f "$directory/disk")
	name=$(basename "$device")
	queue=/sys/block/$name/queue
	# A loop device keeps them when its file goes.
	local attribute
	for attribute in scheduler nr_requests read_ahead_kb max_sectors_kb wbt_lat_usec; do
		cat "$queue/$attribute" | sed 's/.*\[\(.*\)\].*/\1/' >"$BATS_TEST_TMPDIR/was.$attribute"
	done
	set_queue scheduler none
}
set_queue() { echo "$2" >"$queue/$1"; }

# load SECONDS NAME OPTIONS…: fio on the device while it is looked at, and as long at least; its results in NAME.json
load() {
	fio --output-format=json --filename="$device" --size=900M --time_based --runtime=120 --name=load \
		"${@:3}" 2>/dev/null 3>&- >"$BATS_TEST_TMPDIR/$2.json" &
	sleep "$1"
	while looked_at; do sleep 0.1; done
	kill -INT $! # it tells what it has done so far
	wait $! || true
}
# An interrupted one says so first.
result() { sed -n "/^{/,\$p" "$BATS_TEST_TMPDIR/$1.json" | jq ".jobs[] | $2" | head -1; }

# beside SECONDS NAME OPTIONS…: a look at the host in the middle of that load
beside() {
	load "$(($1 + ${longer:-1}))" "${@:2}" &
	local job=$!
	sleep "${before:-0.4}"
	advise "$1"
	wait $job
}
# Of the device, or of all of them; what else the machine does is not looked at.
recommended() { grep -E "recommend (/sys/block/$name/|vm\.dirty)" <<<"$output"; }
only_one() { [ "$(recommended | wc -l)" = 1 ]; }
none() { ! recommended; }
apply() { sh -c "$(jq -r '.findings[] | select(.outcome == "recommend")
	| select(.setting | test("^/sys/block/'"$name"'/|^vm.dirty")) | .apply' "$BATS_TEST_TMPDIR/report.json")"; }
at_least() { # factor: the second figure over the first
	echo "$2 -> $3, expected $1 times as much"
	jq -en "$3 >= $1 * $2"
}

@test "a stream with little read-ahead: more is recommended, and it is faster" {
	stream=(--rw=read --bs=16k --ioengine=psync --invalidate=1 --readonly)
	disk 8 3
	set_queue read_ahead_kb 16
	run beside 2 before "${stream[@]}"
	expect "*read-ahead recommend /sys/block/$name/queue/read_ahead_kb - - - $name 16 *" "$output"
	only_one
	apply
	run beside 2 after "${stream[@]}"
	none
	at_least 4 "$(result before .read.bw)" "$(result after .read.bw)"
}

@test "random reads through the page cache: not read-ahead, but what is asked for" {
	disk 8 3
	run beside 2 load --rw=randread --bs=4k --ioengine=psync --readonly
	expect "*read-ahead not-a-setting - random-access - - $name*" "$output"
	none
}

@test "a stream whose program wants nothing read ahead: more of it would not help" {
	disk 8 3
	run beside 2 load --rw=read --bs=64k --ioengine=psync --invalidate=1 --readonly --fadvise_hint=random
	expect "*read-ahead not-a-setting - low-concurrency - - $name*" "$output"
	none
}

@test "one direct read at a time: low concurrency, and not nr_requests" {
	disk 8 3
	set_queue nr_requests 4
	run beside 2 load --rw=randread --bs=4k --ioengine=psync --direct=1 --readonly
	expect "*read-ahead not-a-setting - low-concurrency - - $name*" "$output"
	none
}

@test "one synchronous write at a time through the page cache: low concurrency" {
	disk 8 3
	run beside 2 load --rw=randwrite --bs=4k --ioengine=psync --sync=1
	expect "*read-ahead not-a-setting - low-concurrency - - $name*" "$output"
	none
}

# Sets cgroup: one that may read and write so many requests of the device each second.
limited_cgroup() { # REQUESTS
	local number=$(cat "/sys/block/$name/dev") root
	for root in /sys/fs/cgroup/blkio /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ ! -e "$root/cgroup.subtree_control" ] || echo +io >"$root/cgroup.subtree_control" || true
		mkdir "$root/tslab-io" 2>/dev/null || continue
		cgroup=$root/tslab-io
		if [ -e "$cgroup/io.max" ]; then
			echo "$number riops=$1 wiops=$1" >"$cgroup/io.max"
		elif [ -e "$cgroup/blkio.throttle.write_iops_device" ]; then
			echo "$number $1" | tee "$cgroup/blkio.throttle.read_iops_device" >"$cgroup/blkio.throttle.write_iops_device"
		else
			rmdir "$cgroup"
			continue
		fi
		return
	done
	skip "no cgroup hierarchy that can limit block devices"
}

@test "writes held back by the limit of their cgroup: that is named, and no setting" {
	disk 8 1
	limited_cgroup 40
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho $$ >%s/cgroup.procs\nexec %s "$@"\n' "$cgroup" "$(command -v fio)" >"$BATS_TEST_TMPDIR/bin/fio"
	chmod +x "$BATS_TEST_TMPDIR/bin/fio"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	run beside 5 load --rw=randwrite --bs=4k --ioengine=psync --direct=1
	expect "*cgroup-io not-a-setting - cgroup-io-limit *" "$output"
	none
}

@test "a queue of four before a device of sixteen: nr_requests is raised, and more gets through" {
	deep=(--rw=randread --bs=4k --ioengine=libaio --iodepth=32 --direct=1 --readonly
		--thinktime=10ms --thinktime_blocks=32)
	disk 16 8
	set_queue nr_requests 4
	run beside 3 before "${deep[@]}"
	expect "*block-queue recommend /sys/block/$name/queue/nr_requests - - - $name 4 *" "$output"
	only_one
	apply
	run beside 2 after "${deep[@]}"
	none
	at_least 2 "$(result before .read.iops)" "$(result after .read.iops)"
}

@test "a device of two with a queue of thirty-two: it is saturated, and no setting helps" {
	disk 2 4
	set_queue nr_requests 32
	run beside 3 load --rw=randread --bs=4k --ioengine=libaio --iodepth=64 --direct=1 --readonly
	expect "*block-queue not-a-setting - device-saturated - - $name*" "$output"
	none
}

@test "large reads cut into small requests: max_sectors_kb is raised, and more gets through" {
	large=(--rw=read --bs=1m --ioengine=psync --direct=1 --readonly)
	disk 2 3
	set_queue max_sectors_kb 16
	run beside 2 before "${large[@]}"
	expect "*request-size recommend /sys/block/$name/queue/max_sectors_kb - - - $name 16 *" "$output"
	only_one
	apply
	run beside 2 after "${large[@]}"
	none
	at_least 4 "$(result before .read.bw)" "$(result after .read.bw)"
}

# Random readers beside write-back that fills the device's queue. (To invalidate its cache, fio would
# wait until all of that is written.)
mixed=(--rw=write --bs=1m --ioengine=psync --offset=100M
	--name=read --size=90M --offset=0 --rw=randread --bs=4k --ioengine=psync --direct=1
	--numjobs=3 --startdelay=1 --invalidate=0)
mix() { # SECONDS NAME
	sysctl -qw vm.dirty_background_bytes=$((16 << 20)) vm.dirty_bytes=$((256 << 20))
	longer=2 before=0.8 beside "$1" "$2" "${mixed[@]}"
}
read_wait() { result "$1" 'select(.jobname == "read") | .read.clat_ns.percentile["50.000000"] / 1e6'; }

@test "reads behind write-back, no scheduler: one is recommended, and reads are served first" {
	disk 4 2 100
	set_queue wbt_lat_usec 0
	set_queue nr_requests 32
	run mix 3 before
	expect "*block-queue recommend /sys/block/$name/queue/scheduler - - - $name none *" "$output"
	only_one
	apply
	run mix 3 after
	none
	at_least 3 "$(read_wait after)" "$(read_wait before)"
}

@test "reads behind write-back, throttling off beside a scheduler: wbt_lat_usec, and reads are faster" {
	disk 4 2 100
	set_queue scheduler mq-deadline
	set_queue wbt_lat_usec 0
	set_queue nr_requests 32
	run mix 3 before
	expect "*block-queue recommend /sys/block/$name/queue/wbt_lat_usec - - - $name 0 *" "$output"
	only_one
	apply
	run mix 3 after
	none
	at_least 3 "$(read_wait after)" "$(read_wait before)"
}

# bursts MEGABYTES PAUSE TIMES: seconds a burst took; more often while it is looked at
bursts() {
	/usr/bin/python3 - "$BATS_TEST_TMPDIR/files/data" "$@" <<'END'
import os, sys, time
from lasting import lasting
data, total, times, more = b"x" * (1 << 20), 0, 0, lasting(0)
while times < int(sys.argv[4]) or more():
    times += 1
    begin = time.monotonic()
    with open(sys.argv[1], "wb") as file:
        for _ in range(int(sys.argv[2])):
            file.write(data)
    total += time.monotonic() - begin
    time.sleep(max(float(sys.argv[3]) - (time.monotonic() - begin), 0))
print(total / times)
END
}
file_system() {
	mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=0,nodiscard "$device"
	mkdir "$BATS_TEST_TMPDIR/files"
	mount "$device" "$BATS_TEST_TMPDIR/files"
}
beside_bursts() { # SECONDS MEGABYTES PAUSE TIMES
	bursts "${@:2}" >"$BATS_TEST_TMPDIR/seconds" 3>&- &
	local job=$!
	sleep 0.2
	advise "$1"
	wait $job
}

@test "bursts that the device could take in the gaps: the dirty limit is raised, and they wait less" {
	disk 4 1 50
	file_system
	sysctl -qw vm.dirty_background_bytes=$((1 << 20)) vm.dirty_bytes=$((2 << 20))
	run beside_bursts 4 24 1.1 4
	before=$(cat "$BATS_TEST_TMPDIR/seconds")
	expect "*dirty-throttle recommend vm.dirty_bytes *" "$output"
	only_one
	apply
	run beside_bursts 4 24 1.1 4
	none
	at_least 3 "$(cat "$BATS_TEST_TMPDIR/seconds")" "$before"
}

@test "more is written than the device takes, for good: the device, not the limit" {
	disk 4 1 50
	file_system
	sysctl -qw vm.dirty_background_bytes=$((8 << 20)) vm.dirty_bytes=$((16 << 20))
	run beside_bursts 4 300 0 1
	expect "*dirty-throttle not-a-setting - sustained-writes - - $name*" "$output"
	none
}

# Writes for SECONDS, and calls fsync each second: MEGABYTES at once right before, or all the time in between.
# Prints the mean time of the calls in milliseconds.
syncs() { # FILE SECONDS MEGABYTES steady|burst
	/usr/bin/python3 - "$@" <<'PYTHON'
import os, sys, time
from lasting import lasting
path, seconds, megabytes, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
file = os.open(path, os.O_RDWR | os.O_CREAT)
piece, took, begin, lasts = bytes(1 << 20), [], time.monotonic(), lasting(seconds - 0.5)
while lasts():
    second = len(took)
    os.lseek(file, 0, 0)
    if how == "burst":
        time.sleep(max(0, begin + second + 1 - time.monotonic()))
    for number in range(megabytes):
        os.write(file, piece)
        if how == "steady":
            time.sleep(max(0, begin + second + (number + 1) / megabytes - time.monotonic()))
    at = time.monotonic()
    os.fsync(file)
    took.append(time.monotonic() - at)
print(int(1000 * sum(took) / len(took)))
PYTHON
}
beside_syncs() { # SECONDS FILE MEGABYTES steady|burst
	syncs "$2" "${both:-6}" "${@:3}" >"$BATS_TEST_TMPDIR/took" 3>&- &
	local job=$!
	sleep 0.2
	advise "$1"
	wait $job
}

@test "what the device could have written before is waited for in fsync: the background limit" {
	disk 4 1 60
	sysctl -qw vm.dirty_bytes=$((1 << 30)) vm.dirty_background_bytes=$((512 << 20))
	run beside_syncs 4 "$device" 15 steady
	before=$(cat "$BATS_TEST_TMPDIR/took")
	expect "*dirty-background recommend vm.dirty_background_bytes *" "$output"
	only_one
	apply
	run beside_syncs 2.5 "$device" 15 steady
	none
	at_least 2 "$(cat "$BATS_TEST_TMPDIR/took")" "$before"
}

@test "written and synced at once, again and again: nobody could have written it before" {
	disk 4 1 60
	file_system
	sysctl -qw vm.dirty_bytes=$((1 << 30)) vm.dirty_background_bytes=$((512 << 20))
	run beside_syncs 4 "$BATS_TEST_TMPDIR/files/log" 20 burst
	none
	why=$(jq -r '.rules[] | select(.rule == "dirty-background") | .why' "$BATS_TEST_TMPDIR/report.json")
	[[ $why == *"no time to write it before"* ]] || { echo "$why"; return 1; }
}
