# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams to one or several receivers, and how many of them arrive.

receive COUNT WORK SECONDS: on the ports from 9100 on, a process each, with a buffer of megabytes; rests for WORK
    seconds after each datagram.
receive-in-turn COUNT FILE SECONDS: the same, reading only when it is the readers' turn (turns.py).
send ADDRESS COUNT EACH BYTES EVERY SECONDS: every EVERY seconds EACH datagrams to each of COUNT receivers.
send-in-turn ADDRESS COUNT EACH FILE SECONDS: as fast as turns allow.

Each prints how many datagrams that were: of receivers, one line a process.
"""
import os
import socket
import sys
import time

from lasting import lasting
from turns import Turns

PORT = 9100
FORCED_BUFFER = 33  # SO_RCVBUFFORCE


def bind(port):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, FORCED_BUFFER, 64 << 20)
    receiver.bind(("0.0.0.0", port))
    return receiver


def receive_all(count, seconds, beyond, reader):
    """reader(socket) is a function that reads some, and says how many."""
    children = []
    for number in range(count - 1):
        child = os.fork()
        if not child:
            children, count = [], number + 1
            break
        children.append(child)
    read = reader(bind(PORT + count - 1))
    got, lasts = 0, lasting(seconds, beyond)
    while lasts():
        got += read()
    os.write(1, b"%d\n" % got)
    for child in children:
        os.waitpid(child, 0)


def one_by_one(work):
    def reader(receiver):
        receiver.settimeout(0.2)

        def read():
            try:
                receiver.recv(65536)
            except OSError:
                return 0
            if work:
                time.sleep(work)
            return 1

        return read

    return reader


def in_turn(path):
    def reader(receiver):
        receiver.setblocking(False)
        turns = Turns(path)
        return lambda: turns.drain(receiver)

    return reader


def burst(address, count, each, size):
    """Sends one, and says how many datagrams that were."""
    sender, datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), bytes(size)

    def send():
        for port in range(PORT, PORT + count):
            for _ in range(each):
                sender.sendto(datagram, (address, port))
        return count * each

    return send


def send(address, count, each, size, every, seconds):
    one, sent, following, lasts = burst(address, count, each, size), 0, time.monotonic(), lasting(seconds)
    while lasts():
        sent += one()
        following += every
        time.sleep(max(0, following - time.monotonic()))
    print(sent)


def send_in_turn(address, count, each, path, seconds):
    one, turns, sent, lasts = burst(address, count, each, 1000), Turns(path), 0, lasting(seconds)
    while lasts():
        turns.burst(one, 0.02)
        sent += count * each
    print(sent)


COMMANDS = {
    "receive": (lambda count, work, seconds: receive_all(count, seconds, 0.5, one_by_one(work)), int, float, float),
    "receive-in-turn": (lambda count, path, seconds: receive_all(count, seconds, 1, in_turn(path)), int, str, float),
    "send": (send, str, int, int, int, float, float),
    "send-in-turn": (send_in_turn, str, int, int, str, float),
}
command, *kinds = COMMANDS[sys.argv[1]]
command(*(kind(text) for kind, text in zip(kinds, sys.argv[2:], strict=True)))
