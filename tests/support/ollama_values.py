"""Hypothesis strategies for what Ollama's API can say, in the form that it reads back.

Ids of answers are no part of its bodies, and so of no value here.
"""

from __future__ import annotations

import base64

from hypothesis import strategies as st
from msgspec import structs

from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    HostedTool,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from support.dialect_values import (
    ANSWER_CALL,
    ARGUMENTS,
    EXTRAS,
    SCHEMAS,
    SPOKEN,
    maybe,
    of,
    some,
    usages,
)
from support.strategies import NAMES, TEXTS

OLLAMA = "ollama"
FINISHES = ["stop", "length", "tool_calls", "content_filter", "error"]

FILES = st.sampled_from(
    [("image/png", b"\x89PNG\r\n"), ("image/jpeg", b"\xff\xd8\xff\xe0"), ("image/gif", b"GIF89a")]
)
IMAGES = st.builds(
    lambda kind, data: Image(
        source=Inline(media_type=kind[0], data=base64.b64encode(kind[1] + data).decode())
    ),
    FILES,
    st.binary(max_size=9),
)
TEXT = st.builds(Text, text=TEXTS.filter(bool))
THOUGHT = st.builds(Reasoning, text=TEXTS.filter(bool))
CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS)
ASKED = st.builds(Message, role=st.just("user"), parts=of(some(IMAGES), maybe(TEXT)))
SYSTEM = st.builds(Message, role=st.just("system"), parts=of(maybe(TEXT)))
SAID = st.builds(
    Message,
    role=st.just("assistant"),
    parts=of(maybe(THOUGHT), maybe(TEXT), some(IMAGES, most=1), some(CALL)),
)
TOOLS = st.builds(
    Tool, name=NAMES, description=maybe(TEXTS), parameters=SCHEMAS | st.just({"type": "object"})
)
HOSTED = st.builds(
    HostedTool,
    dialect=st.just(OLLAMA),
    definition=st.just({"type": "function", "function": {"name": "a"}, "items": {}}),
)
THINKING = st.builds(Thinking, mode=st.sampled_from(["enabled", "disabled"])) | st.builds(
    Thinking, effort=st.sampled_from(["low", "medium", "high", "max"])
)
OWN_EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "keep_alive": st.sampled_from(["5m", 0, -1]),
        "options": st.sampled_from([{"num_ctx": 8192}, {"num_predict": -1, "min_p": 0.05}]),
    },
)


@st.composite
def conversations(draw):
    """Ids of calls are unique, and a result names its tool only where no call says it.

    Something is asked: others have no form for messages that are all empty.
    """
    said = [*draw(some(SYSTEM | ASKED | SAID, 0, 5))]
    question = Message(role="user", parts=(Text(text="Well?"),))
    said.insert(draw(st.integers(0, len(said))), question)
    told: list[Message] = []
    number = 0
    for message in said:
        parts = []
        calls = []
        for part in message.parts:
            if isinstance(part, ToolCall):
                number += 1
                part = structs.replace(part, id=f"{part.id}_{number}")  # noqa: PLW2901
                calls.append(part)
            parts.append(part)
        told.append(structs.replace(message, parts=tuple(parts)))
        for call in calls:
            if draw(st.booleans()):
                content = draw(of(maybe(TEXT), some(IMAGES, most=1)))
                result = ToolResult(call_id=call.id, parts=content)
                told.append(Message(role="tool", parts=(result,)))
    if draw(st.booleans()):
        result = ToolResult(call_id=f"unknown_{draw(NAMES)}", name=draw(maybe(NAMES)))
        told.append(Message(role="tool", parts=(result,)))
    return tuple(told)


@st.composite
def questions(draw):
    extra = {**draw(EXTRAS), **draw(OWN_EXTRAS)}
    max_tokens = draw(maybe(st.integers(1, 10**6)))
    if max_tokens is not None and "num_predict" in extra.get("options", {}):
        del extra["options"]
    return ChatRequest(
        model=draw(NAMES),
        messages=draw(conversations()),
        max_tokens=max_tokens,
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        top_k=draw(maybe(st.integers(1, 500))),
        frequency_penalty=draw(maybe(st.floats(-2, 2))),
        presence_penalty=draw(maybe(st.floats(-2, 2))),
        stop=draw(some(TEXTS)),
        seed=draw(maybe(st.integers(-(2**31), 2**31 - 1))),
        logprobs=draw(maybe(st.booleans())),
        top_logprobs=draw(maybe(st.integers(0, 20))),
        tools=draw(some(TOOLS | HOSTED)),
        response_format=draw(maybe(st.builds(JsonObject) | st.builds(JsonSchema, schema=SCHEMAS))),
        thinking=draw(maybe(THINKING)),
        extra=extra,
        extra_dialect=OLLAMA if extra else None,
    )


@st.composite
def answers(draw):
    parts = draw(
        of(
            maybe(st.builds(Reasoning, text=SPOKEN)),
            maybe(st.builds(Text, text=SPOKEN)),
            some(IMAGES, most=2),
            some(ANSWER_CALL),
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
    finish = draw(st.sampled_from(FINISHES))
    if finish in ("stop", "tool_calls"):  # told apart by the calls alone
        called = any(isinstance(part, ToolCall) for part in parts)
        finish = "tool_calls" if called else "stop"
    choice = Choice(message=Message(role="assistant", parts=parts), finish_reason=finish)
    return ChatResponse(model=draw(NAMES), choices=(choice,), usage=draw(usages()))


QUESTIONS = questions()
ANSWERS = answers()
