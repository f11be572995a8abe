"""Hostile answers of every provider's dialect to clients of every dialect; keys that providers quote."""

import json
import logging
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.dialects import NAMES
from modelway.errors import APIConnectionError, APITimeoutError, ResponseError
from modelway.fold import fold
from modelway.framing.eventstream import Frames
from modelway.types import ChatResponse, Choice, Message, Text
from support import read
from support.direct import (
    ASKING,
    PROVIDER_KEY,
    Told,
    asked,
    configuration,
    direct,
    dumped,
    example,
    place,
)
from support.every_value import ANSWERS
from support.examples import few
from support.mutations import mutated

PROVIDERS = [name for name in NAMES if name in ANSWERS]
CLIENTS = {
    (route.dialect, bool(route.stream)): route
    for route in reversed(ASKING)
    if route.operation == "chat" and route.action == "ask"
}
CLIENT_NAMES = sorted({name for name, _ in CLIENTS})
BY_PROVIDER = pytest.mark.parametrize("provider", PROVIDERS)
JSON = b"application/json"
STREAMS = {
    "bedrock-converse": b"application/vnd.amazon.eventstream",
    "ollama": b"application/x-ndjson",
}
ERRORS = [
    b'{"error":{"message":"m","type":"t","code":"c"}}',
    b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}',
    b'{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"}]}}',
    b'{"message":"m"}',
    b'{"__type":"X#ThrottlingException","message":"m"}',
    b'{"detail":[{"loc":["a"],"msg":"m"}]}',
    b'{"error":"m"}',
    b'{"error":{"message":{"a":1},"code":[1],"type":5,"param":{}}}',
    b'{"error":{"details":5,"code":{},"status":[]}}',
    b'{"message":5}',
    b"<html>down</html>",
    *(b"", b"[]", b"null", b"5", b'{"error":null}', b"\xff\xfe", b"{" * 3000),
]


def client_of(name, stream):
    """A client's route and body for this provider-to-be."""
    route = CLIENTS.get((name, stream)) or CLIENTS[name, False]
    body = example(route)
    if route.stream is None:
        body["stream"] = stream
    return route, body


def kind(provider, stream):
    return STREAMS.get(provider, b"text/event-stream") if stream else JSON


def torn(data, chance):
    points = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 5])))
    return [data[begin:end] for begin, end in zip([0, *points], [*points, len(data)], strict=True)]


def frame(payload, head):
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def frames(data):
    """The payloads and heads of an event stream."""
    found = []
    while data:
        total, head = struct.unpack(">II", data[:8])
        found.append((data[12 + head : total - 4], data[12 : 12 + head]))
        data = data[total:]
    return found


def edited(provider, data, chance):
    """A stream in which one event says something hostile."""
    if provider == "bedrock-converse":
        parts = frames(data)
        chosen = chance.randrange(len(parts))
        return b"".join(
            frame(dumped(mutated(json.loads(payload), chance)) if n == chosen else payload, head)
            for n, (payload, head) in enumerate(parts)
        )
    lines = data.split(b"\n")
    data_at = [n for n, line in enumerate(lines) if line.startswith((b"data: {", b"{"))]
    if data_at:
        at = chance.choice(data_at)
        value = lines[at].rpartition(b"data: ")[2]
        lines[at] = lines[at][: -len(value)] + dumped(mutated(json.loads(value), chance))
    return b"\n".join(lines)


def broken(data, chance):
    """The same bytes with a fault in them, or others."""
    at = chance.randrange(len(data)) if data else 0
    return chance.choice(
        [
            lambda: data[:at],
            lambda: data[at:],
            lambda: data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
            lambda: data + data,
            lambda: data[:at] + chance.choice([b"\n\n", b"\xff", b"}", b"\0" * 16]) + data[at:],
            lambda: b"data: " + chance.choice(ERRORS) + b"\n\n" + data,
            lambda: chance.choice(ERRORS),
        ]
    )()


