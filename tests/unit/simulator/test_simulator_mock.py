"""The simulator as a transport, without sockets."""

import pytest

from modelway.errors import APIConnectionError, APITimeoutError
from modelway.ports import Origin, WireRequest
from modelway.simulator.mock import MockTransport
from modelway.simulator.script import Fault, Pace, Reply, Rule, Script

ORIGIN = Origin("http", "127.0.0.1", 1)


def request(stream=False):
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":%b}'
    return WireRequest(
        "POST", ORIGIN, "/v1/chat/completions", (), body % (b"true" if stream else b"false")
    )


def mock(waits=None, **reply):
    async def sleep(seconds):
        waits.append(seconds)

    script = Script(rules=(Rule(reply=Reply(**reply)),))
    return MockTransport(script) if waits is None else MockTransport(script, sleep=sleep)


async def test_it_answers_and_records():
    transport = mock(text="Hello")
    response = await transport.send(request())
    assert response.status == 200
    assert b'"Hello"' in await response.read()
    assert response.drained
    assert transport.simulator.requests[0].path == "/v1/chat/completions"
    await transport.aclose()
    assert transport.closed


async def test_a_stream_comes_event_by_event_and_can_be_left():
    response = await mock(text="Hello").send(request(stream=True))
    pieces = [piece async for piece in response]
    assert all(piece.startswith(b"data: ") for piece in pieces)
    assert pieces[-1] == b"data: [DONE]\n\n"
    response = await mock(text="Hello").send(request(stream=True))
    async for _ in response:
        await response.aclose()
    assert response.closed
    assert not response.drained


async def test_faults_are_the_transports_errors():
    with pytest.raises(APIConnectionError):
        await mock(fault=Fault(drop=True)).send(request())
    with pytest.raises(APITimeoutError) as caught:
        await mock(fault=Fault(hang=True)).send(request())
    assert caught.value.code == "first_byte"
    response = await mock(fault=Fault(cut_after_chunks=2)).send(request(stream=True))
    with pytest.raises(APIConnectionError):
        await response.read()
    assert not response.drained
    response = await mock(fault=Fault(stall_after_chunks=2)).send(request(stream=True))
    with pytest.raises(APITimeoutError) as caught:
        await response.read()
    assert caught.value.code == "idle"


async def test_waiting_is_the_callers():
    waits = []
    pace = Pace(latency_s=3, time_to_first_token_s=2)
    response = await mock(waits, pace=pace).send(request(stream=True))
    assert waits == [3]
    await response.read()
    assert waits == [3, 2]
