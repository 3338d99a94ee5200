#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A file that is as slow as told, for a loop device on it (--direct-io=on):

    disk.py DIRECTORY MEGABYTES CHANNELS MILLISECONDS [MEGABYTES_A_SECOND]

mounts a FUSE file system with one file, "disk", on DIRECTORY. CHANNELS requests are served at the
same time; each takes MILLISECONDS, and longer when the device has no rate left. It ends when it is
unmounted.
"""
import ctypes
import mmap
import os
import signal
import struct
import sys
import threading
import time

directory, megabytes, channels, milliseconds = sys.argv[1], *map(float, sys.argv[2:5])
rate = float(sys.argv[5]) * 1e6 if len(sys.argv) > 5 else 0

SIZE = int(megabytes) << 20
CHUNK = 1 << 20
HEADER = struct.Struct("<IIQQIIIHH")  # fuse_in_header
ENTRY = struct.Struct("<QQQQII")  # fuse_entry_out before its attributes
LOOKUP, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE = 1, 3, 4, 14, 15, 16, 17, 18
FSYNC, FLUSH, INIT, OPENDIR, RELEASEDIR, FSYNCDIR, ACCESS, DESTROY = 20, 25, 26, 27, 29, 30, 34, 38
SILENT = (2, 42, 36)  # forget, forget many, interrupt
DONE = (RELEASE, FSYNC, FLUSH, RELEASEDIR, FSYNCDIR, ACCESS, 43)  # 43: fallocate
NO_SUCH_FILE, NO_SUCH_CALL = -2, -38
CACHE_SECONDS = 3600

store = mmap.mmap(-1, SIZE)
lock = threading.Lock()
rate_free = 0.0


def serve(length):
    """Returns when the device is through with a request of that length."""
    global rate_free
    end = time.monotonic() + milliseconds / 1000
    if rate:
        with lock:
            rate_free = max(rate_free, time.monotonic()) + length / rate
            end = max(end, rate_free)
    time.sleep(max(end - time.monotonic(), 0))


def attributes(node):
    """struct fuse_attr of the directory (1) or the file (2)"""
    size, mode = (4096, 0o40755) if node == 1 else (SIZE, 0o100600)
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(call, node, body):
    """Error and data of a reply."""
    if call == INIT:
        flags = struct.unpack_from("<I", body, 12)[0] & (1 << 0 | 1 << 5 | 1 << 15 | 1 << 22)
        return 0, struct.pack("<IIIIHHIIHH28x", 7, 31, CHUNK, flags, 1024, 1000, CHUNK, 1, CHUNK // 4096, 0)
    if call == LOOKUP:
        if body.rstrip(b"\0") != b"disk":
            return NO_SUCH_FILE, b""
        return 0, ENTRY.pack(2, 0, CACHE_SECONDS, CACHE_SECONDS, 0, 0) + attributes(2)
    if call in (GETATTR, SETATTR):
        return 0, struct.pack("<QII", CACHE_SECONDS, 0, 0) + attributes(node)
    if call in (OPEN, OPENDIR):
        # Direct I/O, and writes in parallel.
        return 0, struct.pack("<QII", 1, (1 | 1 << 6) if call == OPEN else 0, 0)
    if call == READ:
        offset, length = struct.unpack_from("<QI", body, 8)
        serve(length)
        return 0, store[offset:min(offset + length, SIZE)]
    if call == WRITE:
        offset, length = struct.unpack_from("<QI", body, 8)
        serve(length)
        store[offset:offset + length] = body[40:40 + length]
        return 0, struct.pack("<II", length, 0)
    if call == STATFS:
        return 0, struct.pack("<QQQQQIIII24x", SIZE // 4096, 0, 0, 0, 0, 4096, 255, 4096, 0)
    return (0, b"") if call in DONE else (NO_SUCH_CALL, b"")


def work(fuse):
    while True:
        try:
            request = os.read(fuse, CHUNK + 65536)
        except OSError as error:
            if error.errno in (2, 4, 11):
                continue
            os._exit(0)  # unmounted
        _, call, unique, node, *_ = HEADER.unpack_from(request)
        if call in SILENT:
            continue
        error, data = answer(call, node, memoryview(request)[HEADER.size:].tobytes())
        try:
            os.writev(fuse, [struct.pack("<IiQ", 16 + len(data), error, unique), data])
        except OSError as failure:
            if failure.errno != 2:
                raise
        if call == DESTROY:
            os._exit(0)


def main():
    c = ctypes.CDLL(None, use_errno=True)
    fuse = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
    if c.mount(b"disk", directory.encode(), b"fuse.disk", 0, options.encode()):
        sys.exit(f"disk.py: cannot mount {directory}: {os.strerror(ctypes.get_errno())}")
    # It serves write-back: what it allocates must not wait for that.
    c.prctl(57, 1, 0, 0, 0)
    for _ in range(int(channels)):
        threading.Thread(target=work, args=(fuse,), daemon=True).start()
    while True:
        signal.pause()


main()
