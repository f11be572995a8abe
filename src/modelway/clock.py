"""The clock of the machine, where no other is given."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """A ``Clock``: the machine's time, and the sleep of the running event loop."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
    sleep = staticmethod(asyncio.sleep)
