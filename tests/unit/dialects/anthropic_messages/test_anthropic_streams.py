"""Streams of Anthropic's Messages API read into events, and forwarded while watched."""

from __future__ import annotations

import json

import pytest

from modelway.dialects.anthropic_messages import DIALECT
from modelway.errors import BadRequestError, OverloadedError, ResponseError, StreamInterruptedError
from modelway.fold import fold
from modelway.framing import sse
from modelway.types import (
    CitationDelta,
    Finish,
    Image,
    Opaque,
    PartDelta,
    ReasoningDelta,
    Remote,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
)

NAME = "anthropic-messages"


def event(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def start(**usage):
    return event("message_start", message={"id": "msg_1", "model": "claude", "usage": usage})


def begin(index, **block):
    return event("content_block_start", index=index, content_block=block)


def delta(index, kind, **fields):
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def end(index):
    return event("content_block_stop", index=index)


def stop(reason="end_turn", sequence=None, **usage):
    said = {"stop_reason": reason, "stop_sequence": sequence}
    return event("message_delta", delta=said, usage=usage) + event("message_stop")


CITATION = {"type": "web_search_result_location", "url": "u", "title": "t", "cited_text": "q"}

WHOLE = b"".join(
    [
        start(input_tokens=10, cache_read_input_tokens=5, output_tokens=1),
        event("ping"),
        begin(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "signature_delta", signature="sig"),
        end(0),
        begin(1, type="redacted_thinking", data="zz"),
        end(1),
        begin(2, type="text", text="", citations=[]),
        delta(2, "text_delta", text="Grüße, "),
        delta(2, "text_delta", text="Welt"),
        delta(2, "citations_delta", citation=CITATION),
        end(2),
        begin(3, type="tool_use", id="t1", name="f", input={}),
        delta(3, "input_json_delta", partial_json=""),
        delta(3, "input_json_delta", partial_json='{"a": '),
        delta(3, "input_json_delta", partial_json="1.10}"),
        end(3),
        begin(4, type="tool_use", id="t2", name="g", input={}),
        end(4),
        begin(5, type="server_tool_use", id="s", name="web_search", input={}),
        delta(5, "input_json_delta", partial_json='{"query"'),
        delta(5, "input_json_delta", partial_json=': "x"}'),
        end(5),
        event("something_new", index=9),
        stop("tool_use", output_tokens=20, input_tokens=None),
    ]
)
RAW_USAGE = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 20}
EVENTS = [
    Start(
        id="msg_1",
        model="claude",
        usage=Usage(
            input_tokens=15, cached_tokens=5, output_tokens=1, raw={**RAW_USAGE, "output_tokens": 1}
        ),
    ),
    ReasoningDelta(text="hm", index=0),
    ReasoningDelta(signature="sig", index=0),
    ReasoningDelta(encrypted="zz", index=1),
    TextDelta(text="Grüße, ", index=2),
    TextDelta(text="Welt", index=2),
    CitationDelta(
        citation={"url": "u"},  # replaced below
        index=2,
    ),
    ToolCallDelta(index=3, id="t1", name="f"),
    ToolCallDelta(index=3, arguments='{"a": '),
    ToolCallDelta(index=3, arguments="1.10}"),
    ToolCallDelta(index=4, id="t2", name="g"),
    ToolCallDelta(index=4, arguments="{}"),
    PartDelta(
        part=Opaque(
            dialect=NAME,
            kind="server_tool_use",
            data={
                "type": "server_tool_use",
                "id": "s",
                "name": "web_search",
                "input": {"query": "x"},
            },
        ),
        index=5,
    ),
    Finish(
        reason="tool_calls",
        raw_reason="tool_use",
        usage=Usage(input_tokens=15, cached_tokens=5, output_tokens=20, raw=RAW_USAGE),
    ),
]


