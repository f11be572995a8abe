"""What attempts cost: bounded and written down before they are sent, settled once when they are over.

An attempt has one ``Booking``. Its upper bound is reserved of every budget that is about it and its
intent is in the journal before anything is sent; whatever becomes of it, it is settled once.
"""

from __future__ import annotations

import logging
import math
import zlib
from typing import TYPE_CHECKING

from modelway.bounds import Bound
from modelway.call import Call, Deployment, Reply, Stream
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    BudgetExceededError,
    ConfigError,
    LLMError,
    RefusedError,
    RequestError,
    StoreDownError,
)
from modelway.facts import Charged, Facts
from modelway.ledger.values import Intent, Settlement
from modelway.policies.budget.values import Spender
from modelway.ports import Clock
from modelway.state import State
from modelway.types import Usage

if TYPE_CHECKING:
    from modelway.policies.budget.purse import Hold, Purse

_log = logging.getLogger(__name__)

PRICED = frozenset(("chat", "complete", "embed", "rerank", "pass"))
"""Operations that providers bill."""
_NEVER_SENT = frozenset(("connect", "dns", "refused", "tls", "proxy", "outbound", "offline"))
"""Codes of what failed before a request was sent."""
_ESTIMATED = frozenset(("received", "reserved"))
_SAID_FOR_S = 60.0
_NOTHING = Usage()
_TIERS = frozenset(("service_tier", "serviceTier"))
"""Fields by which dialects name the terms of a call."""
_new = tuple.__new__  # a third of the cost of a NamedTuple's own constructor


class Accounts:
    """What an engine's bookings are made with. The books are those of its state, and outlive it."""

    def __init__(self, facts: Facts, clock: Clock, state: State) -> None:
        self.facts = facts
        self.clock = clock
        self.books = state
        self._says_again = -math.inf

    def of(self, call: Call) -> Account:
        """The account of one call, on which each of its attempts is booked."""
        return Account(self, call)

    def unwritten(self, why: str) -> None:
        """Say that attempts are missing in the ledger: once a minute, however many they are."""
        now = self.clock.monotonic()
        if now >= self._says_again:
            self._says_again = now + _SAID_FOR_S
            _log.error("attempts are not in the ledger: %s", why)

    async def can_spend(self, call: Call) -> bool:
        """Whether the caller's budgets have anything left, whoever is to be asked."""
        budgets = self.books.budgets
        if budgets is None:
            return True
        purse = budgets.purse(_spender(call, None))
        try:
            hold = purse.reserve(1) or await purse.enter(1)
        except RefusedError:
            return False
        hold.release()
        return True

    def hit(self, call: Call, reply: Reply) -> None:
        """Write down an answer that was kept, and so cost nothing."""
        ledger = self.books.ledger
        if ledger is None or call.operation not in PRICED:
            return
        usage = reply.usage or _NOTHING
        saved = self.facts.charged(reply.deployment, usage, operation=call.operation)
        account = Account(self, call)
        intent = account.intent(
            reply.deployment, f"{call.id}.cache", self.facts.version(reply.deployment)
        )
        try:
            ledger.intend(intent)
        except StoreDownError as error:
            self.unwritten(str(error))
            return
        ledger.settle(
            Settlement(
                id=intent.id,
                cost_pico_usd=0,
                basis="free",
                cache=reply.cached,
                saved_pico_usd=saved.pico_usd,
                price_version=saved.version,
            )
        )


