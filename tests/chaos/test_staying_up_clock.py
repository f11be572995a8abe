"""Somebody sets the wall clock by hours, again and again: nothing that is held back or let go changes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from modelway.call import Call
from modelway.config.load import load
from modelway.engine import Engine
from modelway.errors import LLMError
from modelway.messages import user
from modelway.simulator.serve import serve
from modelway.transport.http1 import Http1Transport
from modelway.types import ChatRequest
from support.chaos_world import Upstream, refuses
from support.hand_clock import HandClock

STEPS = 150
JUMPS_S = (-3600.0, 3600.0, -7.0, 61.0, 86_400.0)


def plan(chance: random.Random) -> list[tuple[str, Any]]:
    """What happens, one after another."""
    steps: list[tuple[str, Any]] = []
    for number in range(STEPS):
        what = chance.choices(
            ("ask", "pass", "sick", "limited", "well", "jump"), (8, 4, 1, 1, 2, 4)
        )[0]
        match what:
            case "ask":
                steps.append((what, f"q{number}"))
            case "pass":
                steps.append((what, chance.choice((0.1, 1.5, 7.0, 31.0))))
            case "jump":
                steps.append((what, chance.choice(JUMPS_S)))
            case _:
                steps.append((what, None))
    return steps


async def happened(steps: list[tuple[str, Any]], *, jumps: bool) -> list[object]:
    """What callers were told, and how limits and breakers stood meanwhile."""
    clock, upstream = HandClock(), Upstream("a")
    seen: list[object] = []
    async with serve(upstream) as url:
        limits = {"requests_per_minute": 6, "tokens_per_minute": 400, "requests_per_day": 70}
        provider = {"like": "openai", "base_url": f"{url}/v1", "api_key": "none-is-asked"}
        settings = load(
            {
                "providers": {"a": {**provider, "limits": {**limits, "concurrent": 2}}},
                "models": {"m": {"deployments": ["a/x"]}},
                "defaults": {"retries": 0},
                "breaker": {"failures": 2, "open_s": 20},
                "queue": {"on_limit": "refuse"},
            },
            environment={},
        )
        engine = Engine(settings, Http1Transport(), clock=clock, chance=random.Random(0))
        for what, said in steps:
            match what:
                case "ask":
                    seen.append(await _asked(engine, said))
                case "pass":
                    await clock.advance(said)
                case "jump":
                    clock.jump_s += said if jumps else 0.0
                case "sick":
                    upstream.behave = refuses(500)
                case "limited":
                    upstream.behave = refuses(429, 12)
                case "well":
                    upstream.behave = upstream.well
            state = engine.state
            seen.append(
                [
                    (one.name, one.current, one.remaining, one.reset_s)
                    for one in state.limiter.status()
                ]
            )
            seen.append(
                [
                    (one.state, one.failures, one.opened_s, one.retry_in_s)
                    for one in state.breakers.statuses()
                ]
            )
        seen.append(upstream.questions)
        await engine.aclose()
    return seen


async def _asked(engine: Engine, question: str) -> tuple[str, float | None]:
    request = ChatRequest(messages=(user(question),))
    call = Call(id=engine.new_id(), model="m", request=request)
    try:
        return (await engine.handle(call)).value.text, None
    except LLMError as error:
        return f"{type(error).__name__} {error.code}", error.retry_after_s


@pytest.mark.parametrize(
    "seed", [*range(3), *[pytest.param(n, marks=pytest.mark.exhaustive) for n in range(3, 100)]]
)
async def test_a_wall_clock_that_jumps_changes_nothing(seed):
    steps = plan(random.Random(seed))
    calm = await happened(steps, jumps=False)
    assert await happened(steps, jumps=True) == calm
    told = {one[0].split()[0] for one in calm if isinstance(one, tuple)}
    assert len(told) > 3, "answers, refusals, open circuits: all of it was there"
