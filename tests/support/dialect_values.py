"""Hypothesis strategies for what each dialect can say, in the canonical form that it reads back.

``QUESTIONS`` and ``ANSWERS`` are by dialect name. Canonical means: a text that is sent as a string
is one part, reasoning and calls stand where the wire puts them, nothing is said twice.
"""

from __future__ import annotations

import base64
import json
from typing import get_args

from hypothesis import strategies as st
from msgspec import structs

from modelway.dialects import breakpoints
from modelway.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    Effort,
    File,
    HostedTool,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from support.strategies import CHARACTERS, FULL_TEXTS, NAMES, TEXTS

OPENAI, ANTHROPIC = "openai-chat", "anthropic-messages"

SMALL = st.deferred(lambda: SMALL_LEAVES | SMALL_OBJECTS | st.lists(SMALL_LEAVES, max_size=2))
SMALL_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
SMALL_OBJECTS = st.dictionaries(st.text(CHARACTERS, max_size=4), SMALL_LEAVES, max_size=3)
"""JSON of little depth: how deep it goes is nothing to a dialect, and drawing it is slow."""

B64 = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
URLS = NAMES.map(lambda name: f"https://example.org/{name}.png?a=1&b=é")
CACHE = st.sampled_from([None, None, "5m", "1h"])
IMAGES = st.builds(Inline, media_type=st.sampled_from(["image/png", "image/jpeg"]), data=B64)
REMOTE, STORED = st.builds(Remote, url=URLS), st.builds(Stored, id=NAMES)
ARGUMENTS = st.one_of(
    SMALL_OBJECTS.map(json.dumps),
    SMALL_OBJECTS.map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.sampled_from(["{}", '{"n": 1.0, "big": 12345678901234567890, "e": 1e400}', '{ "a" :[ ] }']),
)
SCHEMAS = st.dictionaries(
    NAMES,
    st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}, {"enum": ["a"]}]),
    max_size=8,
).map(
    lambda inner: {
        "type": "object",
        "properties": inner,
        "required": list(inner),
        "additionalProperties": False,
    }
)
"""Schemas that every provider takes as they are."""
EXTRAS = st.dictionaries(
    NAMES.map(lambda name: f"x_{name}"), SMALL.filter(lambda value: value is not None), max_size=2
)


def in_limits(request):
    """With no more cache breakpoints than are taken, in their order."""
    return breakpoints.within(request, lambda *_: None)


def some(values, least=0, most=3):
    return st.lists(values, min_size=least, max_size=most).map(tuple)


def maybe(values):
    return st.none() | values


def of(*parts):
    """Parts in this order; a strategy may also give a tuple of them, or None for none."""

    def joined(given):
        flat: list = []
        for one in given:
            flat += [] if one is None else one if isinstance(one, tuple) else [one]
        return tuple(flat)

    return st.tuples(*parts).map(joined)


# ---------------------------------------------------------------- openai-chat

O_TEXT = st.builds(Text, text=TEXTS, cache=CACHE)
O_USER_PART = st.one_of(
    O_TEXT,
    st.builds(
        Image, source=IMAGES | REMOTE, detail=maybe(st.sampled_from(["low", "high"])), cache=CACHE
    ),
    st.builds(
        Audio,
        source=st.builds(Inline, media_type=st.sampled_from(["audio/wav", "audio/mpeg"]), data=B64),
    ),
    st.builds(
        File,
        source=st.builds(Inline, media_type=st.just("application/pdf"), data=B64) | STORED,
        name=maybe(NAMES),
    ),
)
O_CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS)
O_MESSAGE = st.one_of(
    st.builds(
        Message,
        role=st.sampled_from(["system", "developer"]),
        parts=some(O_TEXT, 1),
        name=maybe(NAMES),
    ),
    st.builds(Message, role=st.just("user"), parts=some(O_USER_PART, 1), name=maybe(NAMES)),
    st.builds(
        Message,
        role=st.just("assistant"),
        parts=of(
            maybe(st.builds(Reasoning, text=TEXTS.filter(bool))),
            some(O_TEXT),
            maybe(st.builds(Refusal, text=TEXTS.filter(bool))),
            some(O_CALL),
        ),
        name=maybe(NAMES),
    ),
    st.builds(
        Message,
        role=st.just("tool"),
        parts=of(st.builds(ToolResult, call_id=NAMES, parts=some(O_TEXT), name=maybe(NAMES))),
    ),
)
O_EFFORTS = [effort for effort in get_args(Effort) if effort != "max"]
TOOLS = st.builds(
    Tool,
    name=NAMES,
    description=maybe(TEXTS),
    parameters=SCHEMAS,
    strict=maybe(st.booleans()),
    cache=CACHE,
)
TOOL_CHOICE = maybe(
    st.sampled_from(["auto", "none", "required"]) | st.builds(NamedTool, name=NAMES)
)


