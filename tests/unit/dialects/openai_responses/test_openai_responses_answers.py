"""What a provider of the Responses API answers, whole and streamed."""

from __future__ import annotations

import json

import pytest

from modelway.dialects.openai_responses import DIALECT
from modelway.errors import (
    BadRequestError,
    ContentFilterError,
    LLMError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    StreamInterruptedError,
)
from modelway.fold import fold
from modelway.types import Opaque, Reasoning, Refusal, Text, TokenLogprob, ToolCall

NAME = "openai-responses"
STATE = "openai-responses-v1"
CODEC = DIALECT.upstream["chat"]
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "clock",
    "arguments": '{"a":1}',
}


def response(*output, **more):
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 7,
        "model": "m",
        "status": "completed",
        "output": list(output),
        "usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8},
        **more,
    }


def decode(*output, **more):
    return CODEC.decode(json.dumps(response(*output, **more)).encode())


def stream(*events):
    decoder, relay = CODEC.decoder(), CODEC.relay(False)
    data = b"".join(
        [
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            if isinstance(event, dict)
            else event
            for event in events
        ]
    )
    found = [*decoder.feed(data), *decoder.close()]
    out = relay.feed(data) + relay.close()
    assert (decoder.error is None) == (relay.error is None)
    assert type(decoder.error) is type(relay.error)
    if decoder.error is None:
        assert out == data
    return found, decoder.error


def streamed(*events):
    found, error = stream(*events)
    assert error is None
    return fold(found)


CREATED = {"type": "response.created", "response": response(status="in_progress", usage=None)}


def completed(*output, **more):
    return {"type": "response.completed", "response": response(*output, **more)}


def test_a_whole_answer():
    got = decode(MESSAGE, CALL)
    assert (got.id, got.model, got.created) == ("resp_1", "m", 7)
    assert got.message.parts == (
        Text(text="Hello"),
        ToolCall(id="call_1", name="clock", arguments='{"a":1}'),
    )
    assert got.finish_reason == "tool_calls"
    assert (got.usage.input_tokens, got.usage.output_tokens) == (3, 5)
    assert got.usage.raw["total_tokens"] == 8


@pytest.mark.parametrize(
    ("more", "finish", "raw"),
    [
        ({}, "stop", "completed"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
            "max_output_tokens",
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            "content_filter",
        ),
        ({"status": "incomplete"}, "other", "incomplete"),
        ({"status": "queued", "output": []}, "other", "queued"),
        ({"status": "cancelled"}, "other", "cancelled"),
    ],
)
def test_status_and_finish(more, finish, raw):
    got = decode(MESSAGE, **more)
    assert (got.finish_reason, got.choices[0].raw_finish_reason) == (finish, raw)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", OverloadedError),
        ("rate_limit_exceeded", RateLimitError),
        ("insufficient_quota", PermissionDeniedError),
        ("invalid_prompt", ContentFilterError),
        ("image_content_policy_violation", ContentFilterError),
        ("invalid_base64_image", BadRequestError),
        ("something_new", OverloadedError),
    ],
)
def test_a_response_that_failed_is_its_error(code, kind):
    told = {"code": code, "message": "What happened."}
    with pytest.raises(LLMError) as caught:
        decode(status="failed", error=told)
    assert type(caught.value) is kind
    failed = {"type": "response.failed", "response": response(status="failed", error=told)}
    _, error = stream(CREATED, failed)
    assert (type(error), error.code, error.message) == (kind, code, "What happened.")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "What happened.", "param": None},
        {"type": "error", "error": {"code": "server_error", "message": "What happened."}},
    ],
)
def test_an_error_event_in_either_form(event):
    found, error = stream(CREATED, event)
    assert found, "what came before is kept"
    assert (type(error), error.code, error.message) == (
        OverloadedError,
        "server_error",
        "What happened.",
    )


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"text": "A"}, {"text": "B"}],
                "encrypted_content": "gAAA",
            },
            (Reasoning(text="A\n\nB", encrypted="gAAA", id="rs_1", format=STATE),),
        ),
        ({"type": "reasoning", "id": "rs_1", "summary": []}, (Reasoning(id="rs_1", format=STATE),)),
        (
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "Hm."}],
            },
            (Reasoning(text="Hm.", id="rs_1"),),
        ),
        (
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [],
                "encrypted_content": "gAAA",
                "content": [{"type": "reasoning_text", "text": "Hm."}],
            },
            (
                Reasoning(encrypted="gAAA", id="rs_1", format=STATE),
                Reasoning(text="Hm.", id="rs_1"),
            ),
        ),
        (
            {**MESSAGE, "phase": "commentary"},
            (
                Opaque(dialect=NAME, kind="phase", data={"phase": "commentary"}),
                Text(text="Hello"),
            ),
        ),
        (
            {**MESSAGE, "content": [{"type": "refusal", "refusal": "No."}]},
            (Refusal(text="No."),),
        ),
        (
            {"type": "new_call", "x": 1},
            (Opaque(dialect=NAME, kind="new_call", data={"type": "new_call", "x": 1}),),
        ),
        (
            {**CALL, "arguments": {"a": 1}},
            (ToolCall(id="call_1", name="clock", arguments='{"a": 1}'),),
        ),
        ({**CALL, "arguments": ""}, (ToolCall(id="call_1", name="clock", arguments="{}"),)),
        ({**CALL, "arguments": '{"a":'}, (ToolCall(id="call_1", name="clock", arguments='{"a":'),)),
    ],
)
def test_each_item_whole_and_in_a_stream(item, parts):
    assert decode(item).message.parts == parts
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    assert streamed(CREATED, done, completed(item)).message.parts == parts
    assert streamed(CREATED, completed(item)).message.parts == parts, "told at the end only"


