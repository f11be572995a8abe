"""Cohere's streams and refusals: what events say, and how they end."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.dialects import dialect
from modelway.fold import fold
from modelway.framing.sse import parse
from modelway.types import (
    Citation,
    CitationDelta,
    Finish,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Start,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from support import read

COHERE = dialect("cohere")


def stream(*events, done=True):
    lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return "".join(lines).encode() + (b"data: [DONE]\n\n" if done else b"")


def delta(kind, index=0, **message):
    return {"type": kind, "index": index, "delta": {"message": message}}


START = {
    "id": "i",
    "type": "message-start",
    "delta": {"message": {"role": "assistant", "content": [], "tool_calls": [], "citations": []}},
}
END = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
TEXT = [
    delta("content-start", content={"type": "text", "text": ""}),
    delta("content-delta", content={"text": "Hi"}),
    {"type": "content-end", "index": 0},
]


def test_a_plan_and_its_calls_stand_behind_the_content():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    body = stream(
        START,
        delta("tool-plan-delta", tool_plan="I wi"),
        delta("tool-plan-delta", tool_plan="ll."),
        delta("tool-call-start", tool_calls=call),
        {"type": "tool-call-end", "index": 0},
        *TEXT,
        END,
    )
    assert read.folded("cohere", [body]).message.parts == (
        Text(text="Hi"),
        Reasoning(text="I will.", format="cohere-tool-plan"),
        ToolCall(id="c", name="f", arguments="{}"),
    )


def test_citations_of_a_text_and_of_a_plan():
    one = {"start": 0, "end": 2, "text": "Hi", "sources": []}
    body = stream(
        START,
        delta("content-start", content={"type": "thinking", "thinking": "Hm"}),
        delta("content-start", 1, content={"type": "text", "text": "Hi"}),
        delta("citation-start", citations=one),
        delta("citation-start", 1, citations={**one, "type": "THINKING_CONTENT"}),
        END,
    )
    thought, text, whole = read.folded("cohere", [body]).message.parts
    assert thought == Reasoning(text="Hm")
    assert [citation.raw for citation in text.citations] == [one]
    assert whole.data["type"] == "THINKING_CONTENT"


def test_log_probabilities_come_with_their_text():
    chunk = {**TEXT[1], "logprobs": {"text": "Hi", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}}
    answer = read.folded("cohere", [stream(START, TEXT[0], chunk, END)])
    wanted = (TokenLogprob(token="Hi", logprob=-0.75),)
    assert answer.choices[0].logprobs == wanted
    again = read.folded("cohere", [read.streamed("cohere", answer)])
    assert (again.choices[0].logprobs, again.text) == (wanted, "Hi")
    whole = read.decode_whole("cohere", read.to_client("cohere", answer))
    assert whole.choices[0].logprobs == wanted


@pytest.mark.parametrize(
    ("last", "match"),
    [
        (
            {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "It broke."}},
            "broke",
        ),
        ({"type": "error", "message": "Oh."}, "Oh"),
    ],
)
def test_an_error_ends_a_stream(last, match):
    body = stream(START, *TEXT, last)
    events, error = read.decode_stream("cohere", [body])
    assert isinstance(error, errors.OverloadedError)
    assert match in str(error)
    assert fold(events).text == "Hi"
    out, relay = read.relayed("cohere", [body])
    assert isinstance(relay.error, errors.OverloadedError)
    assert len(parse(out)) == 4


def test_a_bare_refusal_in_a_stream_is_an_error():
    _, error = read.decode_stream("cohere", [b'data: {"id":"x","message":"busy"}\n\n'])
    assert "busy" in str(error)


def test_unknown_events_are_passed_over():
    body = stream(START, {"type": "debug", "prompt": "x"}, *TEXT, END)
    assert read.folded("cohere", [body]).text == "Hi"
    assert read.relayed("cohere", [body])[0] == body


def test_nothing_is_read_or_forwarded_behind_the_end():
    body = stream(START, *TEXT, END)
    more = body + stream(*TEXT)
    assert read.folded("cohere", [more]).text == "Hi"
    assert read.relayed("cohere", [more])[0] == body


def test_what_a_relay_counts():
    call = {"function": {"arguments": "12"}}
    body = stream(START, *TEXT, delta("tool-call-delta", tool_calls=call), END)
    _, relay = read.relayed("cohere", [body])
    assert relay.received_chars == 4


def test_a_client_s_stream():
    events = [
        Start(id="i"),
        ReasoningDelta(text="Hm"),
        TextDelta(text="A", index=1),
        CitationDelta(citation=_foreign(), index=1),
        ToolCallDelta(index=2, id="c", name="f"),
        ToolCallDelta(index=3, id="d", name="g", arguments="{}"),
        ToolCallDelta(index=2, arguments="{}"),
        PartDelta(part=Opaque(dialect="gemini", kind="x", data={}), index=4),
        Finish(reason="tool_calls", usage=Usage(input_tokens=1, output_tokens=2)),
    ]
    told = parse(read.stream_to_client("cohere", [events]))
    assert [event.name for event in told] == [
        "message-start",
        "content-start",
        "content-delta",
        "content-end",
        "content-start",
        "content-delta",
        "citation-start",
        "citation-end",
        "content-end",
        "tool-call-start",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
        "tool-call-end",
        "message-end",
        "",
    ]
    citation = json.loads(told[6].data)["delta"]["message"]["citations"]
    assert citation["content_index"] == 1
    assert citation["sources"][0]["document"] == {"title": "T", "url": "https://x.org"}


def _foreign():
    return Citation(url="https://x.org", title="T", quote="A", dialect="gemini", raw={"x": 1})


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"),
        ("TIMEOUT", "error"),
        ("ERROR_TOXIC", "content_filter"),
        ("NEW_WORD", "other"),
    ],
)
def test_finish_reasons_keep_their_words(word, reason):
    body = stream(START, *TEXT, {"type": "message-end", "delta": {"finish_reason": word}})
    answer = read.folded("cohere", [body])
    assert (answer.finish_reason, answer.choices[0].raw_finish_reason) == (reason, word)
    told = json.loads(read.to_client("cohere", answer))["finish_reason"]
    assert told == (word if reason != "other" else "COMPLETE")


def test_cached_tokens_are_told_where_they_are_of_what_is_billed():
    same = {"input_tokens": 5, "output_tokens": 1}
    more = {"input_tokens": 70, "output_tokens": 1}
    for tokens, cached in ((same, 4), (more, None)):
        usage = {"billed_units": same, "tokens": tokens, "cached_tokens": 4}
        message = {"content": [{"type": "text", "text": "x"}]}
        body = {"message": message, "finish_reason": "COMPLETE", "usage": usage}
        got = COHERE.upstream["chat"].usage(json.dumps(body).encode())
        assert (got.input_tokens, got.cached_tokens, got.raw) == (5, cached, usage)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"message": "no"}, errors.BadRequestError),
        (400, {"message": "no", "error_type": "TOO_MANY_TOKENS"}, errors.ContextLengthError),
        (401, {"message": "invalid api token"}, errors.AuthenticationError),
        (402, {"message": "no"}, errors.PermissionDeniedError),
        (404, {"message": "no"}, errors.NotFoundError),
        (422, {"message": "no"}, errors.BadRequestError),
        (429, {"message": "no"}, errors.RateLimitError),
        (498, {"message": "no"}, errors.AuthenticationError),
        (499, {"message": "no"}, errors.UnavailableError),
        (500, {"message": "no"}, errors.OverloadedError),
        (501, {"message": "no"}, errors.BadRequestError),
        (503, {"message": "no"}, errors.OverloadedError),
        (504, {"message": "no"}, errors.APITimeoutError),
    ],
)
def test_refusals(status, body, kind):
    headers = ((b"x-debug-trace-id", b"trace"),)
    error = COHERE.error(status, headers, json.dumps(body).encode())
    assert (type(error), error.status, error.request_id) == (kind, status, "trace")
    if not isinstance(error, errors.CredentialError):
        told, written = COHERE.refuse(error)
        assert isinstance(COHERE.error(told, (), written), kind | errors.RequestError)


def test_a_refusal_s_id_is_the_request_s():
    error = COHERE.error(404, (), b'{"id":"abc-1","message":"gone"}')
    assert (error.request_id, error.message) == ("abc-1", "gone")
    assert json.loads(COHERE.refuse(error)[1]) == {"message": "gone", "id": "abc-1"}
