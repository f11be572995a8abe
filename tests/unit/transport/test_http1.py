"""What is the own client's alone: boundaries of its parser, loops, deadlines, memory."""

from __future__ import annotations

import asyncio
import gc
import gzip
import itertools

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.call import Timeouts
from modelway.errors import APIConnectionError, APITimeoutError, LLMError, ResponseError
from modelway.ports import Origin, WireResponse
from modelway.transport.connection import Connection
from modelway.transport.dial import system_resolve
from modelway.transport.http1 import Http1Transport
from modelway.transport.pool import SURPLUS_S, Pool
from modelway.transport.response import Http1Response
from modelway.transport.settings import PoolLimits
from support.origin_server import chunk, chunked, plain, serve
from support.transports import wire

ANSWERS = {
    "length": plain(b"hello world", b"x-a: 1"),
    "chunked": chunked(b"data: 1\n\n", b"data: 22\n\n", headers=[b"x-a: 1"]),
    "trailer": chunked(b"abc")[:-2] + b"x-trailer: 1\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early\r\nlink: a\r\n\r\n" + plain(b"ok"),
    "close": plain(b"ok", b"connection: close"),
    "until-close": b"HTTP/1.1 200 OK\r\nx-a: 1\r\n\r\nuntil the end",
    "gzip": plain(gzip.compress(b"x" * 100, mtime=0), b"content-encoding: gzip"),
    "no-content": b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n",
    "surplus": plain(b"ok") + plain(b"more"),
    "cut": plain(b"hello")[:-2],
    "cut-chunk": chunked(b"hello", b"world")[:-9],
    "malformed": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloX",
}


