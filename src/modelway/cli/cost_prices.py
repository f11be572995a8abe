"""What rows of the ledger cost by a configuration's prices, and would cost on other models."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Sequence

from modelway.call import Deployment, Target
from modelway.catalog.load import shipped
from modelway.catalog.models import ModelInfo
from modelway.catalog.models_find import catalogue_name, find
from modelway.catalog.models_load import model_names
from modelway.catalog.pricing import Unpriced, cost
from modelway.catalog.rows import Provider
from modelway.clock import SystemClock
from modelway.config.settings import Settings
from modelway.facts import Facts
from modelway.ledger.hints import Candidate
from modelway.ledger.rerate import usage_of
from modelway.ledger.savings import able
from modelway.ledger.values import Intent, LedgerRow
from modelway.types import Usage

_ORDINARY = Usage(input_tokens=1000, output_tokens=1000)
"""By which models are found that cost less."""
_MOST_KNOWN = 10_000
"""Models, which callers may name, that are remembered."""


class _RowsClock:
    """Stands at the time of the row that is priced."""

    now = 0.0
    monotonic = staticmethod(SystemClock.monotonic)
    sleep = staticmethod(SystemClock.sleep)

    def time(self) -> float:
        return self.now


class PriceBook:
    """The prices of a configuration, overrides included, for any time. No key is needed for them."""

    def __init__(self, settings: Settings, now: dt.datetime) -> None:
        self._settings = settings
        self._now = now
        self._clock = _RowsClock()
        self._facts = Facts(settings, self._clock)
        routes = settings.routes.values()
        self._configured = {one.id: one for route in routes for one in route.deployments}
        self.named = functools.lru_cache(_MOST_KNOWN)(self._named)
        """A provider's model, as it would be deployed."""
        self.candidates = functools.lru_cache(_MOST_KNOWN)(self._candidates)
        """The models of the configuration that cost less and can do the same, and the cheapest of the
        same host."""

    def charge(self, row: LedgerRow) -> tuple[int, str] | None:
        """What a row costs by the prices for its time, as an engine charges it, and their version."""
        deployment = self.deployment(row.intent)
        if deployment is None or row.settlement is None:
            return None
        self._clock.now = row.intent.time
        charged = self._facts.charged(
            deployment,
            usage_of(row.settlement),
            took_s=row.settlement.took_s,
            service=row.intent.service,
        )
        return None if charged.pico_usd is None else (charged.pico_usd, charged.version)

    def info(self, intent: Intent) -> ModelInfo | None:
        """What the catalogue knows of the model that was asked."""
        deployment = self.deployment(intent)
        return None if deployment is None else self.known(deployment)

    def known(self, deployment: Deployment) -> ModelInfo | None:
        """What the catalogue knows of a deployment's model."""
        return self._facts.known(deployment)

    def deployment(self, intent: Intent) -> Deployment | None:
        """The configuration's own, else one as its provider would have; ``None``: who is that?"""
        if there := self._configured.get(intent.deployment):
            return there
        return self.named(intent.provider, intent.model)

    def _named(self, provider: str, model: str) -> Deployment | None:
        row = self._row(provider)
        if row is None:
            return None
        return Deployment(
            id=f"{provider}/{model}",
            provider=row,
            dialect=row.dialects[0],
            target=Target(model=model),
            base_url=row.base_url,
        )

    def _row(self, provider: str) -> Provider | None:
        configured = self._settings.providers.get(provider)
        return configured.row if configured else shipped(provider)

    def _candidates(self, provider: str, model: str) -> Sequence[Candidate]:
        asked = [
            one
            for one in self._configured.values()
            if (one.provider.name, one.model) == (provider, model)
        ]
        deployment = asked[0] if asked else self.named(provider, model)
        known = None if deployment is None else self._facts.known(deployment)
        price = None if known is None else self._price(known)
        if deployment is None or known is None or price is None:
            return ()
        less: dict[str, tuple[int, ModelInfo]] = {}
        for name, info in self._others(deployment.provider):
            other = self._price(info)
            retired = info.retires is not None and info.retires <= self._now.date()
            if other is not None and other < price and able(known, info) and not retired:
                less[name] = other, info
        ours = [f"{one.provider.name}/{one.model}" for one in self._configured.values()]
        theirs = [name for name in less if name not in ours]
        cheapest = sorted(theirs, key=lambda name: less[name][0])[:1]
        return [
            Candidate(name, less[name][1]) for name in sorted({*ours, *cheapest}) if name in less
        ]

    def _others(self, row: Provider) -> Iterator[tuple[str, ModelInfo]]:
        for one in self._configured.values():
            if info := self._facts.known(one):
                yield f"{one.provider.name}/{one.model}", info
        for name in set(model_names(catalogue_name(row)).values()):
            if info := find(row, name, None, self._settings.overrides):
                yield f"{row.name}/{name}", info

    def _price(self, info: ModelInfo) -> int | None:
        found = cost(_ORDINARY, info, at=self._now)
        return None if isinstance(found, Unpriced) else found.total_pico_usd
