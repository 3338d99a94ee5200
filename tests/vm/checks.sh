#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
echo "1..1"
tunescope=$tree/build/tunescope
timeout 60 $tunescope doctor >$results/doctor.txt 2>$results/doctor.err
timeout 60 $tunescope doctor --json --verbose >$results/doctor.json 2>$results/doctor.log
timeout 60 $tunescope advise -d 5 --json >$results/advise.json 2>$results/advise.err