def chunks(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def decoded(*pieces):
    decoder = DIALECT.upstream["chat"].decoder()
    events = [found for piece in pieces for found in decoder.feed(piece)]
    return events + decoder.close(), decoder.error


def relayed(*pieces):
    relay = DIALECT.upstream["chat"].relay(False)
    return b"".join([relay.feed(piece) for piece in pieces]) + relay.close(), relay


def test_every_kind_of_block_becomes_its_events():
    events, error = decoded(WHOLE)
    assert error is None
    cited = events[6]
    assert (cited.citation.url, cited.citation.dialect, cited.citation.raw) == ("u", NAME, CITATION)
    assert events[:6] + events[7:] == EVENTS[:6] + EVENTS[7:]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_how_the_bytes_are_cut_does_not_matter(size, line_end):
    data = WHOLE.replace(b"\n", line_end)
    assert decoded(*chunks(data, size)) == decoded(WHOLE)
    forwarded, relay = relayed(*chunks(data, size))
    assert relay.error is None
    assert forwarded.rstrip(b"\n") == data.rstrip(b"\n")  # the last CR may be half of a CR LF
    assert (relay.usage, relay.finish) == (EVENTS[-1].usage, "tool_calls")


def test_the_folded_stream_is_the_whole_answer():
    body = {
        "id": "msg_1",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "zz"},
            {"type": "text", "text": "Grüße, Welt", "citations": [CITATION]},
            {"type": "tool_use", "id": "t1", "name": "f", "input": "ARGUMENTS"},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        ],
        "stop_reason": "tool_use",
        "usage": RAW_USAGE,
    }
    raw = json.dumps(body).replace('"ARGUMENTS"', '{"a": 1.10}').encode()
    assert fold(decoded(WHOLE)[0]) == DIALECT.upstream["chat"].decode(raw)


def test_a_stream_cut_anywhere_is_interrupted():
    last = WHOLE.index(b"event: message_stop")
    for length in [*range(0, last, 61), last]:
        events, error = decoded(WHOLE[:length])
        assert isinstance(error, StreamInterruptedError)
        assert not any(isinstance(found, Finish) for found in events)
        forwarded, relay = relayed(WHOLE[:length])
        assert isinstance(relay.error, StreamInterruptedError)
        assert WHOLE.startswith(forwarded)


def test_a_last_event_without_its_blank_line_counts():
    assert decoded(WHOLE.rstrip(b"\n")) == decoded(WHOLE)
    forwarded, relay = relayed(WHOLE.rstrip(b"\n"))
    assert relay.error is None
    assert forwarded == WHOLE


def test_what_follows_the_end_is_passed_over():
    after = b"data: [DONE]\n\n" + start(input_tokens=1)
    assert decoded(WHOLE + after) == decoded(WHOLE)
    assert decoded(WHOLE, after) == decoded(WHOLE)
    assert relayed(WHOLE + after)[0] == WHOLE
    assert relayed(WHOLE, after)[0] == WHOLE


ERROR = event("error", error={"type": "overloaded_error", "message": "Overloaded"})


def test_an_error_event_ends_the_stream():
    head = start(input_tokens=1) + begin(0, type="text", text="") + delta(0, "text_delta", text="a")
    events, error = decoded(head + ERROR + delta(0, "text_delta", text="b"))
    assert isinstance(error, OverloadedError)
    assert [found.text for found in events if isinstance(found, TextDelta)] == ["a"]
    for data in (head + ERROR + end(0), (head + ERROR + end(0)).replace(b"\n", b"\r\n")):
        forwarded, relay = relayed(data, end(0))
        assert isinstance(relay.error, OverloadedError)
        assert forwarded == data[: data.index(b"event: error")]
        assert relay.received_chars == 1


def test_an_error_is_classed_by_its_type():
    data = event("error", error={"type": "invalid_request_error", "message": "no"})
    assert isinstance(decoded(start(), data)[1], BadRequestError)
    unended = data.rstrip(b"\n")
    assert isinstance(decoded(start(), unended)[1], BadRequestError)
    forwarded, relay = relayed(start(), unended)
    assert isinstance(relay.error, BadRequestError)
    assert forwarded == start()


def test_a_stream_that_only_ends_still_starts():
    events, error = decoded(event("message_stop"))
    assert error is None
    assert [type(found) for found in events] == [Start, Finish]


def test_blocks_that_are_whole_at_their_start_are_handed_on():
    image = {"type": "image", "source": {"type": "url", "url": "u"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    events, _ = decoded(start(), begin(0, **image), end(0), begin(1, **result), end(1), stop())
    assert events[1:3] == [
        PartDelta(part=Image(source=Remote(url="u")), index=0),
        PartDelta(part=Opaque(dialect=NAME, kind="tool_result", data=result), index=1),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'data: {"error":{"code":500,"message":"m","type":"server_error"}}\n\n', "server_error"),
        (b'event: error\ndata: {"type":"error"}\n\n', None),
        (b'event: error\ndata: {"type":"error","error":"oops"}\n\n', None),
    ],
)
def test_errors_in_other_forms_are_errors(data, code):
    _, error = decoded(data)
    assert isinstance(error, OverloadedError)
    assert error.code == code
    assert isinstance(relayed(data)[1].error, OverloadedError)


