"""Clients of a gateway whose providers die in mid-stream, or that leave while they wait."""

from __future__ import annotations

import asyncio
import json

import pytest

from modelway.simulator.serve import serve
from support.chaos_gateways import post
from support.chaos_world import Upstream, unrest
from support.sdk import until
from support.serving import KEY, served


def config(**places):
    """The model ``m`` at these base URLs, in this order, with nothing tried twice."""
    return {
        "providers": {
            name: {"like": "openai", "base_url": f"{url}/v1", "api_key": "none-is-asked"}
            for name, url in places.items()
        },
        "models": {"m": {"deployments": [f"{name}/x" for name in places]}},
        "defaults": {"retries": 0, "timeouts": {"idle_s": 0.5}},
    }


def port(gateway):
    return int(gateway.url.rpartition(":")[2])


@pytest.mark.parametrize("chunks", [2, 7])
@pytest.mark.parametrize("how", ["cut_after_chunks", "error_after_chunks", "stall_after_chunks"])
async def test_a_client_is_told_in_its_stream_and_hears_nothing_twice(how, chunks, tmp_path):
    a, b = Upstream("a"), Upstream("b")
    a.behave = a.faulty(**{how: chunks})
    async with serve(a) as url_a, serve(b) as url_b:
        with served(config(a=url_a, b=url_b), tmp_path) as gateway:
            said = await post(port(gateway), "q", stream=True, key=KEY)
            assert said.status == 200
            assert said.streamed
            assert a.answer("q").startswith(said.streamed)
            events = [one for one in said.body.split(b"\n\n") if one.startswith(b"data: ")]
            assert "error" in json.loads(events[-1].removeprefix(b"data: "))
            assert b"[DONE]" not in said.body
            assert (len(a.arrived), len(b.arrived)) == (1, 0)
            # the same in another dialect
            said = await post(
                port(gateway), "q", path="/v1/messages", stream=True, max_tokens=99, key=KEY
            )
            kinds = [line for line in said.body.splitlines() if line.startswith(b"event: ")]
            assert kinds[-1] == b"event: error"
            assert b"event: message_stop" not in kinds
            assert (len(a.arrived), len(b.arrived)) == (2, 0)


async def test_who_leaves_the_queue_is_never_asked_for(tmp_path):
    waiting, upstream = 30, Upstream("a")
    upstream.behave = upstream.slowly(0.6)
    async with serve(upstream) as url:
        said = config(a=url)
        said["providers"]["a"]["limits"] = {"concurrent": 1}
        with served(said, tmp_path) as gateway:
            first = asyncio.create_task(post(port(gateway), "first", key=KEY))
            await until(lambda: upstream.arrived, most_s=10)
            leaving = [
                asyncio.create_task(post(port(gateway), f"leaves{number}", key=KEY))
                for number in range(waiting)
            ]
            await until(lambda: gateway.gateway.open_requests == 1 + waiting, most_s=10)
            last = asyncio.create_task(post(port(gateway), "last", key=KEY))
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            assert [(await one).status for one in (first, last)] == [200, 200]
            assert upstream.questions == ["first", "last"]
            await until(lambda: gateway.gateway.open_requests == 0, most_s=10)
            assert not unrest(gateway.gateway.engine.state)
            stats = gateway.gateway.engine.stats()
            assert (stats.cancelled_requests, stats.open_requests) == (waiting, 0)
