#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus evaluates the alert rules over the real exporter, while one service is slow, one resets its
connections and one is fine.

  alert_rules.py TUNESCOPE PROFILE DIRECTORY     prints "alert port" for each alert that fires, and "value port number"

Needs root. PROFILE is to raise its alerts within seconds. Everything it starts ends with it.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

NAMESPACE = "alertstest"
SLOW, RESETTING, FINE = 9101, 9102, 9103
started = []


def start(*command, **how):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **how)
    started.append(process)
    return process


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answer(connection, port):
    with connection:
        connection.recv(1000)
        if port == SLOW:
            time.sleep(0.7)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        if port == RESETTING:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def serve(port):
    with socket.create_server(("127.0.0.1", port), backlog=256) as listener:
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0], port), daemon=True).start()


def ask(port):
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while connection.recv(1000):
                    pass
        except OSError:
            pass
        time.sleep(0.2)


def load():
    """Runs in the namespace: three services and their clients."""
    for port in (SLOW, RESETTING, FINE):
        threading.Thread(target=serve, args=(port,), daemon=True).start()
    time.sleep(0.3)
    for port in (SLOW, RESETTING, FINE):
        for _ in range(12):
            threading.Thread(target=ask, args=(port,), daemon=True).start()
    signal.pause()


def query(url, expression):
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}", timeout=5) as reply:
        return json.load(reply)["data"]["result"]


def rule_expressions(url):
    with urllib.request.urlopen(f"{url}/api/v1/rules", timeout=5) as reply:
        groups = json.load(reply)["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def firing(url):
    inode = os.stat(f"/run/netns/{NAMESPACE}").st_ino
    return sorted((row["metric"]["alertname"], row["metric"]["port"]) for row in
                  query(url, f'ALERTS{{alertstate="firing",netns="{inode}"}}') if "port" in row["metric"])


def watch(tunescope, profile, directory):
    rules, config = f"{directory}/rules.yml", f"{directory}/prometheus.yml"
    target, url = f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    with open(rules, "w") as f:
        subprocess.run([tunescope, "export", "--alert-rules", profile], check=True, stdout=f)
    with open(config, "w") as f:
        json.dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                   "rule_files": [rules],
                   "scrape_configs": [{"job_name": "tunescope", "static_configs": [{"targets": [target]}]}]}, f)
    start(tunescope, "export", "--listen", target)
    with open(f"{directory}/prometheus.log", "w") as log:
        start("prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
              f"--web.listen-address={url[7:]}", stderr=log)
    start("ip", "netns", "exec", NAMESPACE, sys.executable, __file__, "load")
    end, seen = time.time() + 60, []
    while time.time() < end and not {"HighResponseTime", "HighErrorRate"} <= {name for name, _ in seen}:
        time.sleep(0.5)
        try:
            seen = firing(url)
        except OSError:
            pass
    for name, port in seen:
        print(name, port)
    inode = os.stat(f"/run/netns/{NAMESPACE}").st_ino
    for rule in rule_expressions(url):
        print("health", rule["name"], rule["health"], rule.get("lastError", ""))
        if rule["name"] in ("HighResponseTime", "HighErrorRate"):
            # Without the comparison: what each service's value is.
            expression = rule["query"].split(" > ")[0]
            for row in query(url, expression):
                if row["metric"].get("netns") == str(inode):
                    print("value", rule["name"], row["metric"]["port"], row["value"][1])


def clean_up():
    for process in reversed(started):
        process.terminate()
    for process in started:
        process.wait()
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, capture_output=True)


if __name__ == "__main__":
    if sys.argv[1] == "load":
        load()
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        watch(*sys.argv[1:4])
    finally:
        clean_up()
