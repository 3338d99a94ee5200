#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Clients of the exporter, good and bad. What was seen is printed as words and numbers.

  port                      a port that is free on the loopback address
  crowd PORT COUNT          COUNT scrapes at once: how they ended, snapshots taken, seconds
  besieged PORT COUNT SECONDS
                            COUNT clients that send nothing, or a byte a second, or do not read;
                            meanwhile a scrape every half second: how these ended
  cut-off PORT SECONDS      a client that sends a byte a second: is it cut off by then?
  pipelined PORT            three requests on one connection
  waiting PORT COUNT        listens on PORT, leaves COUNT connections unaccepted for a second, ends
"""
import collections
import http.client
import re
import socket
import sys
import threading
import time


def scrape(port, path="/metrics", timeout=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except OSError as problem:
        return type(problem).__name__, ""
    finally:
        connection.close()


def sample(text, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(found.group(1))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        print(s.getsockname()[1])


def crowd(port, count):
    ready = threading.Barrier(count + 1)
    results = []

    def one():
        ready.wait()
        results.append(scrape(port))

    before = sample(scrape(port)[1], "tunescope_snapshots_total")
    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    start = time.monotonic()
    ready.wait()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    whole = sum(status == 200 and "tunescope_snapshot_seconds " in text for status, text in results)
    after = max(sample(text, "tunescope_snapshots_total") for status, text in results if status == 200)
    print(f"statuses={dict(collections.Counter(status for status, _ in results))}", f"whole={whole}",
          f"snapshots={after - before:.0f}", f"seconds={seconds:.2f}")


def stuck_client(port, kind):
    s = socket.socket()
    s.settimeout(5)
    if kind == 2:  # asks again and again and reads nothing
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", port))
    if kind == 1:
        s.send(b"GET /metrics HTT")
    if kind == 2:
        s.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    return s


def besieged(port, count, seconds):
    stuck = []
    for i in range(count):
        try:
            stuck.append((i % 3, stuck_client(port, i % 3)))
        except OSError:
            pass
    statuses = collections.Counter()
    slowest = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        statuses[scrape(port, timeout=5)[0]] += 1
        slowest = max(slowest, time.monotonic() - start)
        for kind, s in stuck:
            try:
                if kind == 1:
                    s.send(b"P")
            except OSError:
                pass
        time.sleep(max(0, 0.5 - (time.monotonic() - start)))
    print(f"statuses={dict(statuses)}", f"stuck={len(stuck)}", f"slowest={slowest:.2f}")


def cut_off(port, seconds):
    s = socket.socket()
    s.connect(("127.0.0.1", port))
    start = time.monotonic()
    try:
        while time.monotonic() - start < seconds:
            s.send(b"G")
            time.sleep(1)
        print("still there")
    except OSError:
        print("cut off")


def pipelined(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    seen = []
    for path in ("/healthz", "/metrics", "/nothing", "/healthz"):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        seen.append(response.status)
    print(seen)


def waiting(port, count):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen(2 * count)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        time.sleep(1)
        for client in clients:
            client.close()


if __name__ == "__main__":
    commands = {"port": free_port, "crowd": crowd, "besieged": besieged, "cut-off": cut_off,
                "pipelined": pipelined, "waiting": waiting}
    commands[sys.argv[1]](*(int(argument) for argument in sys.argv[2:]))
