"""What becomes of each subject between a client's dialect and a provider's: verdicts, found by doing it.

A verdict is never assumed: the client's bytes are written and read, written for the provider and read
again, and answers come back whole and streamed. ``lost`` is what nobody was told of; a test allows none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, TypeAlias

from msgspec.structs import replace

from modelway.call import Target
from modelway.catalog.load import providers
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, UnsupportedError
from modelway.fold import fold
from modelway.framing.fields import split
from modelway.policies.emulate.decide import decide
from modelway.testing.contracts import STREAMING, decode_stream, encode_stream
from modelway.testing.scenarios import PIXEL, WEATHER, answered, said
from modelway.testing.subjects import STATES, Answer, Question, state
from modelway.types import (
    Audio,
    CallWarning,
    ChatRequest,
    ChatResponse,
    File,
    Image,
    Inline,
    Message,
    Part,
    Remote,
    ToolCall,
    ToolResult,
)

Kind: TypeAlias = Literal[
    "kept", "fetched", "emulated", "changed", "refused", "unsaid", "untold", "lost"
]
"""``changed``: with a warning. ``unsaid``: the client has no words for it; ``untold``: the provider
has none, so that it never comes; ``lost``: without a word to anybody."""


class Verdict(NamedTuple):
    kind: Kind
    why: tuple[str, ...] = ()


class Provider(NamedTuple):
    """A model that stands for those of its dialect."""

    title: str
    dialect: str
    row: str
    model: str

    @property
    def target(self) -> Target:
        quirks = providers()[self.row].quirks
        return Target(model=self.model, quirks=quirks, max_output_tokens=64_000)


PROVIDERS = (
    Provider("OpenAI", "openai-chat", "openai", "gpt-5.1"),
    Provider("OpenRouter", "openai-chat", "openrouter", "anthropic/claude-sonnet-4.5"),
    Provider("OpenAI, Responses", "openai-responses", "openai", "gpt-5.1"),
    Provider("Anthropic", "anthropic-messages", "anthropic", "claude-sonnet-4-5"),
    Provider("Gemini", "gemini", "gemini", "gemini-3-pro-preview"),
    Provider("Bedrock, Claude", "bedrock-converse", "bedrock", "anthropic.claude-sonnet-4-5-v1:0"),
    Provider("Cohere", "cohere", "cohere", "command-a-reasoning-08-2025"),
    Provider("Ollama", "ollama", "ollama", "qwen3"),
)
_PLACE = re.compile(r"messages\[\d+\]\S* | \((?:messages|tools)\.[\d.]+\)")
CLIENTS = tuple(dict.fromkeys([provider.dialect for provider in PROVIDERS]))
_CLIENT_QUIRKS = Quirks(
    cache_control=True, developer_role=True, reasoning_field="reasoning_details"
)
"""All that a client may write of what hosts of its dialect take."""

_NO_STATE = "thoughts have no place for state, nor have calls"
_ONE = "an answer is one: the first is given"
_AS_TEXT = "a refusal arrives as text"
_NOT_WHICH = "a finish does not say which sequence it was"
_NO_PAUSE = "there is no word for a pause"
_ONE_LIFETIME = "written tokens have one lifetime"
NO_WORDS: dict[tuple[str, str], str] = {
    ("openai-chat", "finish: pause"): _NO_PAUSE,
    ("openai-chat", "usage: written for 1 hour"): _ONE_LIFETIME,
    ("openai-responses", "image"): "only the image that is the result of a hosted tool has an item",
    ("openai-responses", "several answers (n)"): _ONE,
    ("openai-responses", "finish: pause"): _NO_PAUSE,
    ("openai-responses", "finish: which stop sequence"): _NOT_WHICH,
    ("openai-responses", "usage: written for 1 hour"): _ONE_LIFETIME,
    ("anthropic-messages", "refusal"): _AS_TEXT,
    ("anthropic-messages", "several answers (n)"): _ONE,
    ("anthropic-messages", "signed texts"): (
        "a message must not end with thinking, or Claude Code shows nothing of it: the state of a last "
        "text, which Gemini recommends and does not require, is left out"
    ),
    ("anthropic-messages", "log-probabilities"): "there are none",
    ("anthropic-messages", "usage: audio"): "there is no sound",
    ("gemini", "refusal"): _AS_TEXT,
    ("gemini", "finish: pause"): _NO_PAUSE,
    ("gemini", "finish: which stop sequence"): _NOT_WHICH,
    ("bedrock-converse", "refusal"): _AS_TEXT,
    ("bedrock-converse", "several answers (n)"): _ONE,
    ("bedrock-converse", "log-probabilities"): "there are none",
    ("bedrock-converse", "finish: pause"): _NO_PAUSE,
    ("bedrock-converse", "usage: reasoning"): "thoughts are counted with the output",
    ("bedrock-converse", "usage: audio"): "sound is counted with the input",
    ("cohere", "refusal"): _AS_TEXT,
    ("cohere", "image"): "an answer holds no images",
    ("cohere", "several answers (n)"): _ONE,
    ("cohere", "finish: pause"): _NO_PAUSE,
    ("cohere", "finish: which stop sequence"): _NOT_WHICH,
    ("cohere", "signed thoughts"): _NO_STATE,
    ("cohere", "signed texts"): _NO_STATE,
    ("cohere", "encrypted thoughts"): _NO_STATE,
    ("ollama", "refusal"): _AS_TEXT,
    ("ollama", "citation"): "there are none",
    ("ollama", "several answers (n)"): _ONE,
    ("ollama", "finish: pause"): _NO_PAUSE,
    ("ollama", "finish: which stop sequence"): _NOT_WHICH,
    ("ollama", "usage: audio"): "there is no sound",
    ("ollama", "signed thoughts"): _NO_STATE,
    ("ollama", "signed texts"): _NO_STATE,
    ("ollama", "encrypted thoughts"): _NO_STATE,
    ("ollama", "plans beside calls"): "a plan is a thought like any other",
}
"""(Client, subject) of an answer, and why clients of this dialect are not told of it."""


# ---------------------------------------------------------------- questions


def question(client: str | None, provider: Provider, subject: Question) -> Verdict:
    """Asked by a client of this dialect; None: by the SDK."""
    request = subject.request
    if client is not None:
        try:
            encoded = dialect(client).upstream["chat"].encode(request, _client(client), False)
        except (UnsupportedError, BadRequestError) as error:
            return Verdict("unsaid", (_plain(error.message, _client(client)),))
        read = dialect(client).downstream["chat"].decode(split(encoded.body))
        if subject.told(read) != subject.told(request):
            return Verdict("unsaid", _whys(encoded.warnings, _client(client)))
        request = read
    target, spoken = provider.target, dialect(provider.dialect)
    if decide(request, target.quirks, spoken) is not None:
        return Verdict("emulated")
    inlined = _inlined(request, spoken.inlined)
    try:
        encoded = spoken.upstream["chat"].encode(inlined, target, False)
    except (UnsupportedError, BadRequestError) as error:
        return Verdict("refused", (_plain(error.message, target),))
    got = spoken.downstream["chat"].decode(split(encoded.body))
    whys = _whys(encoded.warnings, target)
    if subject.told(got) == subject.told(inlined):
        return Verdict("kept" if inlined is request else "fetched", whys)
    return Verdict("changed" if whys else "lost", whys)


def _client(name: str) -> Target:
    model = next(one.model for one in PROVIDERS if one.dialect == name)
    if name == "openai-chat":
        model = "google/gemini"  # whose clients send back what it signs
    return Target(model=model, quirks=_CLIENT_QUIRKS, max_output_tokens=64_000)


def _whys(warnings: Iterable[CallWarning], target: Target) -> tuple[str, ...]:
    return tuple(dict.fromkeys([_plain(warning.message, target) for warning in warnings]))


def _plain(message: str, target: Target) -> str:
    """Without the model's name and the place in this one request."""
    named = message.replace(repr(target.model), "the model").replace(target.model, "the model")
    return _PLACE.sub("", named)