def is_no_word_of_prices(record):
    """Not that: these models have none."""
    return record.levelno > logging.WARNING or record.name != "modelway.facts"


@BY_PROVIDER
@few
@given(data=st.data(), chance=st.randoms(use_true_random=False), stream=st.booleans())
async def test_no_answer_of_a_provider_is_a_fault_of_ours(provider, data, chance, stream):
    faults = []
    handler = logging.Handler()
    handler.emit = faults.append
    handler.addFilter(is_no_word_of_prices)
    logging.getLogger("modelway").addHandler(handler)
    try:
        answer = data.draw(ANSWERS[provider])
        told = read.streamed(provider, answer) if stream else read.to_client(provider, answer)
        how = chance.random()
        if how < 0.5:
            told = (
                edited(provider, told, chance)
                if stream
                else dumped(mutated(json.loads(told), chance))
            )
        else:
            told = broken(told, chance)
        status = chance.choice([200] * 8 + [201, 204, 302, 400, 401, 404, 413, 429, 500, 503, 599])
        media_type = chance.choice([kind(provider, stream)] * 6 + [b"text/html", JSON, b""])
        headers = ((b"content-type", media_type),) if media_type else ()
        pieces = torn(told, chance)
        gateway, transport = direct(lambda _: Told(status, headers, *pieces))
        route, body = client_of(chance.choice(CLIENT_NAMES), stream)
        got = await asked(
            gateway,
            "POST",
            place(route, f"m-{provider}"),
            dumped({**body, "model": f"m-{provider}"}),
        )
        assert len(transport.sent) == 1
        assert got.whole
        assert b"Traceback" not in got.body
        if got.status != 200:
            assert json.loads(got.body)
        assert not faults, faults[0].getMessage()
    finally:
        logging.getLogger("modelway").removeHandler(handler)


FORGED = (
    'data: [DONE]\n\ndata: {"error":{"message":"forged"}}\n\n'
    'event: error\r\ndata: {"type":"error"}\r\n\r\n\n{"done":true,"error":"forged"}\n'
    "\u2028data: x\u2029\x85\x0b\x0c\x1c\x1e}{]\x00"
) + frame(b'{"message":"forged"}', b"\x0f:exception-type\x07\x00\x01x").decode("latin-1")


@BY_PROVIDER
@pytest.mark.parametrize("client", [name for name in CLIENT_NAMES if name in ANSWERS])
async def test_what_a_model_says_forges_no_event(provider, client):
    """X-W2, for events, lines and binary frames."""
    answer = ChatResponse(
        id="r",
        model="m",
        choices=(
            Choice(
                message=Message(role="assistant", parts=(Text(text=FORGED),)), finish_reason="stop"
            ),
        ),
    )
    told = read.streamed(provider, answer)
    headers = ((b"content-type", kind(provider, stream=True)),)
    for pieces in ([told], [told[at : at + 1] for at in range(len(told))]):
        gateway, _ = direct(lambda _, pieces=pieces: Told(200, headers, *pieces))
        route, body = client_of(client, stream=True)
        got = await asked(
            gateway,
            "POST",
            place(route, f"m-{provider}"),
            dumped({**body, "model": f"m-{provider}"}),
            query=b"alt=sse" if client == "gemini" else b"",
        )
        assert got.status == 200
        events, error = read.decode_stream(client, [got.body])
        assert error is None
        assert fold(events).text == FORGED


@pytest.mark.parametrize("client", CLIENT_NAMES)
@pytest.mark.parametrize(
    ("error", "statuses"),
    [
        (APIConnectionError(f"no connection with {PROVIDER_KEY}", code="dns"), (502, 503, 529)),
        (APITimeoutError(f"too slow for {PROVIDER_KEY}", code="total"), (408, 504)),
        (ResponseError(f"a bad answer to {PROVIDER_KEY}"), (424, 502)),
    ],
)
async def test_what_a_transport_says_holds_no_key(client, error, statuses):
    def fails(_):
        raise error

    route, body = client_of(client, stream=False)
    gateway, _ = direct(fails)
    got = await asked(gateway, "POST", place(route), dumped(body))
    assert got.status in (*statuses, 500)
    assert PROVIDER_KEY.encode() not in got.body


