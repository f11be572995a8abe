"""A stream of events as one JSON array, for clients that did not ask for events."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from modelway.gateway.arrays import Arrays

SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-request-id", b"1")]


def through(pieces, headers=SSE, status=200):
    sent = []

    async def send(message):
        sent.append(message)

    async def run():
        arrays = Arrays(send)
        await arrays({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await arrays({"type": "http.response.body", "body": piece, "more_body": True})
        await arrays({"type": "http.response.body", "body": b""})

    asyncio.run(run())
    return dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9)), max_size=6),
    st.lists(st.integers(1, 40), max_size=30),
)
def test_each_event_is_an_element_however_the_bytes_are_cut(events, cuts):
    stream = b"".join([b"data: " + json.dumps(event).encode() + b"\n\n" for event in events])
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    headers, body = through([*pieces, stream[at:]])
    assert json.loads(body) == events
    assert headers[b"content-type"].startswith(b"application/json")
    assert headers[b"x-request-id"] == b"1"


def test_an_error_before_the_stream_stays_as_it_is():
    told = [(b"content-type", b"application/json")]
    assert through([b'{"error":{}}'], told, 400) == (dict(told), b'{"error":{}}')
