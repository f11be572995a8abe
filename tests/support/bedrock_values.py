"""Hypothesis strategies for what Bedrock's Converse can say, in the form that it reads back.

Ids and the model's name are no part of its bodies, and so of no value here.
"""

from __future__ import annotations

import base64

from hypothesis import strategies as st
from msgspec import structs

from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    File,
    HostedTool,
    Image,
    Inline,
    JsonSchema,
    Message,
    Opaque,
    Reasoning,
    Remote,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from support.dialect_values import (
    ANSWER_CALL,
    ARGUMENTS,
    B64,
    CACHE,
    EXTRAS,
    IMAGES,
    SCHEMAS,
    SPOKEN,
    in_limits,
    maybe,
    of,
    some,
    usages,
)
from support.strategies import FULL_TEXTS, NAMES, TEXTS

BEDROCK = "bedrock-converse"
FINISHES = ["stop", "length", "tool_calls", "content_filter", "error"]

PLAIN = st.builds(Text, text=TEXTS.filter(str.strip), cache=CACHE)
CITED = st.builds(
    Text,
    text=TEXTS.filter(str.strip),
    citations=st.just(
        (
            Citation(
                title="a",
                quote="bc",
                dialect=BEDROCK,
                raw={
                    "title": "a",
                    "sourceContent": [{"text": "b"}, {"text": "c"}],
                    "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 3}},
                },
            ),
        )
    ),
    cache=CACHE,
)
IMAGE = st.builds(
    Image, source=IMAGES | st.builds(Remote, url=st.just("s3://bucket/a.png")), cache=CACHE
)
WORDS = TEXTS.map(lambda text: base64.b64encode(text.encode()).decode())
DOCUMENT = st.builds(Inline, media_type=st.just("application/pdf"), data=B64) | st.builds(
    Inline, media_type=st.sampled_from(["text/plain", "text/markdown", "text/csv"]), data=WORDS
)
FILE = st.builds(
    File,
    source=DOCUMENT,
    name=st.uuids().map(str),
    context=maybe(TEXTS),
    citations=maybe(st.booleans()),
    cache=CACHE,
)
GUARDED = st.builds(
    lambda text: Opaque(
        dialect=BEDROCK,
        kind="guardContent",
        data={"guardContent": {"text": {"text": text, "qualifiers": ["query"]}}},
    ),
    TEXTS,
)
CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS, cache=CACHE)
SIGNED = st.builds(
    Reasoning, text=TEXTS, signature=NAMES, format=st.just("anthropic-messages")
) | st.builds(Reasoning, encrypted=NAMES, format=st.just("anthropic-messages"))
RESULT = st.builds(
    ToolResult,
    call_id=NAMES,
    parts=some(st.builds(Text, text=TEXTS.filter(str.strip)) | st.builds(Image, source=IMAGES)),
    is_error=maybe(st.booleans()),
    cache=CACHE,
)
ASKED = st.builds(Message, role=st.just("user"), parts=some(PLAIN | IMAGE | FILE | GUARDED, 1))
RETURNED = st.lists(
    st.builds(Message, role=st.just("tool"), parts=of(RESULT)), min_size=1, max_size=2
)
SAID = st.builds(Message, role=st.just("assistant"), parts=some(PLAIN | CITED | SIGNED | CALL, 1))
THINKING = st.one_of(
    st.builds(
        Thinking,
        mode=st.sampled_from([None, "adaptive", "disabled"]),
        effort=st.sampled_from(["low", "medium", "high", "xhigh", "max"]),
    ),
    st.builds(Thinking, mode=st.just("enabled"), budget_tokens=st.integers(1024, 10**5)),
)
TOOLS = st.builds(
    Tool,
    name=NAMES,
    description=maybe(SPOKEN),
    parameters=SCHEMAS,
    strict=maybe(st.booleans()),
    cache=CACHE,
)
HOSTED = st.builds(
    HostedTool,
    dialect=st.just(BEDROCK),
    definition=st.just({"systemTool": {"name": "nova_grounding"}}),
)


@st.composite
def turns(draw):
    """Turns in alternation; a user's are tool results, and then what is said."""
    said: list[Message] = []
    for _ in range(draw(st.integers(1, 2))):
        if said and draw(st.booleans()):
            said += draw(RETURNED)
            said += draw(st.lists(ASKED, max_size=1))
        else:
            said.append(draw(ASKED))
        said.append(draw(SAID))
    return tuple(said)


@st.composite
def questions(draw):
    extra = draw(EXTRAS)
    system = draw(
        some(st.builds(Message, role=st.just("system"), parts=some(PLAIN | GUARDED, 1)), 0, 1)
    )
    tools = draw(some(TOOLS | HOSTED))
    schema = st.builds(
        JsonSchema,
        schema=SCHEMAS,
        name=maybe(NAMES),
        description=maybe(TEXTS),
        strict=st.just(True),
    )
    return in_limits(
        ChatRequest(
            messages=(*system, *draw(turns())),
            max_tokens=draw(maybe(st.integers(1, 10**6))),
            temperature=draw(maybe(st.floats(0, 1))),
            top_p=draw(maybe(st.floats(0, 1))),
            top_k=draw(maybe(st.integers(1, 500))),
            stop=draw(some(FULL_TEXTS)),
            tools=tools,
            tool_choice=draw(st.sampled_from([None, "auto", "required"])) if tools else None,
            response_format=draw(maybe(schema)),
            thinking=draw(maybe(THINKING)),
            metadata=draw(st.dictionaries(NAMES, NAMES, max_size=2)),
            extra=extra,
            extra_dialect=BEDROCK if extra else None,
        )
    )


@st.composite
def answers(draw):
    parts = draw(
        some(
            st.builds(Text, text=SPOKEN)
            | st.builds(Text, text=SPOKEN, citations=CITED.map(lambda text: text.citations))
            | st.builds(Reasoning, text=SPOKEN)
            | st.builds(
                Reasoning, text=SPOKEN, signature=NAMES, format=st.just("anthropic-messages")
            )
            | st.builds(
                Reasoning,
                encrypted=NAMES,
                format=st.just("anthropic-messages"),
            )
            | ANSWER_CALL,
            most=5,
        )
    )
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
        finish_reason=draw(st.sampled_from(FINISHES)),
    )
    usage = structs.replace(draw(usages()), reasoning_tokens=None)
    return ChatResponse(choices=(choice,), usage=usage)


QUESTIONS = questions()
ANSWERS = answers()
