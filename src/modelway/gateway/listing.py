"""The models that a client can ask for: configured routes first, then what providers say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from modelway.engine import Engine
from modelway.errors import LLMError, NotFoundError
from modelway.types import ModelListing

_KEPT_S = 60.0
"""How long a provider's list is believed."""


class Listing:
    """Lists models; asks the providers at most once a minute, all at the same time."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._of_engine: Engine | None = None
        self._asked: asyncio.Task[tuple[ModelListing, ...]] | None = None
        self._until = 0.0

    async def models(self) -> tuple[ModelListing, ...]:
        """Every model by the name that asks for it. A provider that does not answer is left out."""
        engine = self._engine()
        names = [*engine.settings.routes, *[one.name for one in engine.settings.experiments]]
        routes = [ModelListing(id=name, owner="modelway") for name in names]
        now = asyncio.get_running_loop().time()
        asked = self._asked
        if asked is None or now >= self._until or asked.cancelled() or engine != self._of_engine:
            self._asked = asyncio.create_task(_served(engine))
            self._until = now + _KEPT_S
            self._of_engine = engine
        assert self._asked is not None  # noqa: S101 - it was begun just now, or before
        return (*routes, *await asyncio.shield(self._asked))

    async def one(self, name: str) -> ModelListing:
        """The model of this name; NotFoundError where there is none."""
        for model in await self.models():
            if model.id == name:
                return model
        raise NotFoundError(f"there is no model {name!r}; GET /v1/models lists those there are")


async def _served(engine: Engine) -> tuple[ModelListing, ...]:
    usable = [
        name for name, provider in engine.settings.providers.items() if provider.problem is None
    ]
    listed = await asyncio.gather(*[_of(engine, name) for name in usable])
    return tuple([model for models in listed for model in models])


async def _of(engine: Engine, provider: str) -> list[ModelListing]:
    try:
        models = await engine.list_models(provider)
    except LLMError:
        return []
    return [
        msgspec.structs.replace(model, id=f"{provider}/{model.id}", owner=model.owner or provider)
        for model in models
    ]
