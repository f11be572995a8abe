"""What every transport must do when the network or the other side fails."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from modelway.call import Timeouts
from modelway.errors import APIConnectionError, APITimeoutError
from modelway.ports import Origin
from modelway.transport.settings import PoolLimits
from support.faultproxy import FaultProxy
from support.origin_server import chunk, chunked, plain, reset, serve
from support.transports import KINDS, transport, wire

pytestmark = pytest.mark.parametrize("kind", KINDS)

HELLO = plain(b"hello")
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def hurried(**limits: float) -> Timeouts:
    return Timeouts(**({"connect_s": 2, "first_byte_s": 2, "idle_s": 2, "total_s": 5} | limits))


async def test_slow_first_byte(kind):
    async with serve([5.0, HELLO]) as origin, transport(kind, origin.port) as client:
        started = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            await client.send(wire(origin.port, timeouts=hurried(first_byte_s=0.1)))
        assert caught.value.code == "first_byte"
        assert 0.09 < time.monotonic() - started < 1
        await asyncio.wait_for(origin.closed.wait(), 1)


async def test_a_first_byte_does_not_count_before_the_head_is_whole(kind):
    steps = [b"HTTP/1.1 200 OK\r\n", 5.0]
    async with serve(steps) as origin, transport(kind, origin.port) as client:
        with pytest.raises(APITimeoutError) as caught:
            await client.send(wire(origin.port, timeouts=hurried(first_byte_s=0.1)))
        assert caught.value.code == "first_byte"


async def test_pause_in_the_answer(kind):
    steps = [CHUNKED_HEAD, chunk(b"a"), 5.0]
    async with serve(steps) as origin, transport(kind, origin.port) as client:
        response = await client.send(wire(origin.port, timeouts=hurried(idle_s=0.1)))
        pieces = aiter(response)
        assert await anext(pieces) == b"a"
        with pytest.raises(APITimeoutError) as caught:
            await anext(pieces)
        assert caught.value.code == "idle"
        origin.closed.clear()
        response = await client.send(wire(origin.port, timeouts=hurried(idle_s=0.1)))
        with pytest.raises(APITimeoutError):
            await response.read()


async def test_a_steady_answer_is_not_a_pause(kind):
    steps = [CHUNKED_HEAD, *[x for n in range(10) for x in (chunk(b"%d" % n), 0.05)], b"0\r\n\r\n"]
    async with serve(steps) as origin, transport(kind, origin.port) as client:
        for _ in range(2):
            response = await client.send(wire(origin.port, timeouts=hurried(idle_s=0.25)))
            assert await response.read() == b"0123456789"


async def test_a_reader_that_rests_is_not_a_pause(kind):
    steps = [CHUNKED_HEAD, chunk(b"a"), 0.3, chunk(b"b"), b"0\r\n\r\n"]
    async with serve(steps) as origin, transport(kind, origin.port) as client:
        response = await client.send(wire(origin.port, timeouts=hurried(idle_s=0.15)))
        pieces = aiter(response)
        assert await anext(pieces) == b"a"
        await asyncio.sleep(0.25)
        assert await anext(pieces) == b"b"


async def test_answer_that_never_ends(kind):
    async def answer(conversation):
        await conversation.send(CHUNKED_HEAD)
        while True:
            await conversation.send(chunk(b"x"))
            await asyncio.sleep(0.02)

    async with serve(answer) as origin, transport(kind, origin.port) as client:
        response = await client.send(wire(origin.port, timeouts=hurried(total_s=0.3)))
        started = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            await response.read()
        assert caught.value.code == "total"
        assert time.monotonic() - started < 1


async def test_latency_and_rate_change_nothing_but_time(kind):
    body = bytes(range(256)) * 100
    async with (
        serve(chunked(body[:10_000], body[10_000:])) as origin,
        FaultProxy("127.0.0.1", origin.port, latency_s=0.01, bytes_per_s=300_000) as proxy,
        transport(kind, proxy.listen_port) as client,
    ):
        for _ in range(2):
            assert await (await client.send(wire(proxy.listen_port))).read() == body


@pytest.mark.parametrize("after", [0, 10, 40, 80, 300, 900])
@pytest.mark.parametrize("fault", ["cut_after_bytes", "reset_after_bytes"])
@pytest.mark.parametrize("whole", [True, False], ids=["read", "iterate"])
async def test_cut_anywhere_is_never_an_end(kind, fault, after, whole):
    async def ask(client, port: int) -> None:
        response = await client.send(wire(port))
        if whole:
            await response.read()
        async for _ in response:
            pass

    for answer in (chunked(b"x" * 500, b"y" * 500), plain(b"x" * 1000)):
        async with (
            serve(answer) as origin,
            FaultProxy("127.0.0.1", origin.port, **{fault: after}) as proxy,
            transport(kind, proxy.listen_port) as client,
        ):
            with pytest.raises(APIConnectionError):
                await ask(client, proxy.listen_port)


async def test_what_arrived_before_a_cut_is_given(kind):
    steps = [CHUNKED_HEAD, chunk(b"a"), 0.05, b"5\r\nhe", 0.05, "close"]
    async with serve(steps) as origin, transport(kind, origin.port) as client:
        response = await client.send(wire(origin.port))
        pieces = aiter(response)
        assert [await anext(pieces), await anext(pieces)] == [b"a", b"he"]
        with pytest.raises(APIConnectionError) as caught:
            await anext(pieces)
        assert caught.value.code == "cut"


async def test_black_hole(kind):
    async with (
        FaultProxy("127.0.0.1", 1, black_hole=True) as proxy,
        transport(kind, proxy.listen_port) as client,
    ):
        with pytest.raises(APITimeoutError) as caught:
            await client.send(wire(proxy.listen_port, timeouts=hurried(first_byte_s=0.1)))
        assert caught.value.code == "first_byte"


async def test_connection_that_is_never_ready(kind):
    async with (
        FaultProxy("127.0.0.1", 1, black_hole=True) as proxy,
        transport(kind, proxy.listen_port) as client,
    ):
        origin = Origin("https", "127.0.0.1", proxy.listen_port)
        with pytest.raises(APITimeoutError) as caught:
            await client.send(wire(origin, timeouts=hurried(connect_s=0.1)))
        assert caught.value.code == "connect"


async def test_refused(kind):
    async with serve(HELLO) as origin:
        port = origin.port
    async with transport(kind, port) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.send(wire(port))
        assert caught.value.code == ("refused" if kind == "http1" else "proxy")


async def test_reset_at_once(kind):
    async with (
        FaultProxy("127.0.0.1", 1, refuse=True) as proxy,
        transport(kind, proxy.listen_port) as client,
    ):
        with pytest.raises(APIConnectionError):
            await client.send(wire(proxy.listen_port))


# ---------------------------------------------------------------- stale connections


async def test_idle_connection_closed_by_the_server(kind):
    async with serve(HELLO) as origin, transport(kind, origin.port) as client:
        await (await client.send(wire(origin.port))).read()
        await origin.drop_connections()
        await asyncio.sleep(0.02)
        assert await (await client.send(wire(origin.port))).read() == b"hello"
        assert (origin.connections, len(origin.requests)) == (2, 2)


async def test_idle_connection_closed_as_the_request_comes(kind):
    async def once(conversation):
        if conversation.number == 0:
            await conversation.send(HELLO)
        else:
            conversation.writer.close()

    async with serve(once) as origin, transport(kind, origin.port) as client:
        await (await client.send(wire(origin.port))).read()
        assert await (await client.send(wire(origin.port, body=b"second"))).read() == b"hello"
        assert [request.body for request in origin.requests] == [b"{}", b"second", b"second"]
        assert origin.connections == 2


async def test_a_new_connection_is_not_tried_again(kind):
    async def never(conversation):
        conversation.writer.close()

    async with serve(never) as origin, transport(kind, origin.port) as client:
        with pytest.raises(APIConnectionError):
            await client.send(wire(origin.port))
        assert len(origin.requests) == 1


async def test_an_answer_that_had_begun_is_not_asked_for_again(kind):
    async def half(conversation):
        if conversation.number == 0:
            await conversation.send(HELLO)
        else:
            await conversation.send(b"HTTP/1.1 200 OK\r\ncontent-le")
            await asyncio.sleep(0.02)
            conversation.writer.close()

    if kind == "proxied":
        pytest.skip("aiohttp does not say so; ProxiedTransport's docstring does")
    async with serve(half) as origin, transport(kind, origin.port) as client:
        await (await client.send(wire(origin.port))).read()
        with pytest.raises(APIConnectionError):
            await client.send(wire(origin.port))
        assert len(origin.requests) == 2


async def test_a_late_answer_is_not_asked_for_again(kind):
    async with serve(HELLO, [5.0, HELLO]) as origin, transport(kind, origin.port) as client:
        await (await client.send(wire(origin.port))).read()
        with pytest.raises(APITimeoutError):
            await client.send(wire(origin.port, timeouts=hurried(first_byte_s=0.1)))
        assert len(origin.requests) == 2


# ---------------------------------------------------------------- letting go


async def _closed_within_50_ms(origin) -> None:
    started = time.monotonic()
    await asyncio.wait_for(origin.closed.wait(), 1)
    assert time.monotonic() - started < 0.05


@pytest.mark.parametrize("how", ["send", "read", "iterate", "aclose"])
async def test_cancelling_closes_the_socket(kind, how):
    steps = [10.0] if how == "send" else [CHUNKED_HEAD, chunk(b"a"), 10.0]

    async def use() -> None:
        response = await client.send(wire(origin.port))
        if how == "read":
            await response.read()
        elif how == "iterate":
            async for _ in response:
                pass
        else:
            try:
                await asyncio.sleep(10)
            finally:
                await response.aclose()

    async with serve(steps) as origin, transport(kind, origin.port) as client:
        task = asyncio.create_task(use())
        await asyncio.sleep(0.1)
        assert not origin.closed.is_set()
        task.cancel()
        await _closed_within_50_ms(origin)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert origin.open_connections == 0


async def test_cancelling_while_connecting_leaves_nothing(kind):
    async with (
        serve(HELLO) as origin,
        transport(kind, origin.port) as client,
    ):
        for turns in range(12):
            task = asyncio.create_task(client.send(wire(origin.port)))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await (await task).read()
        await client.aclose()
        await asyncio.sleep(0.05)
        assert origin.open_connections == 0


async def test_a_slow_reader_stops_the_upstream(kind):
    sent_bytes = 0

    async def endless(conversation):
        nonlocal sent_bytes
        await conversation.send(CHUNKED_HEAD)
        for _ in range(1000):
            await conversation.send(chunk(b"x" * 65536))
            sent_bytes += 65536
        await conversation.send(b"0\r\n\r\n")

    limits = PoolLimits(high_water_bytes=128 * 1024)
    async with serve(endless) as origin, transport(kind, origin.port, limits=limits) as client:
        response = await client.send(wire(origin.port))
        pieces = aiter(response)
        received_bytes = len(await anext(pieces))
        await asyncio.sleep(0.2)
        stalled_at = sent_bytes
        await asyncio.sleep(0.2)
        # the kernel's own buffers on loopback hold some megabytes
        assert sent_bytes == stalled_at < 16_000_000
        async for piece in pieces:
            received_bytes += len(piece)
            assert len(piece) < 4 * 1024 * 1024
        assert received_bytes == 1000 * 65536


async def test_an_upload_that_is_not_read(kind):
    async def deaf(conversation):
        await asyncio.sleep(10)

    async with serve(deaf, read_bodies=False) as origin, transport(kind, origin.port) as client:
        with pytest.raises(APITimeoutError) as caught:
            await client.send(
                wire(
                    origin.port,
                    body=b"x" * 50_000_000,
                    timeouts=hurried(idle_s=0.2, first_byte_s=0.4),
                )
            )
        assert caught.value.code in {"idle", "first_byte"}


async def test_reset_while_uploading(kind):
    async def rude(conversation):
        await asyncio.sleep(0.02)
        reset(conversation.writer)

    async with serve(rude, read_bodies=False) as origin, transport(kind, origin.port) as client:
        with pytest.raises(APIConnectionError):
            await client.send(wire(origin.port, body=b"x" * 50_000_000))
