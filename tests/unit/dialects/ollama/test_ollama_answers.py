"""What a server of Ollama's API answers, streams and refuses, and what its clients ask and are told."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects import dialect
from modelway.errors import BadRequestError, OverloadedError, RateLimitError, ResponseError
from modelway.framing.fields import split
from modelway.types import (
    ChatResponse,
    Choice,
    Finish,
    HostedTool,
    Image,
    Inline,
    Message,
    Start,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from support import read

OLLAMA = dialect("ollama")
HEAD = {"model": "m", "created_at": "2026-11-21T10:00:00.123456789Z"}


def whole(message=None, **more):
    said = {"role": "assistant", "content": "", **(message or {})}
    return json.dumps({**HEAD, "message": said, "done": True, **more}).encode()


def test_an_answer():
    answer = read.decode_whole("ollama", whole({"content": "Hi"}, done_reason="stop", eval_count=2))
    assert (answer.model, answer.text, answer.created) == ("m", "Hi", 1795255200)
    assert answer.usage == Usage(output_tokens=2, raw={"eval_count": 2})


def test_a_cached_prompt_may_have_no_count():
    """Source: https://github.com/ollama/ollama/issues/2068."""
    usage = read.decode_whole("ollama", whole(prompt_eval_duration=3, eval_count=1)).usage
    assert (usage.input_tokens, usage.raw["prompt_eval_duration"]) == (None, 3)


@pytest.mark.parametrize(
    ("done_reason", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("load", "other"),
        ("unload", "other"),
        (None, "stop"),
    ],
)
def test_why_it_ended(done_reason, finish):
    choice = read.decode_whole("ollama", whole(done_reason=done_reason)).choices[0]
    assert (choice.finish_reason, choice.raw_finish_reason) == (finish, done_reason)
    told = json.loads(read.to_client("ollama", ChatResponse(choices=(choice,))))
    assert told["done_reason"] == (done_reason or "stop")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"b": 1, "a": 2}, '{"b": 1, "a": 2}'),
        ('{"a": 1}', '{"a": 1}'),
        ("not JSON", "not JSON"),
        (None, "{}"),
    ],
)
def test_calls_of_older_servers_get_ids(arguments, text):
    """From the time and the place, so that the same bytes give the same ids."""
    calls = [{"function": {"name": "f", "arguments": arguments}}] * 2
    answer = read.decode_whole("ollama", whole({"tool_calls": calls}, done_reason="stop"))
    assert [call.id for call in answer.tool_calls] == [
        "call_20261121100000123456789_1",
        "call_20261121100000123456789_2",
    ]
    assert answer.tool_calls[0].arguments == text
    assert answer.finish_reason == "tool_calls"


def test_log_probabilities():
    said = [
        {
            "token": "Hi",
            "logprob": -0.1,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Ho", "logprob": -2.5}],
        }
    ]
    body = whole({"content": "Hi"}, logprobs=said)
    choice = read.decode_whole("ollama", body).choices[0]
    assert choice.logprobs == (
        TokenLogprob(
            token="Hi",
            logprob=-0.1,
            bytes=(72, 105),
            top=(TokenLogprob(token="Ho", logprob=-2.5),),
        ),
    )
    told = read.to_client("ollama", ChatResponse(choices=(choice,)))
    assert json.loads(told)["logprobs"] == said
    streamed = read.folded("ollama", [body + b"\n"])
    assert streamed.choices[0].logprobs == choice.logprobs


def test_an_image_in_an_answer():
    answer = read.decode_whole("ollama", whole({"images": ["/9j/4AAQ", "AAAA"]}))
    kinds = [part.source.media_type for part in answer.message.parts]
    assert kinds == ["image/jpeg", "application/octet-stream"]
    assert read.folded("ollama", [whole({"images": ["/9j/4AAQ"]})]).message.parts == (
        Image(source=Inline(media_type="image/jpeg", data="/9j/4AAQ")),
    )


@pytest.mark.parametrize(
    "body",
    [
        whole().replace(b'"done": true', b'"done": false'),
        b'{"error": "no"}',
        b'{"message": 1}',
        b"[]",
    ],
)
def test_what_is_no_answer(body):
    for ask in (OLLAMA.upstream["chat"].decode, OLLAMA.upstream["embed"].decode):
        with pytest.raises((ResponseError, OverloadedError)):
            ask(body)


# ---------------------------------------------------------------- streams


def test_an_error_in_a_stream_keeps_what_came():
    body = whole({"content": "Hi"}).replace(b'"done": true', b'"done": false')
    events, error = read.decode_stream("ollama", [body + b'\n{"error": "it ended"}\n' + whole()])
    assert [type(event).__name__ for event in events] == ["Start", "TextDelta"]
    assert isinstance(error, OverloadedError)
    assert error.message == "it ended"
    out, relay = read.relayed("ollama", [body + b'\n{"error":"slow down","status":429}\n'])
    assert out == body + b"\n"
    assert isinstance(relay.error, RateLimitError)


def test_nothing_follows_the_last_line():
    body = whole({"content": "Hi"}) + b"\n"
    assert read.decode_stream("ollama", [body + b"junk\n"])[1] is None
    assert read.relayed("ollama", [body + b"junk\n"])[0] == body


