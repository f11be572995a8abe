"""The demo's providers: three simulated ones, and a real one where there is any."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from modelway.call import Deployment
from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
from modelway.config.resolve import default_model, resolve
from modelway.config.settings import Route, Settings
from modelway.errors import ConfigError, MissingKeyError
from modelway.opening import open_engine
from modelway.simulator.app import Simulator
from modelway.simulator.script import Match, Pace, Reply, Rule, Script, ScriptedError
from modelway.simulator.serve import serve

QUESTION = "What does an LLM gateway do? One sentence."
ASKED, STREAMED, TOOLS, FALLBACK = "demo", "demo-stream", "demo-tools", "demo-fallback"
"""Models of the demo's gateway."""

_PATIENCE_S = 12.0
"""For a real provider's first byte; then the simulated one answers."""

_ANSWER = "(simulated) One address in front of every model provider."
_STREAM = (
    "(simulated) Every word is an event of a provider that speaks Anthropic's dialect, translated "
    "as it passes."
)
_FALLBACK = "(simulated) The first one failed; you saw no error."


class Stage(NamedTuple):
    """What the acts are played on."""

    settings: Settings
    answers: str
    """Who answers the question, in words."""
    cast: str
    """Who else plays."""
    openai: Simulator
    """The simulated provider that speaks OpenAI's dialect; it remembers what it was sent."""


@contextlib.asynccontextmanager
async def set_up(*, simulated: bool) -> AsyncIterator[Stage]:
    """Start the simulated providers, and look for a real one."""
    openai = Simulator(
        _script(Rule(match=Match(contains="gateway"), reply=Reply(text=_ANSWER))), keep=4
    )
    anthropic = Simulator(
        _script(
            Rule(
                match=Match(model="sim-stream"),
                reply=Reply(text=_STREAM, pace=Pace(tokens_per_s=25.0)),
            ),
            Rule(match=Match(model="sim-steady"), reply=Reply(text=_FALLBACK)),
        ),
        keep=0,
    )
    broken = Simulator(_script(Rule(reply=Reply(error=ScriptedError(status=503)))), keep=0)
    async with contextlib.AsyncExitStack() as servers:
        urls = [
            await servers.enter_async_context(serve(each)) for each in (openai, anthropic, broken)
        ]
        settings = load(_config(*urls), environment={})
        answers = "Every provider here is simulated, as asked for."
        if not simulated:
            settings, answers = await _with_real(settings)
        yield Stage(
            settings=settings,
            answers=answers,
            cast="sim-openai, sim-anthropic (each in its dialect), broken (503)",
            openai=openai,
        )


def _script(*rules: Rule) -> Script:
    return Script(rules=rules)


def _config(openai: str, anthropic: str, broken: str) -> dict[str, Any]:
    like = {"like": "simulator", "retries": 0}
    return {
        "providers": {
            "sim-openai": {**like, "base_url": f"{openai}/v1", "dialect": "openai-chat"},
            "sim-anthropic": {
                **like,
                "base_url": f"{anthropic}/v1",
                "dialect": "anthropic-messages",
            },
            "broken": {**like, "base_url": f"{broken}/v1", "dialect": "openai-chat"},
        },
        "models": {
            ASKED: "sim-openai/sim-demo",
            STREAMED: "sim-anthropic/sim-stream",
            TOOLS: "sim-openai/sim-demo",
            FALLBACK: {"provider": "broken", "model": "any", "fallback": ["demo-steady"]},
            "demo-steady": "sim-anthropic/sim-steady",
        },
    }


async def _with_real(settings: Settings) -> tuple[Settings, str]:
    """The question and the stream for a real provider, with the simulated one behind it."""
    try:
        real = await _real_settings()
        route = resolve(real, default_model(real) or "")
    except InvalidConfigError as error:
        return settings, f"{error.source} has problems (modelway config check): it is left aside."
    except MissingKeyError as error:
        return settings, f"{error.message}: modelway's simulator answers, which is no model."
    except ConfigError:
        return settings, (
            "No key is set and no local server was found: modelway's simulator answers, which is "
            "no model."
        )
    first = route.deployments[:1]
    if not first:
        return settings, f"{route.name} cannot be asked ({route.problem}): the simulator answers."
    routes = dict(settings.routes)
    for name in (ASKED, STREAMED):
        spare = f"{name}-simulated"
        routes[spare] = replace(settings.routes[name], name=spare)
        routes[name] = Route(
            name=name,
            deployments=(_impatient(first[0]),),
            fallbacks=(spare,),
            inherits_fallbacks=False,
        )
    return (
        replace(
            settings,
            providers={**real.providers, **settings.providers},
            routes={**real.routes, **routes},
            transport=real.transport,
        ),
        f"{first[0].id} is asked the question, in three small requests; --simulated asks nobody.",
    )


async def _real_settings() -> Settings:
    opened = await open_engine(load(environment=os.environ))
    try:
        return opened.engine.settings
    finally:
        await opened.aclose()


def _impatient(deployment: Deployment) -> Deployment:
    timeouts = replace(
        deployment.timeouts, connect_s=5.0, first_byte_s=_PATIENCE_S, total_s=2 * _PATIENCE_S
    )
    return replace(deployment, timeouts=timeouts, backoff=replace(deployment.backoff, attempts=1))
