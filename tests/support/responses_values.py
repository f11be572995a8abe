"""Hypothesis strategies for what the Responses API can say, in the form that it reads back."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import structs

from modelway.types import (
    Audio,
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
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from support.dialect_values import (
    ANSWER_CALL,
    ARGUMENTS,
    B64,
    EXTRAS,
    IMAGES,
    REMOTE,
    SCHEMAS,
    SPOKEN,
    STORED,
    TOOL_CHOICE,
    TOOLS,
    maybe,
    of,
    some,
    usages,
)
from support.strategies import NAMES, TEXTS

RESPONSES = "openai-responses"
FINISHES = ["stop", "length", "tool_calls", "content_filter"]

CACHE = st.sampled_from([None, None, "5m"])
STATE = "openai-responses-v1"


def _cited(url: str) -> Citation:
    raw = {"type": "url_citation", "url": url, "title": "A", "start_index": 0, "end_index": 2}
    return Citation(url=url, title="A", start=0, end=2, dialect=RESPONSES, raw=raw)


def _item(kind: str, **fields: object) -> Opaque:
    return Opaque(dialect=RESPONSES, kind=kind, data={"type": kind, **fields})


SEARCH = NAMES.map(lambda id_: _item("web_search_call", id=id_, status="completed"))
CUSTOM = NAMES.map(lambda id_: _item("custom_tool_call", call_id=id_, name="sh", input="ls"))
PHASED = st.sampled_from(["commentary", "final_answer"]).map(
    lambda phase: Opaque(dialect=RESPONSES, kind="phase", data={"phase": phase})
)
CUSTOM_OUTPUT = NAMES.map(lambda id_: _item("custom_tool_call_output", call_id=id_, output="a b"))
REFERENCE = NAMES.map(lambda id_: _item("item_reference", id=id_))
NEW_PART = st.just(
    Opaque(dialect=RESPONSES, kind="content:input_scent", data={"type": "input_scent", "rose": 1})
)

PLAIN = st.builds(Text, text=TEXTS.filter(bool), cache=CACHE)
INPUT = st.one_of(
    st.builds(Text, text=TEXTS, cache=CACHE),
    st.builds(
        Image,
        source=IMAGES | REMOTE | STORED,
        detail=maybe(st.sampled_from(["low", "high"])),
        cache=CACHE,
    ),
    st.builds(
        Audio,
        source=st.builds(Inline, media_type=st.sampled_from(["audio/wav", "audio/mpeg"]), data=B64),
        cache=CACHE,
    ),
    st.builds(
        File,
        source=st.builds(Inline, media_type=st.just("application/pdf"), data=B64) | STORED | REMOTE,
        name=maybe(NAMES),
        cache=CACHE,
    ),
    NEW_PART,
)
RESULT = st.builds(
    ToolResult,
    call_id=NAMES,
    parts=some(st.builds(Text, text=TEXTS.filter(bool)) | st.builds(Image, source=IMAGES)),
)
THOUGHT = st.one_of(
    st.builds(Reasoning, text=TEXTS, encrypted=maybe(NAMES), id=NAMES, format=st.just(STATE)),
    st.builds(Reasoning, text=TEXTS.filter(bool)),
)
CALL = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS)
SAID_TEXT = st.builds(
    Text,
    text=TEXTS.filter(bool),
    citations=some(NAMES.map(lambda name: _cited(f"https://example.org/{name}")), most=1),
)
SAID_PART = st.one_of(
    SAID_TEXT.map(lambda text: (text,)),
    st.tuples(PHASED, SAID_TEXT),
    st.tuples(THOUGHT),
    st.tuples(CALL),
    st.tuples(SEARCH | CUSTOM),
)
ASKED = st.one_of(
    st.builds(Message, role=st.sampled_from(["system", "developer"]), parts=some(PLAIN, 1)),
    st.builds(
        Message, role=st.just("user"), parts=some(INPUT.filter(lambda p: p != Text(text="")), 1)
    ),
    st.builds(Message, role=st.just("user"), parts=of(CUSTOM_OUTPUT | REFERENCE)),
    st.builds(Message, role=st.just("tool"), parts=of(RESULT)),
)
SAID = st.lists(SAID_PART, min_size=1, max_size=4).map(
    lambda groups: Message(role="assistant", parts=tuple([part for one in groups for part in one]))
)
REFUSED = st.builds(Message, role=st.just("assistant"), parts=of(st.builds(Refusal, text=TEXTS)))
HOSTED = st.builds(
    HostedTool,
    dialect=st.just(RESPONSES),
    definition=st.just({"type": "web_search", "search_context_size": "low"}),
)
TOOL = TOOLS.map(lambda tool: structs.replace(tool, cache=None))


@st.composite
def questions(draw):
    """What a model said in a row is one message, so that no two of them follow each other."""
    extra = draw(EXTRAS)
    said = [draw(ASKED)]
    for _ in range(draw(st.integers(0, 2))):
        said.append(draw(SAID | REFUSED))
        said.append(draw(ASKED))
    return ChatRequest(
        model=draw(NAMES),
        messages=tuple(said),
        max_tokens=draw(maybe(st.integers(1, 10**6))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        logprobs=draw(st.sampled_from([None, True])),
        top_logprobs=draw(maybe(st.integers(0, 20))),
        tools=draw(some(TOOL | HOSTED)),
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
                    strict=st.sampled_from([None, False]),
                )
            )
        ),
        thinking=draw(
            maybe(st.builds(Thinking, effort=st.sampled_from(["none", "low", "high", "max"])))
        ),
        user=draw(maybe(TEXTS)),
        metadata=draw(st.dictionaries(NAMES, TEXTS, max_size=2)),
        extra=extra,
        extra_dialect=RESPONSES if extra else None,
    )


@st.composite
def answers(draw):
    """The finish is what the parts and the status say: a call ends a turn that is whole."""
    parts = draw(
        some(
            draw(st.sampled_from([st.builds(Text, text=SPOKEN), st.builds(Refusal, text=SPOKEN)]))
            | st.builds(Reasoning, text=SPOKEN)
            | st.builds(Reasoning, text=SPOKEN, signature=NAMES, format=maybe(NAMES))
            | st.builds(Reasoning, text=TEXTS, encrypted=NAMES, id=NAMES, format=st.just(STATE))
            | SEARCH
            | ANSWER_CALL
            | ANSWER_CALL.map(lambda call: structs.replace(call, signature="signed")),
            most=5,
        )
    )
    parts = tuple(
        [
            structs.replace(part, id=f"{part.id}_{number}")
            if isinstance(part, ToolCall | Reasoning) and part.id
            else part
            for number, part in enumerate(parts)
        ]
    )
    calls = any(isinstance(part, ToolCall) for part in parts)
    cut = draw(st.sampled_from([None, None, "length", "content_filter"]))
    choice = Choice(
        message=Message(role="assistant", parts=parts),
        finish_reason=cut or ("tool_calls" if calls else "stop"),
    )
    usage = draw(usages())
    required = ("cached_tokens", "cache_write_tokens", "reasoning_tokens")
    usage = structs.replace(usage, **{name: getattr(usage, name) or 0 for name in required})
    return ChatResponse(id=draw(NAMES), model=draw(NAMES), choices=(choice,), usage=usage)


QUESTIONS = questions()
ANSWERS = answers()
