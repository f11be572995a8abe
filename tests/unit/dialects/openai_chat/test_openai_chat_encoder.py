"""Our answer → what a client of this dialect reads, whole and streamed."""

from __future__ import annotations

import json

import msgspec
import pytest

from modelway.dialects.openai_chat import DIALECT
from modelway.errors import OverloadedError
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.framing.sse import parse
from modelway.types import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
    CitationDelta,
    File,
    Finish,
    Image,
    Inline,
    Message,
    Opaque,
    PartDelta,
    Reasoning,
    Refusal,
    Start,
    Stored,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)

FACE = DIALECT.downstream["chat"]
ASKED = split(b'{"stream":true,"stream_options":{"include_usage":true}}')
ANSWER = ChatResponse(
    id="r1",
    model="m",
    created=7,
    choices=(
        Choice(
            message=Message(
                role="assistant",
                parts=(
                    Reasoning(text="hm", signature="sig", format="anthropic-claude-v1"),
                    Reasoning(encrypted="E", id="rs_1"),
                    Text(
                        text="a \u2028é", citations=(Citation(url="u", title="t", start=0, end=1),)
                    ),
                    Refusal(text="no"),
                    Image(source=Inline(media_type="image/png", data="AA==")),
                    ToolCall(id="c1", name="f", arguments='{"x": 1}'),
                    ToolCall(id="c2", name="g", signature="s"),
                ),
            ),
            finish_reason="tool_calls",
            raw_finish_reason="tool_calls",
            stop_sequence="END",
            logprobs=(TokenLogprob(token="a", logprob=-1.0, bytes=(97,)),),
        ),
        Choice(
            message=Message(role="assistant", parts=(Text(text="b"),)),
            finish_reason="length",
            raw_finish_reason="length",
        ),
    ),
    usage=Usage(
        input_tokens=10,
        output_tokens=5,
        cached_tokens=4,
        cache_write_tokens=1,
        reasoning_tokens=2,
        input_audio_tokens=0,
        output_audio_tokens=0,
        reported_cost_usd=0.5,
    ),
)


def encode(events, fields=ASKED):
    encoder = FACE.encoder(fields)
    return b"".join([encoder.feed([event]) for event in events]) + encoder.close()


def chunks(data):
    return [json.loads(event.data) for event in parse(data) if event.data != b"[DONE]"]


def shown(response):
    """What survives: all but the providers' own objects, which are written anew."""
    told = msgspec.to_builtins(response)
    told["usage"].pop("raw")
    for choice in told["choices"]:
        for part in choice["message"]["parts"]:
            for citation in part.get("citations", ()):
                del citation["raw"], citation["dialect"]
    return told


def test_a_whole_answer_survives():
    again = DIALECT.upstream["chat"].decode(FACE.encode(ANSWER))
    assert shown(again) == shown(ANSWER)


def test_a_streamed_answer_survives():
    decoder = DIALECT.upstream["chat"].decoder()
    events = decoder.feed(encode(unfold(ANSWER))) + decoder.close()
    assert decoder.error is None
    assert shown(fold(events)) == shown(ANSWER)


def test_a_thinking_loop_survives_through_a_client_that_sends_back_what_it_got():
    message = json.loads(FACE.encode(ANSWER))["choices"][0]["message"]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}, message]})
    parts = FACE.decode(split(body.encode())).messages[1].parts
    thoughts = ANSWER.message.parts[:2]
    assert parts[:2] == thoughts
    assert [part for part in parts if isinstance(part, ToolCall)] == list(ANSWER.tool_calls)


