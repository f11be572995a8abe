"""Whose journals are in a directory: who has the lock of its newest segment lives, the others are dead."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelway.filelock import try_lock

_SEGMENT = re.compile(r"(?P<owner>[A-Za-z0-9_-]+)\.(?P<number>\d{8})\.journal")
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


def new_owner(node: str) -> str:
    """A name that nobody has: the node and the process, for who looks into the directory, and chance."""
    return f"{_STRANGE.sub('-', node)[:40] or 'node'}-{os.getpid()}-{os.urandom(4).hex()}"


def segment_name(owner: str, number: int) -> str:
    return f"{owner}.{number:08d}.journal"


def owners(directory: Path) -> list[str]:
    """Whoever has a segment here, the dead and the living."""
    matched = [_SEGMENT.fullmatch(path.name) for path in directory.iterdir()]
    return sorted({one["owner"] for one in matched if one is not None})


def segments(directory: Path, owner: str) -> list[Path]:
    """Its segments, the oldest first."""
    matched = [_SEGMENT.fullmatch(path.name) for path in directory.iterdir()]
    names = [one[0] for one in matched if one is not None and one["owner"] == owner]
    return [directory / name for name in sorted(names)]


def lock(descriptor: int, path: Path) -> bool:
    """Whether this file is ours now, until it is closed, and still the one of this name."""
    try:
        try_lock(descriptor)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@contextmanager
def orphaned(directory: Path, owner: str) -> Iterator[list[Path]]:
    """Its segments, held, if it is dead and nobody else has them; else none.

    Who lives has a lock of one of its two newest: it locks the next before it lets go of the last.
    """
    found = segments(directory, owner)
    held: list[int] = []
    try:
        for path in found[-2:]:
            try:
                held.append(os.open(path, os.O_RDWR))
            except FileNotFoundError:
                break
            if not lock(held[-1], path):
                break
        else:
            yield found if segments(directory, owner) == found else []
            return
        yield []
    finally:
        for descriptor in held:
            os.close(descriptor)
