"""Slow readers, many open streams and mass departure, through the whole gateway."""

import asyncio
import json

import pytest

from support.origin_server import serve
from support.serving import KEY, served

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"' + b"x" * 8000 + b'"},"finish_reason":null}]}\n\n'
)
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
MOST = 64 * 1024 * 1024


class Flood:
    """Streams without end, and counts what the gateway has taken."""

    def __init__(self, pause_s=0.0):
        self.sent_bytes = 0
        self.open = 0
        self._pause_s = pause_s

    async def __call__(self, conversation):
        self.open += 1
        try:
            await conversation.send(HEAD)
            while self.sent_bytes < MOST:
                await conversation.send(CHUNK)
                self.sent_bytes += len(CHUNK)
                if self._pause_s:
                    await asyncio.sleep(self._pause_s)
        finally:
            self.open -= 1


async def ask(gateway, path, client_model):
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    ask = {"messages": [{"role": "user", "content": "go"}], "max_tokens": 9, "stream": True}
    body = json.dumps({**ask, "model": client_model}).encode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await writer.drain()
    return reader, writer


async def until(condition, timeout_s=5.0):
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.01)


def config(origin):
    return {"providers": {"up": {"like": "vllm", "base_url": f"http://127.0.0.1:{origin.port}/v1"}}}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_slow_reader_stops_the_upstream_from_being_read(path, tmp_path):
    flood = Flood()
    async with serve(flood) as origin:
        with served(config(origin), tmp_path) as gateway:
            reader, writer = await ask(gateway, path, "up/m")
            assert (await reader.read(15)) == b"HTTP/1.1 200 OK"
            async with asyncio.timeout(10):
                taken = -1
                while taken != flood.sent_bytes:  # until it is no longer read
                    taken = flood.sent_bytes
                    await asyncio.sleep(0.5)
            assert taken < 24 * 1024 * 1024  # buffers of three sockets, and our own
            writer.transport.abort()
            await until(lambda: flood.open == 0)
            await until(lambda: gateway.gateway.open_requests == 0)


async def test_readers_that_leave_all_at_once_leave_nothing_behind(tmp_path):
    flood = Flood(pause_s=0.05)
    async with serve(flood) as origin:
        with served(config(origin), tmp_path) as gateway:
            clients = await asyncio.gather(
                *[
                    ask(gateway, ("/v1/chat/completions", "/v1/messages")[number % 2], "up/m")
                    for number in range(200)
                ]
            )
            for reader, _ in clients:
                assert (await reader.read(15)) == b"HTTP/1.1 200 OK"
            assert flood.open == 200
            for _, writer in clients:
                writer.transport.abort()
            await until(lambda: flood.open == 0)
            await until(lambda: gateway.gateway.open_requests == 0)
            stats = gateway.gateway.engine.stats()
            assert (stats.cancelled_requests, stats.open_requests) == (200, 0)
