"""Whatever JSON stands where Converse has something else: an error of ours, or what was understood."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Target
from modelway.dialects import dialect
from modelway.errors import LLMError, ResponseError
from modelway.framing.eventstream import frame
from modelway.framing.fields import split
from support import read

BEDROCK = "bedrock-converse"
CODEC, FACE = dialect(BEDROCK).upstream["chat"], dialect(BEDROCK).downstream["chat"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "enabled", "low"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["text", "type", "source", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)
QUESTION = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "Hi"},
                {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
                {"document": {"name": "a", "format": "txt", "source": {"text": "b"}}},
                {"cachePoint": {"type": "default", "ttl": "1h"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}},
                {"reasoningContent": {"reasoningText": {"text": "a", "signature": "s"}}},
                {"citationsContent": {"content": [{"text": "a"}], "citations": [{"location": {}}]}},
            ],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": {}}]}}],
        },
    ],
    "system": [{"text": "s"}],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}],
        "toolChoice": {"tool": {"name": "f"}},
    },
    "inferenceConfig": {"maxTokens": 3, "stopSequences": ["a"]},
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    "outputConfig": {
        "effort": "low",
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}},
    },
    "requestMetadata": {"a": "b"},
}
START = {"toolUse": {"toolUseId": "t", "name": "f"}, "image": {"format": "png"}}
EVENTS = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockStart", {"start": START, "contentBlockIndex": 0}),
    ("contentBlockStart", {"start": {"toolResult": {"content": []}}, "contentBlockIndex": 1}),
    ("contentBlockDelta", {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 0}),
    ("contentBlockDelta", {"delta": {"image": {"source": {"bytes": "AAAA"}}}}),
    ("contentBlockDelta", {"delta": {"toolResult": [{"text": "a"}]}, "contentBlockIndex": 1}),
    ("contentBlockDelta", {"delta": {"citation": {"sourceContent": [{"text": "a"}]}}}),
    ("contentBlockDelta", {"delta": {"reasoningContent": {"redactedContent": "AAAA"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("messageStop", {"stopReason": "end_turn", "additionalModelResponseFields": {}}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
]


@st.composite
def bent(draw, value):
    """The value with something else at one place of it."""
    if draw(st.integers(0, 3)) == 0 or not isinstance(value, dict | list) or not value:
        return draw(JSON)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    changed = value.copy()
    changed[key] = draw(bent(value[key]))
    return changed


@given(body=bent(QUESTION))
def test_any_question(body):
    if not isinstance(body, dict):
        return
    with contextlib.suppress(LLMError):
        request = FACE.decode(split(json.dumps(body).encode()))
        CODEC.encode(request, Target(model="m"), False)


@given(said=bent({"output": {"message": QUESTION["messages"][1]}, "stopReason": "a", "usage": {}}))
def test_any_answer(said):
    body = json.dumps(said).encode()
    try:
        answer = read.decode_whole(BEDROCK, body)
    except ResponseError:
        return
    assert read.to_client(BEDROCK, answer)
    assert read.streamed(BEDROCK, answer)
    CODEC.usage(body)


@given(events=st.permutations(EVENTS))
def test_any_stream(events):
    stream = b""
    for one in events if isinstance(events, list) else []:
        if isinstance(one, tuple):
            headers = {":event-type": one[0], ":message-type": "event"}
            stream += frame(headers, json.dumps(one[1]).encode())
    found, _ = read.decode_stream(BEDROCK, [stream])
    read.relayed(BEDROCK, [stream])
    assert read.stream_to_client(BEDROCK, [found])


@given(said=st.sampled_from(EVENTS).flatmap(lambda one: st.tuples(st.just(one[0]), bent(one[1]))))
def test_any_event(said):
    headers = {":event-type": said[0], ":message-type": "event"}
    whole = [
        frame({**headers, ":event-type": name}, json.dumps(one).encode()) for name, one in EVENTS
    ]
    stream = b"".join([*whole[:3], frame(headers, json.dumps(said[1]).encode()), *whole[3:]])
    found, _ = read.decode_stream(BEDROCK, [stream])
    read.relayed(BEDROCK, [stream])
    assert read.stream_to_client(BEDROCK, [found])


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"message": 7}', b"\xff", b"<p>"])
def test_any_refusal(body):
    assert dialect(BEDROCK).error(418, ((b"x-amzn-errortype", b"\xff:#;"),), body).message
