"""Both clients behind the same names, and a simulator for them to ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import modelway


def config(base_url: str, **more: Any) -> Mapping[str, Any]:
    """A simulator as three providers: one for each dialect, and one that does not stream."""
    return {
        "providers": {
            "sim": {
                "like": "simulator",
                "base_url": f"{base_url}/v1",
                "dialect": "openai-chat",
            },
            "sima": {
                "like": "simulator",
                "base_url": f"{base_url}/v1",
                "dialect": "anthropic-messages",
            },
            "whole": {
                "like": "simulator",
                "base_url": f"{base_url}/v1",
                "supports_streaming": False,
            },
        },
        **more,
    }


class FromLoop:
    """The async client, as it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.client = modelway.Client(*args, **kwargs)

    async def do(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self.client, name)(*args, **kwargs)

    async def events(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [event async for event in self.client.stream(*args, **kwargs)]

    async def text(self, *args: Any, **kwargs: Any) -> str:
        return "".join([piece async for piece in self.client.stream(*args, **kwargs).text()])

    async def collect(self, *args: Any, **kwargs: Any) -> modelway.ChatResponse:
        async with self.client.stream(*args, **kwargs) as stream:
            return await stream.collect()

    async def first_events_then_collect(self, count: int, *args: Any, **kwargs: Any) -> Any:
        first = []
        async with self.client.stream(*args, **kwargs) as stream:
            async for event in stream:
                first.append(event)
                if len(first) == count:
                    break
            rest = [event async for event in stream]
            return first, rest, await stream.collect()

    async def leave_after_first(self, *args: Any, **kwargs: Any) -> None:
        async with self.client.stream(*args, **kwargs) as stream:
            async for _ in stream:
                break

    async def close(self) -> None:
        await self.client.aclose()


class FromThread:
    """The sync client, each use on a thread of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.client = modelway.SyncClient(*args, **kwargs)

    async def do(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(getattr(self.client, name), *args, **kwargs)

    async def events(self, *args: Any, **kwargs: Any) -> list[Any]:
        return await asyncio.to_thread(lambda: list(self.client.stream(*args, **kwargs)))

    async def text(self, *args: Any, **kwargs: Any) -> str:
        return await asyncio.to_thread(lambda: "".join(self.client.stream(*args, **kwargs).text()))

    async def collect(self, *args: Any, **kwargs: Any) -> modelway.ChatResponse:
        def work():
            with self.client.stream(*args, **kwargs) as stream:
                return stream.collect()

        return await asyncio.to_thread(work)

    async def first_events_then_collect(self, count: int, *args: Any, **kwargs: Any) -> Any:
        def work():
            first = []
            with self.client.stream(*args, **kwargs) as stream:
                for event in stream:
                    first.append(event)
                    if len(first) == count:
                        break
                return first, list(stream), stream.collect()

        return await asyncio.to_thread(work)

    async def leave_after_first(self, *args: Any, **kwargs: Any) -> None:
        def work():
            with self.client.stream(*args, **kwargs) as stream:
                for _ in stream:
                    break

        await asyncio.to_thread(work)

    async def close(self) -> None:
        await asyncio.to_thread(self.client.close)


async def until(true: Any, *, most_s: float = 2.0) -> float:
    """Wait until it is true; how long that took."""
    started = time.monotonic()
    while not true():
        if time.monotonic() - started > most_s:
            raise AssertionError(f"not within {most_s} s")
        await asyncio.sleep(0.001)
    return time.monotonic() - started
