# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- devices with real queues: which part of the time is the queue's and which the device's

# A device that takes a fixed time for each of a few requests at once; the others wait in front of it.
check_null_blk() {
	local device p50 requests
	# One hardware queue: with two that are this short, 5.10 forgets to start one again and waits for ever.
	modprobe null_blk nr_devices=1 queue_mode=2 irqmode=2 completion_nsec=20000000 submit_queues=1 hw_queue_depth=4 gb=1 ||
		complain "no null_blk"
	echo mq-deadline >/sys/block/nullb0/queue/scheduler
	echo 64 >/sys/block/nullb0/queue/nr_requests
	sleep 1 # the kernel looks for partitions
	requests=$(of_disk nullb0)
	observe
	device=$(disk_load nullb0 200 32 | jq '.jobs[0].read.lat_ns.mean * 1.1 / 1e9')
	observed
	requests=$(($(of_disk nullb0) - requests))
	rmmod null_blk
	expect "requests, some of 200 merged" $requests '>' 150
	expect "requests, with /proc/diskstats" "$(counted block_latency '{"device":"nullb0"}')" == "$requests"
	p50=$(counted block_device_latency '{"device":"nullb0","op":"read"}' p50)
	expect "the device's part, of 20 ms" "$p50" '>' 0.018
	expect "the device's part, of 20 ms" "$p50" '<' 0.040
	expect "the queue's part, of 32 before 8" "$(counted block_queue_latency '{"device":"nullb0","op":"read"}' p50)" '>' 0.020
	expect "all of it, at most what fio saw" "$(counted block_latency '{"device":"nullb0","op":"read"}' p50)" '<' "$device"
}
check_scsi_debug() {
	local disk requests
	modprobe -a sd_mod && modprobe scsi_debug ndelay=10000000 dev_size_mb=64 max_queue=8 submit_queues=2 || { complain "no scsi_debug"; return; }
	for _ in {1..50}; do
		disk=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*:*/block/* 2>/dev/null)
		[ -z "$disk" ] || break
		sleep 0.2
	done
	disk=${disk##*/}
	[ -n "$disk" ] || { complain "scsi_debug made no disk" "$(find /sys/class/block | tr "\n" " ")"; return; }
	sleep 2
	requests=$(of_disk "$disk")
	observe
	disk_load "$disk" 200 4 >/dev/null
	observed
	requests=$(($(of_disk "$disk") - requests))
	rmmod scsi_debug || :
	expect "requests, with /proc/diskstats" "$(counted block_latency "{\"device\":\"$disk\"}")" == $requests
	expect "the device's part, of 10 ms" "$(counted block_device_latency "{\"device\":\"$disk\",\"op\":\"read\"}" p50)" '>' 0.009
	expect "the device's part, of 10 ms" "$(counted block_device_latency "{\"device\":\"$disk\",\"op\":\"read\"}" p50)" '<' 0.030
}
# A delay above the device is neither its queue's nor its own.
check_dm_delay() {
	modprobe dm_delay || { complain "no dm-delay"; return; }
	command -v dmsetup >/dev/null || { complain "no dmsetup"; return; }
	dmsetup create --noudevsync slow --table "0 65536 delay /dev/vdb 0 20"
	dmsetup mknodes
	observe
	disk_load mapper/slow 100 4 >/dev/null
	observed
	dmsetup remove --noudevsync slow
	expect "requests to vdb" "$(counted block_latency '{"device":"vdb"}')" '>=' 100
	expect "the device's part, without the 20 ms" "$(counted block_device_latency '{"device":"vdb","op":"read"}' p50)" '<' 0.015
	expect "the queue's part, without the 20 ms" "$(counted block_queue_latency '{"device":"vdb","op":"read"}' p50)" '<' 0.015
}

# ---- what a queue's length does, and does not

# One request at a time, then many at once for so much longer that the queue is full on average; prints how many of the
# latter were served in a second.
few_and_many() { # device
	fio --name=few --filename="/dev/$1" --rw=randread --bs=4k --iodepth=1 --ioengine=libaio --direct=1 --size=32m \
		--runtime=2 --time_based >/dev/null 2>&1
	fio --name=many --filename="/dev/$1" --rw=randread --bs=4k --iodepth=48 --ioengine=libaio --direct=1 --size=32m \
		--runtime=10 --time_based --output-format=json 2>/dev/null | jq '.jobs[0].read.iops | floor'
}
# A device that serves 64 at once as fast as one, behind a queue of 4.
check_nr_requests() {
	local before after
	modprobe null_blk nr_devices=1 queue_mode=2 irqmode=2 completion_nsec=50000000 submit_queues=1 hw_queue_depth=64 gb=1 ||
		{ complain "no null_blk"; return; }
	sleep 1
	echo none >/sys/block/nullb0/queue/scheduler
	echo 4 >/sys/block/nullb0/queue/nr_requests
	observe
	before=$(few_and_many nullb0)
	observed
	[ -n "$(recommended block-queue nullb0/queue/nr_requests proposed)" ] || complain "not recommended: $(said_of block-queue)"
	bash -c "$(recommended block-queue nullb0/queue/nr_requests apply)" >/dev/null
	observe
	after=$(few_and_many nullb0)
	observed
	rmmod null_blk
	expect "requests a second, with $before before" "$after" '>' "$((before * 2))"
	[ -z "$(recommended block-queue nr_requests proposed)" ] || complain "recommended again: $(said_of block-queue)"
}
# The same load and queue on a device that serves 100 a second, however many wait: a longer queue is no help.
check_saturated_device() {
	modprobe null_blk nr_devices=1 queue_mode=2 irqmode=2 completion_nsec=10000000 submit_queues=1 hw_queue_depth=1 gb=1 ||
		{ complain "no null_blk"; return; }
	sleep 1
	echo mq-deadline >/sys/block/nullb0/queue/scheduler
	echo 4 >/sys/block/nullb0/queue/nr_requests
	observe
	few_and_many nullb0 >/dev/null
	observed
	rmmod null_blk
	[ -z "$(recommended block-queue nr_requests proposed)" ] || complain "recommended: $(said_of block-queue)"
}
