"""Streams of Bedrock: what arrives in odd shapes, and what ends them early."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects import dialect
from modelway.fold import fold
from modelway.framing.eventstream import frame
from modelway.types import (
    Citation,
    CitationDelta,
    Finish,
    Image,
    Opaque,
    Reasoning,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from support import read

BEDROCK = "bedrock-converse"


def event(name, **payload):
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload, ensure_ascii=False).encode())


def delta(index=0, **said):
    return event("contentBlockDelta", delta=said, contentBlockIndex=index, p="abc")


def stop(index=0):
    return event("contentBlockStop", contentBlockIndex=index)


START = event("messageStart", role="assistant")
END = event("messageStop", stopReason="end_turn")
USAGE = event("metadata", usage={"inputTokens": 1, "outputTokens": 2, "totalTokens": 3})


def parts(*middle):
    return read.folded(BEDROCK, [b"".join([START, *middle, END, USAGE])]).message.parts


@pytest.mark.parametrize(
    ("kind", "code", "message_type", "error"),
    [
        (":exception-type", "throttlingException", "exception", errors.RateLimitError),
        (":exception-type", "validationException", "exception", errors.BadRequestError),
        (":exception-type", "modelStreamErrorException", "exception", errors.OverloadedError),
        (":exception-type", "serviceUnavailableException", "exception", errors.OverloadedError),
        (":exception-type", "internalServerException", "exception", errors.OverloadedError),
        (":exception-type", "modelTimeoutException", "exception", errors.APITimeoutError),
        (":exception-type", "somethingNewException", "exception", errors.OverloadedError),
        (":error-code", "InternalError", "error", errors.OverloadedError),
    ],
)
def test_an_exception_ends_a_stream(kind, code, message_type, error):
    broken = frame({kind: code, ":message-type": message_type}, b'{"message":"What happened"}')
    stream = START + delta(text="Hel") + broken + END
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        events, told = read.decode_stream(BEDROCK, pieces)
        assert type(told) is error
        assert "What happened" in told.message
        assert [one.text for one in events if isinstance(one, TextDelta)] == ["Hel"]
        out, relay = read.relayed(BEDROCK, pieces)
        assert out == START + delta(text="Hel")
        assert type(relay.error) is error


def test_an_error_without_a_payload_has_its_headers_words():
    broken = frame({":message-type": "error", ":error-code": "X", ":error-message": "Broke off"})
    _, told = read.decode_stream(BEDROCK, [START + broken])
    assert told.message == "Broke off"
    assert told.code == "X"


def test_a_stream_without_its_usage_is_whole():
    response = read.folded(BEDROCK, [START + delta(text="Hi") + stop() + END])
    assert response.text == "Hi"
    assert response.finish_reason == "stop"
    assert response.usage.output_tokens is None
    _, relay = read.relayed(BEDROCK, [START + END])
    assert (relay.error, relay.finish, relay.usage) == (None, "stop", None)


def test_an_end_before_the_end_is_an_error():
    events, told = read.decode_stream(BEDROCK, [START + delta(text="Hi") + stop() + USAGE])
    assert isinstance(told, errors.StreamInterruptedError)
    assert fold([*events, Finish(reason="error")]).text == "Hi"


def test_nothing_follows_the_last_event():
    events, told = read.decode_stream(BEDROCK, [START + END + USAGE + delta(text="more")])
    assert told is None
    assert isinstance(events[-1], Finish)
    out, _ = read.relayed(BEDROCK, [START + END + USAGE + delta(text="more")])
    assert out == START + END + USAGE


def test_new_events_and_deltas_are_passed_over():
    assert parts(event("somethingNew", a=1), delta(new={"a": 1}), delta(text="Hi")) == (
        Text(text="Hi"),
    )


def test_a_split_character_is_replaced_not_fatal():
    broken = frame(
        {":event-type": "contentBlockDelta", ":message-type": "event"},
        b'{"contentBlockIndex":0,"delta":{"text":"a\xf0\x9f"}}',
    )
    assert parts(broken) == (Text(text="a\ufffd"),)


def test_an_event_that_cannot_be_read_is_typed():
    broken = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b"{")
    events, told = read.decode_stream(BEDROCK, [START + broken])
    assert len(events) == 1
    assert isinstance(told, errors.ResponseError)


def test_calls():
    start = event(
        "contentBlockStart",
        start={"toolUse": {"toolUseId": "t1", "name": "look"}},
        contentBlockIndex=1,
    )
    bare = event(
        "contentBlockStart",
        start={"toolUse": {"toolUseId": "t2", "name": "clock"}},
        contentBlockIndex=2,
    )
    pieces = [delta(1, toolUse={"input": piece}) for piece in ('{"a"', ": 1", "}")]
    assert parts(start, *pieces, stop(1), bare, stop(2)) == (
        ToolCall(id="t1", name="look", arguments='{"a": 1}'),
        ToolCall(id="t2", name="clock", arguments="{}"),
    )


def test_arguments_that_are_cut_are_kept():
    events, told = read.decode_stream(
        BEDROCK,
        [
            START,
            event(
                "contentBlockStart",
                start={"toolUse": {"toolUseId": "t1", "name": "look"}},
                contentBlockIndex=0,
            ),
            delta(toolUse={"input": '{"a": "b'}),
            stop(),
            event("messageStop", stopReason="malformed_tool_use"),
            USAGE,
        ],
    )
    assert told is None
    assert [one.arguments for one in events if isinstance(one, ToolCallDelta)] == ["", '{"a": "b']
    assert events[-1].reason == "error"


def test_reasoning():
    assert parts(
        delta(reasoningContent={"text": "Hm"}),
        delta(reasoningContent={"signature": "abc"}),
        stop(),
        delta(1, reasoningContent={"redactedContent": "RWtB"}),
        delta(1, reasoningContent={"redactedContent": "RA=="}),
        stop(1),
        delta(2, reasoningContent={"redactedContent": "/w=="}),
        stop(2),
    ) == (
        Reasoning(text="Hm", signature="abc", format="anthropic-messages"),
        Reasoning(encrypted="EkAD", format="anthropic-messages"),
        Opaque(
            dialect=BEDROCK,
            kind="reasoningContent",
            data={"reasoningContent": {"redactedContent": "/w=="}},
        ),
    )


def test_citations_and_pictures():
    citation = {"title": "a", "sourceContent": [{"text": "q"}], "location": {"web": {"url": "u"}}}
    text, image = parts(
        delta(text="Hi"),
        delta(citation=citation),
        stop(),
        event("contentBlockStart", start={"image": {"format": "png"}}, contentBlockIndex=1),
        delta(1, image={"source": {"bytes": "iVBO"}}),
        delta(1, image={"source": {"bytes": "Rw=="}}),
        stop(1),
    )
    assert text.citations[0].url == "u"
    assert text.citations[0].quote == "q"
    assert isinstance(image, Image)
    assert image.source.data == "iVBORw=="


def test_a_hosted_tools_turns_are_kept_whole_and_written_again():
    start = {"toolUseId": "t", "name": "code", "type": "server_tool_use"}
    result = {"toolUseId": "t", "status": "success", "type": "code_result"}
    middle = [
        event("contentBlockStart", start={"toolUse": start}, contentBlockIndex=0),
        delta(toolUse={"input": '{"a":1}'}),
        stop(),
        event("contentBlockStart", start={"toolResult": result}, contentBlockIndex=1),
        delta(1, toolResult=[{"text": "o"}]),
        delta(1, toolResult=[{"text": "k"}, {"json": {"b": 2}}]),
        stop(1),
    ]
    found = parts(*middle)
    assert [part.data for part in found] == [
        {"toolUse": {**start, "input": {"a": 1}}},
        {"toolResult": {**result, "content": [{"text": "ok"}, {"json": {"b": 2}}]}},
    ]
    events, _ = read.decode_stream(BEDROCK, [b"".join([START, *middle, END, USAGE])])
    again = read.folded(BEDROCK, [read.stream_to_client(BEDROCK, [events])])
    assert again.message.parts == found


def test_a_stop_sequence_is_read():
    end = event(
        "messageStop",
        stopReason="stop_sequence",
        additionalModelResponseFields={"stop_sequence": "END"},
    )
    events, _ = read.decode_stream(BEDROCK, [START + end + USAGE])
    assert events[-1].stop_sequence == "END"
    again = read.stream_to_client(BEDROCK, [events])
    assert read.folded(BEDROCK, [again]).choices[0].stop_sequence == "END"


def test_interleaved_calls_keep_their_arguments():
    make = dialect(BEDROCK).downstream["chat"].encoder
    encoder = make({})
    said = [
        ToolCallDelta(index=0, id="a", name="x"),
        ToolCallDelta(index=1, id="b", name="y"),
        ToolCallDelta(index=0, arguments='{"n":'),
        ToolCallDelta(index=1, arguments="{}"),
        ToolCallDelta(index=0, arguments="1}"),
        Finish(reason="tool_calls"),
    ]
    stream = encoder.feed(said) + encoder.close()
    response = read.folded(BEDROCK, [stream])
    assert [(call.id, call.arguments) for call in response.tool_calls] == [
        ("a", '{"n":1}'),
        ("b", "{}"),
    ]


def test_citations_of_others_are_written():
    make = dialect(BEDROCK).downstream["chat"].encoder
    encoder = make({})
    said = [
        TextDelta(text="Hi"),
        CitationDelta(citation=Citation(url="https://example.org", title="t", quote="q")),
        Finish(reason="stop"),
    ]
    [text] = read.folded(BEDROCK, [encoder.feed(said) + encoder.close()]).message.parts
    [citation] = text.citations
    assert (citation.url, citation.title, citation.quote) == ("https://example.org", "t", "q")