class Account:
    """One call's bookings."""

    __slots__ = ("_attempts", "_bound", "_same", "accounts", "call")

    def __init__(self, accounts: Accounts, call: Call) -> None:
        self.accounts = accounts
        self.call = call
        self._bound: Bound | None = None
        self._attempts = 0
        self._same: int | None = None
        """Equal where the same was asked, but for chance: a checksum of the messages."""

    @property
    def bound(self) -> Bound:
        """What it may use at the most: found out once, whoever is asked."""
        if self._bound is None:
            self._bound = Bound(self.call)
        return self._bound

    def service_at(self, deployment: Deployment) -> str:
        """The terms that the call names there. What names none need not be looked through."""
        if self._bound is None:
            call = self.call
            body = call.body.fields if call.body is not None else getattr(call.request, "extra", {})
            if _TIERS.isdisjoint(body):
                return "standard"
        try:
            return self.bound.service_at(deployment)
        except LLMError:  # what cannot be read is refused before it is sent, or was no terms at all
            return "standard"

    @property
    def left_pico_usd(self) -> int | None:
        """What may still be spent by the caller, as far as it is known here; ``None``: not bounded."""
        budgets = self.accounts.books.budgets
        if budgets is None:
            return None
        return budgets.purse(_spender(self.call, None)).left_pico_usd

    def most(self, deployment: Deployment) -> int | None:
        """What it may cost there at the most, in pico-dollars; ``None``: that is not known."""
        return self.accounts.facts.bound(self.bound, deployment)[0]

    def refusal(self, deployment: Deployment) -> str:
        """Why a budget would not let it be asked there, as far as is known here; ``""``: it would."""
        budgets = self.accounts.books.budgets
        if budgets is None or self.call.operation not in PRICED:
            return ""
        purse = budgets.purse(_spender(self.call, deployment))
        if why := purse.blocked:
            return why
        most, why = self.accounts.facts.bound(self.bound, deployment)
        if most is None:
            return "" if purse.reserve(None) is not None else f"what it costs is not known: {why}"
        left = purse.left_pico_usd
        if left is not None and most > left:
            return "it may cost more than a budget has left"
        return ""

    def admit(self, deployment: Deployment) -> Booking | None:
        """A booking out of what is held here; ``None``: ``enter`` may know more, or say why not."""
        books, call = self.accounts.books, self.call
        budgets = books.budgets
        if (budgets is None and books.ledger is None) or call.operation not in PRICED:
            return Booking(self, deployment)
        most, _why, version = self.accounts.facts.reserved(self.bound, deployment)
        if budgets is None:
            return self._booked(deployment, most, version)
        purse = budgets.purse(_spender(call, deployment))
        hold = purse.reserve(most)
        if hold is None:
            return None
        try:
            return self._booked(deployment, most, version, purse, hold)
        except StoreDownError:
            return None

    async def enter(self, deployment: Deployment) -> Booking:
        """A booking; BudgetExceededError where a budget does not allow it.

        StoreDownError where a hard budget is about it and its intent cannot be written down.
        """
        budgets = self.accounts.books.budgets
        assert budgets is not None  # noqa: S101 - nothing else makes one wait
        most, why, version = self.accounts.facts.reserved(self.bound, deployment)
        purse = budgets.purse(_spender(self.call, deployment))
        try:
            hold = await purse.enter(most)
        except BudgetExceededError as error:
            if most is None and why:
                error.message = f"{error.message} ({why})"
                error.args = (error.message,)
            error.provider = error.provider or deployment.provider.name
            error.model = error.model or deployment.model
            raise
        return self._booked(deployment, most, version, purse, hold)

    def _booked(
        self,
        deployment: Deployment,
        most: int | None,
        version: str,
        purse: Purse | None = None,
        hold: Hold | None = None,
    ) -> Booking:
        ledger = self.accounts.books.ledger
        if ledger is None:
            return Booking(self, deployment, most, hold)
        self._attempts += 1
        id_ = f"{self.call.id}.{self._attempts}"
        try:
            ledger.intend(self.intent(deployment, id_, version, most, hold))
        except BaseException as error:
            missed = isinstance(error, StoreDownError) and (purse is None or not purse.hard)
            if not missed:
                if hold is not None:
                    hold.release()
                raise
            self.accounts.unwritten(str(error))
            id_ = ""
        return Booking(self, deployment, most, hold, id_)

    def intent(
        self,
        deployment: Deployment,
        id_: str,
        version: str,
        most: int | None = None,
        hold: Hold | None = None,
    ) -> Intent:
        call, payer, same = self.call, self.call.payer, self._same
        if same is None:
            said = None if call.body is None else call.body.fields.get("messages")
            same = self._same = 0 if said is None else zlib.crc32(said)
        return Intent(
            id=id_,
            time=self.accounts.clock.time(),
            tenant=call.tenant,
            key=call.key,
            team=payer.team,
            user=payer.user,
            tags=payer.tags,
            operation=call.operation,
            stream=call.stream,
            asked=call.model,
            deployment=deployment.id,
            provider=deployment.provider.name,
            model=deployment.target.model,
            service=self.service_at(deployment),
            reserved_pico_usd=most,
            price_version=version,
            same=same,
            draws=() if hold is None else hold.draws,
        )


