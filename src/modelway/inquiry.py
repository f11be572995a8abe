"""What can be found out about providers and models without a chat: values, and how they are found."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Mapping, Sequence

from msgspec import Struct

from modelway.bounds import Bound
from modelway.call import Call, Deployment, Options
from modelway.catalog.models import ModelInfo
from modelway.config.resolve import resolve
from modelway.config.settings import ConfiguredProvider
from modelway.dialects import dialect
from modelway.engine import Engine
from modelway.errors import (
    ConfigError,
    CredentialError,
    LLMError,
    NotFoundError,
    UnavailableError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.opening import only_named
from modelway.types import ChatRequest, ModelListing

_HEALTH = Options(timeout_s=10.0)
_NO_LIST = "it answers, but has no list of models, so its key was not checked"


class Capabilities(Struct, frozen=True, kw_only=True):
    """What is known of a model before it is asked. ``None``: not known, and not guessed."""

    model: str
    """As asked for."""
    deployments: tuple[str, ...]
    provider: str
    """Of the first deployment, as everything below."""
    dialect: str
    operations: tuple[str, ...]
    """What the dialect can say; whether the host answers each is for the host."""
    streaming: bool
    local: bool
    mode: str | None = None
    """What it is asked for: ``chat``, ``embed``, ``rerank`` …"""
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    """As configured, else the model's own."""
    inputs: tuple[str, ...] | None = None
    """Of ``text``, ``image``, ``audio``, ``video`` and ``document``."""
    outputs: tuple[str, ...] | None = None
    vision: bool | None = None
    tools: bool | None = None
    parallel_tools: bool | None = None
    json_schema: bool | None = None
    """``False`` also where the host is known to refuse a schema."""
    reasoning: bool | None = None
    prompt_caching: bool | None = None
    dimensions: int | None = None
    """Of its vectors, unless fewer are asked for."""
    retires: dt.date | None = None
    """The day on which the host stops serving it."""
    priced: bool = False
    """Whether it is known what it costs."""


class CostEstimate(Struct, frozen=True, kw_only=True):
    """The most that a call would cost at its first deployment: what budgets would reserve for it."""

    model: str
    """As asked for."""
    deployment: str
    input_tokens: int
    """At the most, by an estimate: no tokenizer of the model is asked."""
    output_tokens: int | None = None
    """The cap, for all choices: as asked for, else as configured, else the model's own."""
    cost_pico_usd: int | None = None
    """``None`` where it is not known; ``reason`` says why."""
    parts: dict[str, int] = {}
    """Input, output and what else is billed, in pico-dollars."""
    version: str = ""
    """Of the prices."""
    reason: str = ""


class ProviderHealth(Struct, frozen=True, kw_only=True):
    """Whether a provider answered just now, and how fast."""

    provider: str
    ok: bool
    latency_s: float | None = None
    """Of the question for its models; ``None`` where nothing was asked."""
    models: int | None = None
    """How many it lists."""
    error: str | None = None
    """The error's class, where there is one."""
    message: str = ""
    """What is wrong and what to do, or what could not be checked."""


class PlannedDeployment(Struct, frozen=True, kw_only=True):
    """One of those that would be asked, in this order."""

    tier: int
    """0 is what was asked for; each fallback is one more."""
    deployment: str
    provider: str
    model: str
    dialect: str
    base_url: str


async def list_models(
    engine: Engine, provider: str | None, options: Options
) -> tuple[ModelListing, ...]:
    """Of one provider, or of all usable ones, which may fail singly but not all."""
    if provider is not None:
        return await engine.list_models(provider, options)
    usable = {name: one for name, one in engine.settings.providers.items() if not one.problem}
    names = _unless_stand_in(usable)
    if not names:
        raise ConfigError("no provider is usable: " + _problems(engine))
    found = await asyncio.gather(*[_listed(engine, name, options) for name in names])
    errors = [answer for answer in found if isinstance(answer, LLMError)]
    if len(errors) == len(found):
        raise errors[0]
    return tuple([model for models in found if isinstance(models, tuple) for model in models])


async def _listed(
    engine: Engine, provider: str, options: Options
) -> tuple[ModelListing, ...] | LLMError:
    try:
        return await engine.list_models(provider, options)
    except LLMError as error:
        return error


def _unless_stand_in(providers: Mapping[str, ConfiguredProvider]) -> list[str]:
    """Not those that are only there to be named."""
    return [name for name, provider in providers.items() if not only_named(provider)]


def _problems(engine: Engine) -> str:
    providers = [one for one in engine.settings.providers.values() if one.problem]
    return "; ".join([f"{one.name}: {one.problem}" for one in providers]) or (
        "none is configured; set a provider's key, such as OPENAI_API_KEY, or start a local server"
    )


