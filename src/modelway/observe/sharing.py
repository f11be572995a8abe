"""Measures of all processes of one gateway: each writes its own into a directory, and any tells all.

Who started the processes says when one has ended: what it counted stays counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct, field

from modelway.observe import snapshot
from modelway.observe.metrics import Metrics
from modelway.observe.prometheus import exposition
from modelway.observe.snapshot import Snapshot
from modelway.ports import Clock

WRITE_S = 1.0
"""How old what others are told may be, and how much a process that is killed may take along."""
_SUFFIX = ".metrics"
_ENDED = "ended"
_MOST_NAMES = 1000
"""Of files that were folded in: only who reads just then, or died while it folded, needs them."""
_log = logging.getLogger(__name__)


class _Ended(Struct, kw_only=True):
    """What processes counted that have ended, and the names of their files."""

    names: list[str] = []
    seen: Snapshot = field(default_factory=Snapshot)


class Shared:
    """``directory`` ``None``: this process is the only one."""

    def __init__(self, metrics: Metrics, directory: Path | None, clock: Clock) -> None:
        self.metrics = metrics
        self._directory = directory
        self._clock = clock
        self._writer: asyncio.Task[None] | None = None
        self._written = b""
        self._failed = False
        self._writing = asyncio.Lock()
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"

    async def start(self) -> None:
        """Write from now on, once a second where something has changed."""
        if self._directory is not None and self._writer is None:
            await self._write()
            self._writer = asyncio.create_task(self._go_on())

    async def text(self, *, openmetrics: bool = False) -> bytes:
        """What all processes together have done, as Prometheus reads it."""
        own = await self._write()  # what was told once is told for good, whoever dies
        return await asyncio.to_thread(self._exposition, own, openmetrics)

    def _exposition(self, own: bytes, openmetrics: bool) -> bytes:
        seen = [snapshot.decode(own)]
        if self._directory is not None:
            seen.extend(_others(self._directory, self._name))
        return exposition(seen, openmetrics=openmetrics)

    async def aclose(self) -> None:
        """Write for the last time."""
        if self._writer is None:
            return
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        self._writer = None
        await self._write()

    async def _go_on(self) -> None:
        while True:
            await self._clock.sleep(WRITE_S)
            try:
                await self._write()
            except Exception:  # noqa: BLE001  # one that is known to nobody ends nothing
                _log.exception("metrics are not shared")

    async def _write(self) -> bytes:
        """What there is now, written whole or not at all, also when who asked for it has gone."""
        return await asyncio.shield(self._write_now())

    async def _write_now(self) -> bytes:
        """A full disk costs only what others are told."""
        async with self._writing:
            data = self.metrics.snapshot()
            if self._directory is None or data == self._written:
                return data
            try:
                await asyncio.to_thread(_replace, self._directory / self._name, data)
            except OSError as error:
                if not self._failed:
                    _log.warning("metrics are not shared: %s", error.strerror or error)
                self._failed = True
            else:
                self._written = data
                self._failed = False
            return data


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def fold(directory: Path, process: int) -> None:
    """Count a process that has ended among those that have, so that its file need not stay.

    Only for who started it, and alone starts others here. Where the disk is full it stays.
    """
    try:
        _fold(directory, process)
    except OSError as error:
        _log.warning("metrics of an ended process are kept apart: %s", error.strerror or error)


def _fold(directory: Path, process: int) -> None:
    ended = _ended(directory)
    files = list(directory.glob(f"{process}-*"))
    for path in files:
        if path.suffix == _SUFFIX and path.name not in ended.names:
            ended.seen.add(_read(path).ended())
            ended.names.append(path.name)
    del ended.names[:-_MOST_NAMES]
    if files:
        _replace(directory / _ENDED, msgspec.msgpack.encode(ended))
    for path in files:
        path.unlink()


def _others(directory: Path, own: str) -> list[Snapshot]:
    """What was folded in meanwhile is read once, for its name stands where it went."""
    live = {path.name: _read(path) for path in sorted(directory.glob(f"*{_SUFFIX}"))}
    ended = _ended(directory)
    for name in (own, *ended.names):
        live.pop(name, None)
    return [ended.seen, *live.values()]


def _ended(directory: Path) -> _Ended:
    with contextlib.suppress(FileNotFoundError):
        return msgspec.msgpack.decode((directory / _ENDED).read_bytes(), type=_Ended)
    return _Ended()


def _read(path: Path) -> Snapshot:
    with contextlib.suppress(FileNotFoundError):  # folded in just now
        return snapshot.decode(path.read_bytes())
    return Snapshot()
