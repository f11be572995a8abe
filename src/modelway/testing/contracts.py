"""What a dialect promises, as checks that anyone can run over their own: the laws by example.

``CONTRACTS`` holds named functions from a ``Dialect`` to nothing, which raise AssertionError:

    @pytest.mark.parametrize("contract", CONTRACTS, ids=str)
    def test_my_dialect(contract):
        contract.check(DIALECT)

A dialect needs both halves of ``chat`` for this. What it cannot say must be told: by a warning of
the encoder or an UnsupportedError, never by silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from modelway import errors
from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.errors import (
    CredentialError,
    LLMError,
    ResponseError,
    StreamInterruptedError,
    UnsupportedError,
)
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.ports import Dialect, Relay
from modelway.testing.scenarios import ANSWERS, QUESTIONS
from modelway.types import ChatRequest, ChatResponse, StreamEvent, Text, ToolCall, Usage

TARGET = Target(model="model-1", quirks=Quirks(cache_control=True, developer_role=True))
STREAMING = split(b'{"stream":true,"stream_options":{"include_usage":true}}')
"""A client's request for a stream with its usage, as far as any dialect asks for that."""

_UNREADABLE = {
    "nothing": b"",
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "half a JSON": b'{"id": "x", "choices": [{"mess',
    "a list": b"[]",
    "a string": b'"no"',
    "another object": b'{"hello": "world"}',
    "deep nesting": b'{"choices":' + b"[" * 100_000,
    "bytes": b"\xff\xfe\x00",
}
_REFUSALS: tuple[tuple[type[LLMError], int], ...] = (
    (errors.BadRequestError, 400),
    (errors.AuthenticationError, 401),
    (errors.PermissionDeniedError, 403),
    (errors.NotFoundError, 404),
    (errors.RateLimitError, 429),
    (errors.OverloadedError, 503),
)


class Contract(NamedTuple):
    """One promise. ``check`` raises AssertionError where a dialect breaks it."""

    name: str
    check: Callable[[Dialect], None]

    def __str__(self) -> str:
        return self.name


def _same(got: object, wanted: object, what: str) -> None:
    if got != wanted:
        raise AssertionError(f"{what}\n     got {got!r}\n  wanted {wanted!r}")


def _true(holds: object, what: str) -> None:
    if not holds:
        raise AssertionError(what)


# ---------------------------------------------------------------- driving a dialect


def decode_stream(
    dialect: Dialect, pieces: Iterable[bytes]
) -> tuple[list[StreamEvent], LLMError | None]:
    """The events of a provider's stream, and its fault."""
    make = dialect.upstream["chat"].decoder
    _true(make, "a chat codec has a decoder of streams")
    decoder = make()  # type: ignore[misc]
    events: list[StreamEvent] = []
    for piece in pieces:
        events += decoder.feed(piece)
    events += decoder.close()
    return events, decoder.error


def _relay(dialect: Dialect) -> Relay:
    make = dialect.upstream["chat"].relay
    _true(make, "a chat codec has a relay of streams")
    return make(False)  # type: ignore[misc]


def encode_stream(dialect: Dialect, response: ChatResponse) -> bytes:
    """An answer as the stream that a client is given, each event in a batch of its own."""
    make = dialect.downstream["chat"].encoder
    _true(make, "a chat face has an encoder of streams")
    encoder = make(STREAMING)  # type: ignore[misc]
    return b"".join([encoder.feed([event]) for event in unfold(response)]) + encoder.close()


def essence(response: ChatResponse) -> dict[str, Any]:
    """What an answer says, however its parts are cut: text, calls by value, finish and tokens."""
    parts = response.message.parts
    usage = response.usage
    return {
        "text": "".join([part.text for part in parts if isinstance(part, Text)]),
        "calls": [
            (part.id, part.name, json.loads(part.arguments or "{}"))
            for part in parts
            if isinstance(part, ToolCall)
        ],
        "finish": response.finish_reason,
        "tokens": (usage.input_tokens, usage.output_tokens),
        "cache": (usage.cached_tokens or 0, usage.cache_write_tokens or 0),
    }


# ---------------------------------------------------------------- questions


