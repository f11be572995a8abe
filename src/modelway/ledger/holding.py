"""Whose journals are in a directory: who holds the lock of its own lives; the others' are orphans."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_LOCK = ".lock"
_SEGMENT = re.compile(r"(?P<owner>[A-Za-z0-9_-]+)\.(?P<number>\d{8})\.journal")
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


class Held:
    """An owner's lock, until it is let go or this process ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def let_go(self, *, remove: bool) -> None:
        """``remove``: nothing of this owner is left."""
        if remove and sys.platform != "win32":
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        if remove and sys.platform == "win32":  # there no file goes that is open
            self._path.unlink(missing_ok=True)


def new_owner(node: str) -> str:
    """A name that nobody has: the node and the process, for who looks into the directory, and chance."""
    return f"{_STRANGE.sub('-', node)[:40] or 'node'}-{os.getpid()}-{os.urandom(4).hex()}"


def hold(directory: Path, owner: str) -> Held | None:
    """Its lock; ``None``: somebody else has it, or has just let go of it for good."""
    path = directory / (owner + _LOCK)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _try_lock(descriptor)
        mine, there = os.fstat(descriptor), path.stat()
    except OSError:
        os.close(descriptor)
        return None
    if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
        os.close(descriptor)
        return None
    return Held(path, descriptor)


def owners(directory: Path) -> Iterator[str]:
    """Whoever has a lock or a segment here, the dead and the living."""
    found = set()
    for path in directory.iterdir():
        matched = _SEGMENT.fullmatch(path.name)
        if matched is not None:
            found.add(matched["owner"])
        elif path.suffix == _LOCK:
            found.add(path.stem)
    yield from sorted(found)


def segments(directory: Path, owner: str) -> list[tuple[int, Path]]:
    """Its segments by number, the oldest first."""
    found = []
    for path in directory.iterdir():
        matched = _SEGMENT.fullmatch(path.name)
        if matched is not None and matched["owner"] == owner:
            found.append((int(matched["number"]), path))
    return sorted(found)
