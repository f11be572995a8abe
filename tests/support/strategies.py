"""Hypothesis strategies: JSON, cut points, and the values that a vocabulary can say."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from modelway.types import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
    Image,
    Inline,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Remote,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)

CHARACTERS = st.characters(codec="utf-8")
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=20),
    st.sampled_from(
        [
            "Hello",
            "é😀\u2028\u2029\x00\x7f",
            'data: {"forged": 1}\n\ndata: [DONE]\n\n',
            "event: error\r\n\r\n",
            '"quoted" \\ back',
            "\ufeffmarked",
            "  spaces  ",
        ]
    ),
)
FULL_TEXTS = TEXTS.filter(lambda text: not (not text or text.isspace()))
"""Texts with a visible character."""
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)


def json_values(leaves: int = 6):
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXTS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=6), inner)
        ),
        max_leaves=leaves,
    )


def json_objects(leaves: int = 6):
    return st.dictionaries(st.text(CHARACTERS, max_size=6), json_values(leaves), max_size=4)


def splits(data: bytes):
    """These bytes, cut anywhere into pieces, none of them empty."""
    if len(data) < 2:
        return st.just([data] if data else [])
    return st.lists(
        st.integers(1, len(data) - 1), max_size=min(len(data) - 1, 12), unique=True
    ).map(lambda points: cut_at(data, sorted(points)))


def cut_at(data: bytes, points: list[int]) -> list[bytes]:
    ends = [*points, len(data)]
    return [data[start:end] for start, end in zip([0, *points], ends, strict=True)]


# What a model may answer, in the vocabulary as a whole.

ARGUMENTS = st.one_of(
    json_objects().map(json.dumps),
    json_objects().map(lambda value: json.dumps(value, ensure_ascii=False, indent=1)),
    st.sampled_from(["{}", '{"n": 1.0, "big": 12345678901234567890}', '{ "a" :[ ] }']),
)
CITATIONS = st.builds(
    Citation,
    url=st.none() | st.just("https://example.org/a"),
    title=st.none() | TEXTS,
    quote=st.none() | TEXTS,
    start=st.none() | st.integers(0, 9),
    raw=json_objects(3),
)
LOGPROBS = st.lists(
    st.builds(
        TokenLogprob,
        token=TEXTS,
        logprob=st.floats(-20, 0),
        bytes=st.none() | st.lists(st.integers(0, 255), max_size=3).map(tuple),
    ),
    max_size=3,
).map(tuple)
INLINE = st.builds(Inline, media_type=st.just("image/png"), data=st.just("iVBORw0KGgo="))
RESPONSE_PARTS = st.one_of(
    st.builds(Text, text=TEXTS, citations=st.lists(CITATIONS, max_size=2).map(tuple)),
    st.builds(
        Reasoning,
        text=TEXTS,
        signature=st.none() | NAMES,
        encrypted=st.none() | NAMES,
        id=st.none() | NAMES,
        format=st.none() | NAMES,
    ),
    st.builds(Refusal, text=TEXTS),
    st.builds(ToolCall, id=NAMES, name=NAMES, arguments=ARGUMENTS, signature=st.none() | NAMES),
    st.builds(Image, source=INLINE | st.builds(Remote, url=st.just("https://example.org/i.png"))),
    st.builds(Audio, source=INLINE, id=NAMES, transcript=TEXTS),
    st.builds(Opaque, dialect=NAMES, kind=NAMES, data=json_objects(3)),
)
COUNTS = st.none() | st.integers(0, 10**7)
ANY_USAGE = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cached_tokens=COUNTS,
    reasoning_tokens=COUNTS,
    raw=json_objects(3),
)


@st.composite
def responses(draw):
    """Any answer that the vocabulary can say."""
    choices = draw(
        st.lists(
            st.builds(
                Choice,
                message=st.builds(
                    Message,
                    role=st.just("assistant"),
                    parts=st.lists(RESPONSE_PARTS, max_size=4).map(tuple),
                ),
                finish_reason=st.sampled_from(["stop", "length", "tool_calls", "other"]),
                raw_finish_reason=st.none() | NAMES,
                stop_sequence=st.none() | TEXTS,
                logprobs=LOGPROBS,
            ),
            min_size=1,
            max_size=3,
        )
    )
    return ChatResponse(
        id=draw(NAMES),
        model=draw(NAMES),
        created=draw(st.none() | st.integers(0, 2**32)),
        choices=tuple(choices),
        usage=draw(ANY_USAGE),
    )
