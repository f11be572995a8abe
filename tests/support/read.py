"""Driving a dialect's codecs in tests: whole answers, streams in pieces, and both ways again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import structs

from modelway.dialects import dialect
from modelway.errors import LLMError
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.types import ChatResponse, StreamEvent, TextDelta, ToolCallDelta

STREAMING = split(b'{"stream":true,"stream_options":{"include_usage":true}}')
"""A client's request that asks for a stream with its usage, in either dialect."""


def decode_stream(name: str, pieces: Iterable[bytes]) -> tuple[list[StreamEvent], LLMError | None]:
    make = dialect(name).upstream["chat"].decoder
    assert make is not None
    decoder = make()
    events: list[StreamEvent] = []
    for piece in pieces:
        events += decoder.feed(piece)
    events += decoder.close()
    return events, decoder.error


def folded(name: str, pieces: Iterable[bytes]) -> ChatResponse:
    """The answer of a stream that must be without a fault."""
    events, error = decode_stream(name, pieces)
    if error is not None:
        raise error
    return fold(events)


def decode_whole(name: str, body: bytes) -> ChatResponse:
    answer: Any = dialect(name).upstream["chat"].decode(body)
    return answer


def to_client(name: str, response: ChatResponse) -> bytes:
    return dialect(name).downstream["chat"].encode(response)


def stream_to_client(name: str, batches: Iterable[Sequence[StreamEvent]]) -> bytes:
    make = dialect(name).downstream["chat"].encoder
    assert make is not None
    encoder = make(STREAMING)
    return b"".join([encoder.feed(batch) for batch in batches]) + encoder.close()


def streamed(name: str, response: ChatResponse) -> bytes:
    """A whole answer, as the stream that a client of this dialect would be given."""
    return stream_to_client(name, [[event] for event in unfold(response)])


def in_pieces(events: Iterable[StreamEvent], chars: int) -> list[StreamEvent]:
    """The same events with texts and arguments in deltas of so many characters, as models send."""
    cut: list[StreamEvent] = []
    for event in events:
        match event:
            case TextDelta(text=whole) if not event.logprobs:
                field = "text"
            case ToolCallDelta(arguments=whole):
                field = "arguments"
            case _:
                cut.append(event)
                continue
        pieces = [whole[at : at + chars] for at in range(0, len(whole), chars)] or [""]
        cut.append(structs.replace(event, **{field: pieces[0]}))
        more = (
            structs.replace(event, id=None, name=None, signature=None) if field != "text" else event
        )
        cut += [structs.replace(more, **{field: piece}) for piece in pieces[1:]]
    return cut


def relayed(name: str, pieces: Iterable[bytes], *, hide_usage: bool = False) -> tuple[bytes, Any]:
    relay = dialect(name).upstream["chat"].relay(hide_usage)
    out = b"".join([relay.feed(piece) for piece in pieces])
    return out + relay.close(), relay
