"""What the catalogue knows of a configuration's deployments: remembered, and loaded when first asked."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec.structs import replace

from modelway.bounds import Bound
from modelway.call import Deployment
from modelway.catalog.models import ModelInfo
from modelway.config.resolve import model_names, resolve
from modelway.config.settings import Settings
from modelway.ledger.values import Basis
from modelway.ports import Clock
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.types import ChatResponse, Usage

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelway.catalog.plain_price import PlainPrice
    from modelway.catalog.pricing import Ceiling, Class, Cost, Unpriced

Answer = TypeVar("Answer", ChatResponse, EmbedResponse, RerankResponse)

_MOST_KNOWN = 10_000
"""Deployments, which callers may name, that are remembered; past it a memory starts anew."""
_DAY_S = 86_400
_PICO = 10**12
_INVENTED_CAP = 4_096
"""At the most, where Anthropic's dialect needs a cap and a client of another gave none."""
_CHUNK_TOKENS = 500
"""Source: https://docs.cohere.com/docs/rerank-overview, 2026-11-21."""
_DOCUMENTS_A_UNIT = 100
_MISMATCH = 100
"""One part in so many is a difference that is said."""
_LEAST_MISMATCH = 10**6
_IN_FLIGHT_TOKENS = 64
_log = logging.getLogger(__name__)
_NOT_SAID = Usage()
_new = tuple.__new__


class Charged(NamedTuple):
    """What a call cost, in pico-dollars; ``None``: it is not known, and ``why``."""

    pico_usd: int | None
    basis: Basis
    version: str = ""
    """Of the prices."""
    expected_pico_usd: int | None = None
    """By the catalogue, where the provider's own word is the cost."""
    why: str = ""
    """Why nothing is known, or what contradicts itself."""


class Most(NamedTuple):
    """The most that a call may cost, in pico-dollars, by its parts; ``None``, and why."""

    pico_usd: int | None
    parts: dict[str, int]
    output_tokens: int | None
    """Of all its choices."""
    why: str = ""


class _Book(NamedTuple):
    """The prices of one deployment on one day, for one service."""

    info: ModelInfo | None
    version: str
    plain: PlainPrice | None
    free: bool
    ceilings: dict[Any, Ceiling | Unpriced]


