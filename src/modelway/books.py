"""The prices of one deployment, on one day and for one service: what they make of a call's bound."""

from __future__ import annotations

import datetime as dt
import json

from modelway.bounds import Bound
from modelway.call import Deployment
from modelway.catalog.counting import counting
from modelway.catalog.models import ModelInfo
from modelway.catalog.models_find import catalogue_name
from modelway.catalog.plain_price import plain_price
from modelway.catalog.pricing import (
    MOST_PICO_USD,
    PICO,
    Ceiling,
    Class,
    Unpriced,
    by_time,
    ceiling,
    is_by_call,
    is_free,
    why_unknown,
)
from modelway.weighing import IMAGE_TOKENS

_INVENTED_CAP = 4_096
"""At the most, where Anthropic's dialect needs a cap and a client of another gave none."""
_CHUNK_TOKENS = 510
_DOCUMENTS_A_UNIT = 100
"""Cohere's search unit; longer documents than a chunk, with the query in each, count as several.

Source: https://cohere.com/pricing and https://docs.cohere.com/docs/reranking-best-practices, 2026-11-21.
"""
_IN_FLIGHT_TOKENS = 64
"""What a host writes between a cut and its seeing it: a second of a fast model."""
_NO_KINDS: frozenset[Class] = frozenset()