def question_survives(request: ChatRequest, dialect: Dialect) -> None:
    """Law 1: written for a provider and read as a client's, it is the same, or a warning tells."""
    for stream in (False, True):
        try:
            encoded = dialect.upstream["chat"].encode(request, TARGET, stream)
        except UnsupportedError as error:
            _true(error.message, "an UnsupportedError says what is not supported")
            return
        fields = split(encoded.body)
        got = dialect.downstream["chat"].decode(fields)
        told = {warning.setting.partition(".")[0].partition("[")[0] for warning in encoded.warnings}
        if "model" not in fields:
            told.add("model")  # said by the path alone
        for name in ChatRequest.__struct_fields__:
            if name not in told:
                _same(_meant(got, name), _meant(request, name), f"the request's {name} changed")


def _meant(request: ChatRequest, name: str) -> Any:
    """What a setting says; to choose tools freely is what is meant where nothing is said."""
    value = getattr(request, name)
    return None if name == "tool_choice" and value == "auto" else value


def model_is_the_targets(dialect: Dialect) -> None:
    """The encoder sends the deployment's model, whatever the caller called it."""
    request = replace(QUESTIONS["text"], model="an alias")
    body = dialect.upstream["chat"].encode(request, TARGET, False).body
    path = dialect.upstream["chat"].path(TARGET.model, False)
    _true(path.startswith("/"), "a path begins with a slash, below the base URL")
    _true(b"an alias" not in body, "the caller's name of the model reached the provider")
    _true(TARGET.model.encode() in body + path.encode(), "the target's model is not sent")


def splice_changes_the_model_only(dialect: Dialect) -> None:
    """A client's bytes go to a provider of the same dialect as they are, but for the model."""
    written = dialect.upstream["chat"].encode(
        QUESTIONS["parallel calls and their results"], TARGET, False
    )
    fields = split(written.body)
    fields |= split(b'{"a_new_field": {"n": 1.50, "big": 12345678901234567890}}')
    spliced = split(dialect.splice(fields, Target(model="other"), "chat").body)
    for name in fields.keys() | spliced.keys():
        if name != "model":
            _same(bytes(spliced[name]), bytes(fields[name]), f"the bytes of {name} changed")


# ---------------------------------------------------------------- answers


def answer_survives(response: ChatResponse, dialect: Dialect) -> None:
    """An answer written for a client and read as a provider's says the same."""
    body = dialect.downstream["chat"].encode(response)
    got = dialect.upstream["chat"].decode(body)
    _same(essence(got), essence(response), "the whole answer changed")
    usage = dialect.upstream["chat"].usage
    _true(usage, "a chat codec reads the usage of a whole answer")
    _same(counted(usage(body)), counted(got.usage), "usage() and decode() disagree")  # type: ignore[misc]


def counted(usage: Usage | None) -> Usage:
    """Usage without the provider's own object, which a quick look at an answer may leave out."""
    return replace(usage or Usage(), raw={})


def stream_equals_whole(response: ChatResponse, dialect: Dialect) -> None:
    """Laws 2 and 3: streamed, in any pieces, and folded, it says what the whole answer says."""
    stream = encode_stream(dialect, response)
    events, error = decode_stream(dialect, [stream])
    _same(error, None, "a whole stream is without a fault")
    _same(essence(fold(events)), essence(response), "the stream says something else")
    for size in (1, 3, 16, 1000):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        _same(decode_stream(dialect, pieces), (events, None), f"pieces of {size} bytes differ")
        relay = _relay(dialect)
        out = b"".join([relay.feed(piece) for piece in pieces]) + relay.close()
        _same(out, stream, f"a relay of pieces of {size} bytes changed bytes")
        _same(relay.error, None, "a whole stream is relayed without a fault")
        _same(relay.finish, response.finish_reason, "a relay learned another finish")
        _true(relay.usage, "a relay learned no usage")


