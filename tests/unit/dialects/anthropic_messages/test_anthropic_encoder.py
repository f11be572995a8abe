"""Events written as a stream for a client of Anthropic's Messages API."""

from __future__ import annotations

import json

import msgspec
import pytest

from modelway.dialects.anthropic_messages import DIALECT
from modelway.errors import OverloadedError
from modelway.fold import fold, unfold
from modelway.framing.sse import Events
from modelway.types import (
    ChatResponse,
    Choice,
    Citation,
    CitationDelta,
    Finish,
    Message,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

NAME = "anthropic-messages"
FINISH = Finish(reason="stop", usage=Usage(input_tokens=7, output_tokens=3))


def written(*events, finish=FINISH):
    encoder = DIALECT.downstream["chat"].encoder({})
    data = b"".join([encoder.feed([one]) for one in (Start(id="m", model="x"), *events, finish)])
    return data + encoder.close()


def read(data):
    found = Events().feed(data)
    payloads = [json.loads(one.data) for one in found]
    assert [one.name for one in found] == [payload["type"] for payload in payloads]
    return payloads


def shape(data):
    """Each event's type with its index and the type inside it."""
    return [
        (
            payload["type"].replace("content_block_", ""),
            payload.get("index"),
            (payload.get("content_block") or payload.get("delta") or {}).get("type"),
        )
        for payload in read(data)
    ]


def folded(data):
    decoder = DIALECT.upstream["chat"].decoder()
    events = decoder.feed(data) + decoder.close()
    assert decoder.error is None
    return fold(events)


def test_a_text_is_framed_as_anthropic_does():
    data = written(TextDelta(text="Grüße"), TextDelta(text="\n\ndata: x"))
    assert shape(data) == [
        ("message_start", None, None),
        ("start", 0, "text"),
        ("delta", 0, "text_delta"),
        ("delta", 0, "text_delta"),
        ("stop", 0, None),
        ("message_delta", None, None),
        ("message_stop", None, None),
    ]
    payloads = read(data)
    assert payloads[0]["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert payloads[-2]["usage"] == {"input_tokens": 7, "output_tokens": 3}
    assert payloads[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert folded(data).text == "Grüße\n\ndata: x"


def test_early_usage_is_said_early():
    encoder = DIALECT.downstream["chat"].encoder({})
    early = Usage(input_tokens=9, cached_tokens=4, output_tokens=1)
    payload = read(encoder.feed([Start(id="m", model="x", usage=early)]))[0]
    assert payload["message"]["usage"] == {
        "input_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens": 1,
    }
    last = read(encoder.feed([Finish(reason="length")]) + encoder.close())
    assert last[0]["usage"]["input_tokens"] == 5
    assert last[0]["delta"]["stop_reason"] == "max_tokens"


def test_a_block_ends_where_another_part_begins():
    data = written(
        ReasoningDelta(text="h", index=0),
        ReasoningDelta(signature="si", index=0),
        ReasoningDelta(text="m", index=0),
        ReasoningDelta(signature="g", index=0),
        TextDelta(text="a", index=1),
        CitationDelta(citation=Citation(url="u"), index=1),
        RefusalDelta(text="no", index=2),
        ReasoningDelta(encrypted="zz", index=3),
        TextDelta(text="b", index=4),
    )
    assert shape(data)[1:-2] == [
        ("start", 0, "thinking"),
        ("delta", 0, "thinking_delta"),
        ("delta", 0, "thinking_delta"),
        ("delta", 0, "signature_delta"),
        ("stop", 0, None),
        ("start", 1, "text"),
        ("delta", 1, "text_delta"),
        ("delta", 1, "citations_delta"),
        ("stop", 1, None),
        ("start", 2, "text"),
        ("delta", 2, "text_delta"),
        ("stop", 2, None),
        ("start", 3, "redacted_thinking"),
        ("stop", 3, None),
        ("start", 4, "text"),
        ("delta", 4, "text_delta"),
        ("stop", 4, None),
    ]
    parts = folded(data).message.parts
    assert parts[0] == Reasoning(text="hm", signature="sig")
    assert parts[3] == Reasoning(encrypted="zz")


def test_calls_one_after_the_other_are_closed_one_after_the_other():
    data = written(
        ToolCallDelta(index=3, id="a", name="f", arguments='{"x"'),
        ToolCallDelta(index=3, arguments=":1}"),
        ToolCallDelta(index=5, id="b", name="g"),
        ToolCallDelta(index=5, arguments="{}"),
        ToolCallDelta(index=3, arguments=" "),
    )
    assert shape(data)[1:-2] == [
        ("start", 0, "tool_use"),
        ("delta", 0, "input_json_delta"),
        ("delta", 0, "input_json_delta"),
        ("stop", 0, None),
        ("start", 1, "tool_use"),
        ("delta", 1, "input_json_delta"),
        ("stop", 1, None),
    ]
    assert read(data)[1]["content_block"] == {
        "type": "tool_use",
        "id": "a",
        "name": "f",
        "input": {},
    }


def test_interleaved_calls_lose_nothing():
    data = written(
        ToolCallDelta(index=0, id="a", name="f"),
        ToolCallDelta(index=1, id="b", name="g", arguments='{"y"'),
        ToolCallDelta(index=0, arguments='{"x"'),
        TextDelta(text="meanwhile", index=2),
        ToolCallDelta(index=1, arguments=":2}"),
        ToolCallDelta(index=0, arguments=":1}"),
    )
    calls = folded(data).tool_calls
    assert [(call.id, call.arguments) for call in calls] == [("a", '{"x":1}'), ("b", '{"y":2}')]
    indexes = [
        payload["index"] for payload in read(data) if payload["type"].endswith("block_start")
    ]
    assert indexes == [0, 1, 2]
    stops = [payload["index"] for payload in read(data) if payload["type"].endswith("block_stop")]
    assert sorted(stops) == [0, 1, 2]


def test_a_part_without_words_opens_no_block():
    assert shape(written(TextDelta(text=""), ReasoningDelta())) == shape(written())


def test_a_whole_part_is_a_block_of_its_own():
    block = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    part = Opaque(dialect=NAME, kind=block["type"], data=block)
    foreign = Opaque(dialect="gemini", kind="x", data={})
    data = written(
        TextDelta(text="a", index=0),
        PartDelta(part=part, index=1),
        PartDelta(part=foreign, index=2),
    )
    assert folded(data).message.parts == (Text(text="a"), part)


def test_only_the_first_choice_is_written_but_all_usage():
    encoder = DIALECT.downstream["chat"].encoder({})
    data = encoder.feed(
        [
            Start(id="m"),
            TextDelta(text="a"),
            TextDelta(text="b", choice=1),
            Finish(reason="stop"),
            Finish(reason="length", choice=1, usage=Usage(output_tokens=9)),
        ]
    )
    response = folded(data + encoder.close())
    assert (response.text, response.finish_reason) == ("a", "stop")
    assert response.usage.output_tokens == 9


def test_a_stream_without_start_is_still_lawful():
    encoder = DIALECT.downstream["chat"].encoder({})
    data = encoder.feed([TextDelta(text="a"), FINISH]) + encoder.close()
    assert shape(data)[0] == ("message_start", None, None)
    assert folded(data).text == "a"


def test_failing_is_an_error_event_and_the_end():
    encoder = DIALECT.downstream["chat"].encoder({})
    data = encoder.feed([Start(id="m"), TextDelta(text="a")])
    data += encoder.fail(OverloadedError("busy"))
    last = read(data)[-1]
    assert last["error"] == {"type": "overloaded_error", "message": "busy"}
    assert encoder.feed([TextDelta(text="b")]) == encoder.close() == b""
    assert encoder.fail(OverloadedError("again")) == b""


def test_failing_may_come_first():
    encoder = DIALECT.downstream["chat"].encoder({})
    assert read(encoder.fail(OverloadedError("busy")))[0]["type"] == "error"


def test_an_end_without_finish_is_an_error_not_a_success():
    encoder = DIALECT.downstream["chat"].encoder({})
    data = encoder.feed([Start(id="m"), TextDelta(text="a")]) + encoder.close()
    assert read(data)[-1]["type"] == "error"
    assert b"message_stop" not in data


@pytest.mark.parametrize("arguments", ['{"a": 1.10}', "{}", '{"a": '])
def test_a_whole_answer_survives_the_way_through_a_stream(arguments):
    response = ChatResponse(
        id="m",
        model="x",
        choices=(
            Choice(
                message=Message(
                    role="assistant",
                    parts=(
                        Reasoning(text="hm", signature="s"),
                        Text(text="hi"),
                        ToolCall(id="a", name="f", arguments=arguments),
                        ToolCall(id="b", name="g", arguments=arguments),
                    ),
                ),
                finish_reason="tool_calls",
                raw_finish_reason="tool_use",
            ),
        ),
        usage=Usage(input_tokens=3, output_tokens=4),
    )
    encoder = DIALECT.downstream["chat"].encoder({})
    again = folded(encoder.feed(unfold(response)) + encoder.close())
    assert again.choices == response.choices
    assert msgspec.structs.replace(again.usage, raw={}) == response.usage


def test_the_model_is_told_as_it_was_asked_for():
    face, asked = DIALECT.downstream["chat"], {"model": msgspec.Raw(b'"house/x"')}
    begun = face.encoder(asked).feed([Start(id="m", model="x")])
    assert read(begun)[0]["message"]["model"] == "house/x"
    said = Choice(message=Message(role="assistant", parts=(Text(text="a"),)), finish_reason="stop")
    whole = face.answer(ChatResponse(id="m", model="x", choices=(said,)), asked)
    assert json.loads(whole)["model"] == "house/x"


@pytest.mark.parametrize("format", ["google-gemini-v1", None])
def test_a_message_does_not_end_with_the_state_of_another_provider(format):
    state = ReasoningDelta(signature="s", format=format, index=1)
    kinds = [kind for _, _, kind in shape(written(TextDelta(text="a"), state)) if kind]
    own = format is None
    assert ("redacted_thinking" in kinds or "signature_delta" in kinds) is own
    parts = (Text(text="a"), Reasoning(text="", signature="s", format=format))
    message = Message(role="assistant", parts=parts)
    answer = ChatResponse(
        id="m", model="x", choices=(Choice(message=message, finish_reason="stop"),)
    )
    blocks = json.loads(DIALECT.downstream["chat"].encode(answer))["content"]
    assert [block["type"] for block in blocks] == (["text", "thinking"] if own else ["text"])
