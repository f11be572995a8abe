"""The caches of a configuration: what their answers hang on, and whom they ask what a question means."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from modelway.call import Call, Credential, Options
from modelway.config.settings import Settings
from modelway.errors import ResponseError
from modelway.policies.caching.exact import ExactCache
from modelway.ports import Clock, Handler
from modelway.retrieval import EmbedRequest, EmbedResponse
from modelway.state import State

_OWN = "modelway: cache"
"""The key of the calls that are made for this."""
_OPTIONS = Options(timeout_s=5.0, retries=0, cache="off")
_NO_CREDENTIAL = Credential(name="")
_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


def exact(settings: Settings, state: State, clock: Clock) -> ExactCache:
    """The cache of this process, which goes on with this configuration."""
    version = policies(settings)
    if state.kept is None:
        shared = state.store.cache if settings.cache.where == "store" else None
        state.kept = ExactCache(
            settings.cache,
            shared,
            clock,
            deployment=state.deployment,
            policies=version,
        )
    else:
        state.kept.adopt(settings.cache, version)
    return state.kept


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


def embedding(
    model: str, handle: Callable[[], Handler], new_id: Callable[[], str]
) -> Callable[[str], Awaitable[Sequence[float]]]:
    """Asks ``model`` for a text's vector, on the operator's own account."""

    async def embed(text: str) -> Sequence[float]:
        request = EmbedRequest(model=model, inputs=(text,))
        own = Call(
            id=new_id(), operation="embed", model=model, request=request, key=_OWN, options=_OPTIONS
        )
        reply = await handle()(own)
        if not isinstance(reply.value, EmbedResponse) or not reply.value.vectors:
            raise ResponseError(f"{model} gave no vector")
        return reply.value.vectors[0]

    return embed
