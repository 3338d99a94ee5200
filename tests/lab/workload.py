#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Load for the end-to-end tests. Every sub-command is bounded in time (lasting.py) and prints what it saw.

  acceptor PORT BACKLOG STALL_MS EVERY_MS SECONDS   accepts, answers one byte, closes; stalls regularly
  bursts HOST PORT COUNT EVERY_MS BURSTS            opens COUNT connections at once, BURSTS times
  sink PORT SECONDS [RCVBUF [READ_BYTES_PER_S]]     reads whatever it is sent
  source HOST PORT SECONDS                          sends as fast as it can
  churn HOST PORT SECONDS [RATE]                    connects and closes; counts EADDRNOTAVAIL
  hold HOST PORT COUNT SECONDS                      opens connections and keeps them
"""
import errno
import select
import socket
import sys
import threading
import time

from lasting import lasting


def listen(port, backlog, rcvbuf=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.bind(("0.0.0.0", port))
    s.listen(backlog)
    return s


def acceptor(port, backlog, stall_ms, every_ms, seconds):
    s = listen(port, backlog)
    s.setblocking(False)
    lasts = lasting(seconds, 2)
    last = time.monotonic()
    accepted = 0
    while lasts():
        if stall_ms and (time.monotonic() - last) * 1e3 >= every_ms:
            time.sleep(stall_ms / 1e3)
            last = time.monotonic()
        if not select.select([s], [], [], 0.005)[0]:
            continue
        try:
            c, _ = s.accept()
        except OSError:
            continue
        accepted += 1
        try:
            c.send(b"A")
        except OSError:
            pass
        c.close()
    print(f"accepted={accepted}")


def bursts(host, port, count, every_ms, number):
    waiting, reset, i = [], 0, 0
    start = time.monotonic()
    lasts = lasting((number - 0.5) * every_ms / 1e3)
    while lasts():
        for _ in range(count):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((host, port))
            waiting.append(s)
        i += 1
        pause = start + i * every_ms / 1e3 - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        # Those answered so far are done: keep the number of descriptors low.
        ready = select.select([s for s in waiting if s.fileno() < 1024], [], [], 0)[0]
        for s in ready:
            waiting.remove(s)
            try:
                s.recv(1)
            except (ConnectionResetError, ConnectionRefusedError):
                reset += 1
            s.close()
    print(f"unanswered={len(waiting)} reset={reset}")


def sink(port, seconds, rcvbuf=0, rate=0):
    s = listen(port, 1024, rcvbuf)
    s.settimeout(0.2)
    lasts = lasting(seconds, 1)

    def serve(c):
        got = 0
        start = time.monotonic()
        while lasts():
            try:
                data = c.recv(16384 if rate else 1 << 18)
            except ConnectionResetError:
                break
            if not data:
                break
            got += len(data)
            if rate:
                time.sleep(max(0.0, got / rate - (time.monotonic() - start)))
        print(f"received={got}", flush=True)

    while lasts():
        try:
            c, _ = s.accept()
        except OSError:
            continue
        threading.Thread(target=serve, args=(c,), daemon=True).start()


def source(host, port, seconds):
    s = socket.create_connection((host, port))
    lasts = lasting(seconds)
    data = bytes(1 << 17)
    sent = 0
    s.settimeout(0.5)
    while lasts():
        try:
            sent += s.send(data)
        except socket.timeout:
            continue
    print(f"sent={sent}")


def churn(host, port, seconds, rate=0):
    start = time.monotonic()
    lasts = lasting(seconds)
    connected = refused = 0
    while lasts():
        if rate:
            time.sleep(max(0.0, start + (connected + refused) / rate - time.monotonic()))
        s = socket.socket()
        code = s.connect_ex((host, port))
        if code == 0:
            connected += 1
        elif code == errno.EADDRNOTAVAIL:
            refused += 1
            time.sleep(0.002)
        s.close()
    print(f"connected={connected} no_local_port={refused}")


def hold(host, port, count, seconds):
    kept = []
    for _ in range(count):
        s = socket.socket()
        if s.connect_ex((host, port)) == 0:
            kept.append(s)
    print(f"held={len(kept)}", flush=True)
    time.sleep(seconds)


def main():
    commands = {f.__name__: f for f in (acceptor, bursts, sink, source, churn, hold)}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    arguments = [int(a) if a.isdigit() else a for a in sys.argv[2:]]
    try:
        commands[sys.argv[1]](*arguments)
    except (ConnectionError, TimeoutError) as error:
        print(f"ended={error}")


main()
