"""The time of a file: it passes as the machine's does, whatever somebody sets the clock to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Machine(NamedTuple):
    """What it can tell. ``boot`` names the time since it was started; ``None`` where it cannot."""

    boot: str | None
    awake: Callable[[], float]
    """The monotonic clock of its processes: seconds since some moment of this boot, without sleep."""
    since_boot: Callable[[], float]
    """The same with sleep."""
    wall: Callable[[], float]
    """Unix seconds, as they are set."""


class Now(NamedTuple):
    """A moment of a file's time, in Unix seconds, give or take what the clock was wrong at first."""

    awake_s: float
    """For leases, whose spenders sleep when the machine does: it stands still meanwhile."""
    time_s: float


class Offsets(NamedTuple):
    """From a machine's clocks to a file's time, as long as the machine is up."""

    boot: str | None
    awake_s: float
    since_boot_s: float


def this_machine() -> Machine:
    try:
        boot = _BOOT_ID.read_text("ascii").strip()
        since_boot = time.CLOCK_BOOTTIME
    except (OSError, ValueError, AttributeError):
        return Machine(None, time.monotonic, time.monotonic, time.time)
    return Machine(
        boot,
        lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
        lambda: time.clock_gettime(since_boot),
        time.time,
    )


def offsets(machine: Machine, seen_s: float) -> Offsets:
    """For a new boot: time goes on from the clock, or from what was seen where that is later."""
    start = max(machine.wall(), seen_s)
    return Offsets(machine.boot, start - machine.awake(), start - machine.since_boot())


def now(machine: Machine, offset: Offsets, seen_s: float) -> Now:
    """The time now, given the latest that was ever seen in the file."""
    if machine.boot is None:  # stands still where a clock is set back
        wall = max(machine.wall(), seen_s)
        return Now(wall, wall)
    return Now(machine.awake() + offset.awake_s, machine.since_boot() + offset.since_boot_s)