class Wire(asyncio.Transport):
    """A socket that only remembers whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False
        self.written = b""

    def write(self, data):
        self.written += bytes(data)

    def abort(self):
        self.aborted = True

    def is_closing(self):
        return self.aborted

    def get_write_buffer_size(self):
        return 0

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


async def receive(pieces: list[bytes], *, iterate: bool) -> tuple[object, ...]:
    """What a response that arrives in these pieces looks like to its reader."""
    pool = Pool(asyncio.get_running_loop(), PoolLimits(), system_resolve, None)
    host = pool.host(Origin("http", "host", 80))
    connection = Connection(host)
    connection.connection_made(Wire())
    request = wire(host.origin)
    head = connection.begin(request, host.head(request))
    for piece in pieces:
        if not connection.transport.aborted:
            connection.data_received(piece)
            await asyncio.sleep(0)
    connection.connection_lost(None)
    await head
    result: tuple[object, ...]
    try:
        if connection.failure is not None and not connection.status:
            raise connection.failure
        response = Http1Response(connection)
        if iterate:
            body = b"".join([piece async for piece in response])
        else:
            body = await response.read()
        result = (response.status, response.headers, body, connection.keep_alive)
    except LLMError as error:
        result = (type(error), error.code)
    pool.close()
    return result


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("iterate", [False, True])
async def test_every_boundary_gives_the_same_answer(name, iterate):
    answer = ANSWERS[name]
    whole = await receive([answer], iterate=iterate)
    for cut in range(1, len(answer)):
        assert await receive([answer[:cut], answer[cut:]], iterate=iterate) == whole, cut
    assert await receive([answer[i : i + 1] for i in range(len(answer))], iterate=iterate) == whole


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 400)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_answer(name, cuts, iterate):
    answer = ANSWERS[name]
    edges = [0, *sorted(cut for cut in cuts if cut <= len(answer)), len(answer)]
    pieces = [answer[a:b] for a, b in itertools.pairwise(edges) if a < b]

    async def both():
        assert await receive(pieces, iterate=iterate) == await receive([answer], iterate=iterate)

    asyncio.run(both())


@given(st.sampled_from(sorted(ANSWERS)), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_answers_end_in_an_answer_or_our_error(name, data):
    answer = bytearray(ANSWERS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(answer) - 1))
        answer[position] = data.draw(st.integers(0, 255))
    asyncio.run(receive([bytes(answer)], iterate=False))


def test_what_the_answers_are():
    async def all_of_them():
        return {name: await receive([answer], iterate=False) for name, answer in ANSWERS.items()}

    seen = asyncio.run(all_of_them())
    assert seen["length"][2:] == (b"hello world", False)
    assert seen["chunked"][2] == b"data: 1\n\ndata: 22\n\n"
    assert seen["trailer"][2] == b"abc"
    assert b"x-trailer" not in dict(seen["trailer"][1])
    assert seen["interim"][:3] == (200, ((b"content-length", b"2"),), b"ok")
    assert seen["until-close"][2] == b"until the end"
    assert seen["gzip"][2] == b"x" * 100
    assert seen["surplus"][2] == b"ok"
    assert seen["cut"] == seen["cut-chunk"] == (APIConnectionError, "cut")
    assert seen["malformed"] == (ResponseError, "malformed")


async def test_trailers_are_bounded():
    endless = [b"0\r\n", *[b"x-%d: %b\r\n" % (n, b"a" * 1000) for n in range(100)]]
    result = await receive([chunked(b"abc")[:-5], *endless], iterate=False)
    assert result == (ResponseError, "too_large")


async def test_interim_responses_are_bounded():
    flood = b"HTTP/1.1 103 Early\r\nlink: a\r\n\r\n" * 100
    assert await receive([flood] * 40, iterate=False) == (ResponseError, "too_large")


def test_uvloop_and_one_transport_in_several_loops():
    client = Http1Transport()

    async def use(answer) -> list[bytes]:
        async with serve(answer) as origin:
            bodies = [await (await client.send(wire(origin.port))).read() for _ in range(3)]
            response = await client.send(wire(origin.port, body=b"x" * 5_000_000))
            bodies.append(b"".join([piece async for piece in response]))
            assert origin.connections == 1
            await client.aclose()
            return bodies

    for factory in (uvloop.new_event_loop, asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(use(chunked(b"a", b"b"))) == [b"ab"] * 4


def test_uvloop_cancel_closes_the_socket():
    async def use() -> None:
        client = Http1Transport()
        async with serve([chunked(b"a")[:-5], 10.0]) as origin:
            response: WireResponse = await client.send(wire(origin.port))
            task = asyncio.create_task(response.read())
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.wait_for(origin.closed.wait(), 0.05)
            await client.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use())


def test_loops_that_ended_are_forgotten():
    client = Http1Transport()

    async def use() -> None:
        async with serve(plain(b"ok", b"connection: close")) as origin:
            await (await client.send(wire(origin.port))).read()
            await asyncio.sleep(0.02)

    for _ in range(5):
        asyncio.run(use())
    assert len(client._pools) == 1


async def test_connecting_counts_in_the_total():
    async def resolve(host, port):
        await asyncio.sleep(0.2)
        return await system_resolve("127.0.0.1", port)

    async with serve([0.3, plain(b"late")]) as origin:
        client = Http1Transport(resolve=resolve)
        request = wire(Origin("http", "a.example", origin.port), timeouts=Timeouts(total_s=0.4))
        with pytest.raises(APITimeoutError) as caught:
            await client.send(request)
        assert caught.value.code == "total"
        await client.aclose()


async def test_no_timer_is_left_when_nothing_is_open():
    async with serve(plain(b"ok", b"connection: close")) as origin:
        client = Http1Transport()
        await (await client.send(wire(origin.port))).read()
        await asyncio.sleep(0.15)
        assert client._pool is not None
        assert client._pool._timer is None
        await client.aclose()


async def test_idle_connections_are_bounded_in_number():
    async def answer(conversation):
        await asyncio.sleep(0.02)
        await conversation.send(plain(b"ok"))

    async with serve(answer) as origin:
        client = Http1Transport(limits=PoolLimits(idle_per_host=3))

        async def ask():
            await (await client.send(wire(origin.port))).read()

        await asyncio.gather(*(ask() for _ in range(8)))
        assert origin.open_connections == 8, "a burst's connections are wanted again at once"
        await asyncio.sleep(SURPLUS_S + 0.2)
        assert origin.open_connections == 3
        await client.aclose()


async def test_requests_leave_nothing_behind():
    async with serve(plain(b"ok")) as origin:
        client = Http1Transport()

        async def ask(number: int) -> None:
            headers = ((b"x-number", b"%d" % number),)
            request = wire(origin.port, target=f"/{number}", headers=headers)
            await (await client.send(request)).read()

        for number in range(100):
            await ask(number)
        gc.collect()
        before = len(gc.get_objects())
        for number in range(1000):
            await ask(number)
        gc.collect()
        # the test's own server keeps each request: up to ten objects
        assert len(gc.get_objects()) - before < 20_000
        pool = client._pool
        assert pool is not None
        assert len(pool._blocks) <= 512
        assert len(pool.hosts[origin.origin]._lines) <= 256
        assert not pool.busy
        await client.aclose()


async def test_data_and_end_in_one_burst_need_no_second_wait():
    async with serve([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 0.02, chunk(b"a") + b"0\r\n\r\n"]) as origin:  # fmt: skip
        client = Http1Transport()
        response = await client.send(wire(origin.port))
        assert await anext(response) == b"a"
        # the last piece gave the connection back, whoever asks for the end or not
        assert len(client._pool.hosts[origin.origin].idle) == 1
        await client.aclose()
