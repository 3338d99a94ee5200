#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What is checked in a guest that has nothing but the binary: it runs, and says what it finds.
mkdir -p /sys/fs/cgroup /results
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
cd /results || reboot -f
tunescope doctor >doctor.txt 2>doctor.err
echo $? >doctor.exit
tunescope doctor --json >doctor.json 2>>doctor.err
(i=0; while [ $i -lt 400 ]; do dd if=/dev/vda of=/dev/null bs=4k count=50 iflag=direct; i=$((i + 1)); done >/dev/null 2>&1) &
tunescope advise -d 5 --json >advise.json 2>advise.err
echo $? >advise.exit
uname -r >kernel
if [ "$(cat doctor.exit)" -le 1 ] && [ "$(cat advise.exit)" = 0 ]; then echo 'ok 1 - bare'; else echo 'not ok 1 - bare'; fi >checks.tap
cat doctor.err advise.err | sed 's/^/# /' >>checks.tap
mkdir -p reports/bare
cp advise.json reports/bare/report.json
echo finished >finished
dmesg >dmesg
tar cf /dev/vda .
sync
reboot -f
