# SPDX-License-Identifier: GPL-2.0-only
"""How long a load lasts: as long as it says, and until `advise` of lab.bash has had its look at it. Where the processor is
emulated tunescope takes many seconds to begin, and as long as that no load need last elsewhere."""
import os
import time

LOOKING = os.environ.get("LAB_LOOKING", "")
AT_MOST = 120  # seconds more, should nobody take the file away
PAUSE = 0.05


def lasting(seconds, beyond=0.0):
    """The condition of a load's loop. beyond: seconds for which it outlasts others that are as long."""
    started = time.monotonic()
    end = started + seconds + beyond

    def lasts():
        nonlocal end
        now = time.monotonic()
        if now >= end and now < started + seconds + AT_MOST and os.path.exists(LOOKING):
            end = now + PAUSE + beyond
        return now < end

    return lasts