def test_citations_and_logprobs():
    annotation = {"type": "url_citation", "url": "https://x", "start_index": 0, "end_index": 5}
    logprobs = [{"token": "Hello", "logprob": -0.5, "bytes": [72], "top_logprobs": []}]
    content = {
        "type": "output_text",
        "text": "Hello",
        "annotations": [annotation],
        "logprobs": logprobs,
    }
    got = decode({**MESSAGE, "content": [content]})
    [citation] = got.message.parts[0].citations
    assert (citation.url, citation.start, citation.end) == ("https://x", 0, 5)
    assert citation.raw == annotation
    assert got.choices[0].logprobs == (TokenLogprob(token="Hello", logprob=-0.5, bytes=(72,)),)
    place = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
    again = streamed(
        CREATED,
        {"type": "response.output_text.delta", **place, "delta": "Hello", "logprobs": logprobs},
        {"type": "response.output_text.annotation.added", **place, "annotation": annotation},
        completed({**MESSAGE, "content": [content]}),
    )
    assert again.choices == got.choices


def test_a_host_that_leaves_out_indexes_and_events():
    """llama.cpp sends no ``output_index``; what deltas left out stands in the items."""
    got = streamed(
        CREATED,
        {"type": "response.output_item.added", "item": {**MESSAGE, "content": []}},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hel"},
        {"type": "response.output_item.added", "item": {**CALL, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": '{"a"'},
        {"type": "response.unheard_of", "x": 1},
        b": a comment\n\n",
        completed(MESSAGE, CALL),
        b"data: [DONE]\n\n",
    )
    assert got.message.parts == decode(MESSAGE, CALL).message.parts


def test_summaries_are_paragraphs():
    place = {"output_index": 0, "item_id": "rs_1"}
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"text": "A"}, {"text": "B"}],
        "encrypted_content": "late",
    }
    added = {**item, "summary": [], "encrypted_content": "early"}
    got = streamed(
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": added},
        {
            "type": "response.reasoning_summary_text.delta",
            **place,
            "summary_index": 0,
            "delta": "A",
        },
        {
            "type": "response.reasoning_summary_text.delta",
            **place,
            "summary_index": 1,
            "delta": "B",
        },
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        completed(item),
    )
    assert got.message.parts == decode(item).message.parts


def test_a_part_without_a_type_is_kept_and_written():
    got = decode({**MESSAGE, "content": [{"rose": 1}]})
    assert got.message.parts == (Opaque(dialect=NAME, kind="content:", data={"rose": 1}),)
    again = json.loads(DIALECT.downstream["chat"].encode(got))
    assert again["output"][0]["content"] == [{"rose": 1}]


def test_the_end_is_needed():
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"}
    found, error = stream(CREATED, delta)
    assert isinstance(error, StreamInterruptedError)
    assert fold(found).text == "Hel"
    _, error = stream({"type": "ping"}, {"choices": [], "type": "chunk"})
    assert isinstance(error, ResponseError)
    assert "dialect" in error.message


def test_usage_of_a_failed_stream_is_learned_by_the_relay():
    told = {"code": "server_error", "message": "x"}
    relay = CODEC.relay(False)
    failed = {"type": "response.failed", "response": response(status="failed", error=told)}
    relay.feed(f"event: response.failed\ndata: {json.dumps(failed)}\n\n".encode())
    assert relay.usage.output_tokens == 5


def test_split_characters_and_half_surrogates_are_mended():
    body = json.dumps(response(MESSAGE)).replace("Hello", "\\ud83d!").encode()
    assert CODEC.decode(body).text.endswith("!")
    body = json.dumps(response(MESSAGE)).encode().replace(b"Hello", b"\xf0\x9f!")
    assert CODEC.decode(body).text.endswith("!")
