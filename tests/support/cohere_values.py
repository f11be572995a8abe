"""Hypothesis strategies for what Cohere's API can say, in the form that it reads back.

Its answers do not name their model, so none has one here.
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
    JsonObject,
    JsonSchema,
    Message,
    Opaque,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from support.dialect_values import (
    ARGUMENTS,
    EXTRAS,
    IMAGES,
    REMOTE,
    SCHEMAS,
    SPOKEN,
    maybe,
    of,
    some,
    usages,
)
from support.strategies import NAMES, TEXTS

COHERE = "cohere"
FINISHES = ["stop", "length", "tool_calls", "content_filter", "error"]
PLAN = "cohere-tool-plan"

TEXT = st.builds(Text, text=TEXTS)
IMAGE = st.builds(Image, source=IMAGES | REMOTE, detail=maybe(st.sampled_from(["low", "high"])))
THOUGHT = st.builds(Reasoning, text=SPOKEN)
PLANNED = st.builds(Reasoning, text=SPOKEN, format=st.just(PLAN))
CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS)
DOCUMENTS = st.one_of(
    st.builds(
        File,
        source=TEXTS.map(
            lambda text: Inline(
                media_type="text/plain", data=base64.b64encode(text.encode()).decode()
            )
        ),
        name=maybe(NAMES),
    ),
    st.builds(
        Opaque,
        dialect=st.just(COHERE),
        kind=st.just("document"),
        data=st.just({"id": "d", "data": {"title": "A", "text": "b"}}),
    ),
)


@st.composite
def cited(draw, texts):
    """A text with a citation, which says where it stands only where that is not the first."""
    text = draw(texts)
    raw = {
        "start": 0,
        "end": 1,
        "text": draw(SPOKEN),
        "sources": [{"type": "document", "id": "d", "document": {"title": "A"}}],
        "type": "TEXT_CONTENT",
    }
    one = Citation(title="A", quote=raw["text"], start=0, end=1, dialect=COHERE, raw=raw)
    return structs.replace(text, citations=(one,))


@st.composite
def said(draw, texts):
    """What a model says: content, plan, calls. Only the first text is cited here."""
    first = draw(maybe(texts | cited(texts)))
    content = draw(some(THOUGHT))
    plan, calls = draw(maybe(PLANNED)), draw(some(CALL))
    more = draw(some(texts, most=1)) if first is not None else ()
    parts = [*content, first, *more, plan, *calls]
    return tuple([part for part in parts if part is not None])


SYSTEM = st.builds(Message, role=st.just("system"), parts=some(TEXT, 1))
ASKED = st.builds(Message, role=st.just("user"), parts=some(TEXT | IMAGE, 1))
SAID = st.builds(Message, role=st.just("assistant"), parts=said(TEXT).filter(bool))
RESULT = st.builds(
    Message,
    role=st.just("tool"),
    parts=of(st.builds(ToolResult, call_id=NAMES, parts=some(TEXT))),
)
OWN_EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "safety_mode": st.sampled_from(["CONTEXTUAL", "STRICT", "OFF"]),
        "citation_options": st.just({"mode": "FAST"}),
    },
)


@st.composite
def tools(draw):
    strict = draw(st.sampled_from([None, True, False]))
    described = st.builds(
        Tool, name=NAMES, description=maybe(TEXTS), parameters=SCHEMAS, strict=st.just(strict)
    )
    hosted = st.builds(
        HostedTool, dialect=st.just(COHERE), definition=st.just({"type": "web", "n": 1})
    )
    return (*draw(some(described)), *draw(some(hosted, most=1)))


@st.composite
def questions(draw):
    extra = {**draw(EXTRAS), **draw(OWN_EXTRAS)}
    last = draw(ASKED)
    whole = structs.replace(last, parts=(*last.parts, *draw(some(DOCUMENTS))))
    turns = draw(some(SYSTEM | ASKED | SAID | RESULT, 0, 5))
    return ChatRequest(
        model=draw(NAMES),
        messages=(*turns, whole),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 1))),
        top_p=draw(maybe(st.floats(0, 1))),
        top_k=draw(maybe(st.integers(1, 500))),
        frequency_penalty=draw(maybe(st.floats(0, 1))),
        presence_penalty=draw(maybe(st.floats(0, 1))),
        stop=draw(some(TEXTS)),
        seed=draw(maybe(st.integers(0, 2**63 - 1))),
        logprobs=draw(maybe(st.booleans())),
        tools=draw(tools()),
        tool_choice=draw(st.sampled_from([None, "none", "required"])),
        response_format=draw(maybe(st.builds(JsonObject) | st.builds(JsonSchema, schema=SCHEMAS))),
        thinking=draw(
            st.sampled_from(
                [None, Thinking(mode="disabled"), Thinking(mode="enabled", budget_tokens=500)]
            )
        ),
        extra=extra,
        extra_dialect=COHERE if extra else None,
    )


@st.composite
def answers(draw):
    parts = tuple(
        [
            structs.replace(part, id=f"call_{number}_{part.id}")
            if isinstance(part, ToolCall)
            else part
            for number, part in enumerate(draw(said(st.builds(Text, text=SPOKEN))))
        ]
    )
    choice = Choice(
        message=Message(role="assistant", parts=parts),
        finish_reason=draw(st.sampled_from(FINISHES)),
    )
    return ChatResponse(id=draw(NAMES), choices=(choice,), usage=draw(usages()))


QUESTIONS = questions()
ANSWERS = answers()
