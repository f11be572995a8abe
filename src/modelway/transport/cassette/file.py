"""A cassette that is written to: one line at a time, by any number of processes.

A line is appended whole or not at all. What a process that was killed left of one is cut off before
the next.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from modelway.filelock import locked
from modelway.transport.cassette.format import (
    CassetteError,
    check_header,
    header_line,
    is_torn_header,
)
from modelway.version import VERSION

_TAIL_BYTES = 64 * 1024


def check_writable(path: Path) -> None:
    """CassetteError unless exchanges can be appended here; nothing is written."""
    try:
        with path.open("rb") as file:
            first = file.readline(_TAIL_BYTES)
    except FileNotFoundError:
        parent = path.absolute().parent
        if not parent.is_dir():
            raise CassetteError(
                f"the cassette {path} cannot be written: there is no directory {parent}"
            ) from None
        place = parent
    except OSError as error:
        raise CassetteError(f"the cassette {path} cannot be used: {error.strerror}") from None
    else:
        place = path
        if not is_torn(first):
            check_header(path, first.removesuffix(b"\n"))
    if not os.access(place, os.W_OK):
        raise CassetteError(f"the cassette {path} cannot be written: no permission for {place}")


def is_torn(first: bytes) -> bool:
    """Whether the first line is what a process left that died writing it, or nothing."""
    return not first.endswith(b"\n") and is_torn_header(first)


def append(path: Path, line: bytes) -> None:
    """Add a whole line, after the header in a new file. OSError where it cannot be; nothing is added."""
    with locked(path):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            size = _whole_lines_bytes(descriptor)
            os.ftruncate(descriptor, size)
            data = line if size else header_line(f"modelway {VERSION}") + line
            try:
                written = os.write(descriptor, data)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            if written != len(data):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)


def _whole_lines_bytes(descriptor: int) -> int:
    """The file's size without what follows its last line break."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, end - start)
        found = tail.rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
