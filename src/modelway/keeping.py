"""The caches of a configuration: what their answers hang on, and whom they ask what a question means."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from modelway.call import Call, Credential, Options, Reply
from modelway.config.settings import Settings
from modelway.errors import ResponseError
from modelway.policies.caching.exact import ExactCache
from modelway.ports import Clock, Middleware
from modelway.retrieval import EmbedRequest, EmbedResponse
from modelway.state import State

if TYPE_CHECKING:
    from modelway.policies.caching.semantic.cache import SemanticCache

_OWN = "modelway: cache"
"""The key of the calls that are made for this."""
_OPTIONS = Options(timeout_s=5.0, retries=0, cache="off")
_NO_CREDENTIAL = Credential(name="")
_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


def caches(
    settings: Settings, state: State, clock: Clock, hit: Callable[[Call, Reply], None]
) -> list[Middleware]:
    """Answers that are kept: found by the same question, then by one that means the same.

    They are the state's, and go on with this configuration. ``hit`` is told of each that is given.
    """
    version = policies(settings)
    meant = None if settings.cache.semantic is None else _meant(settings, state, clock, version)
    kept = state.kept
    if kept is None:
        kept = state.kept = ExactCache(
            settings.cache,
            state.store.cache if state.shares else None,
            clock,
            deployment=state.deployment,
            policies=version,
            secret=state.secret() if state.shares else b"",
        )
    else:
        kept.adopt(settings.cache, version)
    kept.on_hit[:] = [hit]
    if meant is None:
        return [kept]
    meant.on_hit[:] = [lambda call, reply, _similarity: hit(call, reply)]
    return [kept, meant]


def _meant(settings: Settings, state: State, clock: Clock, version: bytes) -> SemanticCache:
    """Those that mean the same. ConfigError where there can be none: nothing has changed then."""
    from modelway.policies.caching.semantic.cache import SemanticCache  # noqa: PLC0415  # few have it

    if state.meant is None:
        state.meant = SemanticCache(
            settings.cache,
            clock,
            embed=_embedding(state),
            deployment=state.deployment,
            policies=version,
            vectors=state.vectors,
        )
    else:
        state.meant.adopt(settings.cache, version)
    return state.meant


def policies(settings: Settings) -> bytes:
    """A name for all that is configured and may change an answer: keys and prices do not."""
    providers = {
        name: replace(one, credentials=(), signing=None, problem=None, limits=None, key_limits=None)
        for name, one in settings.providers.items()
    }
    routes = {
        name: replace(
            route,
            deployments=tuple(
                [replace(one, credential=_NO_CREDENTIAL, limits=None) for one in route.deployments]
            ),
        )
        for name, route in settings.routes.items()
    }
    said: list[Any] = [providers, routes, settings.fallback_providers, settings.strategy]
    said += [settings.defaults, settings.default_model, settings.task_model]
    return hashlib.blake2b(_encode(said), digest_size=16).digest()


def _embedding(state: State) -> Callable[[str], Awaitable[Sequence[float]]]:
    """Asks whichever model the newest configuration names for a text's vector."""

    async def embed(text: str) -> Sequence[float]:
        newest = state.newest
        semantic = None if newest is None else newest.settings.cache.semantic
        if newest is None or semantic is None:
            raise ResponseError("no model is configured for the cache's vectors")
        model = semantic.model
        request = EmbedRequest(model=model, inputs=(text,))
        own = Call(
            id=newest.new_id(),
            operation="embed",
            model=model,
            request=request,
            key=_OWN,
            options=_OPTIONS,
        )
        reply = await newest.handle(own)
        if not isinstance(reply.value, EmbedResponse) or not reply.value.vectors:
            raise ResponseError(f"{model} gave no vector")
        return reply.value.vectors[0]

    return embed
