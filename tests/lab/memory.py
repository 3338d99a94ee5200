#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads a file again and again, for some seconds; prints megabytes per second."""
import os
import sys
import time

from lasting import lasting

path, lasts = sys.argv[1], lasting(float(sys.argv[2]))
begin, count = time.monotonic(), 0
while lasts():
    file = os.open(path, os.O_RDONLY)
    while lasts():
        length = len(os.read(file, 1 << 16))
        if not length:
            break
        count += length
    os.close(file)
print(int(count / 1e6 / (time.monotonic() - begin)))
