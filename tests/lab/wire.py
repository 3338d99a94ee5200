#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A wire with delay between two network namespaces: wire.py NAMESPACE NAMESPACE DELAY_MS SECONDS
Each end is a tun device named wire. Prints "up" when both are there."""
import ctypes
import fcntl
import heapq
import os
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000


def tun_in(namespace):
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + namespace, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(there, CLONE_NEWNET):
        sys.exit(os.strerror(ctypes.get_errno()))
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN_NO_PI))
    if libc.setns(here, CLONE_NEWNET):
        sys.exit(os.strerror(ctypes.get_errno()))
    os.close(here)
    os.close(there)
    return end


def main():
    ends = [tun_in(sys.argv[1]), tun_in(sys.argv[2])]
    delay, until = float(sys.argv[3]) / 1e3, time.monotonic() + float(sys.argv[4])
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    queue, serial = [], 0
    print("up", flush=True)
    while time.monotonic() < until:
        wait = min(queue[0][0] - time.monotonic(), 0.1) if queue else 0.1
        for end in select.select(ends, [], [], max(wait, 0))[0]:
            for _ in range(64):
                try:
                    packet = os.read(end, 65536)
                except OSError:  # nothing more, or not up yet
                    break
                serial += 1
                heapq.heappush(queue, (time.monotonic() + delay, serial, other[end], packet))
        while queue and queue[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(queue)
            try:
                os.write(end, packet)
            except OSError:  # as on a wire: what does not fit is lost
                pass


main()
