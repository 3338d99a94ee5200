#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints a report's findings, one a line: rule outcome setting cause netns port device current proposed
What was found in a namespace that somebody else has given a name is left out: it is not of the test's making."""
import json
import os
import sys

NAMES = "/run/netns"


def foreign():
    """The namespaces with names that are not of the lab."""
    for name in os.listdir(NAMES) if os.path.isdir(NAMES) else []:
        if not name.startswith("tslab"):
            try:
                yield os.stat(os.path.join(NAMES, name)).st_ino
            except OSError:
                pass  # gone meanwhile


report = json.load(open(sys.argv[1]))
others = {str(inode) for inode in foreign()}
for f in report["findings"]:
    scope = f.get("scope", {})
    if str(scope.get("netns")) in others:
        continue
    row = [f["rule"], f["outcome"], f.get("setting"), f.get("cause"), scope.get("netns"),
           f.get("port") or f["id"].split("port:")[-1] if "port:" in f["id"] else None,
           scope.get("device"), f.get("current"), f.get("proposed")]
    print(" ".join(str(v).replace(" ", ",") if v not in (None, "") else "-" for v in row))
