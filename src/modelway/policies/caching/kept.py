"""Answers as bytes that can be kept, and such bytes as answers again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sized
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.call import Call, Deployment, Reply, Settled
from modelway.fold import fold, unfold
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.types import CallWarning, ChatResponse, StreamEvent, Trace, Usage

Form: TypeAlias = Literal["body", "chunks", "chat", "embed", "rerank", "events"]
"""Whole or streamed in a client's own bytes; a decoded answer of one of three kinds; its events."""
Item = TypeVar("Item", list[StreamEvent], bytes)

VALUES: dict[Form, Any] = {"chat": ChatResponse, "embed": EmbedResponse, "rerank": RerankResponse}
_IN_BYTES = ("body", "chunks")


class _Kept(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    deployment: str
    dialect: str
    """Of the client whose bytes they are; ``""``: they are decoded."""
    form: Form
    content: tuple[bytes, ...]
    usage: Usage | None
    warnings: tuple[CallWarning, ...]
    request_id: str | None


def _refuse(code: int, data: memoryview) -> Any:
    del code, data
    raise ValueError("an extension")


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept, ext_hook=_refuse).decode
_batch = msgspec.msgpack.Decoder(list[StreamEvent], ext_hook=_refuse).decode
_values: dict[str, Callable[[bytes], Any]] = {
    form: msgspec.msgpack.Decoder(kind, ext_hook=_refuse).decode for form, kind in VALUES.items()
}


def written(
    call: Call, reply: Reply, form: Form, content: Iterable[bytes], usage: Usage | None
) -> bytes:
    """What is kept of the answer to a call: ``content`` is one piece, or one for each batch."""
    dialect = call.body.dialect if form in _IN_BYTES and call.body is not None else ""
    return encode(
        _Kept(
            deployment=reply.deployment.id,
            dialect=dialect,
            form=form,
            content=tuple(content),
            usage=usage,
            warnings=reply.warnings,
            request_id=reply.request_id,
        )
    )


def reply_of(
    data: bytes,
    call: Call,
    deployment: Callable[[str], Deployment | None],
    *,
    age_s: float,
    by: Literal["exact", "semantic"],
) -> Reply | None:
    """What was kept as an answer to this call; ``None`` where it does not serve.

    It does not where it cannot be read, where its deployment is not configured any more, where it is
    in other bytes than the call's client reads, or would lose something as a stream.
    """
    try:
        kept = _for(call, _decode(data))
        found = deployment(kept.deployment)
        given = None if found is None else _given(kept, call, found)
    except (ValueError, RecursionError):
        return None
    if given is None or found is None:
        return None
    trace = None
    if call.options.trace:
        trace = Trace(call=call.id, strategy="cache", deployment=found.id, took_s=0.0)
    return Reply(
        deployment=found,
        usage=kept.usage,
        warnings=kept.warnings,
        request_id=kept.request_id,
        trace=trace,
        cached=by,
        age_s=age_s,
        **given,
    )


def _for(call: Call, kept: _Kept) -> _Kept:
    """Without the warning that it does not stream, for who asks for it whole."""
    if call.stream or not kept.warnings:
        return kept
    return replace(kept, warnings=tuple([one for one in kept.warnings if one.setting != "stream"]))


def _given(kept: _Kept, call: Call, deployment: Deployment) -> dict[str, Any] | None:
    """The one field of a reply that holds the answer."""
    content = kept.content
    if not content or (kept.dialect and not _reads(call, kept.dialect)):
        return None
    match kept.form:
        case "body":
            return None if call.stream else {"body": content[0]}
        case "chunks":
            return {"chunks": Replay(content, kept.usage)} if call.stream else None
        case "events":
            batches = [_batch(batch) for batch in content]
            if call.stream:
                return {"events": Replay(batches, kept.usage)}
            return {"value": _folded(kept, batches, deployment)}
        case _:
            value = _values[kept.form](content[0])
            return _unfolded(value, kept.usage) if call.stream else {"value": value}


def _reads(call: Call, dialect: str) -> bool:
    return call.body is not None and call.body.dialect == dialect


def _folded(kept: _Kept, batches: list[list[StreamEvent]], deployment: Deployment) -> ChatResponse:
    """A stream as the whole answer that it is."""
    return replace(
        fold([event for batch in batches for event in batch]),
        provider=deployment.provider.name,
        deployment=deployment.id,
        request_id=kept.request_id,
        warnings=kept.warnings,
    )


def _unfolded(value: Any, usage: Usage | None) -> dict[str, Any] | None:
    """A whole answer as a stream of one batch, where nothing of it is lost so."""
    if not isinstance(value, ChatResponse):
        return None
    events = unfold(value)
    again = fold(events)
    if (again.choices, again.usage) != (value.choices, value.usage):
        return None
    return {"events": Replay([events], usage)}


class Replay(Generic[Item]):
    """An answer that was kept, as a stream: in the batches in which it came."""

    def __init__(self, batches: Iterable[Item], usage: Usage | None) -> None:
        self.usage = usage
        self.finished = False
        self.billed = usage is not None
        self.received_chars: int | None = None
        self.on_settled: list[Settled] = []
        self.on_batch: list[Callable[[Sized], None]] = []
        self._batches: Iterator[Item] = iter(batches)
        self._settled = False

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        for batch in self._batches:
            for told in self.on_batch:
                told(batch)
            return batch
        self.finished = True
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._batches = iter(())
        if not self._settled:
            self._settled = True
            for told in self.on_settled:
                told(self.usage, None)
