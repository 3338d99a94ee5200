#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Takes memory in bursts while a device is read into the page cache; prints how long a burst took.

bursts.py DEVICE SECONDS BURST_MEGABYTES PROCESSES READ_MEGABYTES_PER_SECOND FIRST_MEGABYTE
-> median and longest burst in ms, and megabytes read"""
import mmap
import os
import sys
import threading
import time

device, seconds = sys.argv[1], float(sys.argv[2])
burst, processes, rate, first = (int(word) for word in sys.argv[3:])
MEGABYTE = 1 << 20
read = 0
file = os.open(device, os.O_RDONLY)
mapped = mmap.mmap(file, os.lseek(file, 0, os.SEEK_END), mmap.MAP_SHARED, mmap.PROT_READ)


def reader():
    """Always something new: nothing that was dropped from the cache is read again. Mapped, it takes longer to drop."""
    global read
    begin = time.monotonic()
    while time.monotonic() < end:
        for at in range(0, MEGABYTE, 65536):  # a fault maps what is around it
            mapped[(first + read) * MEGABYTE + at]
        read += 1
        time.sleep(max(begin + read / rate - time.monotonic(), 0))


# The cache is full before the first burst: as much as there is memory has gone through it.
while read < int(open("/proc/meminfo").read().split()[1]) >> 10:
    os.pread(file, MEGABYTE, (first + read) * MEGABYTE)
    read += 1
first, read = first + read, 0
end = time.monotonic() + seconds
threading.Thread(target=reader, daemon=True).start()
took = []
for _ in range(processes - 1):
    if not os.fork():
        read = None
        break
while time.monotonic() < end:
    begin = time.monotonic()
    memory = mmap.mmap(-1, burst * MEGABYTE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
    took.append(1e3 * (time.monotonic() - begin))
    memory.close()
    time.sleep(0.7)
took.sort()
if read is None:
    os._exit(0)
print(round(took[len(took) // 2]), round(took[-1]), read)
