#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Process 1 of a guest whose root is the host's, below an overlay: makes the place fit, runs the checks that the command
# line names, and writes what they found to /dev/vda.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin HOME=/root LC_ALL=C.UTF-8
tree=$(cd "$(dirname "$0")/../.." && pwd)
word() { sed -n "s/.*\<tunescope\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo 4194304 >/proc/sys/kernel/pid_max # as systemd sets it
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null # as it is on a host
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
ip link set lo up
modprobe -q ext4 # as it is on a host: what is told of fsync() comes from there
hostname guest
ulimit -n 65536 # loads of a thousand connections
cd "$tree" || reboot -f
export results=/run/results tree
CHECK_LIMIT=$(word check_limit)
export CHECK_LIMIT
mkdir $results
uname -r >$results/kernel
IFS=, read -ra checks < <(word checks)
# The console gets them, too: should the guest never come to its end, one sees how far it came.
tests/vm/checks.sh "${checks[@]}" 2>$results/checks.err </dev/null | tee $results/checks.tap >/dev/console &
wait $!
echo $? >$results/checks.exit
dmesg >$results/dmesg
echo finished >$results/finished
tar -C $results -cf /dev/vda .
sync
busybox reboot -f
