#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus scrapes the exporter each second under a real load; what PromQL says is held
against independent counts and against `tunescope advise` over the same seconds.

  export_prometheus.py TUNESCOPE DIRECTORY     prints the comparisons, one a line: what, PromQL, other

Needs root. Everything it starts ends with it; DIRECTORY takes the time series.
"""
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

NAMESPACE = "exporttest"
SECONDS = 20  # observed by all of them
HERE = os.path.dirname(os.path.abspath(__file__))
WORKLOAD = os.path.join(HERE, "..", "lab", "workload.py")
started = []


def start(*command, **how):
    process = subprocess.Popen(command, stdout=how.pop("stdout", subprocess.DEVNULL), **how)
    started.append(process)
    return process


def in_namespace(*command):
    return ("ip", "netns", "exec", NAMESPACE) + command


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Prometheus:
    def __init__(self, directory, target):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w") as f:
            json.dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                       "scrape_configs": [{"job_name": "tunescope",
                                           "static_configs": [{"targets": [target]}]}]}, f)
        with open(os.path.join(directory, "prometheus.log"), "w") as log:
            start("prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
                  f"--web.listen-address={self.url[7:]}", stderr=log)

    def query(self, expression, at=None):
        """{label values: number}"""
        form = {"query": expression, **({"time": str(at)} if at else {})}
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{urllib.parse.urlencode(form)}", timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
        return {tuple(sorted(row["metric"].items())): float(row["value"][1]) for row in result}

    def number(self, expression, at=None):
        values = list(self.query(expression, at).values())
        if len(values) != 1:
            raise SystemExit(f"{expression}: {len(values)} values")
        return values[0]

    def wait_until_up(self):
        for _ in range(100):
            try:
                if self.query("up") and self.number("up") == 1:
                    return
            except (OSError, SystemExit):
                pass
            time.sleep(0.2)
        raise SystemExit("the target did not come up")


def context_switches():
    with open("/proc/stat") as f:
        return int(next(line for line in f if line.startswith("ctxt")).split()[1])


def nstat(name):
    for line in run(*in_namespace("nstat", "-asz", name)).splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise SystemExit(f"nstat: no {name}")


def load():
    """Tasks that pass a byte around, and a listener that overflows."""
    for _ in range(2):
        start(sys.executable, "-c", """
import os
a, b = os.pipe(), os.pipe()
other = os.fork()
while True:
    if other:
        os.write(a[1], b"x"); os.read(b[0], 1)
    else:
        os.read(a[0], 1); os.write(b[1], b"x")
""", start_new_session=True)
    start(*in_namespace("sysctl", "-qw", "net.core.somaxconn=16")).wait()
    start(*in_namespace(sys.executable, WORKLOAD, "acceptor", "9000", "4096", "150", "500", "45"),
          start_new_session=True)
    time.sleep(0.5)
    start(*in_namespace(sys.executable, WORKLOAD, "bursts", "127.0.0.1", "9000", "60", "500", "80"),
          start_new_session=True)


def compare_quantiles(prometheus, report, at):
    families = {family["name"]: family for family in report["families"]}
    for family in ("runq_latency", "oncpu_time"):
        for percent in (50, 99):
            query = (f"histogram_quantile({percent / 100}, "
                     f"rate(tunescope_{family}_seconds_bucket[{SECONDS}s]))")
            print(f"quantile {family} {percent}", prometheus.number(query, at),
                  families[family]["series"][0][f"p{percent}"])


def compare(tunescope, directory):
    address = f"127.0.0.1:{free_port()}"
    start(tunescope, "export", "--listen", address, "--window", "10s")
    prometheus = Prometheus(directory, address)
    load()
    prometheus.wait_until_up()
    time.sleep(3)
    names = ("TcpExtListenOverflows", "TcpPassiveOpens")
    advise = start(tunescope, "advise", "-d", f"{SECONDS}s", "--json", stdout=subprocess.PIPE)
    switches, before = context_switches(), {name: nstat(name) for name in names}
    begin = time.time()
    report = json.loads(advise.communicate()[0])
    switches, end = context_switches() - switches, time.time()
    after = {name: nstat(name) - before[name] for name in names}
    time.sleep(1.5)
    span = f"{math.floor(end - begin)}s"
    print("up", prometheus.number(f"min_over_time(up[{span}])", end), 1)
    print("rate context_switches",
          prometheus.number(f"sum(rate(tunescope_context_switches_total[{span}]))", end),
          switches / (end - begin))
    inode = os.stat(f"/run/netns/{NAMESPACE}").st_ino
    for name in names:
        short = name.removeprefix("TcpExt")
        counter = f'tunescope_network_counters_total{{netns="{inode}",counter="{short}"}}'
        print("rate", name, prometheus.number(f"rate({counter}[{span}])", end), after[name] / (end - begin))
    drops = f'tunescope_tcp_listener_drops_total{{netns="{inode}",port="9000"}}'
    print("rate listener_drops", prometheus.number(f"rate({drops}[{span}])", end),
          after["TcpExtListenOverflows"] / (end - begin))
    compare_quantiles(prometheus, report, end)
    exported = {dict(labels)["id"] for labels in prometheus.query(
        f'last_over_time(tunescope_finding{{netns="{inode}",outcome="recommend"}}[{span}])', end)}
    advised = {finding["id"] for finding in report["findings"]
               if finding["outcome"] == "recommend" and str(finding["scope"].get("netns")) == str(inode)}
    print("findings", ",".join(sorted(exported)), ",".join(sorted(advised)))
    print("snapshots", prometheus.number("rate(tunescope_snapshots_total[15s])", end), 1)
    print("longest scrape and snapshot", prometheus.number(f"max_over_time(scrape_duration_seconds[{span}])", end),
          prometheus.number(f"max_over_time(tunescope_snapshot_seconds[{span}])", end))
    own = 'rate(tunescope_process_cpu_seconds_total{process="%s"}[15s])'
    print("cpu", prometheus.number(own % "collector", end), prometheus.number(own % "http", end))


def clean_up():
    for process in reversed(started):
        try:
            os.killpg(process.pid, signal.SIGKILL) if os.getpgid(process.pid) == process.pid else process.terminate()
        except ProcessLookupError:
            pass
    for process in started:
        process.wait()
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, capture_output=True)


if __name__ == "__main__":
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, capture_output=True)
    run("ip", "netns", "add", NAMESPACE)
    run("ip", "-n", NAMESPACE, "link", "set", "lo", "up")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        compare(sys.argv[1], sys.argv[2])
    finally:
        clean_up()
