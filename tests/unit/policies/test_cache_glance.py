"""What is kept at a glance would be kept by whoever looks into it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.dialects import dialect
from modelway.errors import LLMError
from modelway.policies.caching.glance import ended
from modelway.policies.caching.keeping import _of_response

TEXTS = st.sampled_from(["", "Twelve.", "<think>so</think>", "<think>so</think>Twelve.", " ", None])
ERRORS = st.sampled_from([{}, {"error": None}, {"error": {"message": "m"}}, {"error": ""}])
CALLS = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
SAID = st.fixed_dictionaries(
    {"content": TEXTS | st.just([{"type": "text", "text": "t"}])},
    optional={
        "refusal": st.sampled_from([None, "", "no"]),
        "tool_calls": st.sampled_from([None, [], CALLS]),
        "reasoning_content": st.just("so"),
        "function_call": st.sampled_from([None, {"name": "f", "arguments": "{}"}]),
    },
)
REASONS = ["stop", "length", "content_filter", "tool_calls", "STOP", "", None, 1]
CHOICE = st.builds(
    lambda said, reason, error: {"index": 0, "message": said, "finish_reason": reason, **error},
    SAID,
    st.sampled_from(REASONS),
    ERRORS,
)
COMPLETION = st.builds(
    lambda choices, error, groq: {"id": "c", "model": "m", "choices": choices, **error, **groq},
    st.lists(CHOICE, max_size=2),
    ERRORS,
    st.sampled_from([{}, {"x_groq": {"id": "r"}}, {"x_groq": {"error": "e"}}]),
)
BLOCK = st.sampled_from(
    [
        {"type": "text", "text": "Twelve."},
        {"type": "text", "text": ""},
        {"type": "thinking", "thinking": "so", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]
)
MESSAGE = st.builds(
    lambda blocks, reason, kind: {
        "id": "m",
        "type": kind,
        "role": "assistant",
        "model": "m",
        "content": blocks,
        "stop_reason": reason,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    st.lists(BLOCK, max_size=2),
    st.sampled_from(["end_turn", "max_tokens", "refusal", "pause_turn", "tool_use", None]),
    st.sampled_from(["message", "error"]),
)


@given(
    st.tuples(st.just("openai-chat"), COMPLETION)
    | st.tuples(st.just("anthropic-messages"), MESSAGE)
)
def test_what_is_kept_at_a_glance_is_kept_when_it_is_looked_into(answered):
    name, answer = answered
    body = json.dumps(answer).encode()
    if not ended(name, body):
        return
    try:
        why = _of_response(dialect(name).upstream["chat"].decode(body))
    except LLMError as error:
        why = error.message
    assert why == ""


COMPLETED = {"choices": [{"message": {"content": "Twelve."}, "finish_reason": "stop"}]}
TOLD = {
    "type": "message",
    "content": [{"type": "text", "text": "Twelve."}],
    "stop_reason": "end_turn",
}


@pytest.mark.parametrize(
    ("name", "answer"), [("openai-chat", COMPLETED), ("anthropic-messages", TOLD)]
)
def test_text_that_ended_of_itself_is_seen_at_a_glance(name, answer):
    assert ended(name, json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai-chat", json.dumps(TOLD).encode()),
        ("openai-chat", b'{"choices":[]}'),
        ("openai-chat", b"{"),
        ("openai-chat", b'{"choices":[{"message":{"content":"\xff"},"finish_reason":"stop"}]}'),
        ("anthropic-messages", json.dumps(COMPLETED).encode()),
        ("gemini", json.dumps(COMPLETED).encode()),
        ("", b""),
    ],
)
def test_all_else_is_looked_into(name, body):
    assert not ended(name, body)
