#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Takes memory in bursts while the page cache is full; prints in how many of them somebody had to free memory himself.

bursts.py DEVICE BURSTS MEGABYTES PROCESSES FIRST_MEGABYTE
-> bursts with direct reclaim, direct reclaims in all of them, and megabytes read

Each burst is taken by all processes at once, more of them than there are CPUs: kswapd gets its part of the CPU, and no
more, however fast the host is. Before each the cache is filled up again, and kswapd has ended its work."""
import mmap
import os
import sys
import time

device = sys.argv[1]
bursts, megabytes, processes, first = (int(word) for word in sys.argv[2:])
CHUNK, MEGABYTE = 1 << 17, 1 << 20
file = os.open(device, os.O_RDONLY)
position = first * MEGABYTE


def events(name):
    """Those of /proc/vmstat whose name begins so."""
    with open("/proc/vmstat") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(name))


def read(size):
    """Always something new: nothing that was dropped from the cache is read again."""
    global position
    position += len(os.pread(file, size, position))


def settle():
    """Reads until kswapd has to free something, and waits until it has done so."""
    before = events("pgsteal_kswapd")
    while events("pgsteal_kswapd") == before:
        read(CHUNK)
    quiet = 0
    while quiet < 5:
        freed = events("pgsteal_kswapd")
        time.sleep(0.05)
        quiet = quiet + 1 if events("pgsteal_kswapd") == freed else 0


def burst():
    """How many direct reclaims it took."""
    go, done, over = os.pipe(), os.pipe(), os.pipe()
    for _ in range(processes):
        if not os.fork():
            os.close(go[1])
            os.close(over[1])
            os.read(go[0], 1)
            memory = mmap.mmap(-1, megabytes * MEGABYTE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
            os.write(done[1], b"x")
            os.read(over[0], 1)
            memory.close()
            os._exit(0)
    settle()
    before = events("allocstall")
    os.close(go[1])
    for _ in range(processes):
        os.read(done[0], 1)
    took = events("allocstall") - before
    os.close(over[1])
    for _ in range(processes):
        os.wait()
    for end in (go[0], over[0], *done):
        os.close(end)
    return took


settle()
took = [burst() for _ in range(bursts)]
print(sum(stalls > 0 for stalls in took), sum(took), (position >> 20) - first)