async def is_model_available(engine: Engine, model: str, options: Options) -> bool:
    """Whether any of the model's deployments is listed by its provider, or the provider lists none."""
    try:
        route = resolve(engine.settings, model)
    except UnknownModelError:
        return False
    return any(await asyncio.gather(*[_serves(engine, one, options) for one in route.deployments]))


async def _serves(engine: Engine, deployment: Deployment, options: Options) -> bool:
    try:
        listed = await engine.list_models(deployment.provider.name, options)
    except (NotFoundError, UnsupportedError):
        return True
    except (UnavailableError, CredentialError, ConfigError):
        return False
    return any(_same(model.id, deployment.model) for model in listed)


def _same(listed: str, asked: str) -> bool:
    """Ollama lists the tag that is left out when asking; Google's list says what kind of name it is."""
    return listed in {asked, f"{asked}:latest", f"models/{asked}"}


def capabilities(engine: Engine, model: str) -> Capabilities:
    """What rows and configuration say. UnknownModelError, MissingKeyError as for a call."""
    route = resolve(engine.settings, model)
    if not route.deployments:
        raise UnknownModelError(
            f"the model {model!r} cannot be used: {route.problem or 'it has no deployment'}",
            model=model,
        )
    from modelway.catalog.models_find import find  # noqa: PLC0415  # the catalogue, at its first use

    first = route.deployments[0]
    info = find(first.provider, first.model, first.base_model, engine.settings.overrides)
    known = info or ModelInfo()
    return Capabilities(
        model=model,
        deployments=tuple([deployment.id for deployment in route.deployments]),
        provider=first.provider.name,
        dialect=first.dialect,
        operations=tuple(dialect(first.dialect).upstream),
        streaming=first.supports_streaming,
        local=first.provider.local,
        mode=info.mode if info else None,
        context_tokens=known.context_tokens,
        max_output_tokens=first.target.max_output_tokens or known.max_output_tokens,
        inputs=known.inputs or None,
        outputs=known.outputs or None,
        vision=known.vision,
        tools=known.tools,
        parallel_tools=known.parallel_tools,
        json_schema=known.json_schema if first.target.quirks.json_schema else False,
        reasoning=known.reasoning,
        prompt_caching=known.prompt_caching,
        dimensions=known.dimensions,
        retires=known.retires,
        priced=bool(known.tariffs or known.per_hour),
    )


def estimate_cost(engine: Engine, call: Call) -> CostEstimate:
    """Without asking anybody: what a budget would reserve. Errors as for a call that cannot be sent."""
    if not isinstance(call.request, ChatRequest):
        raise UnsupportedError("only a chat's cost can be estimated", model=call.model)
    first = engine.plan(call)[0][0]
    asked = Bound(call)
    most = engine.facts.most(asked, first)
    return CostEstimate(
        model=call.model,
        deployment=first.id,
        input_tokens=asked.input_tokens,
        output_tokens=most.output_tokens,
        cost_pico_usd=most.pico_usd,
        parts=most.parts,
        version=engine.facts.version(first),
        reason=most.why,
    )


async def health_check(engine: Engine, provider: str | None) -> tuple[ProviderHealth, ...]:
    """All at once; what cannot be asked is said to be so."""
    configured = engine.settings.providers
    if provider is not None and provider not in configured:
        there = ", ".join(configured) or "none"
        raise ConfigError(f"no provider {provider!r} is configured; there are: {there}")
    names = _unless_stand_in(configured) if provider is None else [provider]
    return tuple(await asyncio.gather(*[_health(engine, name) for name in names]))


async def _health(engine: Engine, name: str) -> ProviderHealth:
    started = time.monotonic()
    try:
        models = await engine.list_models(name, _HEALTH)
    except ConfigError as error:
        return ProviderHealth(
            provider=name, ok=False, error=type(error).__name__, message=error.message
        )
    except NotFoundError:
        elapsed_s = time.monotonic() - started
        return ProviderHealth(provider=name, ok=True, latency_s=elapsed_s, message=_NO_LIST)
    except LLMError as error:
        return ProviderHealth(
            provider=name,
            ok=False,
            latency_s=time.monotonic() - started,
            error=type(error).__name__,
            message=str(error),
        )
    elapsed_s = time.monotonic() - started
    return ProviderHealth(provider=name, ok=True, latency_s=elapsed_s, models=len(models))


def planned(tiers: Sequence[Sequence[Deployment]]) -> tuple[PlannedDeployment, ...]:
    """The engine's plan, as values without a credential in them."""
    return tuple(
        [
            PlannedDeployment(
                tier=tier,
                deployment=one.id,
                provider=one.provider.name,
                model=one.model,
                dialect=one.dialect,
                base_url=one.base_url,
            )
            for tier, deployments in enumerate(tiers)
            for one in deployments
        ]
    )