class Book:
    """What calls of one deployment cost today."""

    __slots__ = (
        *("_at", "_ceilings", "_counting", "_rates"),
        *("by_call", "free", "info", "plain", "service", "version"),
    )

    def __init__(
        self, deployment: Deployment, info: ModelInfo | None, *, at: dt.datetime, service: str
    ) -> None:
        self.info = info
        self.version = "" if info is None else info.version
        by_the_hour = info is not None and info.per_hour is not None
        self.plain = None if info is None or by_the_hour else plain_price(info, at, service)
        self.free = info is not None and not by_the_hour and is_free(info)
        self.by_call = info is not None and is_by_call(info)
        self.service = service
        self._at = at
        self._ceilings: dict[frozenset[Class], Ceiling | str] = {}
        self._counting = counting(
            catalogue_name(deployment.provider), deployment.base_model or deployment.model
        )
        self._rates = self._plain_rates(deployment)

    def bound(self, asked: Bound, deployment: Deployment) -> int | str:
        """The sum of ``terms`` in pico-dollars, at once for what is ordinary; or why there is none."""
        rates = self._rates
        if rates is not None and not (asked.surcharged or asked.kinds or asked.images):
            made = asked.output_tokens(None)
            if made and asked.input_tokens <= rates[2]:
                read, written, _, told, slack = rates
                if slack:
                    made += slack * asked.choices
                most = -(-((asked.input_tokens + told) * read + made * written) // PICO)
                return min(most, MOST_PICO_USD)
        return _added(self.terms(asked, deployment))

    def _plain_rates(self, deployment: Deployment) -> tuple[int, int, float, int, int] | None:
        """Of input, and of output, for input no longer than this; what is told, and what is written more.

        For what has tokens of plain text alone, at a model that is paid by nothing else.
        """
        if self.plain is None or self._counting.thinks_beside:
            return None
        most = self._dearest(_NO_KINDS, 0, deployment)
        if isinstance(most, str) or most.output is None or most.calls or most.searches:
            return None
        counted = self._counting
        return most.input, most.output, most.longest, counted.told_tokens, counted.slack_tokens

    def terms(
        self, asked: Bound, deployment: Deployment, received: int | None = None
    ) -> dict[str, int] | str:
        """What the bound adds up, in 10⁻²⁴ USD; or why there is none.

        ``received`` tokens are what it wrote where nothing caps that.
        """
        info = self.info
        if self.free:
            return {"input": 0, "output": 0}
        surcharge = 0
        if asked.surcharged:
            if info is None or info.surcharge_usd is None:
                fact = _fact(deployment, "surcharge_usd: USD")
                return f"the cost of {asked.surcharged} is in no count of tokens; add {fact}"
            surcharge = int(info.surcharge_usd * PICO) * PICO
        if info is not None and info.per_hour is not None:
            longest_s = deployment.timeouts.total_s
            return {"time": by_time(info.per_hour, longest_s) * PICO + surcharge}
        most = self._ceiling(asked, deployment)
        if isinstance(most, str):
            return most
        terms: dict[str, int] = {}
        if not self.by_call:
            if asked.operation == "pass":
                return "what an endpoint bills that is passed through is not known"
            made = self._made(asked, deployment)
            made = received if made is None else made
            if made is None:
                return "no cap of its output is known: say max_tokens"
            if made and most.output is None:
                return "no price of its output is known"
            terms["input"] = self._read(asked) * most.input
            terms["output"] = made * (most.output or 0)
        if most.calls:
            terms["calls"] = most.calls
        if most.searches:
            terms["searches"] = _units(asked) * most.searches
        if surcharge:
            terms["surcharge"] = surcharge
        return terms

    def partial(
        self, asked: Bound, deployment: Deployment, received_chars: int | None
    ) -> int | str:
        """The same of an answer that was cut: a character is half a token at the most.

        The whole bound where nobody counted, or where thoughts are billed that nobody sees.
        """
        made = None
        unseen = self._counting.thinks_beside or (self.info is not None and self.info.reasoning)
        if received_chars is not None and not unseen:
            made = -(-received_chars // 2) + _IN_FLIGHT_TOKENS * asked.choices
        terms = self.terms(asked, deployment, made)
        if made is not None and not isinstance(terms, str) and terms.get("output"):
            most = self._ceiling(asked, deployment)
            if not isinstance(most, str) and most.output is not None:
                terms["output"] = min(terms["output"], made * most.output)
        return _added(terms)

    def own_cap(self, asked: Bound, deployment: Deployment) -> int | None:
        """What caps the output where the caller does not: the model, its window, or what is invented."""
        cap = deployment.target.max_output_tokens
        if cap is None and self.info is not None:
            cap = self.info.max_output_tokens or self.info.context_tokens
        if deployment.dialect == "anthropic-messages" and not asked.thinks:
            spoken = (deployment.dialect, *deployment.also)
            if asked.dialect not in spoken:
                return min(cap or _INVENTED_CAP, _INVENTED_CAP)
        return cap

    def _made(self, asked: Bound, deployment: Deployment) -> int | None:
        """The most that is written, thoughts included."""
        cap = self.own_cap(asked, deployment)
        made = asked.output_tokens(cap)
        if not made:
            return made
        if self._counting.thinks_beside:
            if cap is None:
                return None
            made += cap * asked.choices
        return made + self._counting.slack_tokens * asked.choices

    def _read(self, asked: Bound) -> int:
        read = asked.input_tokens + self._counting.told_tokens
        dearer = self._counting.image_tokens - IMAGE_TOKENS
        return read + asked.images * dearer if dearer > 0 else read

    def _ceiling(self, asked: Bound, deployment: Deployment) -> Ceiling | str:
        found = self._ceilings.get(asked.kinds)
        if found is None:
            found = self._ceilings[asked.kinds] = self._dearest(asked.kinds, 0, deployment)
        if not isinstance(found, str) and asked.input_tokens > found.longest:
            return self._dearest(asked.kinds, self._read(asked), deployment)
        return found

    def _dearest(
        self, kinds: frozenset[Class], input_tokens: int, deployment: Deployment
    ) -> Ceiling | str:
        info = self.info
        if info is None or not info.tariffs:
            return f"{why_unknown(info)}; to add a price: {how_to_add(deployment)}"
        found = ceiling(
            info, at=self._at, service=self.service, kinds=kinds, input_tokens=input_tokens
        )
        return found.reason if isinstance(found, Unpriced) else found


def _added(terms: dict[str, int] | str) -> int | str:
    """The sum in pico-dollars, rounded up; or why there is none."""
    return terms if isinstance(terms, str) else min(-(-sum(terms.values()) // PICO), MOST_PICO_USD)


def how_to_add(deployment: Deployment) -> str:
    """A price, as it is written in the configuration, on one line."""
    return _fact(deployment, "price: {input: USD, output: USD}") + "  # per million tokens"


def _fact(deployment: Deployment, fact: str) -> str:
    name = json.dumps(f"{deployment.provider.name}/{deployment.model}")
    return f"catalogue: {{{name}: {{{fact}}}}}"


def _units(asked: Bound) -> int:
    """Search units: each document, and each chunk that it is cut into at half a chunk's length."""
    chunks = asked.documents + asked.input_tokens // (_CHUNK_TOKENS // 2)
    return max(1, -(-chunks // _DOCUMENTS_A_UNIT))