def _inlined(request: ChatRequest, kinds: frozenset[str]) -> ChatRequest:
    """As ``policies.inlining`` leaves it, with a file that was not fetched; itself where that is all."""
    names: dict[type[Any], str] = {Image: "image", Audio: "audio", File: "file"}
    fetched = {
        "image": Inline(media_type="image/png", data=PIXEL),
        "audio": Inline(media_type="audio/wav", data="AAAA"),
        "file": Inline(media_type="application/pdf", data="AAAA"),
    }

    def filled(part: Part) -> Part:
        if isinstance(part, Image | Audio | File) and isinstance(part.source, Remote):
            return replace(part, source=fetched[names[type(part)]])
        return part

    held = {
        names[type(part)]
        for message in request.messages
        for part in message.parts
        if isinstance(part, Image | Audio | File) and isinstance(part.source, Remote)
    }
    if not held & kinds:
        return request
    return replace(
        request,
        messages=tuple(
            [
                replace(message, parts=tuple([filled(part) for part in message.parts]))
                for message in request.messages
            ]
        ),
    )


# ---------------------------------------------------------------- answers


def answer(client: str, provider: Provider, name: str, subject: Answer) -> Verdict:
    """Given by a provider to a client; AssertionError where a stream says something else."""
    response = _given(provider.dialect, subject.response)
    if subject.told(response) != subject.told(subject.response):
        return Verdict("untold")
    told = subject.told(_received(client, response))
    for streamed in _streamed(client, provider.dialect, subject.response):
        if subject.told(streamed) != told:
            raise AssertionError(
                f"{name}: whole {told!r}, streamed {subject.told(streamed)!r}, "
                f"from {provider.title} to {client}"
            )
    if told == subject.told(response):
        return Verdict("kept")
    why = NO_WORDS.get((client, name))
    return Verdict("unsaid", (why,)) if why else Verdict("lost", (repr(told),))


