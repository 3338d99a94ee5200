#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Touches one byte in every 2 MiB of so many MiB, again and again for some seconds; prints the most MiB that took."""
import mmap
import sys
import time

from lasting import lasting

size, lasts = int(sys.argv[1]) << 20, lasting(float(sys.argv[2]))


def resident():
    pages = open("/proc/self/statm").read().split()
    return (int(pages[1]) - int(pages[2])) * mmap.PAGESIZE >> 20


most = 0
while lasts():
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(100, size, 2 << 20):
        memory[at] = 1
    most = max(most, resident())
    time.sleep(0.2)
    memory.close()
print(most)
