"""The simulator's own server, seen by a raw client."""

import asyncio
import socket
import time

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.script import Fault, Pace, Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread, serve

BODY = b'{"model":"%b","stream":%b,"messages":[{"role":"user","content":"Hi"}]}'


def post(model=b"m", stream=False, extra=b""):
    body = BODY % (model, b"true" if stream else b"false")
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n"
    return head % (extra, len(body)) + body


async def until(condition):
    """Wait, for at most five seconds, until something is true of the simulator."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  a simulator tells by counters, not by events
            await asyncio.sleep(0.001)


async def exchange(base_url, data, *, until_end=True):
    """All bytes that come back until the server closes; the client closes its side first."""
    port = int(base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read() if until_end else reader.read(65536), 5)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_two_requests_share_a_connection_and_are_answered_in_order():
    simulator = Simulator()
    async with serve(simulator) as base_url:
        both = post(b"sim-echo") + post(b"sim-401", extra=b"connection: close\r\n")
        got = await exchange(base_url, both)
    assert got.count(b"HTTP/1.1 ") == 2
    assert got.index(b"200 OK") < got.index(b"401 Unauthorized")
    assert got.count(b"connection: close") == 1


async def test_a_body_in_pieces_and_expect_continue():
    async with serve() as base_url:
        port = int(base_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        data = post(extra=b"expect: 100-continue\r\nconnection: close\r\n")
        head, body = data.split(b"\r\n\r\n", 1)
        writer.write(head + b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 100 Continue\r\n"
        for at in range(len(body)):
            writer.write(body[at : at + 1])
            await writer.drain()
        assert b"200 OK" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()


async def test_nonsense_is_a_400():
    async with serve() as base_url:
        assert (await exchange(base_url, b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400")


async def test_a_stream_is_cut_in_the_middle_of_a_chunk():
    async with serve() as base_url:
        got = await exchange(base_url, post(b"sim-cut", stream=True))
    assert b"transfer-encoding: chunked" in got
    assert got.count(b"data: ") == 6
    assert not got.endswith(b"\r\n")
    assert b"[DONE]" not in got


async def test_a_whole_answer_is_cut_short_of_its_length():
    async with serve() as base_url:
        got = await exchange(base_url, post(b"sim-cut"))
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < length


async def test_dropped_empty_html_and_half():
    async with serve() as base_url:
        assert await exchange(base_url, post(b"sim-drop")) == b""
        close = b"connection: close\r\n"
        empty = await exchange(base_url, post(b"sim-empty", extra=close))
        assert b"content-length: 0\r\n" in empty
        assert b"<!DOCTYPE html>" in await exchange(base_url, post(b"sim-html", extra=close))
        half = await exchange(base_url, post(b"sim-half-json", extra=close))
        assert half.count(b"{") > half.count(b"}")


async def test_a_client_that_leaves_ends_the_response():
    simulator = Simulator()
    async with serve(simulator) as base_url:
        for before, model in enumerate((b"sim-hang", b"sim-stall", b"sim-slow")):
            port = int(base_url.rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(model, stream=True))
            await until(lambda seen=before: len(simulator.requests) > seen)
            writer.close()
            await writer.wait_closed()
            await until(lambda seen=before: simulator.disconnects > seen)
    assert simulator.disconnects == 3


async def test_a_finished_response_is_no_disconnect():
    simulator = Simulator()
    async with serve(simulator) as base_url:
        await exchange(base_url, post(stream=True, extra=b"connection: close\r\n"))
    assert simulator.disconnects == 0


async def test_leaving_the_block_breaks_what_hangs_and_frees_the_port():
    simulator = Simulator()
    async with serve(simulator) as base_url:
        port = int(base_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"sim-hang"))
        await until(lambda: simulator.requests)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert simulator.disconnects == 0
    async with serve(simulator, port=port):
        pass


async def test_a_taken_port_is_told():
    async with serve() as base_url:
        port = int(base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            async with serve(port=port):
                pass
        with pytest.raises(OSError, match="address already in use"), SimulatorThread(port=port):
            pass


async def test_pace_is_real():
    pace = Pace(latency_s=0.05, time_to_first_token_s=0.05, tokens_per_s=100)
    script = Script(rules=(Rule(reply=Reply(text="one two three four five", pace=pace)),))
    async with serve(script) as base_url:
        for stream in (False, True):
            began = time.monotonic()
            await exchange(base_url, post(stream=stream, extra=b"connection: close\r\n"))
            assert time.monotonic() - began >= 0.14


async def test_a_reader_that_does_not_read_holds_the_stream_back():
    script = Script(rules=(Rule(reply=Reply(text="word " * 200_000)),))
    simulator = Simulator(script)
    async with serve(simulator) as base_url:
        port = int(base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(post(stream=True))
            await asyncio.sleep(0.3)
            held = asyncio.all_tasks() - {asyncio.current_task()}
            assert len(held) == 1  # still being sent: ~40 MB do not fit the socket's buffers
        await until(lambda: simulator.disconnects)


def test_the_thread_form_serves_and_ends():
    script = Script(rules=(Rule(reply=Reply(fault=Fault(hang=True))),))
    with SimulatorThread(script) as running:
        port = int(running.base_url.rpartition(":")[2])
        client = socket.create_connection(("127.0.0.1", port), timeout=5)
        client.sendall(post())
        while not running.simulator.requests:
            time.sleep(0.001)
    assert client.recv(10) == b""
    client.close()