class Booking:
    """One attempt's. Its first end counts; any other is ignored."""

    __slots__ = ("_account", "_deployment", "_hold", "_id", "_most", "_over")

    def __init__(
        self,
        account: Account,
        deployment: Deployment,
        most: int | None = None,
        hold: Hold | None = None,
        id_: str = "",
    ) -> None:
        self._account = account
        self._deployment = deployment
        self._most = most
        self._hold = hold
        self._id = id_
        self._over = False

    def failed(self, error: LLMError, took_s: float) -> None:
        """It was refused, or no answer came."""
        what = type(error).__name__
        if _unbilled(error):
            self._end(Charged(0, "free", ""), took_s, error=what)
        else:
            self._end(Charged(self._most, "reserved", ""), took_s, error=what)

    def given_up(self, took_s: float, *, streams: bool) -> None:
        """Nobody waits for the answer any more; one that ``streams`` ends where it is cut."""
        charged = self._received(0) if streams else Charged(self._most, "reserved", "")
        self._end(charged, took_s, error="Cancelled")

    def answered(self, usage: Usage | None, took_s: float) -> None:
        """The whole answer is there."""
        self._end(self._charged(usage, took_s), took_s, None, "", usage)

    def streamed(
        self,
        stream: Stream,
        began: float,
        first_s: float,
        usage: Usage | None,
        error: LLMError | None,
    ) -> None:
        """A stream is over, at its end or before it. ``began`` is monotonic."""
        took_s = self._account.accounts.clock.monotonic() - began
        if error is None or stream.billed:
            charged = self._charged(usage, took_s)
        else:
            charged = self._received(stream.received_chars)
        ended_by = "" if error is None else _ended_by(error)
        self._end(charged, took_s, first_s, ended_by, usage)

    def _received(self, chars: int | None) -> Charged:
        account = self._account
        cost = account.accounts.facts.partial(account.bound, self._deployment, chars)
        return Charged(cost, "received", "")

    def _charged(self, usage: Usage | None, took_s: float) -> Charged:
        account = self._account
        operation = account.call.operation
        if operation not in PRICED:
            return Charged(0, "free", "")
        charged = account.accounts.facts.charged(
            self._deployment,
            usage,
            took_s=took_s,
            service=account.service_at(self._deployment),
            operation=operation,
        )
        if charged.pico_usd is None and self._most is not None:
            # The price is known, and what was used is not: no more than was reserved.
            return Charged(self._most, "reserved", "")
        return charged

    def _end(
        self,
        charged: Charged,
        took_s: float,
        first_s: float | None = None,
        error: str = "",
        usage: Usage | None = None,
    ) -> None:
        if self._over:
            return
        self._over = True
        cost, basis = charged.pico_usd, charged.basis
        estimated = basis in _ESTIMATED
        books = self._account.accounts.books
        if self._hold is not None:
            self._hold.settle(cost)
        books.counts.spent(cost, estimated=estimated)
        if self._id and books.ledger is not None:
            said = usage or _NOTHING
            books.ledger.settle(
                Settlement(
                    id=self._id,
                    cost_pico_usd=cost,
                    basis=basis if cost is not None else "unknown",
                    took_s=took_s,
                    first_s=first_s,
                    error=error,
                    input_tokens=said.input_tokens,
                    output_tokens=said.output_tokens,
                    cached_tokens=said.cached_tokens,
                    cache_write_tokens=said.cache_write_tokens,
                    cache_write_1h_tokens=said.cache_write_1h_tokens,
                    reasoning_tokens=said.reasoning_tokens,
                    input_audio_tokens=said.input_audio_tokens,
                    output_audio_tokens=said.output_audio_tokens,
                    search_units=said.search_units,
                    expected_pico_usd=charged.expected_pico_usd,
                    price_version=charged.version,
                )
            )
        if books.metrics is not None:
            deployment = self._deployment
            books.metrics.attempt(
                deployment.provider.name,
                deployment.target.model,
                self._account.call.operation,
                took_s=took_s,
                first_s=first_s,
                error=error,
                usage=usage,
                cost_pico_usd=cost,
                estimated=estimated,
            )


def _spender(call: Call, deployment: Deployment | None) -> Spender:
    payer = call.payer
    told = (call.tenant, call.key, payer.team, payer.user, payer.tags)
    if deployment is None:
        return Spender(*told, "", "", call.model, "")
    where = (deployment.provider.name, deployment.target.model, call.model, deployment.id)
    return _new(Spender, told + where)


def _unbilled(error: LLMError) -> bool:
    """Whether a failed attempt costs nothing: the provider refused it, or never saw it."""
    if error.partly_answered:
        return False
    if error.status is not None:
        return error.status >= 400
    if isinstance(error, ConfigError | RequestError | RefusedError):
        return True
    return isinstance(error, APIConnectionError | APITimeoutError) and error.code in _NEVER_SENT


def _ended_by(error: LLMError) -> str:
    return error.code if error.code == "left" else type(error).__name__
