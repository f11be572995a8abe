"""A journal's segment, read back: its seals verified, all of them, before any of it is believed."""

from __future__ import annotations

from collections.abc import Iterator
from hmac import compare_digest
from pathlib import Path
from typing import NamedTuple

import msgspec

from modelway.ledger.gently import gently
from modelway.ledger.journal import HEAD, MAGIC, MOST_BYTES, NONCE_BYTES, SEAL_BYTES, sealing
from modelway.ledger.records import MOST_ENTRY_BYTES, Entry, decode

_START = len(MAGIC) + NONCE_BYTES
_LARGEST = 2 * MOST_BYTES


class TamperedError(Exception):
    """A segment is not as it was written. It says where."""


class Segment(NamedTuple):
    """What stands in a segment that verifies. ``torn_bytes`` of its end were never a whole entry."""

    data: bytes
    places: list[tuple[int, int]]
    whole_bytes: int
    torn_bytes: int

    def entries(self) -> Iterator[Entry]:
        """Raises TamperedError for one that verifies and says nothing: of another version."""
        try:
            for start, end in gently(self.places):
                yield decode(self.data[start:end])
        except msgspec.DecodeError as error:
            raise TamperedError(f"an entry is of another version of modelway: {error}") from error


def read_segment(path: Path, secret: bytes) -> Segment:
    """Raises TamperedError, and OSError where it cannot be read."""
    size = path.stat().st_size
    if size > _LARGEST:
        raise TamperedError(f"it has {size} bytes, more than any that is ours")
    return segment_of(path.read_bytes(), path.name, secret)


def segment_of(data: bytes, name: str, secret: bytes) -> Segment:
    """What a file of this name says. Raises TamperedError."""
    if len(data) < _START:
        if not MAGIC.startswith(data[: len(MAGIC)]):
            raise TamperedError("it does not begin as a journal does")
        return Segment(data, [], 0, len(data))
    if not data.startswith(MAGIC):
        raise TamperedError("it does not begin as a journal of this version does")
    sealing_ = sealing(secret, name, data[:_START])
    places, offset, size = [], _START, len(data)
    while size - offset >= HEAD.size:
        length, check = HEAD.unpack_from(data, offset)
        if length ^ offset != check or length > MOST_ENTRY_BYTES:
            if any(memoryview(data)[offset:]):
                raise TamperedError(f"the entry at byte {offset} has another length than it says")
            break  # blocks that a power failure left empty
        end = offset + HEAD.size + length
        if end + SEAL_BYTES > size:
            break
        seal = sealing_.copy()
        seal.update(data[offset:end])
        if not compare_digest(seal.digest(), data[end : end + SEAL_BYTES]):
            raise TamperedError(f"the seal of the entry at byte {offset} is not ours")
        places.append((offset + HEAD.size, end))
        offset = end + SEAL_BYTES
    return Segment(data, places, offset, size - offset)
