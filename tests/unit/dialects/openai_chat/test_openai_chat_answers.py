"""A provider's answer, whole or streamed, in the forms that hosts write; and usage."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects.openai_chat import DIALECT
from modelway.fold import fold
from modelway.types import (
    Audio,
    Citation,
    Finish,
    Image,
    Inline,
    Opaque,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
    Usage,
)

CHAT = DIALECT.upstream["chat"]


def whole(message, finish="stop", **beside):
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "r1", "model": "m", "choices": [choice], **beside}).encode()


def chunk(delta=None, finish=None, index=0, **beside):
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "r1", "model": "m", "choices": [choice], **beside}


def stream(*chunks, done=True):
    events = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks]
    return b"".join(events) + (b"data: [DONE]\n\n" if done else b"")


def parts(message):
    return CHAT.decode(whole(message)).message.parts


def read(data, size=None):
    decoder = CHAT.decoder()
    events = []
    for at in range(0, len(data), size or len(data) or 1):
        events += decoder.feed(data[at : at + (size or len(data))])
    return events + decoder.close(), decoder.error


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ({"content": "a"}, (Text(text="a"),)),
        ({"content": None, "tool_calls": None, "refusal": None, "annotations": None}, ()),
        ({"content": ""}, ()),
        ({"refusal": "no"}, (Refusal(text="no"),)),
        ({"content": "a", "reasoning_content": "r"}, (Reasoning(text="r"), Text(text="a"))),
        ({"content": "a", "reasoning": "r"}, (Reasoning(text="r"), Text(text="a"))),
        ({"tool_calls": [CALL]}, (ToolCall(id="c1", name="f"),)),
        (
            {"tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}]},
            (ToolCall(id="c1", name="f", arguments='{"a":1}'),),
        ),
        (
            {"tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": None}}]},
            (ToolCall(id="c1", name="f"),),
        ),
        (
            {
                "tool_calls": [
                    {**CALL, "extra_content": {"google": {"thought_signature": "s"}}},
                    {**CALL, "id": "c2"},
                ]
            },
            (ToolCall(id="c1", name="f", signature="s"), ToolCall(id="c2", name="f")),
        ),
        (
            {
                "tool_calls": [
                    {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "x"}}
                ]
            },
            (
                Opaque(
                    dialect="openai-chat",
                    kind="custom_tool_call",
                    data={"id": "c", "type": "custom", "custom": {"name": "sql", "input": "x"}},
                ),
            ),
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Reasoning(text="r"), Text(text="a")),
        ),
        (
            {
                "content": "a",
                "reasoning": "r",
                "reasoning_details": [
                    {
                        "type": "reasoning.summary",
                        "summary": "r",
                        "format": "openai-responses-v1",
                        "index": 0,
                    },
                    {"type": "reasoning.encrypted", "data": "E", "id": "rs_1", "index": 0},
                ],
            },
            (
                Reasoning(text="r", encrypted="E", id="rs_1", format="openai-responses-v1"),
                Text(text="a"),
            ),
        ),
        (
            {"reasoning_details": [{"type": "reasoning.text", "text": "r", "signature": "s"}]},
            (Reasoning(text="r", signature="s"),),
        ),
        (
            {
                "content": "a",
                "images": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
                ],
            },
            (Text(text="a"), Image(source=Inline(media_type="image/png", data="AA=="))),
        ),
        (
            {"audio": {"id": "audio_1", "data": "AA==", "transcript": "hi", "expires_at": 1}},
            (
                Audio(
                    source=Inline(media_type="application/octet-stream", data="AA=="),
                    id="audio_1",
                    transcript="hi",
                ),
            ),
        ),
    ],
)
def test_what_a_message_holds_whole_and_as_one_delta(message, wanted):
    assert parts(message) == wanted
    events, error = read(stream(chunk(message), chunk(finish="stop")))
    assert error is None
    assert fold(events).message.parts == wanted


def test_the_form_before_tool_calls_gets_an_id_that_stays():
    message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    (call,) = parts(message)
    assert (call.name, call.id[:5]) == ("f", "call_")
    assert parts(message) == (call,)
    assert parts({"tool_calls": [{"function": {"name": "g"}}, {"function": {"name": "h"}}]})[0].id


def test_citations_nested_flat_and_beside_the_choices():
    nested = {
        "type": "url_citation",
        "url_citation": {
            "url": "u",
            "title": "t",
            "start_index": 0,
            "end_index": 1,
            "content": "q",
        },
    }
    flat = {"type": "url_citation", "url": "v"}
    other = {"type": "file", "file": {"hash": "h"}}
    text, opaque = parts({"content": "a", "annotations": [nested, flat, other]})
    dialect = "openai-chat"
    assert text.citations == (
        Citation(url="u", title="t", quote="q", start=0, end=1, dialect=dialect, raw=nested),
        Citation(url="v", dialect=dialect, raw=flat),
    )
    assert opaque == Opaque(dialect=dialect, kind="annotation", data=other)
    found = {"title": "t", "url": "u", "snippet": "s"}
    body = whole({"content": "a"}, citations=["u"], search_results=[found])
    (text,) = CHAT.decode(body).message.parts
    assert text.citations == (Citation(url="u", title="t", quote="s", dialect=dialect, raw=found),)
    (text,) = CHAT.decode(whole({"content": "a"}, citations=["w"])).message.parts
    assert text.citations[0].url == "w"


@pytest.mark.parametrize(
    ("raw", "unified"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("abort", "error"),
        ("error", "error"),
        ("MAX_TOKENS", "length"),
        ("brand_new", "other"),
        (7, "other"),
        (None, "other"),
    ],
)
def test_finish_reasons(raw, unified):
    choice = CHAT.decode(whole({"content": "a"}, raw)).choices[0]
    assert choice.finish_reason == unified
    assert choice.raw_finish_reason == (None if raw is None else str(raw))


def test_several_choices_log_probabilities_and_stop_sequences():
    logprob = {
        "token": "a",
        "logprob": -1,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": None}],
    }
    body = json.dumps(
        {
            "choices": [
                {
                    "message": {"content": "a"},
                    "logprobs": {"content": [logprob]},
                    "finish_reason": "stop",
                },
                {"message": {"content": "b"}, "stop_reason": "END", "finish_reason": "stop"},
            ]
        }
    ).encode()
    first, second = CHAT.decode(body).choices
    assert [part.text for part in first.message.parts] == ["a"]
    (told,) = first.logprobs
    assert (told.token, told.logprob, told.bytes) == ("a", -1.0, (97,))
    assert told.top[0].logprob == -9999.0
    assert second.stop_sequence == "END"


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {
                    "cached_tokens": 4,
                    "cache_write_tokens": 2,
                    "audio_tokens": 1,
                },
                "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
            },
            Usage(
                input_tokens=10,
                output_tokens=5,
                cached_tokens=4,
                cache_write_tokens=2,
                input_audio_tokens=1,
                reasoning_tokens=3,
                output_audio_tokens=0,
            ),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4},
            Usage(input_tokens=10, output_tokens=5, cached_tokens=4),
        ),
        ({"prompt_tokens": 1, "cached_tokens": 1}, Usage(input_tokens=1, cached_tokens=1)),
        ({"prompt_tokens": 1, "cost": 0.5}, Usage(input_tokens=1, reported_cost_usd=0.5)),
        ({"cost": {"total_cost": 0.25}}, Usage(reported_cost_usd=0.25)),
        ({"cost_in_usd_ticks": 37_756_000}, Usage(reported_cost_usd=0.0037756)),
        (
            # xAI: reasoning stands beside the output, as the total shows
            {
                "prompt_tokens": 470,
                "completion_tokens": 68,
                "total_tokens": 723,
                "completion_tokens_details": {"reasoning_tokens": 185},
            },
            Usage(input_tokens=470, output_tokens=253, reasoning_tokens=185),
        ),
        (
            # Mistral: sound stands beside the input
            {
                "prompt_tokens": 9,
                "completion_tokens": 201,
                "total_tokens": 585,
                "prompt_tokens_details": {"audio_tokens": 375},
            },
            Usage(input_tokens=384, output_tokens=201, input_audio_tokens=375),
        ),
        ({"prompt_tokens": "many", "prompt_tokens_details": 3, "cost": "x"}, Usage()),
    ],
)
def test_usage_by_class_and_whole(raw, wanted):
    body = whole({"content": "a"}, usage=raw)
    got = CHAT.decode(body).usage
    assert got.raw == raw
    for name in Usage.__struct_fields__:
        if name != "raw":
            assert getattr(got, name) == getattr(wanted, name), name
    assert DIALECT.upstream["chat"].usage(body) == got


def test_no_usage_is_not_zero():
    assert CHAT.decode(whole({"content": "a"})).usage == Usage()
    assert DIALECT.upstream["chat"].usage(whole({"content": "a"})) is None
    assert (
        DIALECT.upstream["chat"]
        .usage(whole({"content": "a"}, x_groq={"usage": {"prompt_tokens": 3}}))
        .input_tokens
        == 3
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error": {"message": "x", "code": 429}}', errors.RateLimitError),
        (
            b'{"error": {"message": "x", "code": "context_length_exceeded"}}',
            errors.ContextLengthError,
        ),
        (b'{"error": "x"}', errors.OverloadedError),
        (
            b'{"choices": [{"error": {"code": 502, "message": "x"}, "message": null}]}',
            errors.OverloadedError,
        ),
        (
            b'{"choices": null, "base_resp": {"status_code": 1004, "status_msg": "x"}}',
            errors.AuthenticationError,
        ),
        (b'{"object": "error", "code": 404, "message": "x"}', errors.NotFoundError),
        (b'{"object": "response", "output": []}', errors.ResponseError),
        (b'{"choices": []}', errors.ResponseError),
        (b'{"choices": [{"message": "text"}]}', errors.ResponseError),
        (b"<html>", errors.ResponseError),
        (b"", errors.ResponseError),
        (b"[]", errors.ResponseError),
        (b'{"choices": [{"mess', errors.ResponseError),
    ],
)
def test_errors_inside_a_200(body, kind):
    with pytest.raises(kind):
        CHAT.decode(body)


def test_half_a_surrogate_pair_is_mended():
    body = b'{"choices": [{"message": {"content": "a\\ud83d"}, "finish_reason": "stop"}]}'
    assert CHAT.decode(body).text == "a?"


# ---------------------------------------------------------------- streams

PARALLEL = stream(
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "hm"}),
    chunk({"content": "a"}),
    chunk({"content": "b"}),
    chunk({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]}),
    chunk({"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "g", "arguments": "{}"}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
    chunk(finish="tool_calls"),
    {"id": "r1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
)


def test_a_stream_folds_to_the_whole_answer_at_any_cut():
    response = CHAT.decode(
        whole(
            {
                "reasoning_content": "hm",
                "content": "ab",
                "tool_calls": [
                    {"id": "c1", "function": {"name": "f", "arguments": '{"x":1}'}},
                    {"id": "c2", "function": {"name": "g", "arguments": "{}"}},
                ],
            },
            "tool_calls",
            usage={"prompt_tokens": 3, "completion_tokens": 4},
        )
    )
    events, error = read(PARALLEL)
    assert error is None
    assert fold(events) == response
    assert isinstance(events[0], Start)
    assert isinstance(events[-1], Finish)
    assert events[-1].usage == response.usage
    for size in (1, 2, 7, 100):
        assert read(PARALLEL, size) == (events, None)
        assert read(PARALLEL.replace(b"\n", b"\r\n"), size) == (events, None)


@pytest.mark.parametrize(
    "pieces",
    [
        # whole calls under one index (Gemini's compatible API, Ollama)
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
            {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # the same, in pieces
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
            {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{"}},
            {"index": 0, "function": {"arguments": "}"}},
        ],
        # without an index (Mistral)
        [
            {"id": "a", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # id and name again in each piece
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # by id alone, interleaved
        [
            {"id": "a", "function": {"name": "f", "arguments": "{"}},
            {"id": "b", "function": {"name": "g", "arguments": "{"}},
            {"id": "a", "function": {"arguments": "}"}},
            {"id": "b", "function": {"arguments": "}"}},
        ],
        # pieces that only continue the last call
        [
            {"id": "a", "function": {"name": "f", "arguments": "{"}},
            {"function": {"arguments": "}"}},
            {"id": "b", "function": {"name": "g"}},
        ],
        # the name after the first arguments
        [
            {"index": 0, "id": "a", "function": {"arguments": "{"}},
            {"index": 0, "function": {"name": "f", "arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": None}},
        ],
    ],
)
def test_calls_however_they_are_numbered(pieces):
    events, error = read(
        stream(*[chunk({"tool_calls": [p]}) for p in pieces], chunk(finish="stop"))
    )
    assert error is None
    assert fold(events).tool_calls == (ToolCall(id="a", name="f"), ToolCall(id="b", name="g"))


def test_usage_wherever_it_stands():
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    last = chunk(finish="stop")
    for chunks in (
        (chunk({"content": "a"}), {**last, "usage": usage}),
        (chunk({"content": "a"}), {**last, "x_groq": {"usage": usage}}),
        (chunk({"content": "a"}), {"choices": [{**last["choices"][0], "usage": usage}]}),
        (
            chunk({"content": "a"}, usage={"prompt_tokens": 1}),
            last,
            {"choices": [], "usage": usage},
        ),
    ):
        events, _ = read(stream(*chunks))
        assert fold(events).usage.input_tokens == 3


def test_spoken_pieces_are_joined():
    events, error = read(
        stream(
            chunk({"audio": {"id": "a1", "data": "QQ==", "transcript": "h"}}),
            chunk({"audio": {"data": "Qg==", "transcript": "i"}}),
            chunk(finish="stop"),
        )
    )
    assert error is None
    (audio,) = fold(events).message.parts
    assert (audio.id, audio.source.data, audio.transcript) == ("a1", "QUI=", "hi")


def test_a_message_beside_the_delta_is_not_read_twice():
    one = chunk({"content": "pong"})
    one["choices"][0]["message"] = {"content": "pong"}
    events, _ = read(stream({**one, "object": "chat.completion"}, chunk(finish="stop"), done=False))
    assert fold(events).text == "pong"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", errors.StreamInterruptedError),
        (b": processing\n\n", errors.StreamInterruptedError),
        (stream(chunk({"content": "a"}), done=False), errors.StreamInterruptedError),
        (
            stream(chunk({"content": "a"}), done=False) + b'data: {"id',
            errors.StreamInterruptedError,
        ),
        (stream(chunk(finish="stop"), done=False)[:-9], errors.StreamInterruptedError),
        (
            stream(chunk({"content": "a"}), {"error": {"message": "x", "code": 503}}),
            errors.OverloadedError,
        ),
        (
            stream(chunk({"content": "a"}), done=False)
            + b'event: error\ndata: {"error":{"code":"rate_limit_exceeded"}}\n\n',
            errors.RateLimitError,
        ),
        (stream({"choices": [{"error": {"code": 429}}]}), errors.RateLimitError),
        (stream({"type": "response.created"}, done=False), errors.ResponseError),
        (b"data: [DONE]\n\n", errors.StreamInterruptedError),
        (b"data: nonsense\n\n", errors.ResponseError),
        (b"<html>\n\n</html>", errors.StreamInterruptedError),
    ],
)
def test_faults_of_a_stream_are_kept_in_error(data, kind):
    events, error = read(data)
    assert isinstance(error, kind), error
    assert not any(isinstance(event, Finish) for event in events)


def test_what_came_before_a_fault_is_given():
    events, error = read(
        stream(chunk({"content": "a"}), {"error": {"message": "x"}}, chunk({"content": "b"}))
    )
    assert error is not None
    assert fold(events).text == "a"


def test_a_clean_end_without_done_is_whole():
    events, error = read(stream(chunk({"content": "a"}), chunk(finish="stop"), done=False))
    assert error is None
    assert fold(events).finish_reason == "stop"
    events, error = read(stream(chunk({"content": "a"}), done=True))
    assert error is None
    assert fold(events).finish_reason == "other"


def test_choices_end_each_for_themselves():
    both = (chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk(finish="stop"))
    events, error = read(stream(*both, done=False))
    assert isinstance(error, errors.StreamInterruptedError)
    events, error = read(stream(*both, chunk(finish="length", index=1), done=False))
    assert error is None
    assert [c.finish_reason for c in fold(events).choices] == ["stop", "length"]