@pytest.mark.parametrize(
    "data",
    [
        b"data: {not json}\n\n",
        b'data: {"type":"content_block_delta","index":"x"}\n\n',
        b"data: <html>\n\n",
    ],
)
def test_an_unreadable_event_is_a_response_error(data):
    assert isinstance(decoded(start(), data, WHOLE)[1], ResponseError)
    assert isinstance(relayed(start(), data, WHOLE)[1].error, ResponseError)


def test_an_unreadable_block_is_a_response_error():
    events, error = decoded(start(), begin(0, type="tool_use", name="f"))
    assert isinstance(error, ResponseError)
    assert len(events) == 1


def test_an_event_without_end_is_bounded(monkeypatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    endless = b"data: " + b"x" * 2000
    decoder = DIALECT.upstream["chat"].decoder()
    assert decoder.feed(endless) == decoder.feed(b"x") == []
    assert isinstance(decoder.error, ResponseError)
    relay = DIALECT.upstream["chat"].relay(False)
    assert relay.feed(endless) == relay.feed(b"x") == b""
    assert isinstance(relay.error, ResponseError)
    assert relay.feed(endless) == b""


def test_a_stream_without_a_beginning_still_starts_once():
    events, error = decoded(
        begin(0, type="text", text="a"), start(input_tokens=4), end(0), stop(output_tokens=2)
    )
    assert error is None
    assert [type(found) for found in events] == [Start, TextDelta, Finish]
    assert (events[-1].usage.input_tokens, events[-1].usage.output_tokens) == (4, 2)


def test_an_unknown_delta_of_an_opaque_block_is_kept():
    events, _ = decoded(
        start(),
        begin(0, type="compaction", content="a", n=1),
        delta(0, "compaction_delta", content="b", n=2),
        end(0),
        begin(1, type="text", text=""),
        delta(1, "sparkle_delta", sparkle=1),
        end(1),
        stop(),
    )
    data = {"type": "compaction", "content": "ab", "n": 2}
    assert events[1:-1] == [
        PartDelta(part=Opaque(dialect=NAME, kind="compaction", data=data), index=0)
    ]


def test_a_hosted_call_cut_at_the_cap_keeps_its_text():
    events, _ = decoded(
        start(),
        begin(0, type="server_tool_use", id="s", name="n", input={}),
        delta(0, "input_json_delta", partial_json='{"q'),
        stop("max_tokens"),
    )
    assert events[1].part.data["input"] == '{"q'


def test_arguments_said_at_the_start_are_not_lost():
    events, _ = decoded(
        start(), begin(0, type="tool_use", id="t", name="f", input={"a": 1}), end(0), stop()
    )
    assert fold(events).tool_calls[0].arguments == '{"a": 1}'


def test_a_relay_counts_what_was_generated():
    _, relay = relayed(*chunks(WHOLE, 50))
    assert relay.received_chars == len("hm" + "Grüße, Welt" + '{"a": 1.10}' + '{"query": "x"}')


def test_half_a_character_is_replaced_and_not_fatal():
    torn = delta(0, "text_delta", text="a?").replace(b"a?", b"a\\ud83d")
    bad = delta(0, "text_delta", text="b?").replace(b"b?", b"b\xff")
    data = start() + begin(0, type="text", text="") + torn + bad + end(0) + stop()
    events, error = decoded(data)
    assert error is None
    assert [found.text for found in events if isinstance(found, TextDelta)] == ["a?", "b\ufffd"]
    forwarded, relay = relayed(data)
    assert relay.error is None
    assert forwarded == data
    assert relay.received_chars == 4


def test_event_syntax_inside_text_forges_nothing():
    forged = 'x\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
    data = start() + begin(0, type="text", text="") + delta(0, "text_delta", text=forged)
    events, error = decoded(data)
    assert isinstance(error, StreamInterruptedError)
    assert events[-1] == TextDelta(text=forged)
    assert isinstance(relayed(data)[1].error, StreamInterruptedError)
