#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""docs/kernels.md from what was recorded in guests (tests/vm/results) and the pages of signals and rules."""
import pathlib
import re
import sys

tree = pathlib.Path(__file__).resolve().parents[2]


def configured(path):
    """The rows of a table of guests."""
    return [line.split() for line in (tree / "tests/vm" / path).read_text().splitlines() if line[:1] not in ("", "#")]


rows, scenarios = configured("kernels.conf"), configured("scenarios.conf")
names = [row[0] for row in rows]


def read(name):
    """(kind, name) to the rest of its line; empty when that guest was not recorded."""
    path = tree / "tests/vm/results" / f"{name.replace('/', '-')}.tsv"
    lines = path.read_text().splitlines() if path.exists() else []
    return {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in lines}


recorded = {name: read(name) for name in names + [row[0] for row in scenarios]}


def version(name):
    return next((key[1] for key in recorded[name] if key[0] == "kernel"), "not recorded")


def listed(page):
    """The names in the table at the beginning of a page of docs/."""
    return re.findall(r"^\| \[([^]]+)\]\(#", (tree / "docs" / page).read_text().split("\n## Measures")[0].split("\n### ")[0], re.M)


def state(name, kind, what):
    row = recorded[name].get((kind, what))
    if row is None:
        return "-" if kind == "check" else "not looked at yet"
    words = {"no-data": "ok (nothing happened)", "not ok": "**failed**", "failed": "**failed**"}
    text = words.get(row[0], row[0])
    if row[0] in ("unsupported", "failed", "unavailable") and len(row) > 1 and row[1]:
        text += ": " + row[1].replace("|", "\\|")
    for checks, meaning in zip(row[2:4] if kind == "rule" else (), ("recommends in", "names another cause in")):
        text += f"; {meaning} {checks}" if checks else ""
    return text


def table(title, kind, whats, cell):
    print(f"\n## {title}\n\n| {kind} | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
    for what in whats:
        print(f"| {what} | " + " | ".join(cell(name, what) for name in names) + " |")


def numbers(name, what):
    row = recorded[name].get(("program", what))
    if row is None:
        return "-"
    return f"{row[2]} / {row[3]} / {row[4]} ms" if row[0] == "ok" else state(name, "program", what)


def in_any(kind):
    return list(dict.fromkeys(key[1] for name in names for key in recorded[name] if key[0] == kind))


print("<!-- Made by `make docs` from tests/vm/results, which `make record-vm` writes. Do not edit. -->\n# Kernels\n")
print("What works on which kernel: one binary, built once, in guests of Debian's kernels. What a kernel lacks is found by asking\n"
      "it (types, tracepoints, files), never by its version, and costs only what needs it; `tunescope doctor` says it of yours.\n"
      "A check that was not made on a kernel: -\n")
print("| name | kernel | from |\n|---|---|---|")
for row in rows:
    print(f"| {row[0]} | {version(row[0])} | {row[1]}, {row[2]} |")
print("\n## Scenarios\n\nGuests with other processors, memory, disks or command line.\n\n"
      "| scenario | kernel | CPUs | memory | further disks | command line | checks |\n|---|---|---|---|---|---|---|")
for name, _, cpus, memory, disks, checks, *line in scenarios:
    states = ", ".join(f"{check}: {state(name, 'check', check)}" for check in checks.split(","))
    print(f"| {name} | {version(name)} | {cpus} | {memory} MiB | {disks} | {' '.join(line) or '-'} | {states} |")
table("Checks", "check", in_any("check"), lambda name, what: state(name, "check", what))
table("Signals", "signal", listed("signals.md"), lambda name, what: state(name, "family", what))
table("Rules", "rule", listed("rules.md"), lambda name, what: state(name, "rule", what))
table("BPF programs: instructions / gone through by the verifier / its time there (emulated, so many times slower)", "program",
      in_any("program"), numbers)
sys.exit(0 if any(recorded.values()) else "kernels_page.py: nothing was recorded")