class Facts:
    """Models and prices by deployment."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._models: dict[str, ModelInfo | None] = {}
        self._books: dict[tuple[str, str, int], _Book] = {}
        self._told: set[tuple[str, str]] = set()

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

    def version(self, deployment: Deployment) -> str:
        """Of the prices that are in force for it; ``""``: there are none."""
        return self._book(deployment, "standard").version

    # ------------------------------------------------------------ what a call cost

    def charged(
        self,
        deployment: Deployment,
        usage: Usage | None,
        *,
        took_s: float = 0.0,
        service: str = "standard",
        answered_by: str = "",
    ) -> Charged:
        """What a call of this usage cost; what the provider itself says wins.

        ``answered_by`` is the model in the provider's words, for names that nothing is known of.
        """
        book = self._book(deployment, service)
        plain = book.plain
        if plain is not None and usage is not None and (sum_ := plain.of(usage)) is not None:
            return _new(Charged, (sum_, "catalogue", book.version, None, ""))
        return self._looked_up(
            book,
            deployment,
            usage or _NOT_SAID,
            took_s=took_s,
            service=service,
            answered_by=answered_by,
        )

    def cost(self, deployment: Deployment, usage: Usage) -> int | None:
        """What a call of this usage costs, in pico-dollars, where it is known."""
        return self.charged(deployment, usage).pico_usd

    def price(self, deployment: Deployment, input_tokens: int, output_tokens: int) -> int | None:
        """What an ordinary call of so many tokens costs, in pico-dollars, where it is known."""
        return self.cost(deployment, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def priced(self, answer: Answer, deployment: Deployment) -> Answer:
        """The answer with its cost, where the price of its model is known."""
        took_s = answer.latency_s or 0.0
        charged = self.charged(deployment, answer.usage, took_s=took_s, answered_by=answer.model)
        if charged.pico_usd is None:
            return answer
        return replace(answer, cost_pico_usd=charged.pico_usd)

    def _looked_up(
        self,
        book: _Book,
        deployment: Deployment,
        usage: Usage,
        *,
        took_s: float,
        service: str,
        answered_by: str,
    ) -> Charged:
        from modelway.catalog.pricing import Unpriced, by_time, cost  # noqa: PLC0415  # first use

        info = book.info
        if usage.reported_cost_usd is None:
            if info is not None and info.per_hour is not None:
                return Charged(by_time(info.per_hour, took_s), "catalogue", book.version)
            if book.free:
                return Charged(0, "catalogue", book.version)
        if (info is None or not info.tariffs) and answered_by and deployment.base_model is None:
            from modelway.catalog.models_find import find  # noqa: PLC0415

            info = find(deployment.provider, answered_by, None, self._settings.overrides) or info
        found = cost(usage, info, at=self._now(), service=service)
        if isinstance(found, Unpriced):
            self._tell_unknown(deployment, found.reason)
            return Charged(None, "unknown", book.version, None, found.reason)
        why = "; ".join(found.notes)
        if found.source == "provider":
            why = self._compared(deployment, found) or why
        return Charged(
            found.total_pico_usd, found.source, found.version, found.expected_pico_usd, why
        )

    def _compared(self, deployment: Deployment, found: Cost) -> str:
        """How the provider's own word differs from the catalogue's, if it does."""
        expected, told = found.expected_pico_usd, found.total_pico_usd
        if expected is None:
            return ""
        off = abs(told - expected)
        if off <= _LEAST_MISMATCH or off * _MISMATCH <= expected:
            return ""
        why = f"the provider says {_usd(told)} USD, the catalogue {_usd(expected)} USD"
        if self._first(deployment, "more" if told > expected else "less"):
            _log.warning(
                "the cost of %s: %s; the provider's word counts (prices: %s)",
                deployment.id,
                why,
                found.version,
            )
        return why

    def _tell_unknown(self, deployment: Deployment, why: str) -> None:
        info = self.known(deployment)
        priced = info is not None and (info.tariffs or info.per_hour)
        if not priced and self._first(deployment, "unknown"):
            _log.warning(
                "no price is known for %s, so what it costs is in no sum; to add one: %s (%s)",
                deployment.id,
                how_to_add(deployment),
                why,
            )

    def _first(self, deployment: Deployment, kind: str) -> bool:
        if len(self._told) >= _MOST_KNOWN:
            self._told.clear()
        told = (deployment.id, kind)
        new = told not in self._told
        self._told.add(told)
        return new

    # ------------------------------------------------------------ the most that it may cost

    def bound(self, asked: Bound, deployment: Deployment) -> tuple[int | None, str]:
        """The most that a call may cost, in pico-dollars; or ``None``, and why there is no bound."""
        found = self._terms(asked, deployment)
        if isinstance(found, str):
            self._tell_unknown(deployment, found)
            return None, found
        return -(-sum(found.values()) // _PICO), ""

    def most(self, asked: Bound, deployment: Deployment) -> Most:
        """The bound, with what it is made of."""
        from modelway.catalog.pricing import rounded  # noqa: PLC0415  # at its first use

        cap = asked.output_tokens(_own_cap(asked, deployment, self.known(deployment)))
        found = self._terms(asked, deployment)
        if isinstance(found, str):
            return Most(None, {}, cap, found)
        parts = rounded(found)
        return Most(sum(parts.values()), parts, cap, "")

    def _terms(self, asked: Bound, deployment: Deployment) -> dict[str, int] | str:
        """What the bound adds up, in 10⁻²⁴ USD; or why there is none."""
        book = self._book(deployment, asked.service)
        info = book.info
        if book.free:
            return {"input": 0, "output": 0}
        surcharge = None if info is None else info.surcharge_usd
        if asked.surcharged and surcharge is None:
            return (
                f"the cost of {asked.surcharged} is not in a call's own tokens: "
                f"say the most of it, as {_fact(deployment, 'surcharge_usd: USD')}"
            )
        if info is not None and info.per_hour is not None:
            from modelway.catalog.pricing import by_time  # noqa: PLC0415  # at its first use

            terms = {"time": by_time(info.per_hour, deployment.timeouts.total_s) * _PICO}
        else:
            ceiling = self._ceiling(book, asked, deployment)
            if isinstance(ceiling, str):
                return ceiling
            made = asked.output_tokens(_own_cap(asked, deployment, info))
            if made is None:
                return "no cap of its output is known: say max_tokens"
            if made and ceiling.output is None:
                return "no price of its output is known"
            terms = {
                "input": asked.input_tokens * ceiling.input,
                "output": made * (ceiling.output or 0),
            }
            if ceiling.calls:
                terms["calls"] = ceiling.calls
            if ceiling.searches:
                terms["searches"] = _units(asked) * ceiling.searches
        if asked.surcharged and surcharge is not None:
            terms["surcharge"] = int(surcharge * _PICO) * _PICO
        return terms

    def partial(
        self, asked: Bound, deployment: Deployment, received_chars: int | None
    ) -> int | None:
        """The most that an answer has cost that was cut after so many characters.

        A character is half a token at the most, and what the host made before it saw the cut is
        a little more; never more than the whole bound. ``None`` characters: the whole bound.
        """
        whole, _ = self.bound(asked, deployment)
        book = self._book(deployment, asked.service)
        if whole is None or received_chars is None or not whole:
            return whole
        ceiling = self._ceiling(book, asked, deployment)
        if isinstance(ceiling, str) or ceiling.output is None:
            return whole
        made = -(-received_chars // 2) + _IN_FLIGHT_TOKENS * asked.choices
        cap = asked.output_tokens(_own_cap(asked, deployment, book.info)) or 0
        spared = max(0, cap - made) * ceiling.output
        return whole - spared // _PICO

    def _ceiling(self, book: _Book, asked: Bound, deployment: Deployment) -> Ceiling | str:
        from modelway.catalog.pricing import Unpriced, ceiling, why_unknown  # noqa: PLC0415

        info = book.info
        if info is None or not info.tariffs:
            return f"{why_unknown(info)}; to add a price: {how_to_add(deployment)}"
        kinds: Collection[Class] = asked.kinds
        found = book.ceilings.get(kinds)
        if found is None:
            found = ceiling(info, at=self._now(), service=asked.service, kinds=kinds)
            book.ceilings[kinds] = found
        if not isinstance(found, Unpriced) and asked.input_tokens > found.longest:
            found = ceiling(
                info,
                at=self._now(),
                service=asked.service,
                kinds=kinds,
                input_tokens=asked.input_tokens,
            )
        return found.reason if isinstance(found, Unpriced) else found

    # ------------------------------------------------------------ what is remembered

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.time(), dt.UTC)

    def _book(self, deployment: Deployment, service: str) -> _Book:
        today = (deployment.id, service, int(self._clock.time() // _DAY_S))
        return self._books.get(today) or self._opened(today, deployment)

    def _opened(self, today: tuple[str, str, int], deployment: Deployment) -> _Book:
        from modelway.catalog.plain_price import plain_price  # noqa: PLC0415  # at its first use
        from modelway.catalog.pricing import is_free  # noqa: PLC0415

        if len(self._books) >= _MOST_KNOWN:
            self._books.clear()
        info = self.known(deployment)
        if info is None:
            book = _Book(None, "", None, False, {})
        else:
            plain = None if info.per_hour else plain_price(info, self._now(), today[1])
            book = _Book(info, info.version, plain, is_free(info), {})
        self._books[today] = book
        return book


def how_to_add(deployment: Deployment) -> str:
    """A price, as it is written in the configuration, on one line."""
    return _fact(deployment, "price: {input: USD, output: USD}") + "  # per million tokens"


def _fact(deployment: Deployment, fact: str) -> str:
    name = json.dumps(f"{deployment.provider.name}/{deployment.model}")
    return f"catalogue: {{{name}: {{{fact}}}}}"


def _own_cap(asked: Bound, deployment: Deployment, info: ModelInfo | None) -> int | None:
    """What caps the output where the caller does not: the model, or what its dialect has to be told."""
    cap = deployment.target.max_output_tokens
    if cap is None and info is not None:
        cap = info.max_output_tokens
    if deployment.dialect == "anthropic-messages" and not asked.thinks:
        kept = asked.dialect == deployment.dialect or asked.dialect in deployment.also
        if not kept:
            return min(cap or _INVENTED_CAP, _INVENTED_CAP)
    return cap


def _units(asked: Bound) -> int:
    chunks = asked.documents + asked.input_tokens // (_CHUNK_TOKENS // 2)
    return max(1, -(-chunks // _DOCUMENTS_A_UNIT))


def _usd(pico_usd: int) -> str:
    return f"{pico_usd / _PICO:.6f}"