@st.composite
def openai_questions(draw):
    extra = draw(EXTRAS)
    return ChatRequest(
        model=draw(NAMES),
        messages=draw(some(O_MESSAGE, 1, 5)),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        frequency_penalty=draw(maybe(st.floats(-2, 2))),
        presence_penalty=draw(maybe(st.floats(-2, 2))),
        stop=draw(some(TEXTS)),
        seed=draw(maybe(st.integers(-(2**63), 2**63 - 1))),
        n=draw(maybe(st.integers(1, 128))),
        logprobs=draw(maybe(st.booleans())),
        top_logprobs=draw(maybe(st.integers(0, 20))),
        tools=draw(some(TOOLS)),
        tool_choice=draw(TOOL_CHOICE),
        parallel_tool_calls=draw(maybe(st.booleans())),
        response_format=draw(
            maybe(
                st.builds(JsonObject)
                | st.builds(
                    JsonSchema,
                    schema=SCHEMAS,
                    name=maybe(NAMES.filter(lambda name: name != "response")),
                    description=maybe(TEXTS),
                    strict=maybe(st.booleans()),
                )
            )
        ),
        thinking=draw(maybe(st.builds(Thinking, effort=st.sampled_from(O_EFFORTS)))),
        user=draw(maybe(TEXTS)),
        metadata=draw(st.dictionaries(NAMES, TEXTS, max_size=2)),
        extra=extra,
        extra_dialect=OPENAI if extra else None,
    )


# ---------------------------------------------------------------- anthropic-messages


def _citation(quote: str, title: str | None) -> Citation:
    raw = {"type": "char_location", "cited_text": quote, "start_char_index": 0, "end_char_index": 9}
    if title is not None:
        raw["document_title"] = title
    return Citation(title=title or None, quote=quote, dialect=ANTHROPIC, raw=raw)


A_TEXT = st.builds(
    Text,
    text=FULL_TEXTS,
    citations=some(st.builds(_citation, FULL_TEXTS, maybe(FULL_TEXTS)), most=1),
    cache=CACHE,
)
A_PLAIN = st.builds(Text, text=FULL_TEXTS, cache=CACHE)
A_IMAGE = st.builds(Image, source=IMAGES | REMOTE | STORED, cache=CACHE)
A_FILE = st.builds(
    File,
    source=st.one_of(
        st.builds(Inline, media_type=st.just("application/pdf"), data=B64),
        st.builds(
            Inline,
            media_type=st.just("text/plain"),
            data=TEXTS.map(lambda text: base64.b64encode(text.encode()).decode()),
        ),
        REMOTE,
        STORED,
    ),
    name=maybe(TEXTS),
    context=maybe(TEXTS),
    citations=maybe(st.booleans()),
    cache=CACHE,
)
A_REASONING = st.builds(Reasoning, text=TEXTS, signature=NAMES) | st.builds(
    Reasoning, encrypted=NAMES
)
A_CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS, cache=CACHE)
A_MESSAGE = st.one_of(
    st.builds(Message, role=st.just("user"), parts=some(A_PLAIN | A_IMAGE | A_FILE, 1)),
    st.builds(Message, role=st.just("assistant"), parts=some(A_TEXT | A_REASONING | A_CALL, 1)),
    st.builds(
        Message,
        role=st.just("tool"),
        parts=of(
            st.builds(
                ToolResult,
                call_id=NAMES,
                parts=some(A_PLAIN | A_IMAGE),
                is_error=maybe(st.booleans()),
                cache=CACHE,
            )
        ),
    ),
)
A_THINKING = st.one_of(
    st.builds(
        Thinking,
        mode=st.sampled_from([None, "adaptive", "disabled"]),
        effort=st.sampled_from(["low", "medium", "high", "xhigh", "max"]),
    ),
    st.builds(Thinking, mode=st.just("enabled"), budget_tokens=st.integers(1024, 10**5)),
)
A_HOSTED = st.builds(
    HostedTool,
    dialect=st.just(ANTHROPIC),
    definition=st.just({"type": "web_search_20250305", "name": "web_search", "max_uses": 3}),
)