def test_the_role_comes_first_and_the_end_last():
    data = encode([Start(id="r", model="m"), TextDelta(text="a"), Finish(reason="stop")], {})
    assert data.endswith(b"data: [DONE]\n\n")
    first, second, last = chunks(data)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert second["choices"][0] == {
        "index": 0,
        "delta": {"content": "a"},
        "logprobs": None,
        "finish_reason": None,
    }
    assert last["choices"][0]["finish_reason"] == "stop"
    assert all(
        (c["id"], c["object"], c["model"]) == ("r", "chat.completion.chunk", "m")
        for c in chunks(data)
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (b'{"stream":true}', False),
        (b'{"stream_options":null}', False),
        (b'{"stream_options":{"include_usage":false}}', False),
        (b'{"stream_options":7}', False),
        (b'{"stream_options":{"include_usage":true}}', True),
    ],
)
def test_usage_is_told_to_who_asked(fields, told):
    end = Finish(reason="stop", usage=Usage(input_tokens=3, output_tokens=4))
    last = chunks(encode([Start(), end], split(fields)))[-1]
    assert (last["choices"] == []) is told
    if told:
        assert last["usage"]["total_tokens"] == 7


def test_calls_are_numbered_densely_in_order_of_appearance():
    events = [
        ToolCallDelta(index=4, id="a", name="f"),
        ToolCallDelta(index=9, id="b", name="g"),
        ToolCallDelta(index=4, arguments="{}"),
        Finish(reason="tool_calls"),
    ]
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in chunks(encode(events))[1:-1]]
    assert [call["index"] for call in calls] == [0, 1, 0]
    assert calls[0]["id"] == "a"
    assert "id" not in calls[2]


def test_parts_that_this_dialect_cannot_say_are_left_out():
    parts = (
        File(source=Stored(id="f")),
        Opaque(dialect="anthropic-messages", kind="server_tool_use", data={}),
        Image(source=Stored(id="f")),
    )
    events = [PartDelta(part=part, index=n) for n, part in enumerate(parts)]
    events.append(CitationDelta(citation=Citation(quote="no url")))
    events.append(Finish(reason="stop"))
    assert len(chunks(encode(events))) == 2
    answer = ChatResponse(
        choices=(Choice(message=Message(role="assistant", parts=parts), finish_reason="stop"),)
    )
    message = json.loads(FACE.encode(answer))["choices"][0]["message"]
    assert message == {"role": "assistant", "content": None, "refusal": None}


def test_our_own_opaque_parts_go_back_as_they_came():
    annotation = Opaque(dialect="openai-chat", kind="annotation", data={"type": "file"})
    custom = {"id": "c", "type": "custom", "custom": {"name": "n", "input": "x"}}
    call = Opaque(dialect="openai-chat", kind="custom_tool_call", data=custom)
    spoken = Audio(source=Inline(media_type="audio/wav", data="AA=="), id="a1", transcript="hi")
    answer = ChatResponse(
        choices=(
            Choice(
                message=Message(role="assistant", parts=(annotation, call, spoken)),
                finish_reason="stop",
            ),
        )
    )
    message = json.loads(FACE.encode(answer))["choices"][0]["message"]
    assert message["annotations"] == [{"type": "file"}]
    assert message["tool_calls"] == [custom]
    assert message["audio"]["id"] == "a1"
    deltas = [c["choices"][0]["delta"] for c in chunks(encode(unfold(answer)))]
    assert {"annotations": [{"type": "file"}]} in deltas
    assert {"tool_calls": [{"index": 0, **custom}]} in deltas


@pytest.mark.parametrize(
    ("reason", "told"),
    [("pause", "stop"), ("other", "stop"), ("error", "error"), ("length", "length")],
)
def test_finish_reasons_are_of_the_clients_vocabulary(reason, told):
    assert chunks(encode([Finish(reason=reason)]))[-1]["choices"][0]["finish_reason"] == told


def test_an_error_ends_the_stream():
    encoder = FACE.encoder({})
    encoder.feed([Start(), TextDelta(text="a")])
    data = encoder.fail(OverloadedError("busy"))
    assert json.loads(parse(data)[0].data)["error"]["message"] == "busy"
    assert encoder.close() == b""


def test_text_cannot_forge_an_event():
    text = "\n\ndata: [DONE]\n\ndata: {}\r\r"
    data = encode([TextDelta(text=text), Finish(reason="stop")])
    assert chunks(data)[1]["choices"][0]["delta"] == {"content": text}
    assert len(parse(data)) == 4


def test_half_a_surrogate_pair_does_not_cost_the_answer():
    assert b"a?" in encode([TextDelta(text="a\ud83d")])
