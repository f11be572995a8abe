"""What is known of a configuration's deployments, what their calls cost, and what they may cost at the most.

Remembered, and loaded from the catalogue when first asked for.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec.structs import replace

from modelway.bounds import Bound, named_service
from modelway.call import Deployment, Reply
from modelway.catalog.models import ModelInfo
from modelway.config.resolve import model_names, resolve
from modelway.config.settings import Settings
from modelway.ledger.values import Basis
from modelway.ports import Clock
from modelway.retrieval import EmbedResponse, RerankResponse
from modelway.types import ChatResponse, Usage

if TYPE_CHECKING:
    from modelway.books import Book
    from modelway.catalog.pricing import Cost

Answer = TypeVar("Answer", ChatResponse, EmbedResponse, RerankResponse)

_WITHOUT_OUTPUT = frozenset(("embed", "rerank"))
_MOST_KNOWN = 10_000
"""Deployments, which callers may name, that are remembered; past it a memory starts anew."""
_DAY_S = 86_400
_PICO_USD = 10**12
_MOST_PICO_USD = 2**63 - 1
"""Of ``catalog.pricing``, which is loaded at its first use."""
_OFF = 100
"""One part in so many is a difference that is said."""
_LEAST_OFF = 10**6
_NOT_SAID = Usage()
_new = tuple.__new__  # a third of the cost of a NamedTuple's own constructor
_log = logging.getLogger(__name__)


class Charged(NamedTuple):
    """What a call cost, in pico-dollars; ``None``: it is not known."""

    pico_usd: int | None
    basis: Basis
    version: str
    """Of the prices."""
    expected_pico_usd: int | None = None
    """By the catalogue, where the provider's own word is the cost."""
    why: str = ""
    """Why it is not known, or what contradicts itself."""


class Most(NamedTuple):
    """The most that a call may cost, in pico-dollars, with its parts; ``None``, and why."""

    pico_usd: int | None
    parts: dict[str, int]
    output_tokens: int | None
    """Of all its choices."""
    why: str = ""