def _given(spoken: str, response: ChatResponse) -> ChatResponse:
    """As a provider of this dialect says it."""
    body = dialect(spoken).downstream["chat"].encode(response)
    read: ChatResponse = dialect(spoken).upstream["chat"].decode(body)
    return read


def _received(client: str, response: ChatResponse) -> ChatResponse:
    """As a client of this dialect reads it."""
    return _given(client, response)


def _streamed(client: str, spoken: str, response: ChatResponse) -> Iterable[ChatResponse]:
    """As a client receives it of a provider that streams, cut in several ways on both sides."""
    stream = encode_stream(dialect(spoken), response)
    for size in (len(stream), 61, 1):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        decoder = _made(dialect(spoken).upstream["chat"].decoder)()
        encoder = _made(dialect(client).downstream["chat"].encoder)(STREAMING)
        written = b"".join([encoder.feed(decoder.feed(piece)) for piece in pieces])
        written += encoder.feed(decoder.close()) + encoder.close()
        if decoder.error is not None:
            raise AssertionError(f"a stream of {spoken} cannot be read: {decoder.error}")
        again = [written[at : at + size] for at in range(0, len(written), size)]
        events, error = decode_stream(dialect(client), again)
        if error is not None:
            raise AssertionError(f"a stream from {spoken} for {client} cannot be read: {error}")
        yield fold(events)


def _made(factory: Callable[..., Any] | None) -> Callable[..., Any]:
    if factory is None:
        raise AssertionError("chat streams, both ways")
    return factory


# ---------------------------------------------------------------- state that must come back


def returned(client: str | None, provider: Provider, name: str) -> Verdict:
    """Answered by a provider, kept by a client with its history, and sent to the provider again."""
    parts = STATES[name].get(provider.dialect)
    if parts is None or (provider.dialect == "openai-chat" and provider.row != "openrouter"):
        return Verdict("untold")  # of Chat Completions' hosts, OpenRouter gives state
    response = _given(provider.dialect, answered(*parts, finish="tool_calls"))
    wanted = state(response.message.parts)
    found: dict[Verdict, None] = {}
    held = [response] if client is None else [_received(client, response)]
    if client is not None:
        held += _streamed(client, provider.dialect, answered(*parts, finish="tool_calls"))
    for one in held:
        request = going_on(one.message)
        if client is not None:
            encoded = dialect(client).upstream["chat"].encode(request, _client(client), False)
            request = dialect(client).downstream["chat"].decode(split(encoded.body))
        sent = dialect(provider.dialect).upstream["chat"].encode(request, provider.target, False)
        got = dialect(provider.dialect).downstream["chat"].decode(split(sent.body))
        whys = _whys(sent.warnings, provider.target)
        back = state(tuple([part for message in got.messages for part in message.parts]))
        no_words = NO_WORDS.get((client or "", name))
        if back == wanted:
            found[Verdict("kept")] = None
        elif whys:
            found[Verdict("changed", whys)] = None
        else:
            found[
                Verdict("unsaid", (no_words,)) if no_words else Verdict("lost", (repr(back),))
            ] = None
    if len(found) > 1:
        raise AssertionError(f"{name}, {client}, {provider.title}: whole and streamed: {[*found]}")
    return next(iter(found))


def going_on(message: Message) -> ChatRequest:
    """The next request of a tool loop, after this answer."""
    results = [
        said("tool", ToolResult(call_id=part.id, parts=said("tool", "rain").parts))  # type: ignore[arg-type]
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    more = results or [said("user", "Go on.")]
    return ChatRequest(
        model="model-1",
        messages=(said("user", "Weather in Berlin?"), message, *more),
        max_tokens=100,
        tools=(WEATHER,),
    )
