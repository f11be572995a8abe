"""Hypothesis strategies for what Gemini's API can say, in the form that it reads back.

The model's name is no part of its bodies, and so of no value here.
"""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import structs

from modelway.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    File,
    HostedTool,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    NamedTool,
    Opaque,
    Reasoning,
    Remote,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from support.dialect_values import (
    ARGUMENTS,
    B64,
    EXTRAS,
    IMAGES,
    SCHEMAS,
    SMALL_OBJECTS,
    SPOKEN,
    maybe,
    some,
    usages,
)
from support.strategies import NAMES, TEXTS

GEMINI = "gemini"
FINISHES = ["stop", "length", "tool_calls", "content_filter", "other"]
FORMAT = "google-gemini-v1"


def _addressed(kind: str):
    return st.builds(
        Remote,
        url=NAMES.map(lambda name: f"https://example.org/{name}"),
        media_type=st.just(kind),
    ) | st.builds(
        Stored,
        id=NAMES.map(lambda name: f"gs://bucket/{name}"),
        media_type=st.just(kind),
    )


def _inline(kind: str):
    return st.builds(Inline, media_type=st.just(kind), data=B64)


TEXT = st.builds(Text, text=TEXTS.filter(bool))
IMAGE = st.builds(Image, source=IMAGES | _addressed("image/webp"))
AUDIO = st.builds(Audio, source=_inline("audio/wav") | _addressed("audio/mp3"))
FILE = st.builds(
    File,
    source=_inline("application/pdf") | _inline("video/mp4") | _addressed("application/pdf"),
)
CODE = st.builds(
    Opaque,
    dialect=st.just(GEMINI),
    kind=st.just("executableCode"),
    data=st.just({"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c"}),
)
SIGNATURE = st.builds(Reasoning, signature=NAMES, format=st.just(FORMAT))
THOUGHT = st.builds(Reasoning, text=SPOKEN) | st.builds(
    Reasoning, text=SPOKEN, signature=NAMES, format=st.just(FORMAT)
)
CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS, signature=maybe(NAMES))
RESULT_TEXT = st.builds(
    Text,
    text=TEXTS
    | SMALL_OBJECTS.map(str)
    | ARGUMENTS
    | ARGUMENTS.map(" {}".format)
    | st.just('{"output": "x"}'),
)


@st.composite
def exchanges(draw):
    """Calls, and a result of each: one without its call cannot be named."""
    calls = [
        structs.replace(call, id=f"{number}_{call.id}")
        for number, call in enumerate(draw(some(CALL, 1)))
    ]
    results = [
        Message(
            role="tool",
            parts=(
                ToolResult(
                    call_id=call.id,
                    parts=(*draw(some(RESULT_TEXT)), *draw(some(IMAGE, 0, 1))),
                    is_error=draw(st.sampled_from([None, True])),
                ),
            ),
        )
        for call in calls
    ]
    said = draw(some(TEXT | THOUGHT | CODE))
    return [Message(role="assistant", parts=(*said, *calls)), *results]


ASKED = st.builds(
    Message, role=st.just("user"), parts=some(TEXT | IMAGE | AUDIO | FILE, 1)
) | st.just(Message(role="user", parts=(Text(text=""),)))
SAID = st.builds(
    Message,
    role=st.just("assistant"),
    parts=some(TEXT | THOUGHT | CODE | st.tuples(TEXT | IMAGE, SIGNATURE), 1).map(
        lambda parts: tuple(
            [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
        )
    ),
)
THINKING = st.one_of(  # levels are for models whose name says so; see the unit tests
    st.builds(
        Thinking,
        mode=st.sampled_from([None, "enabled"]),
        budget_tokens=st.integers(1, 10**5),
    ),
    st.builds(Thinking, mode=st.sampled_from(["enabled", "adaptive", "disabled"])),
)
TOOLS = st.builds(Tool, name=NAMES, description=maybe(TEXTS), parameters=SCHEMAS)
HOSTED = st.builds(
    HostedTool,
    dialect=st.just(GEMINI),
    definition=st.sampled_from([{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}]),
)
OWN_EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "safetySettings": st.just([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]),
        "cachedContent": st.just("cachedContents/x"),
        "generationConfig": st.just({"responseModalities": ["TEXT"]}),
        "toolConfig": st.just({"retrievalConfig": {"languageCode": "en"}}),
    },
)


@st.composite
def questions(draw):
    extra = {**draw(EXTRAS), **draw(OWN_EXTRAS)}
    system = draw(some(st.builds(Message, role=st.just("system"), parts=some(TEXT, 1)), 0, 1))
    turns = draw(some((ASKED | SAID).map(lambda one: [one]) | exchanges()))
    return ChatRequest(
        messages=(*system, draw(ASKED), *[message for turn in turns for message in turn]),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        top_k=draw(maybe(st.integers(1, 500))),
        frequency_penalty=draw(maybe(st.floats(-2, 2))),
        presence_penalty=draw(maybe(st.floats(-2, 2))),
        stop=draw(some(TEXTS)),
        seed=draw(maybe(st.integers(0, 2**31 - 1))),
        n=draw(maybe(st.integers(1, 8))),
        logprobs=draw(maybe(st.booleans())),
        top_logprobs=draw(maybe(st.integers(0, 20))),
        tools=(*draw(some(TOOLS)), *draw(some(HOSTED))),
        tool_choice=draw(
            maybe(st.sampled_from(["auto", "none", "required"]) | st.builds(NamedTool, name=NAMES))
        ),
        response_format=draw(
            maybe(
                st.builds(JsonObject)
                | st.builds(
                    JsonSchema,
                    schema=st.just(
                        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
                    ),
                )
            )
        ),
        thinking=draw(maybe(THINKING)),
        extra=extra,
        extra_dialect=GEMINI if extra else None,
    )


def _unmerged(parts):
    """Texts that follow each other are one, and so are thoughts; calls have ids of their own."""
    kept: list = []
    for number, part in enumerate(parts):
        if isinstance(part, ToolCall):
            kept.append(structs.replace(part, id=f"call_{number}_{part.id}"))
        elif not (kept and type(kept[-1]) is type(part) and isinstance(part, Text | Reasoning)):
            kept.append(part)
    return tuple(kept)


@st.composite
def answers(draw):
    parts = _unmerged(draw(some(TEXT | THOUGHT | SIGNATURE | CALL | CODE | IMAGE_BYTES, most=5)))
    finish = draw(st.sampled_from(FINISHES))
    if finish in ("stop", "tool_calls"):  # Gemini tells them apart by the parts alone
        called = any(isinstance(part, ToolCall) for part in parts)
        finish = "tool_calls" if called else "stop"
    choice = Choice(message=Message(role="assistant", parts=parts), finish_reason=finish)
    return ChatResponse(id=draw(NAMES), model=draw(NAMES), choices=(choice,), usage=draw(usages()))


IMAGE_BYTES = st.builds(Image, source=IMAGES)

QUESTIONS = questions()
ANSWERS = answers()