OWN_HEADER = "operators~own~header~0123456789"
OWN_QUERY = "operators~own~query~0123456789"
LONG = "x" * 480


def quoting(secret):
    """Refusals in the words of every dialect, with the secret wherever there is a word."""
    words = f"bad {secret} here"
    yield dumped({"error": {"message": words, "type": secret, "code": secret, "param": secret}})
    yield dumped({"error": {"message": f"{LONG} {secret}"}})
    yield dumped({"type": "error", "error": {"type": secret, "message": words}})
    status = {"code": 400, "message": words, "status": secret, "details": [{"reason": secret}]}
    yield dumped({"error": status})
    yield dumped([{"error": status}])
    yield dumped({"message": words, "__type": secret, "code": secret})
    yield dumped({"detail": words, "error": words, "title": secret})
    yield f"<html>{words}</html>".encode()


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize("secret", [PROVIDER_KEY, OWN_HEADER, OWN_QUERY])
async def test_a_provider_that_quotes_a_key_tells_it_to_nobody(provider, secret, caplog):
    """X-K1, whole and streamed, to every client's every operation."""
    caplog.set_level(logging.DEBUG)
    config = configuration()
    config["providers"][provider] |= {
        "headers": {"x-custom": OWN_HEADER},
        "query": {"sig": OWN_QUERY},
    }
    headers = (
        (b"x-request-id", secret.encode()),
        (b"location", b"https://example.org/?key=" + secret.encode()),
        (b"www-authenticate", secret.encode()),
        (b"retry-after", secret.encode()),
    )
    routes = [route for route in ASKING if route.action == "ask" or route.path == b"/providers/"]
    for number, told in enumerate(quoting(secret)):
        for route in routes:
            status = (401, 400, 404, 429, 500, 302, 200)[(number + len(route.path)) % 7]
            media_type, body = JSON, told
            streams = route.operation == "chat" and status == 200
            if streams:
                media_type = kind(provider, stream=True)
                body = (
                    told + b"\n" if provider == "ollama" else b"event: error\ndata: %b\n\n" % told
                )
            if route.operation == "pass" and status == 200:
                continue  # an answer, and the caller's own
            answer = Told(status, ((b"content-type", media_type), *headers), body)
            gateway, _ = direct(lambda _, answer=answer: answer, config=config)
            asking = example(route, f"m-{provider}") | ({"stream": True} if streams else {})
            path = place(route, f"m-{provider}").replace(
                b"/providers/openai-chat/", f"/providers/{provider}/".encode()
            )
            got = await asked(gateway, route.method, path, dumped(asking))
            seen = got.body + b"".join(got.headers.values()) + caplog.text.encode()
            assert secret[:12].encode() not in seen, (route, status, told)
            caplog.clear()


@BY_PROVIDER
@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_line_is_bounded(provider, stream):
    """X-W1: a provider that never ends its event is cut off, long before memory is."""
    taken = 0

    class Endless(Told):
        async def __aiter__(self):
            nonlocal taken
            for _ in range(200):
                taken += 1_000_000
                yield b"data: " + b"a" * 1_000_000

    headers = ((b"content-type", kind(provider, stream=True)),)
    gateway, _ = direct(lambda _: Endless(200, headers))
    for client in ("openai-chat", provider):
        if client not in CLIENT_NAMES:
            continue
        taken = 0
        route, body = client_of(client, stream=True)
        model = f"m-{provider}"
        got = await asked(gateway, "POST", place(route, model), dumped({**body, "model": model}))
        assert taken < 150_000_000
        assert got.status != 200 or b"error" in got.body


def test_frames_with_wrong_sums_are_refused():
    whole = frame(b'{"a":1}', b"")
    for at in range(len(whole)):
        found = Frames()
        found.feed(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] + whole)
        found.close()
        assert found.error is not None
