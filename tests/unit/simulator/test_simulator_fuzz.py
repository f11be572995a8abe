"""Whatever is sent, the simulator answers in the dialect and never breaks."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.simulator.app import Simulator
from modelway.simulator.script import RateLimit, Script

OPENAI = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Paris, as json?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            ],
        },
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "description": "weather",
                "strict": True,
                "parameters": {
                    "type": "object",
                    "properties": {
                        "a": {"type": ["string", "null"], "minLength": 2, "pattern": "^a+$"},
                        "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/b"}]},
                        "c": {"type": "array", "items": {"type": "integer", "minimum": 3}},
                        "d": {"allOf": [{"enum": ["x", "y"]}]},
                    },
                    "required": ["a", "b", "c", "d"],
                    "additionalProperties": False,
                    "$defs": {"b": {"type": "number", "multipleOf": 0.5, "exclusiveMaximum": 9}},
                },
            },
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object", "properties": {}}},
    },
    "stream": True,
    "stream_options": {"include_usage": True},
    "stop": ["a"],
    "n": 2,
    "temperature": 1,
    "logprobs": True,
    "top_logprobs": 2,
    "max_tokens": 20,
    "parallel_tool_calls": True,
    "reasoning_effort": "low",
}
ANTHROPIC = {
    "model": "m",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Weather in Paris?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "sunny"}],
                },
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            ],
        },
    ],
    "tools": [
        {
            "name": "f",
            "description": "weather",
            "input_schema": OPENAI["tools"][0]["function"]["parameters"],
        }
    ],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"},
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "string"}}},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["zzz"],
    "stream": True,
}

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"type": []}),
    st.just({"type": "text"}),
    st.lists(st.integers(), max_size=2),
)


def paths(value, at=()):
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        if isinstance(each, dict | list):
            yield from paths(each, (*at, key))
        else:
            yield (*at, key)


def mutated(tree, path, junk, remove):
    if not path:
        return junk
    copy = json.loads(json.dumps(tree))
    here = copy
    for key in path[:-1]:
        here = here[key]
    if remove:
        del here[path[-1]]
    else:
        here[path[-1]] = junk
    return copy


OPENAI_PATHS = list(paths(OPENAI))
ANTHROPIC_PATHS = list(paths(ANTHROPIC))


def play(simulator, target, body, headers=()):
    response = simulator.handle("POST", target, headers, body)
    return response, b"".join(list(response.steps))


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from(OPENAI_PATHS),
    other=st.sampled_from(OPENAI_PATHS),
    junk=JUNK,
    remove=st.booleans(),
)
def test_any_openai_body_is_answered_or_refused_in_its_form(path, other, junk, remove):
    body = mutated(OPENAI, path, junk, remove)
    if isinstance(body, dict) and len(other) == 1 and other[0] in body:
        del body[other[0]]
    response, answer = play(Simulator(), "/v1/chat/completions", json.dumps(body).encode())
    assert response.status in {200, 400}
    if response.status == 400:
        error = json.loads(answer)["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"]
    elif answer.startswith(b"data: "):
        assert answer.endswith(b"data: [DONE]\n\n")
    else:
        assert json.loads(answer)["object"] == "chat.completion"


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from(ANTHROPIC_PATHS),
    other=st.sampled_from(ANTHROPIC_PATHS),
    junk=JUNK,
    remove=st.booleans(),
)
def test_any_anthropic_body_is_answered_or_refused_in_its_form(path, other, junk, remove):
    body = mutated(ANTHROPIC, path, junk, remove)
    if isinstance(body, dict) and len(other) == 1 and other[0] in body:
        del body[other[0]]
    headers = ((b"anthropic-version", b"2023-06-01"),)
    response, answer = play(Simulator(), "/v1/messages", json.dumps(body).encode(), headers)
    assert response.status in {200, 400}
    if response.status == 400:
        assert json.loads(answer)["error"]["type"] == "invalid_request_error"
    elif answer.startswith(b"event: "):
        assert answer.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    else:
        assert json.loads(answer)["type"] == "message"


@settings(max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=40), target=st.sampled_from(["/v1/messages", "/v1/chat/completions"])
)
def test_any_bytes_are_refused(body, target):
    headers = ((b"anthropic-version", b"2023-06-01"),)
    response, _ = play(Simulator(), target, body, headers)
    assert response.status == 400


@settings(max_examples=100, deadline=None)
@given(target=st.text(max_size=20), method=st.sampled_from(["GET", "POST", "DELETE"]))
def test_any_target_is_answered(target, method):
    script = Script(rate_limit=RateLimit(requests=1), api_keys=("k",))
    response = Simulator(script).handle(method, target, (), b"")
    assert 200 <= response.status < 500


def test_the_unmutated_bodies_are_accepted():
    for target, body in (("/v1/chat/completions", OPENAI), ("/v1/messages", ANTHROPIC)):
        headers = ((b"anthropic-version", b"2023-06-01"),)
        response, answer = play(Simulator(), target, json.dumps(body).encode(), headers)
        assert response.status == 200, answer
