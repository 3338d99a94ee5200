#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Requests and answers of a hundred bytes.

  serve PORT                             answers, until it is ended
  ask HOST PORT CONNECTIONS SECONDS      asks on so many connections at once; prints how often an answer took 0.15 s or more
"""
import socket
import sys
import threading
import time


def answer(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(100):
        connection.sendall(data)


def serve(port):
    with socket.create_server(("", port)) as server:
        while True:
            threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()


def ask(host, port, connections, seconds):
    end = time.monotonic() + seconds
    slow = [0] * connections

    def repeat(number):
        with socket.create_connection((host, port)) as connection:
            while time.monotonic() < end:
                asked = time.monotonic()
                connection.sendall(bytes(100))
                left = 100
                while left:
                    got = len(connection.recv(left))
                    if not got:
                        return
                    left -= got
                slow[number] += time.monotonic() - asked >= 0.15

    threads = [threading.Thread(target=repeat, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(slow))


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], *map(int, sys.argv[3:6]))
