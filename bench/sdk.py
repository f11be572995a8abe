"""One client library in a process of its own: CPU time per call and per streamed chunk.

Run by ``run.py`` with the Python that the library is installed in; prints one JSON object.
"""

# ruff: noqa: PLC0415 - each library is imported only where it is measured

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

KEY = "sk-bench-0123456789abcdef0123456789abcdef"


class Library(NamedTuple):
    """``call`` asks once; ``stream`` reads one stream to its end and returns its number of events."""

    call: Callable[[], Awaitable[object]]
    stream: Callable[[str], Awaitable[int]]


@contextlib.asynccontextmanager
async def modelway(url: str, text: str) -> AsyncIterator[Library]:
    """Our client: typed request in, typed response and events out."""
    from modelway import ChatRequest, Client, Message, Text

    messages = (Message(role="user", parts=(Text(text=text),)),)
    provider = {"like": "openai", "base_url": f"{url}/v1", "api_key": KEY}
    async with Client({"providers": {"mock": provider}}) as client:
        whole = ChatRequest(model="mock/gpt-4o-mini", messages=messages, max_tokens=256)

        async def stream(model: str) -> int:
            count = 0
            request = ChatRequest(model=f"mock/{model}", messages=messages, max_tokens=256)
            async with client.stream(request) as events:
                async for _ in events:
                    count += 1
            return count

        yield Library(lambda: client.chat(whole), stream)


@contextlib.asynccontextmanager
async def transport(url: str, text: str) -> AsyncIterator[Library]:
    """Our transport alone: bytes out, bytes in, nothing decoded. What remains is the SDK's share."""
    from modelway.ports import Origin, WireRequest
    from modelway.transport.http1 import Http1Transport

    host, _, port = url.removeprefix("http://").partition(":")
    origin = Origin("http", host, int(port))
    headers = (
        (b"authorization", f"Bearer {KEY}".encode()),
        (b"content-type", b"application/json"),
    )
    client = Http1Transport()

    def request(model: str, **more: object) -> WireRequest:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        raw = json.dumps(body).encode()
        return WireRequest("POST", origin, "/v1/chat/completions", headers, raw)

    whole = request("gpt-4o-mini", max_tokens=256)

    async def call() -> bytes:
        return await (await client.send(whole)).read()

    async def stream(model: str) -> int:
        count = 0
        response = await client.send(request(model, stream=True, max_tokens=256))
        async for data in response:
            count += data.count(b"\n\n")
        return count

    yield Library(call, stream)
    await client.aclose()


@contextlib.asynccontextmanager
async def openai(url: str, text: str) -> AsyncIterator[Library]:
    """The vendor's own SDK, as its documentation uses it."""
    from openai import AsyncOpenAI

    messages = [{"role": "user", "content": text}]
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        create = client.chat.completions.create

        async def stream(model: str) -> int:
            events = await create(model=model, messages=messages, max_tokens=256, stream=True)
            return len([True async for _ in events])

        yield Library(
            lambda: create(model="gpt-4o-mini", messages=messages, max_tokens=256), stream
        )


@contextlib.asynccontextmanager
async def any_llm(url: str, text: str) -> AsyncIterator[Library]:
    """Mozilla's any-llm."""
    from any_llm import acompletion

    common = {
        "provider": "openai",
        "messages": [{"role": "user", "content": text}],
        "api_base": f"{url}/v1",
        "api_key": KEY,
        "max_tokens": 256,
    }

    async def stream(model: str) -> int:
        return len([True async for _ in await acompletion(model=model, stream=True, **common)])

    yield Library(lambda: acompletion(model="gpt-4o-mini", **common), stream)


@contextlib.asynccontextmanager
async def litellm(url: str, text: str) -> AsyncIterator[Library]:
    """LiteLLM's SDK."""
    from litellm import acompletion

    common = {
        "messages": [{"role": "user", "content": text}],
        "api_base": f"{url}/v1",
        "api_key": KEY,
        "max_tokens": 256,
    }

    async def stream(model: str) -> int:
        events = await acompletion(model=f"openai/{model}", stream=True, **common)
        return len([True async for _ in events])

    yield Library(lambda: acompletion(model="openai/gpt-4o-mini", **common), stream)


LIBRARIES = {
    "modelway": modelway,
    "transport": transport,
    "openai": openai,
    "any-llm": any_llm,
    "litellm": litellm,
}


async def measure(options: argparse.Namespace) -> dict:
    text = "The quick brown fox jumps over the lazy dog. " * 20
    library = LIBRARIES[options.library]
    async with library(f"http://127.0.0.1:{options.port}", text) as (call, stream):

        async def work(count: int) -> int:
            events = 0
            for _ in range(count):
                if options.model:
                    events += await stream(options.model)
                else:
                    await call()
                    events += 1
            return events

        async def all_workers(count: int) -> int:
            share = max(count // options.concurrency, 1)
            return sum(await asyncio.gather(*(work(share) for _ in range(options.concurrency))))

        if "paced" not in options.model:
            await all_workers(max(options.count // 10, options.concurrency))
        cpu_ns, wall_ns = time.process_time_ns(), time.monotonic_ns()
        units = await all_workers(options.count)
        cpu_ns, wall_ns = time.process_time_ns() - cpu_ns, time.monotonic_ns() - wall_ns
    return {"cpu_us": cpu_ns / 1000 / units, "units": units, "seconds": wall_ns / 1e9}


async def first_request(library: str, port: int) -> None:
    async with LIBRARIES[library](f"http://127.0.0.1:{port}", "Hello") as (call, _):
        await call()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/sdk.py")
    parser.add_argument("--library", choices=LIBRARIES, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--model", default="", help="stream this model of the mock; none: whole calls"
    )
    parser.add_argument("--count", type=int, default=1000, help="calls or streams")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument(
        "--first", action="store_true", help="import, one call, and the time of both"
    )
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    if options.first:
        cpu_ns, wall_ns = time.process_time_ns(), time.monotonic_ns()
        asyncio.run(first_request(options.library, options.port))
        cpu_ns, wall_ns = time.process_time_ns() - cpu_ns, time.monotonic_ns() - wall_ns
        print(json.dumps({"cpu_ms": cpu_ns / 1e6, "wall_ms": wall_ns / 1e6}))
        return
    if options.uvloop:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(measure(options))))
        return
    print(json.dumps(asyncio.run(measure(options))))


if __name__ == "__main__":
    main()
