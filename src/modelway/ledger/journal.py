"""A process's own journal: append-only segments, an entry a write, each sealed in its place.

A segment is ``mwj1``, 16 random bytes, and entries: length, length xor offset (4 bytes each, little
endian), msgpack, and a BLAKE2b over the file's first bytes, its name and all of the entry, whose key is
the installation's secret: so no entry is taken for one of another place.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from struct import Struct as Packed
from typing import Any, NamedTuple
from weakref import WeakMethod

from modelway.ledger.holding import lock, segment_name
from modelway.ledger.records import MOST_ENTRY_BYTES, Begun, Entry, encode

MAGIC = b"mwj1"
NONCE_BYTES = 16
HEAD = Packed("<II")
_head, _write = HEAD.pack, os.write
SEAL_BYTES = 16
SEGMENT_BYTES = 8 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""Of a segment that cannot be followed by another, for the directory takes no new file."""
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class TooLongError(ValueError):
    """An entry of so many bytes is none of ours."""


class Closed(NamedTuple):
    """A segment that has a successor. Its last bytes are on disk once ``descriptor`` was synced."""

    path: Path
    descriptor: int


def sealing(secret: bytes, name: str, start: bytes) -> Any:
    """What seals entries of the segment of this name that begins so: to be copied for each."""
    seal = blake2b(key=secret, digest_size=SEAL_BYTES)
    seal.update(start + name.encode())
    return seal


class Journal:
    """Appends entries to the newest segment. OSError: nothing of it was written, or it is cut away.

    A process that is forked has none: its parent's it can neither write nor hold.
    """

    def __init__(
        self,
        directory: Path,
        owner: str,
        secret: bytes,
        *,
        node: str = "",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.path = directory
        """The newest segment; the directory until there is one."""
        self._directory = directory
        self._owner = owner
        self._secret = secret
        self._node = node
        self._segment_bytes = segment_bytes
        self._number = 0
        self._descriptor = -1
        self._offset = 0
        self._seal: Callable[[], Any] = blake2b
        self._blocked = True
        """Until something is put right: what was written of an entry is cut away."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_closing(WeakMethod(self.close)))

    @property
    def needs_another(self) -> bool:
        """Whether the newest segment is long enough, or was removed, or there is none yet."""
        self._blocked = self._blocked or self._offset > MOST_BYTES
        try:
            there = os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return True
        return not there or self._offset >= self._segment_bytes

    def append(self, entry: Entry) -> None:
        """One unbuffered write. TooLongError or what the encoder raises for what cannot be written."""
        payload = encode(entry)
        length = len(payload)
        if length > MOST_ENTRY_BYTES:
            raise TooLongError
        if self._blocked:
            self._mend()
        offset = self._offset
        body = _head(length, length ^ offset) + payload
        seal = self._seal()
        seal.update(body)
        data = body + seal.digest()
        written = _write(self._descriptor, data)
        if written != len(data):
            self._blocked = True
            self._mend()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._offset = offset + written

    def begin(self, carried: Iterable[Entry], time: float) -> Closed | None:
        """Go on in a new segment, that begins with what is carried over; the one before it.

        OSError: it goes on in the one that it has.
        """
        descriptor, path = self._another()
        try:
            start = MAGIC + os.urandom(NONCE_BYTES)
            seal = sealing(self._secret, path.name, start)
            parts, offset = [start], len(start)
            begun = Begun(node=self._node, time=time, before_bytes=self._offset)
            for entry in (*carried, begun):
                part = sealed(entry, offset, seal)
                parts.append(part)
                offset += len(part)
            _write_all(descriptor, b"".join(parts))
        except BaseException:
            os.close(descriptor)
            path.unlink()
            raise
        closed = None if self._descriptor < 0 else Closed(self.path, self._descriptor)
        self._descriptor, self._offset, self._seal = descriptor, offset, seal.copy
        self._blocked = False
        self.path = path
        return closed

    def _another(self) -> tuple[int, Path]:
        """A file that is ours, and locked: one that was just made may be taken for an orphan's."""
        while True:
            self._number += 1
            path = self._directory / segment_name(self._owner, self._number)
            descriptor = os.open(path, _NEW, 0o600)
            if lock(descriptor, path):
                return descriptor, path
            os.close(descriptor)
            path.unlink(missing_ok=True)

    @property
    def has_begun(self) -> bool:
        """Whether there is a segment: not where the disk was full from the start."""
        return self._descriptor >= 0

    def duplicate(self) -> int:
        """Another descriptor of the newest segment: for a thread that syncs it."""
        return os.dup(self._descriptor)

    def close(self) -> None:
        """Let go of the newest segment: what is left in it is an orphan."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._blocked = True

    def _mend(self) -> None:
        """Cut away what was written of an entry before its write failed."""
        if self._descriptor < 0 or self._offset > MOST_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(self._descriptor, self._offset)
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)
        self._blocked = False


def sealed(entry: Entry, offset: int, sealing_: Any) -> bytes:
    """An entry as it stands at this place of a segment."""
    payload = encode(entry)
    body = HEAD.pack(len(payload), len(payload) ^ offset) + payload
    seal = sealing_.copy()
    seal.update(body)
    return body + bytes(seal.digest())


def _closing(close: WeakMethod[Callable[[], None]]) -> Callable[[], None]:
    def work() -> None:
        method = close()
        if method is not None:
            method()

    return work


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
