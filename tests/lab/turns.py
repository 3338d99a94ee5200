# SPDX-License-Identifier: GPL-2.0-only
"""Bursts that arrive while nobody reads, whatever else the host does: a file's lock says whose turn it is."""
import fcntl
import time
from contextlib import contextmanager


class Turns:
    def __init__(self, path):
        self.file = open(path, "a")

    @contextmanager
    def _lock(self, how):
        fcntl.flock(self.file, how)
        try:
            yield
        finally:
            fcntl.flock(self.file, fcntl.LOCK_UN)

    def burst(self, send, rest):
        """Sends when no reader is in the middle of something; none begins until rest seconds later. Then it is
        the readers' turn for three times as long: however slow the host, mostly nothing waits."""
        with self._lock(fcntl.LOCK_EX):
            began = time.monotonic()
            send()
            time.sleep(rest)
        time.sleep(3 * (time.monotonic() - began))

    def drain(self, socket):
        """Reads what waits, in the readers' turn; how many messages that were."""
        got = 0
        with self._lock(fcntl.LOCK_SH):
            try:
                while True:
                    socket.recv(65536)
                    got += 1
            except BlockingIOError:
                pass
        time.sleep(0.002)
        return got
