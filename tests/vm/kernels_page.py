#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What was found in guests.

  kernels_page.py                        docs/kernels.md, from tests/vm/results and the pages of signals and rules
  kernels_page.py DIRECTORY GUEST...     a table for the terminal, of what these guests left there: kernel x check,
                                         signal, rule and program, and below it why something is not ok
"""
import pathlib
import re
import sys

tree = pathlib.Path(__file__).resolve().parents[2]
NOT_SEEN = "not looked at yet"
KINDS = {"check": "Checks", "family": "Signals", "rule": "Rules"}


def configured(path):
    """The rows of a table of guests."""
    return [line.split() for line in (tree / "tests/vm" / path).read_text().splitlines() if line[:1] not in ("", "#")]


def read(directory, name):
    """(kind, name) to the rest of its line; empty when that guest was not recorded."""
    path = directory / f"{name.replace('/', '-')}.tsv"
    lines = path.read_text().splitlines() if path.exists() else []
    return {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in lines}


def version(found):
    return next((key[1] for key in found if key[0] == "kernel"), "not recorded")


def listed(page):
    """The names in the table at the beginning of a page of docs/."""
    return re.findall(r"^\| \[([^]]+)\]\(#", (tree / "docs" / page).read_text().split("\n## Measures")[0].split("\n### ")[0], re.M)


def in_any(kind, guests):
    return list(dict.fromkeys(key[1] for found in guests for key in found if key[0] == kind))


def rows_of(kind, guests):
    return listed({"family": "signals.md", "rule": "rules.md"}[kind]) if kind in ("family", "rule") else in_any(kind, guests)


def state(found, kind, what):
    """In a word or two, and why it is not ok."""
    row = found.get((kind, what))
    if row is None:
        return "-" if kind in ("check", "program") else NOT_SEEN, ""
    words = {"no-data": "ok (nothing happened)", "not ok": "**failed**", "failed": "**failed**"}
    bad = row[0] in ("unsupported", "failed", "unavailable") and len(row) > 1
    return words.get(row[0], row[0]), row[1] if bad else ""


def page_cell(found, kind, what):
    text, why = state(found, kind, what)
    row = found.get((kind, what), [])
    if kind == "program" and row and row[0] == "ok":
        return f"{row[2]} / {row[3]} / {row[4]} ms"
    if why:
        text += ": " + why.replace("|", "\\|")
    for checks, meaning in zip(row[2:4] if kind == "rule" else (), ("recommends in", "names another cause in")):
        text += f"; {meaning} {checks}" if checks else ""
    return text


def page():
    rows, scenarios = configured("kernels.conf"), configured("scenarios.conf")
    names = [row[0] for row in rows]
    recorded = {name: read(tree / "tests/vm/results", name) for name in names + [row[0] for row in scenarios]}
    guests = [recorded[name] for name in names]

    def table(title, kind):
        print(f"\n## {title}\n\n| {'signal' if kind == 'family' else kind} | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
        for what in rows_of(kind, guests):
            print(f"| {what} | " + " | ".join(page_cell(found, kind, what) for found in guests) + " |")

    print("<!-- Made by `make docs` from tests/vm/results, which `make record-vm` writes. Do not edit. -->\n# Kernels\n")
    print("What works on which kernel: one binary, built once, in guests of Debian's and Ubuntu's kernels. What a kernel lacks is found by asking\n"
          "it (types, tracepoints, files), never by its version, and costs only what needs it; `tunescope doctor` says it of yours.\n"
          "A check that was not made on a kernel: -\n")
    print("| name | kernel | from |\n|---|---|---|")
    for row in rows:
        print(f"| {row[0]} | {version(recorded[row[0]])} | {row[1]}, {row[2]} |")
    print("\n## Scenarios\n\nGuests with other processors, memory, disks or command line.\n\n"
          "| scenario | kernel | CPUs | memory | further disks | command line | checks |\n|---|---|---|---|---|---|---|")
    for name, _, cpus, memory, disks, checks, *line in scenarios:
        states = ", ".join(f"{check}: {page_cell(recorded[name], 'check', check)}" for check in checks.split(","))
        print(f"| {name} | {version(recorded[name])} | {cpus} | {memory} MiB | {disks} | {' '.join(line) or '-'} | {states} |")
    for kind, title in KINDS.items():
        table(title, kind)
    table("BPF programs: instructions / gone through by the verifier / its time there (emulated, so many times slower)", "program")
    sys.exit(0 if any(recorded.values()) else "kernels_page.py: nothing was recorded")


def terminal(directory, names):
    """Columns as wide as they must be. Fails when a guest that made reports has nothing to say of some signal or rule."""
    guests = [read(directory, name) for name in names]
    short = {"ok (nothing happened)": "ok", "**failed**": "FAILED", NOT_SEEN: "-"}
    whys = {}
    print("guests: " + ", ".join(f"{name} ({version(found)})" for name, found in zip(names, guests)))
    for kind, title in [*KINDS.items(), ("program", "BPF programs")]:
        rows = rows_of(kind, guests)
        width = max([len(what) for what in rows] + [len(title)])
        print("\n" + "  ".join([title.ljust(width)] + [name.ljust(11) for name in names]).rstrip())
        for what in rows:
            states = [state(found, kind, what) for found in guests]
            cells = [short.get(text, text) for text, _ in states]
            for name, (text, why) in zip(names, states):
                if why:
                    whys.setdefault((what, short.get(text, text), why), []).append(name)
            print("  ".join([what.ljust(width)] + [cell.ljust(max(11, len(name))) for cell, name in zip(cells, names)]).rstrip())
    if whys:
        print("\nWhy")
    for (what, text, why), where in whys.items():
        print(f"{what}: {text} on {', '.join(where)}: {why}")
    missing = [f"{name}: {what}" for name, found in zip(names, guests) for kind in ("family", "rule") for what in rows_of(kind, guests)
               if any(key[0] == "family" for key in found) and (kind, what) not in found]
    sys.exit("kernels_page.py: in no report of " + "; ".join(missing) if missing else 0)


if len(sys.argv) > 1:
    terminal(pathlib.Path(sys.argv[1]), sys.argv[2:])
else:
    page()
