"""Clients of a gateway whose providers die in mid-stream, or that leave while they wait."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random

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


def any_of(chance, *ways):
    """One of these at a time."""

    def behave(question):
        return chance.choice(ways)(question)

    return behave


@pytest.mark.parametrize(
    "seed", [*range(2), *[pytest.param(n, marks=pytest.mark.exhaustive) for n in range(2, 40)]]
)
async def test_clients_of_all_kinds_that_come_and_go_leave_a_gateway_as_it_was(seed, tmp_path):
    chance = random.Random(seed)
    upstreams = [Upstream(name) for name in "ab"]
    faults = [{"drop": True}, {"cut_after_chunks": 3}, {"stall_after_chunks": 3}, {"hang": True}]

    for upstream in upstreams:
        fault = upstream.faulty(**chance.choice(faults))
        upstream.behave = any_of(chance, upstream.paced(200), upstream.slowly(0.05), fault)
    async with serve(upstreams[0]) as url_a, serve(upstreams[1]) as url_b:
        said = config(a=url_a, b=url_b)
        said["defaults"] = {"retries": 1, "timeouts": {"first_byte_s": 0.3, "idle_s": 0.3}}
        said["tenants"] = {"local": {"limits": {"concurrent": 10}}}
        said["hedging"] = {"enabled": chance.random() < 0.5, "after_s": 0.02, "share": 0.5}
        said["single_flight"] = chance.random() < 0.5
        said["breaker"] = {"failures": 3, "open_s": 0.05}
        with served(said, tmp_path) as gateway:

            async def one(number):
                await asyncio.sleep(chance.uniform(0, 0.5))
                path = chance.choice(("/v1/chat/completions", "/v1/messages"))
                asked = post(
                    port(gateway),
                    f"q{number % 30}",
                    path=path,
                    key=KEY,
                    stream=number % 2 == 0,
                    max_tokens=99,
                )
                patience_s = chance.choice((None, 0.02, 0.1, 0.3))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience_s):
                        return await asked

            answers = await asyncio.gather(*[one(number) for number in range(120)])
            statuses = {answer.status for answer in answers if answer is not None}
            assert 200 in statuses
            assert statuses <= {200, 429, 500, 502, 503, 504, 529}, "0 would be no answer at all"
            await until(lambda: gateway.gateway.open_requests == 0, most_s=10)
            state = gateway.gateway.engine.state
            await until(lambda: not unrest(state), most_s=10)
            stats = gateway.gateway.engine.stats()
            assert stats.open_requests == 0
            assert len(answers) - answers.count(None) <= stats.total_requests <= len(answers)
