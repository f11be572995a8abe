"""Finds out what of an answer is to be kept: all of it, if it came whole and ended of itself.

What failed, was cut, filtered or refused, and what ended for a reason that is not known, is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sized
from typing import Any, Protocol

from msgspec.structs import replace

from modelway.call import Call, Reply, Settled, Stream
from modelway.dialects import dialect
from modelway.errors import LLMError
from modelway.policies.caching.kept import VALUES, Form, encode, written
from modelway.ports import Codec, Decoder
from modelway.types import ChatResponse, Finish, Refusal, RefusalDelta, Start, StreamEvent, Usage

BATCH_BYTES = 80
"""What a batch of a stream takes beyond its own bytes."""
_WHOLE = ("stop", "tool_calls")
_UNWRITABLE = (TypeError, ValueError, OverflowError, RecursionError)


class Told(Protocol):
    """Hears once what of an answer is to be kept; or, with ``None``, why nothing is."""

    def __call__(self, data: bytes | None, why: str = "") -> None: ...


def keep(call: Call, reply: Reply, most_bytes: int, told: Told) -> Reply:
    """The same answer, listened to: ``told`` hears at once of a whole one, of a stream at its end."""
    stream = reply.chunks or reply.events
    if stream is None:
        try:
            data, why = _whole(call, reply)
        except _UNWRITABLE:
            data, why = b"", "form"
        if not why and len(data) > most_bytes:
            why = "size"
        told(None if why else data, why)
        return reply
    if reply.events is not None:
        return replace(reply, events=_Heard(call, reply, None, most_bytes, told))
    codec = _codec(call)
    if codec is None or codec.decoder is None:
        told(None, "form")
        return reply
    return replace(reply, chunks=_Heard(call, reply, codec.decoder(), most_bytes, told))


def _codec(call: Call) -> Codec | None:
    """Of the dialect that the call's client speaks, as one who is answered in it."""
    return dialect(call.body.dialect).upstream.get(call.operation) if call.body else None


def _whole(call: Call, reply: Reply) -> tuple[bytes, str]:
    """What is to be kept of an answer that came in one piece, or why it is not."""
    if reply.body is not None:
        why, usage = _looked_into(call, reply.body)
        return (b"", why) if why else (_plain(call, reply, "body", reply.body, usage), "")
    value = reply.value
    form: Form | None = next(
        (name for name, kind in VALUES.items() if isinstance(value, kind)), None
    )
    if form is None:
        return b"", "form"
    why = _of_response(value) if isinstance(value, ChatResponse) else ""
    return (b"", why) if why else (_plain(call, reply, form, encode(value), value.usage), "")


def _plain(call: Call, reply: Reply, form: Form, content: bytes, usage: Usage | None) -> bytes:
    return written(call, reply, form, (content,), reply.usage or usage)


def _looked_into(call: Call, body: bytes) -> tuple[str, Usage | None]:
    """Why an answer in a client's own bytes is not kept, and its usage."""
    codec = _codec(call)
    if codec is None:
        return "form", None
    try:
        if call.operation in ("embed", "rerank") and codec.usage is not None:
            return "", codec.usage(body)
        value = codec.decode(body)
    except LLMError:
        return "form", None
    return _of_response(value) if isinstance(value, ChatResponse) else "", value.usage


def _of_response(response: ChatResponse) -> str:
    """Why it is not kept; ``""``: it is."""
    for choice in response.choices:
        if choice.finish_reason not in _WHOLE:
            return choice.finish_reason
        if not choice.message.parts:
            return "empty"
        if any(isinstance(part, Refusal) for part in choice.message.parts):
            return "refusal"
    return "" if response.choices else "empty"


class _Heard:
    """A stream that is listened to on its way; all else is the inner stream's."""

    def __init__(
        self, call: Call, reply: Reply, decoder: Decoder | None, most_bytes: int, told: Told
    ) -> None:
        inner = reply.chunks or reply.events
        assert inner is not None  # noqa: S101 - it is listened to because it is there
        self.on_settled: list[Settled] = inner.on_settled
        self.on_batch: list[Callable[[Sized], None]] = inner.on_batch
        self._call = call
        self._reply = reply
        self._inner: Stream = inner
        self._batches: AsyncIterator[Any] = aiter(inner)
        self._decoder = decoder
        self._room_bytes = most_bytes
        self._told = told
        self._content: list[bytes] = []
        self._why = ""
        self._speak: set[int] = set()
        self._ended: set[int] = set()
        """Choices that have said something, and such as are at their end."""
        self._usage: Usage | None = None
        """As its events tell it."""
        self.on_settled.append(self._over)

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

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        batch = await anext(self._batches)
        if not self._why:
            self._hear(batch)
        return batch

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _hear(self, batch: Any) -> None:
        decoder = self._decoder
        try:
            data = encode(batch) if decoder is None else batch
            self._look(batch if decoder is None else decoder.feed(batch))
        except _UNWRITABLE:
            self._why = "form"
        else:
            self._content.append(data)
            self._room_bytes -= len(data) + BATCH_BYTES
            if self._room_bytes < 0:
                self._why = "size"
        if self._why:
            self._content.clear()

    def _look(self, events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, Finish):
                self._ended.add(event.choice)
                self._usage = event.usage or self._usage
                if event.reason not in _WHOLE:
                    self._why = event.reason
            elif isinstance(event, RefusalDelta):
                self._why = "refusal"
            elif not isinstance(event, Start):
                self._speak.add(event.choice)

    def _over(self, usage: Usage | None, error: LLMError | None) -> None:
        if error is not None:
            self._why = "partial"
        elif not self._why:
            self._close()
        data = None if self._why else self._written(usage or self._usage)
        self._content.clear()
        self._told(data, self._why)

    def _written(self, usage: Usage | None) -> bytes | None:
        form: Form = "events" if self._decoder is None else "chunks"
        try:
            return written(self._call, self._reply, form, self._content, usage)
        except _UNWRITABLE:
            self._why = "form"
            return None

    def _close(self) -> None:
        if self._decoder is not None:
            self._look(self._decoder.close())
        if not self._ended or (self._decoder is not None and self._decoder.error is not None):
            self._why = "partial"
        elif not self._why and not self._speak.issuperset(self._ended):
            self._why = "empty"
