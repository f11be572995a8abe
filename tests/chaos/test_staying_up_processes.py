"""Several gateways that share a store, one that is killed, and one that is configured anew under load."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import pytest

from modelway.simulator.serve import serve
from support.chaos_gateways import gateways, post
from support.chaos_world import Upstream, grows
from support.faultproxy import FaultProxy
from support.sdk import until
from support.servers_postgres import postgres_server
from support.servers_valkey import ValkeyServer

LIMIT = 40
ENOUGH = 38
WINDOW_S = 60
ANSWERED, REFUSED, BROKEN = 200, 429, 0


@pytest.fixture(params=["sqlite", "valkey", pytest.param("postgres", marks=pytest.mark.exhaustive)])
def store(request, tmp_path):
    match request.param:
        case "sqlite":
            yield f"sqlite://{tmp_path / 'shared.sqlite'}"
        case "valkey":
            with ValkeyServer() as server:
                yield server.url
        case _:
            with postgres_server() as server:
                yield server.url()


def limited(url, store, **more):
    """One provider that may be asked so often a minute by all of them together."""
    limits = {"requests_per_minute": LIMIT}
    provider = {
        "like": "openai",
        "base_url": f"{url}/v1",
        "api_key": "none-is-asked",
        "limits": limits,
    }
    return {
        "providers": {"up": provider},
        "models": {"m": {"deployments": ["up/x"]}},
        "store": {"url": store, "timeout_s": 5},
        "queue": {"on_limit": "refuse"},
        **more,
    }


async def test_four_gateways_send_no_more_than_one_may(store, tmp_path):
    upstream = Upstream("up")
    async with serve(upstream) as url:
        with gateways(4, limited(url, store), tmp_path) as processes:
            ports = [process.port for process in processes]
            said = await asyncio.gather(
                *[
                    post(port, f"q{port}.{n}")
                    for at, port in enumerate(ports)
                    for n in range(5 + 5 * at)
                ]
            )
            ends = time.monotonic() + 20
            while len(upstream.arrived) < ENOUGH and time.monotonic() < ends:
                # what a process holds and does not use is the others' after a moment
                said += await asyncio.gather(*[post(port, f"more{len(said)}") for port in ports])
                await asyncio.sleep(0.1)
            said += await asyncio.gather(
                *[post(port, f"last{n}") for port in ports for n in range(10)]
            )
            counts = Counter(one.status for one in said)
            assert upstream.arrived[-1].at - upstream.arrived[0].at < WINDOW_S
            assert ENOUGH <= len(upstream.arrived) <= LIMIT
            assert counts == {
                ANSWERED: len(upstream.arrived),
                REFUSED: len(said) - len(upstream.arrived),
            }


async def test_when_one_of_two_is_killed_the_limit_holds_and_the_other_goes_on(tmp_path):
    upstream = Upstream("up")
    upstream.behave = upstream.slowly(0.1)
    with ValkeyServer() as server:
        async with serve(upstream) as url:
            with gateways(2, limited(url, server.url), tmp_path) as (one, other):
                asked = [
                    asyncio.create_task(post(process.port, f"q{process.port}.{n}"))
                    for process in (one, other)
                    for n in range(8)
                ]
                await until(lambda: len(upstream.arrived) >= 4, most_s=20)
                await asyncio.to_thread(one.kill)
                said = await asyncio.gather(*asked)
                assert {answer.status for answer in said[8:]} <= {ANSWERED, REFUSED}, (
                    "its own go on"
                )
                before = len(upstream.arrived)
                later = [await post(other.port, f"later{n}") for n in range(3 * LIMIT // 2)]
                assert Counter(answer.status for answer in later)[ANSWERED] > 5
                assert {answer.status for answer in later} == {ANSWERED, REFUSED}
                assert before < len(upstream.arrived) <= LIMIT
                assert upstream.arrived[-1].at - upstream.arrived[0].at < WINDOW_S


async def test_configurations_change_under_load_and_no_request_fails(tmp_path):
    workers = 8
    a, b = Upstream("a"), Upstream("b")
    a.behave, b.behave = a.slowly(0.01), b.slowly(0.01)
    async with (
        serve(a) as url_a,
        serve(b) as url_b,
        FaultProxy("127.0.0.1", _port(url_a)) as to_a,
        FaultProxy("127.0.0.1", _port(url_b)) as to_b,
    ):
        upstreams = {"a": to_a, "b": to_b}

        def config(*order: str) -> dict:
            return {
                "providers": {
                    name: {
                        "like": "openai",
                        "base_url": f"http://127.0.0.1:{proxy.listen_port}/v1",
                        "api_key": "none-is-asked",
                        "limits": {"concurrent": 20 + changed},
                    }
                    for name, proxy in upstreams.items()
                },
                "models": {"m": {"deployments": [f"{name}/x" for name in order]}},
                "health": {"active": False},
            }

        changed = 0
        with gateways(1, config("a", "b"), tmp_path) as (process,):
            said = []
            going = True

            async def work(number: int) -> None:
                while going:
                    stream = (number + len(said)) % 2 == 0
                    answer = await post(process.port, f"q{number}.{len(said)}", stream=stream)
                    said.append((answer, answer.streamed if stream else answer.text))

            async def in_force(first: str) -> None:
                await until(lambda: said[-1][1].startswith(f"{first}:"), most_s=20)
                await grows(said, 30)

            working = [asyncio.create_task(work(number)) for number in range(workers)]
            await grows(said, 20)
            for order in ("ba", "ab", "ba"):
                changed += 1
                process.file.write_text(json.dumps(config(*order)))
                await in_force(order[0])
            process.file.write_text("providers: {a: {like: nobody}}\nmodels: 3\n")
            await until(lambda: "is not used" in process.running.stderr, most_s=20)
            await in_force("b")
            for order in ("ab", "ba"):
                changed += 1
                process.file.write_text(json.dumps(config(*order)))
                await in_force(order[0])
            going = False
            await asyncio.gather(*working)
        await asyncio.sleep(
            0.05
        )  # the proxies' connections end a moment after those of the gateway
        assert len(said) >= 200
        assert {answer.status for answer, _ in said} == {ANSWERED}
        texts = [text for _, text in said]
        assert len(set(texts)) == len(texts) == len(a.arrived) + len(b.arrived)
        right = {upstream.answer(one.question) for upstream in (a, b) for one in upstream.arrived}
        assert set(texts) == right
        assert to_a.connections <= workers + 2
        assert to_b.connections <= workers + 2, "connections are kept from one to the next"


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
