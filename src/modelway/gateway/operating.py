"""What is asked of the gateway itself: why, how it is, and that it change. Answers are JSON."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from modelway.call import Call
from modelway.config.problems import InvalidConfigError
from modelway.config.settings import Settings
from modelway.engine import Engine
from modelway.errors import BadRequestError, ForbiddenError, LLMError, NotFoundError
from modelway.framing.fields import Fields, split
from modelway.gateway.authorise import Identity, Keys
from modelway.health.watching import watched_over, watching
from modelway.opening import Opened

_LOOK_S = 1.0
T = TypeVar("T")

Rekey = Callable[[Settings], Keys]
"""The keys of a configuration; ConfigError where they cannot be used."""


class Operating:
    """The gateway's own questions. ``opened`` is there where it may be loaded anew."""

    def __init__(
        self, engine: Callable[[], Engine], opened: Opened | None, rekey: Rekey | None
    ) -> None:
        self._engine = engine
        self._opened = opened
        self._rekey = rekey

    async def explained(self, call: Call, identity: Identity) -> bytes:
        """The decision about this call, without asking anybody; of others' traffic if it may be known."""
        from modelway.explaining import explain  # noqa: PLC0415  # at its first use

        engine = self._engine()
        told = await explain(engine, call)
        if not identity.admin:
            own = [replace(one, limits=(), open_requests=0) for one in told.candidates]
            told = replace(told, candidates=tuple(own))
        return msgspec.json.encode(told)

    def health(self) -> bytes:
        """How providers and breakers are."""
        state = self._engine().state
        providers = state.monitor.statuses() if state.monitor is not None else ()
        return msgspec.json.encode({"providers": providers, "breakers": state.breakers.statuses()})

    def limits(self) -> bytes:
        """How each limit stands."""
        return msgspec.json.encode({"limits": self._engine().state.limiter.status()})

    async def reset(self, body: bytes) -> bytes:
        """Close a breaker, or all."""
        fields = _fields(body)
        name = _said(fields, "deployment", str, "a string") if "deployment" in fields else None
        breakers = self._engine().state.breakers
        known = [status.deployment for status in breakers.statuses()]
        if name is not None and name not in known:
            raise NotFoundError(f"no breaker of {name!r} is known here", param="deployment")
        return msgspec.json.encode({"reset": await breakers.reset(name)})

    async def reload(self) -> Keys | None:
        """Load the configuration anew: all of it, or an error with every problem and nothing."""
        if self._opened is None:
            raise BadRequestError("this gateway was made with an engine, and has nothing to reload")
        keys: list[Keys] = []

        def check(settings: Settings) -> None:
            if self._rekey is not None:
                keys.append(self._rekey(settings))

        engine = await self._opened.reload(check=check)
        if engine.state.monitor is not None:
            engine.state.monitor.use(
                engine, watching(engine.settings, self._opened, unless_told=True)
            )
        return keys[0] if keys else None

    async def score(self, name: str, body: bytes) -> bytes:
        """Keep what somebody thinks of a call's answer."""
        engine = self._engine()
        if not any(one.name == name for one in engine.settings.experiments):
            raise NotFoundError(f"there is no experiment {name!r}")
        fields = _fields(body)
        call = _said(fields, "call", str, "a string")
        score = _said(fields, "score", float, "a number")
        engine.state.outcomes.score(name, call, score)
        return msgspec.json.encode({"call": call, "score": score})

    async def report(self, name: str) -> bytes:
        """What an experiment has shown up to now."""
        from modelway.experiments.recorder import read  # noqa: PLC0415  # at their first use
        from modelway.experiments.report import report  # noqa: PLC0415

        engine = self._engine()
        for experiment in engine.settings.experiments:
            if experiment.name == name:
                await engine.state.outcomes.flush()
                seen, unreadable = await read(engine.state.store.records, name)
                now = time.time()
                found = await asyncio.to_thread(
                    report, experiment, seen, now=now, unreadable=unreadable
                )
                return msgspec.json.encode(found)
        raise NotFoundError(f"there is no experiment {name!r}")


def refuse_others(identity: Identity) -> None:
    """ForbiddenError for a key that may only ask models."""
    if not identity.admin:
        raise ForbiddenError(
            f"the key {identity.key!r} may not do this: set `admin: true` for it in gateway.keys"
        )


def told(error: LLMError) -> dict[str, Any]:
    """An error of a reload, with each problem of the configuration."""
    problems = error.problems if isinstance(error, InvalidConfigError) else ()
    return {
        "message": error.message,
        "problems": [msgspec.to_builtins(problem) for problem in problems],
    }


class Reloads(Protocol):
    """Who goes on by a changed configuration."""

    async def reload(self) -> None: ...


@contextlib.asynccontextmanager
async def operated(
    gateway: Reloads, opened: Opened, *, signals: bool = True
) -> AsyncIterator[None]:
    """Reload when the configuration's file changes, or at SIGHUP, and look after the providers.

    ``signals``: whether this process's are ours to hear.
    """
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(gateway))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if not signals or threading.current_thread() is not threading.main_thread():
        hangup = None
    if hangup is not None:
        loop.add_signal_handler(hangup, reload)
    if opened.file is not None and opened.engine.settings.gateway.watch:
        tasks.add(loop.create_task(_watch(_whole_path(opened.file), gateway, opened)))
    try:
        async with watched_over(opened, unless_told=True):
            yield
    finally:
        if hangup is not None:
            loop.remove_signal_handler(hangup)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _whole_path(file: Path) -> Path:
    return file.expanduser().absolute()


async def _watch(file: Path, gateway: Reloads, opened: Opened) -> None:
    """Look once a second: what is told of changes differs by system, and not at all over networks."""

    def stamps() -> list[tuple[int, int, int] | None]:
        beside = opened.engine.settings.price_file
        return [_stamp(file), None if beside is None else _stamp(beside)]

    before = stamps()
    while True:
        await asyncio.sleep(_LOOK_S)
        now = stamps()
        if now != before:
            before = now
            await _reload(gateway)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes with a file's content; a link's is its target's."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def _reload(gateway: Reloads) -> None:
    logger = logging.getLogger("modelway")
    try:
        await gateway.reload()
    except LLMError as error:
        logger.warning("the changed configuration is not used: %s", error.message)
    except Exception:
        logger.exception("the changed configuration is not used")
    else:
        logger.warning("the changed configuration is in force")


def _fields(body: bytes) -> Fields:
    """Of a JSON object; none where nothing was sent."""
    return split(body) if body.strip() else {}


def _said(fields: Fields, name: str, kind: type[T], what: str) -> T:
    """The value of a field that must be there, and be ``what``."""
    if name not in fields:
        raise BadRequestError(f"the field {name!r} is missing", param=name)
    try:
        return msgspec.json.decode(fields[name], type=kind)
    except msgspec.MsgspecError:
        raise BadRequestError(f"{name} must be {what}", param=name) from None
