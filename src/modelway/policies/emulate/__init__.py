"""Structured answers where a host has none: asked for in another way, and read back as if it had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sized

from msgspec.structs import replace

from modelway.call import Call, Deployment, EventStream, Reply, Settled
from modelway.catalog.models import ModelInfo
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect, requested
from modelway.errors import StreamInterruptedError, UnsupportedError
from modelway.policies.emulate.decide import Emulation, decide
from modelway.policies.emulate.read import Reader
from modelway.ports import Dialect, Handler, Middleware
from modelway.types import ChatRequest, ChatResponse, StreamEvent, Usage

LookUp = Callable[[Deployment], ModelInfo | None]


def emulating(deployment: Deployment, look_up: LookUp) -> Middleware:
    """Emulates what this deployment cannot be asked for. A call that asks for no form goes straight on.

    ``look_up`` gives what the catalogue knows of the model, and is asked when it is first needed.

    A client's bytes that the exchange would pass on as they are, are not decoded for it: their
    author wrote them for a host of this dialect.
    """
    spoken = dialect(deployment.dialect)
    touched = deployment.target.quirks.touched()
    known: list[tuple[Quirks, Dialect]] = []

    def emulate(call: Call, inner: Handler) -> Awaitable[Reply]:
        request = call.request
        if request is None:
            body = call.body
            if body is None:
                return inner(call)
            if body.dialect == spoken.name and touched.isdisjoint(body.fields):
                return inner(call)
            request = requested(call)
            call = replace(call, request=request)
        if not isinstance(request, ChatRequest) or request.response_format is None:
            return inner(call)
        if not known:
            known.append(_known(deployment, spoken, look_up(deployment)))
        emulation = decide(request, *known[0])
        if emulation is None:
            return inner(call)
        if call.options.strict:
            told = emulation.warning
            raise UnsupportedError(
                f"refused, because the call is strict: {told.setting}: {told.message}",
                provider=deployment.provider.name,
                model=deployment.model,
            )
        return _emulated(call, emulation, inner)

    return emulate


def _known(
    deployment: Deployment, spoken: Dialect, info: ModelInfo | None
) -> tuple[Quirks, Dialect]:
    """The host's quirks and the dialect's abilities, less what the catalogue says the model lacks."""
    quirks = deployment.target.quirks
    if info is not None and info.json_schema is False:
        quirks = replace(quirks, json_schema=False)
    if info is not None and info.tools is False:
        spoken = spoken._replace(tools=False)
    return quirks, spoken


async def _emulated(call: Call, emulation: Emulation, inner: Handler) -> Reply:
    """Ask in the other way; what comes back is whole or events, for the client's bytes are gone."""
    reply = await inner(replace(call, request=emulation.request, body=None))
    reply = replace(reply, warnings=(*reply.warnings, emulation.warning))
    if isinstance(reply.value, ChatResponse):
        value = emulation.reader().whole(reply.value)
        warnings = (*value.warnings, emulation.warning)
        return replace(reply, value=replace(value, warnings=warnings))
    if reply.events is not None:
        return replace(reply, events=_Events(reply.events, emulation.reader))
    return reply


class _Events:
    """An event stream, its events read back. Everything else is the inner stream's."""

    def __init__(self, inner: EventStream, reader: Callable[[], Reader]) -> None:
        self._inner = inner
        self._make = reader
        self._reader = reader()
        self._batches = aiter(inner)
        self.on_settled: list[Settled] = inner.on_settled
        self.on_batch: list[Callable[[Sized], None]] = inner.on_batch

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def finished(self) -> bool:
        return self._inner.finished

    @property
    def billed(self) -> bool:
        return self._inner.billed

    @property
    def received_chars(self) -> int | None:
        return self._inner.received_chars

    def __aiter__(self) -> AsyncIterator[list[StreamEvent]]:
        return self

    async def __anext__(self) -> list[StreamEvent]:
        while True:
            try:
                batch = self._reader.feed(await anext(self._batches))
            except StreamInterruptedError as error:
                if error.partial is not None:
                    error.partial = self._make().whole(error.partial)
                raise
            if batch:
                return batch

    async def aclose(self) -> None:
        await self._inner.aclose()