@st.composite
def anthropic_questions(draw):
    extra = draw(EXTRAS)
    thinking = draw(maybe(A_THINKING))
    budget = (thinking and thinking.budget_tokens) or 0
    system = draw(some(st.builds(Message, role=st.just("system"), parts=some(A_PLAIN, 1)), 0, 1))
    tools = draw(some(TOOLS | A_HOSTED))
    choice = draw(TOOL_CHOICE) if tools else None
    return in_limits(
        ChatRequest(
            model=draw(NAMES),
            messages=(*system, *draw(some(A_MESSAGE, 1, 5))),
            max_tokens=budget + draw(st.integers(1, 10**6)),
            temperature=draw(maybe(st.floats(0, 1))),
            top_p=draw(maybe(st.floats(0, 1))),
            top_k=draw(maybe(st.integers(1, 500))),
            stop=draw(some(FULL_TEXTS)),
            tools=tools,
            tool_choice=choice,
            parallel_tool_calls=None if choice in (None, "none") else draw(maybe(st.booleans())),
            response_format=draw(maybe(st.builds(JsonSchema, schema=SCHEMAS))),
            thinking=thinking,
            user=draw(maybe(TEXTS)),
            extra=extra,
            extra_dialect=ANTHROPIC if extra else None,
        )
    )


# ---------------------------------------------------------------- answers

FINISHES = {
    OPENAI: ["stop", "length", "tool_calls", "content_filter"],
    ANTHROPIC: ["stop", "length", "tool_calls", "content_filter", "pause"],
}
"""What each dialect has a word for."""

SPOKEN = st.text(CHARACTERS, min_size=1, max_size=30) | TEXTS.filter(bool)
ANSWER_CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS)
PARTS = {
    OPENAI: of(
        maybe(st.builds(Reasoning, text=SPOKEN)),
        maybe(st.builds(Text, text=SPOKEN)),
        maybe(st.builds(Refusal, text=SPOKEN)),
        some(ANSWER_CALL),
    ),
    ANTHROPIC: some(
        st.builds(Text, text=SPOKEN)
        | st.builds(Reasoning, text=SPOKEN, signature=NAMES)
        | st.builds(Reasoning, encrypted=NAMES)
        | ANSWER_CALL,
        most=5,
    ),
}


@st.composite
def usages(draw):
    count = st.integers(0, 10**7)
    cached, written = draw(maybe(count)), draw(maybe(count))
    reasoning = draw(maybe(count))
    return Usage(
        input_tokens=(cached or 0) + (written or 0) + draw(count),
        output_tokens=(reasoning or 0) + draw(count),
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
    )


@st.composite
def answers(draw, name):
    parts = draw(PARTS[name])
    # A call's id is its own; two of one id are pieces of one call.
    parts = tuple(
        [
            structs.replace(part, id=f"call_{number}_{part.id}")
            if isinstance(part, ToolCall)
            else part
            for number, part in enumerate(parts)
        ]
    )
    choice = Choice(
        message=Message(role="assistant", parts=parts),
        finish_reason=draw(st.sampled_from(FINISHES[name])),
    )
    return ChatResponse(id=draw(NAMES), model=draw(NAMES), choices=(choice,), usage=draw(usages()))


QUESTIONS = {OPENAI: openai_questions(), ANTHROPIC: anthropic_questions()}
ANSWERS = {OPENAI: answers(OPENAI), ANTHROPIC: answers(ANTHROPIC)}
