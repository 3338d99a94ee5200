#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints a report's findings, one a line: rule outcome setting cause netns port device current proposed"""
import json
import sys

report = json.load(open(sys.argv[1]))
for f in report["findings"]:
    scope = f.get("scope", {})
    row = [f["rule"], f["outcome"], f.get("setting"), f.get("cause"), scope.get("netns"),
           f.get("port") or f["id"].split("port:")[-1] if "port:" in f["id"] else None,
           scope.get("device"), f.get("current"), f.get("proposed")]
    print(" ".join(str(v).replace(" ", ",") if v not in (None, "") else "-" for v in row))
