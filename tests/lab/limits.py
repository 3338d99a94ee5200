#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Asks for N of something, says how many there were and what the last call said, and ends.

limits.py files|mappings|tasks|watches N [DESCRIPTORS|BYTES|TASKS|WATCHES]"""
import ctypes
import errno
import mmap
import os
import resource
import signal
import sys
import time

what, wanted = sys.argv[1], int(sys.argv[2])
own = int(sys.argv[3]) if len(sys.argv) > 3 else 0
NOBODY = 65534


def files():
    limit = own or wanted + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.setuid(NOBODY)
    while True:
        yield os.open("/dev/null", os.O_RDONLY)


def mappings():
    kept = []
    if own:
        resource.setrlimit(resource.RLIMIT_AS, (own, own))
    try:
        while True:  # neighbours that differ are not put together
            protection = mmap.PROT_READ | (mmap.PROT_WRITE if len(kept) % 2 else 0)
            kept.append(mmap.mmap(-1, own // 200 or 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, protection))
            yield kept
    finally:
        time.sleep(0.3 if own else 0)  # a program that goes on with what it got


def watches():
    """Of inotify; own: in a user namespace that allows so many."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_user_namespace = 0x10000000
    if own and libc.unshare(new_user_namespace):
        raise OSError(ctypes.get_errno(), "unshare")
    if own:
        with open("/proc/sys/user/max_inotify_watches", "w", encoding="ascii") as file:
            file.write(str(own))
    instance = libc.inotify_init1(os.O_CLOEXEC)
    for directory, _, names in os.walk(os.path.dirname(os.__file__)):
        for name in names:
            path = os.path.join(directory, name).encode()
            if libc.inotify_add_watch(instance, path, 2) < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch")
            yield path


def tasks():
    if own:
        resource.setrlimit(resource.RLIMIT_NPROC, (own, own))
    os.setuid(NOBODY)
    children = []
    try:
        while True:
            child = os.fork()
            if not child:
                signal.pause()
            children.append(child)
            yield child
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


made, said = 0, "-"
one = {"files": files, "mappings": mappings, "tasks": tasks, "watches": watches}[what]()
try:
    while made < wanted:
        next(one)
        made += 1
except OSError as error:
    said = errno.errorcode[error.errno]
one.close()
print(made, said)