def test_a_last_line_may_lack_its_end():
    body = whole({"content": "Hi"})
    assert read.folded("ollama", [body]).text == "Hi"
    out, relay = read.relayed("ollama", [body])
    assert (out, relay.error, relay.finish) == (body, None, "stop")


def test_calls_reach_a_client_whole():
    events = [
        Start(model="m", created=1),
        ToolCallDelta(index=0, id="a", name="f", arguments='{"x'),
        ToolCallDelta(index=1, id="b", name="g"),
        ToolCallDelta(index=0, arguments='": 1.0}'),
        ToolCallDelta(index=1, arguments="cut"),
        Finish(reason="length"),
    ]
    lines = [json.loads(line) for line in read.stream_to_client("ollama", [events]).splitlines()]
    assert [line["done"] for line in lines] == [False, True]
    assert lines[0]["created_at"] == "1970-01-01T00:00:01Z"
    assert lines[0]["message"]["tool_calls"] == [
        {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1.0}}},
        {
            "id": "b",
            "function": {"index": 1, "name": "g", "arguments": {"unparsed_arguments": "cut"}},
        },
    ]
    assert lines[1]["done_reason"] == "length"


# ---------------------------------------------------------------- clients


def decode(operation="chat", **fields):
    return OLLAMA.downstream[operation].decode(split(json.dumps(fields).encode()))


def test_a_conversation_without_ids():
    call = {"function": {"name": "f", "arguments": {}}}
    request = decode(
        messages=[
            {"role": "assistant", "content": "", "tool_calls": [call, call]},
            {"role": "tool", "content": "one", "tool_name": "f"},
            {"role": "tool", "content": "two"},
            {"role": "assistant", "tool_calls": [{"function": {"name": "g"}}]},
            {"role": "tool", "content": "three", "tool_name": "g"},
            {"role": "tool", "content": "four", "tool_name": "h"},
        ]
    )
    parts = [part for message in request.messages for part in message.parts]
    assert [part.id for part in parts if isinstance(part, ToolCall)] == [
        "call_1",
        "call_2",
        "call_3",
    ]
    results = [part for part in parts if isinstance(part, ToolResult)]
    assert [(one.call_id, one.name) for one in results] == [
        ("call_1", None),
        ("call_2", None),
        ("call_3", None),
        ("call_0", "h"),
    ]


def test_settings_are_read():
    request = decode(
        model="m",
        messages=[],
        think="",
        format="",
        keep_alive=None,
        options={"num_predict": -1, "stop": "a", "temperature": None, "top_k": 3.0, "num_ctx": 9},
    )
    assert (request.stop, request.top_k, request.temperature) == (("a",), 3, None)
    assert request.extra == {"options": {"num_predict": -1, "num_ctx": 9}}
    assert (request.thinking, request.response_format) == (None, None)
    assert decode(messages=[], think=False).thinking == Thinking(mode="disabled")
    assert decode(messages=[], think="extreme").extra == {"think": "extreme"}


def test_a_tool_that_says_more_is_kept_whole():
    tool = {"type": "function", "function": {"name": "f", "more": 1}}
    [got] = decode(messages=[], tools=[tool]).tools
    assert got == HostedTool(dialect="ollama", definition=tool)


def test_a_prompt_is_a_user_s_message():
    request = decode(
        "complete", model="m", prompt="Hi", system="Be brief.", images=["iVBORw0KGgo="], suffix="x"
    )
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[1].parts[1] == Text(text="Hi")
    assert request.extra == {"suffix": "x"}
    assert decode("complete", model="m").messages[0].parts == (Text(text=""),)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "m"}, "messages"),
        ({"messages": [{"role": "wizard"}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ({"messages": [], "options": {"num_predict": 0}}, "options.num_predict"),
        ({"messages": [], "options": {"temperature": "hot"}}, "options.temperature"),
        ({"messages": [], "options": {"top_k": 1.5}}, "options.top_k"),
        ({"messages": [], "options": {"stop": [1]}}, "options.stop"),
        ({"messages": [], "logprobs": 1}, "logprobs"),
    ],
)
def test_what_a_client_gets_wrong(fields, param):
    with pytest.raises(BadRequestError) as caught:
        decode(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize("said", [1, [1], None, {"a": 1}])
def test_only_texts_are_embedded(said):
    with pytest.raises(BadRequestError):
        decode("embed", model="m", input=said)


def test_a_completion_is_told_as_one():
    message = Message(role="assistant", parts=(Text(text="Hi"),))
    response = ChatResponse(model="m", choices=(Choice(message=message, finish_reason="stop"),))
    told = json.loads(OLLAMA.downstream["complete"].encode(response))
    assert (told["response"], told["done"], "message" in told) == ("Hi", True, False)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UnknownModelError("x"), 404),
        (errors.UnauthorizedError("x"), 401),
        (errors.BudgetExceededError("x"), 402),
        (errors.LimitExceededError("x"), 429),
        (errors.ContextLengthError("x"), 400),
        (errors.APITimeoutError("x"), 504),
        (errors.LLMError("x"), 500),
    ],
)
def test_refusals_are_one_text(error, status):
    code, body = OLLAMA.refuse(error)
    assert code == status
    assert list(json.loads(body)) == ["error"]