def truncated_stream_is_an_error(response: ChatResponse, dialect: Dialect) -> None:
    """Law 4: a stream that ends before its finish is never taken for whole."""
    stream = encode_stream(dialect, response)
    borders, at, finished = _relay(dialect), 0, 0  # what it lets through are whole events
    for number in range(len(stream)):
        at += len(borders.feed(stream[number : number + 1]))
        events, error = decode_stream(dialect, [stream[:at]])
        if error is None:
            break
        finished = at
    _true(at, "a stream has events")
    for cut in sorted({*range(0, finished, max(1, finished // 40)), finished}):
        events, error = decode_stream(dialect, [stream[:cut]])
        _true(
            isinstance(error, StreamInterruptedError | ResponseError),
            f"the stream cut at byte {cut} of {len(stream)} is taken for whole: {events[-1:]}",
        )
        relay = _relay(dialect)
        relay.feed(stream[:cut])
        relay.close()
        _true(relay.error, f"the stream cut at byte {cut} is relayed as whole")


# ---------------------------------------------------------------- faults


def unreadable_answer_is_typed(body: bytes, dialect: Dialect) -> None:
    """Not an answer: ResponseError, never another exception and never an empty answer."""
    try:
        got = dialect.upstream["chat"].decode(body)
    except ResponseError as error:
        _true(error.message, "an error says what happened")
        return
    raise AssertionError(f"{body[:60]!r} was read as an answer: {got!r}")


def unreadable_stream_is_typed(body: bytes, dialect: Dialect) -> None:
    """Not a stream: ``error`` is set, and ``feed`` and ``close`` do not raise."""
    for data in (body, b"data: " + body + b"\n\n"):
        events, error = decode_stream(dialect, [data])
        _true(isinstance(error, LLMError), f"{data[:60]!r} was read as a stream: {events!r}")
        relay = _relay(dialect)
        relay.feed(data)
        relay.close()
        _true(isinstance(relay.error, LLMError), f"{data[:60]!r} was relayed as a stream")


def refusal_without_a_readable_body_is_typed(body: bytes, dialect: Dialect) -> None:
    """A status alone is enough: the class by status, and the status kept."""
    for wanted, status in _REFUSALS:
        error = dialect.error(status, ((b"x-request-id", b"request-7"),), body)
        _same(type(error), wanted, f"status {status} with {body[:40]!r}")
        _same((error.status, error.request_id), (status, "request-7"), "status and request id")


def errors_reach_a_client(dialect: Dialect) -> None:
    """An error written for a client of this dialect is read back as the same class."""
    for kind, status in _REFUSALS:
        code, body = dialect.refuse(kind("What happened, and what to do.", status=status))
        _true(400 <= code < 600, f"{kind.__name__} leaves with status {code}")
        again = dialect.error(code, (), body)
        _same(type(again), kind, f"a client reads {body!r}")
        if not issubclass(kind, CredentialError):  # the operator's keys are no client's business
            _true("What happened" in again.message, "the message is lost")


def error_ends_a_stream(dialect: Dialect) -> None:
    """``fail`` after some events ends a client's stream with an error that a decoder reads."""
    for kind, status in _REFUSALS:
        make = dialect.downstream["chat"].encoder
        encoder = make(STREAMING)  # type: ignore[misc]
        sent = encoder.feed(unfold(ANSWERS["text"])[:2])
        sent += encoder.fail(kind("What happened.", status=status))
        _same(encoder.feed(unfold(ANSWERS["text"])), b"", "nothing follows an error")
        _same(encoder.close(), b"", "nothing follows an error")
        events, error = decode_stream(dialect, [sent])
        _true(events, "what came before the error is lost")
        _true(isinstance(error, LLMError), "the error is not seen")
        if not issubclass(kind, CredentialError):
            _true("What happened" in str(error), f"the error's message is lost: {error!r}")


def unfinished_stream_is_not_ended_as_whole(dialect: Dialect) -> None:
    """Events that stop before a finish are closed with an error, not with an ordinary end."""
    make = dialect.downstream["chat"].encoder
    encoder = make(STREAMING)  # type: ignore[misc]
    sent = encoder.feed(unfold(ANSWERS["text"])[:2]) + encoder.close()
    _, error = decode_stream(dialect, [sent])
    _true(isinstance(error, LLMError), "a client takes half an answer for a whole one")


def _each(name: str, check: Callable[..., None], scenarios: dict[str, Any]) -> list[Contract]:
    return [Contract(f"{name}: {of}", partial(check, one)) for of, one in scenarios.items()]


CONTRACTS: tuple[Contract, ...] = (
    *_each("question", question_survives, QUESTIONS),
    Contract("the model sent is the target's", model_is_the_targets),
    Contract("a splice changes the model only", splice_changes_the_model_only),
    *_each("answer", answer_survives, ANSWERS),
    *_each("stream", stream_equals_whole, ANSWERS),
    *_each("truncated stream", truncated_stream_is_an_error, ANSWERS),
    *_each("unreadable answer", unreadable_answer_is_typed, _UNREADABLE),
    *_each("unreadable stream", unreadable_stream_is_typed, _UNREADABLE),
    *_each("refusal with", refusal_without_a_readable_body_is_typed, _UNREADABLE),
    Contract("errors reach a client", errors_reach_a_client),
    Contract("an error ends a stream", error_ends_a_stream),
    Contract("half a stream is not ended as whole", unfinished_stream_is_not_ended_as_whole),
)
"""Every promise by name."""
