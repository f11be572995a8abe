"""The machine's clock, where no other is given to a store."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """A ``Clock``."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
    sleep = staticmethod(asyncio.sleep)
