"""The models that a client can ask for: configured routes first, then what providers say."""

from __future__ import annotations

import asyncio

import msgspec

from modelway.engine import Engine
from modelway.errors import LLMError, NotFoundError
from modelway.types import ModelListing

_KEPT_S = 60.0
"""How long a provider's list is believed."""


class Listing:
    """Lists models; asks the providers at most once a minute, all at the same time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked: asyncio.Task[tuple[ModelListing, ...]] | None = None
        self._until = 0.0

    async def models(self) -> tuple[ModelListing, ...]:
        """Every model by the name that asks for it. A provider that does not answer is left out."""
        routes = [ModelListing(id=name, owner="modelway") for name in self._engine.settings.routes]
        now = asyncio.get_running_loop().time()
        if self._asked is None or now >= self._until or self._asked.cancelled():
            self._asked = asyncio.create_task(self._served())
            self._until = now + _KEPT_S
        return (*routes, *await asyncio.shield(self._asked))

    async def one(self, name: str) -> ModelListing:
        """The model of this name; NotFoundError where there is none."""
        for model in await self.models():
            if model.id == name:
                return model
        raise NotFoundError(f"there is no model {name!r}; GET /v1/models lists those there are")

    async def _served(self) -> tuple[ModelListing, ...]:
        usable = [
            name
            for name, provider in self._engine.settings.providers.items()
            if provider.problem is None
        ]
        listed = await asyncio.gather(*[self._of(name) for name in usable])
        return tuple([model for models in listed for model in models])

    async def _of(self, provider: str) -> list[ModelListing]:
        try:
            models = await self._engine.list_models(provider)
        except LLMError:
            return []
        return [
            msgspec.structs.replace(
                model, id=f"{provider}/{model.id}", owner=model.owner or provider
            )
            for model in models
        ]
