"""What the catalogue knows of a configuration's deployments: remembered, and loaded when first asked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from modelway.call import Deployment
from modelway.catalog.models import ModelInfo
from modelway.config.resolve import model_names, resolve
from modelway.config.settings import Settings
from modelway.ports import Clock
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.types import ChatResponse, Usage

if TYPE_CHECKING:
    from modelway.catalog.plain_price import PlainPrice

Answer = TypeVar("Answer", ChatResponse, EmbedResponse, RerankResponse)

_MOST_KNOWN = 10_000
"""Deployments, which callers may name, that are remembered; past it a memory starts anew."""
_DAY_S = 86_400


class Facts:
    """Models and prices by deployment."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._models: dict[str, ModelInfo | None] = {}
        self._prices: dict[tuple[str, int], PlainPrice | None] = {}

    def known(self, deployment: Deployment) -> ModelInfo | None:
        """What the catalogue has of a deployment's model."""
        if deployment.id not in self._models:
            from modelway.catalog.models_find import find  # noqa: PLC0415  # data, at its first use

            if len(self._models) >= _MOST_KNOWN:
                self._models.clear()
            overrides = self._settings.overrides
            self._models[deployment.id] = find(
                deployment.provider, deployment.model, deployment.base_model, overrides
            )
        return self._models[deployment.id]

    def carriers(self, kind: str) -> list[str]:
        """Models of this configuration that are known to take a kind of part."""
        names = model_names(self._settings)
        firsts = [(name, resolve(self._settings, name).deployments[:1]) for name in names]
        return [
            name
            for name, first in firsts
            if first and (known := self.known(first[0])) and kind in known.inputs
        ]

    def price(self, deployment: Deployment, input_tokens: int, output_tokens: int) -> int | None:
        """What an ordinary call of so many tokens costs, in pico-dollars, where it is known."""
        return self.cost(deployment, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def cost(self, deployment: Deployment, usage: Usage) -> int | None:
        """What a call of this usage costs, in pico-dollars, where it is known."""
        plain = self._plain(deployment)
        if plain is not None and (sum_ := plain.of(usage)) is not None:
            return sum_
        known = self.known(deployment)
        if known is None or not known.tariffs:
            return None
        from modelway.catalog.pricing import Unpriced, cost  # noqa: PLC0415  # at its first use

        found = cost(usage, known, at=self._now())
        return None if isinstance(found, Unpriced) else found.total_pico_usd

    def priced(self, answer: Answer, deployment: Deployment) -> Answer:
        """The answer with its cost, where the price of its model is known."""
        plain = self._plain(deployment)
        if plain is not None and (cost := plain.of(answer.usage)) is not None:
            return replace(answer, cost_pico_usd=cost)
        from modelway.catalog.priced import priced  # noqa: PLC0415  # the price book, at its first use

        return priced(
            answer,
            deployment.provider,
            deployment.model,
            deployment.base_model,
            info=self.known(deployment),
            at=self._now(),
            overrides=self._settings.overrides,
        )

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.time(), dt.UTC)

    def _plain(self, deployment: Deployment) -> PlainPrice | None:
        today = (deployment.id, int(self._clock.time() // _DAY_S))
        if today not in self._prices:
            from modelway.catalog.plain_price import plain_price  # noqa: PLC0415  # at its first use

            if len(self._prices) >= _MOST_KNOWN:
                self._prices.clear()
            known = self.known(deployment)
            self._prices[today] = None if known is None else plain_price(known, self._now())
        return self._prices[today]