class Facts:
    """Models and prices by deployment."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._models: dict[tuple[str, str | None], ModelInfo | None] = {}
        self._books: dict[tuple[str, str | None, str], Book] = {}
        self._standard: dict[int, tuple[Deployment, Book]] = {}
        """By the deployment itself, which lives as long: of those whose calls name no other terms."""
        self._day_ends = 0.0
        self._told: set[tuple[str, str]] = set()

    def known(self, deployment: Deployment) -> ModelInfo | None:
        """What the catalogue has of a deployment's model."""
        named = (deployment.id, deployment.base_model)
        if named not in self._models:
            from modelway.catalog.models_find import find  # noqa: PLC0415  # data, at its first use

            if len(self._models) >= _MOST_KNOWN:
                self._models.clear()
            overrides = self._settings.overrides
            self._models[named] = find(
                deployment.provider, deployment.model, deployment.base_model, overrides
            )
        return self._models[named]

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
        took_s: float | None = None,
        service: str = "standard",
        answered_by: str = "",
        operation: str = "chat",
    ) -> Charged:
        """What a call of this usage cost; what the provider itself says wins.

        ``took_s`` is what a machine of the operator's own is paid by; ``answered_by`` is the model in
        the provider's words, for names that nothing is known of.
        """
        if operation in _WITHOUT_OUTPUT and usage is not None and usage.output_tokens is None:
            usage = replace(usage, output_tokens=0)
        book = self._book(deployment, service)
        plain = book.plain
        if (
            plain is not None
            and usage is not None
            and (sum_ := plain.of(usage)) is not None
            and sum_ <= _MOST_PICO_USD
        ):
            return _new(Charged, (sum_, "catalogue", book.version, None, ""))
        if usage is None or usage.reported_cost_usd is None:
            info = book.info
            if info is not None and info.per_hour is not None:
                from modelway.catalog.pricing import by_time  # noqa: PLC0415  # at its first use

                if took_s is None:
                    why = "it is paid by the hour, and how long it took is not known"
                    return Charged(None, "unknown", book.version, None, why)
                return Charged(by_time(info.per_hour, took_s), "catalogue", book.version)
            if book.free:
                return Charged(0, "catalogue", book.version)
        return self._looked_up(book, deployment, usage or _NOT_SAID, answered_by)

    def cost(self, deployment: Deployment, usage: Usage) -> int | None:
        """What a call of this usage costs, in pico-dollars, where it is known."""
        return self.charged(deployment, usage).pico_usd

    def price(self, deployment: Deployment, input_tokens: int, output_tokens: int) -> int | None:
        """What an ordinary call of so many tokens costs, in pico-dollars, where it is known."""
        return self.cost(deployment, Usage(input_tokens=input_tokens, output_tokens=output_tokens))

    def told(self, answer: Answer, reply: Reply) -> Answer:
        """An answer as its caller sees it: one that was kept costs nothing, the others their price."""
        if reply.cached:
            return replace(answer, cost_pico_usd=0)
        return self.priced(answer, reply.deployment)

    def priced(self, answer: Answer, deployment: Deployment) -> Answer:
        """The answer with its cost, where the price of its model is known."""
        charged = self.charged(
            deployment,
            answer.usage,
            took_s=answer.latency_s,
            answered_by=answer.model,
            operation="chat" if isinstance(answer, ChatResponse) else "embed",
        )
        if charged.pico_usd is None:
            return answer
        return replace(answer, cost_pico_usd=charged.pico_usd)

    def _looked_up(
        self, book: Book, deployment: Deployment, usage: Usage, answered_by: str
    ) -> Charged:
        from modelway.catalog.priced import price  # noqa: PLC0415  # at its first use
        from modelway.catalog.pricing import Unpriced, cost  # noqa: PLC0415

        info, at = book.info, self._now()
        if book.by_call:
            usage = Usage(
                input_tokens=0, output_tokens=0, reported_cost_usd=usage.reported_cost_usd
            )
        found = cost(usage, info, at=at, service=book.service)
        if (info is None or not info.tariffs) and answered_by:
            found = price(
                usage,
                deployment.provider,
                deployment.model,
                deployment.base_model,
                at=at,
                answered_by=answered_by,
                service=book.service,
                overrides=self._settings.overrides,
            )
        if isinstance(found, Unpriced):
            self._tell_unknown(deployment, info, found.reason)
            return Charged(None, "unknown", book.version, None, found.reason)
        why = "; ".join(found.notes)
        if found.source == "provider":
            why = self._compared(deployment, found) or why
        total, expected = min(found.total_pico_usd, _MOST_PICO_USD), found.expected_pico_usd
        return Charged(total, found.source, found.version, expected, why)

    def _compared(self, deployment: Deployment, found: Cost) -> str:
        """How the provider's own word differs from the catalogue's, if it does."""
        expected, told = found.expected_pico_usd, found.total_pico_usd
        if expected is None:
            return ""
        off = abs(told - expected)
        if off <= _LEAST_OFF or off * _OFF <= expected:
            return ""
        why = f"the provider says {_usd(told)} USD, the catalogue {_usd(expected)} USD"
        if self._first(deployment, "more" if told > expected else "less"):
            _log.warning(
                "the cost of %s: %s (prices: %s); what the provider says counts",
                deployment.id,
                why,
                found.version,
            )
        return why

    def _tell_unknown(self, deployment: Deployment, info: ModelInfo | None, why: str) -> None:
        from modelway.books import how_to_add  # noqa: PLC0415  # at its first use

        if info is not None and (info.tariffs or info.per_hour):
            if self._first(deployment, why.partition(", and")[0]):
                _log.warning(
                    "what a call of %s costs is not known, and in no sum: %s", deployment.id, why
                )
        elif self._first(deployment, "unknown"):
            _log.warning(
                "no price is known for %s, so what it costs is in no sum; to add one: %s (%s)",
                deployment.id,
                how_to_add(deployment),
                why.partition("; to add")[0],
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
        most, why, _version = self.reserved(asked, deployment)
        return most, why

    def reserved(self, asked: Bound, deployment: Deployment) -> tuple[int | None, str, str]:
        """The bound, why there is none, and the version of the prices that it is by."""
        if deployment.defaults or deployment.target.body:
            asked = asked.under(deployment)
        service = asked.service
        if service != "standard":
            service = asked.service_at(deployment)
        book = self._book(deployment, service)
        found = book.bound(asked, deployment)
        if isinstance(found, str):
            info = book.info
            if info is None or not (info.tariffs or info.per_hour):
                self._tell_unknown(deployment, info, found)
            return None, found, book.version
        return found, "", book.version

    def most(self, asked: Bound, deployment: Deployment) -> Most:
        """The bound, with what it is made of."""
        from modelway.catalog.pricing import rounded  # noqa: PLC0415  # at its first use

        asked = asked.under(deployment)
        book = self._book(deployment, asked.service_at(deployment))
        found = book.terms(asked, deployment)
        cap = asked.output_tokens(book.own_cap(asked, deployment))
        if isinstance(found, str):
            return Most(None, {}, cap, found)
        parts = rounded(found)
        return Most(sum(parts.values()), parts, cap)

    def partial(
        self, asked: Bound, deployment: Deployment, received_chars: int | None
    ) -> int | None:
        """The most that an answer has cost that was cut after so many characters.

        ``None`` characters: nobody counted them, so it is the whole bound.
        """
        asked = asked.under(deployment)
        book = self._book(deployment, asked.service_at(deployment))
        found = book.partial(asked, deployment, received_chars)
        return None if isinstance(found, str) else found

    # ------------------------------------------------------------ what is remembered

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.time(), dt.UTC)

    def _book(self, deployment: Deployment, service: str) -> Book:
        now = self._clock.time()
        if not self._day_ends - _DAY_S <= now < self._day_ends:
            self._forget()
            self._day_ends = (now // _DAY_S + 1) * _DAY_S
        if service == "standard":
            standard = self._standard.get(id(deployment))
            if standard is not None:
                return standard[1]
        if deployment.target.body:
            service = named_service(deployment.dialect, deployment.target.body) or service
        book = self._books.get((deployment.id, deployment.base_model, service))
        if book is None:
            book = self._opened(deployment, service)
        if service == "standard":
            if len(self._standard) >= _MOST_KNOWN:
                self._standard.clear()
            self._standard[id(deployment)] = deployment, book
        return book

    def _forget(self) -> None:
        self._books.clear()
        self._standard.clear()

    def _opened(self, deployment: Deployment, service: str) -> Book:
        from modelway.books import Book  # noqa: PLC0415  # the price book, at its first use

        if len(self._books) >= _MOST_KNOWN:
            self._forget()
        book = Book(deployment, self.known(deployment), at=self._now(), service=service)
        self._books[deployment.id, deployment.base_model, service] = book
        return book


def _usd(pico_usd: int) -> str:
    return f"{pico_usd / _PICO_USD:.6f}"
