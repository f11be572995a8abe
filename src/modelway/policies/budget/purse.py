"""All budgets that one spender's attempts are about: what is reserved of them is reserved in all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelway.policies.budget import words
from modelway.policies.budget.account import Account
from modelway.policies.budget.periods import Span, span
from modelway.policies.budget.pools import About
from modelway.policies.budget.slices import Slice
from modelway.policies.budget.values import Budget, Draw

_MOST = 2**60
"""Pico-dollars: over a million dollars for one call is taken for that."""


class Till:
    """A budget for one of those that it is about: its account is that of the period that it is."""

    __slots__ = ("__weakref__", "_open", "about", "account", "budget")

    def __init__(
        self,
        budget: Budget,
        about: About,
        open_account: Callable[[Budget, About, Span], Account],
        now: float,
    ) -> None:
        self.budget = budget
        self.about = about
        self._open = open_account
        self.account = self.turn(now)

    def adopt(self, budget: Budget, now: float) -> None:
        self.budget = budget
        self.turn(now)

    def turn(self, now: float) -> Account:
        """Go to the period that this moment is in."""
        self.account = self._open(self.budget, self.about, span(self.budget, now))
        return self.account

    def at(self, now: float) -> Account:
        account = self.account
        return account if account.begins <= now < account.ends else self.turn(now)


class Hold:
    """What is reserved for one attempt. Settled or released once; again: ignored."""

    __slots__ = ("_done", "_loose", "_parts", "pico_usd")

    def __init__(
        self, pico_usd: int | None, parts: Sequence[Slice], loose: Sequence[Account] = ()
    ) -> None:
        self.pico_usd = pico_usd
        self._parts = parts
        self._loose = loose
        """Those that count it without having reserved anything."""
        self._done = False

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What came of which grant."""
        amount = self.pico_usd or 0
        return tuple([Draw(part.holder.name, part.grant, amount) for part in self._parts])

    def settle(self, pico_usd: int | None) -> None:
        """It did cost so much, more than was reserved too; ``None``: not known, so as much as that."""
        if self._done:
            return
        self._done = True
        reserved = self.pico_usd or 0
        if pico_usd is None:
            cost = reserved
        elif 0 <= pico_usd <= _MOST:
            cost = pico_usd
        else:
            cost = 0 if pico_usd < 0 else _MOST
        for part in self._parts:
            part.open -= reserved
            part.room += reserved - cost
            if part.watched or part.room < 0:
                part.holder.touched(part)
        if self._loose:
            for account in self._loose:
                account.owe(cost)

    def release(self) -> None:
        """Nothing was spent."""
        self.settle(0)


class Purse:
    """What one spender has, as long as configurations and periods last."""

    __slots__ = ("_tills", "_time", "empty")

    def __init__(self, tills: Sequence[Till], time: Callable[[], float]) -> None:
        self._tills = tuple(tills)
        self._time = time
        self.empty = not self._tills
        """No budget is about it."""

    @property
    def hard(self) -> bool:
        """Whether any of them refuses."""
        return any(till.budget.hard for till in self._tills)

    @property
    def left_pico_usd(self) -> int | None:
        """The least that remains of the hard ones, as far as is known here."""
        known = [
            account.left + account.room
            for account in self._accounts()
            if account.hard and account.left is not None
        ]
        return min(known, default=None)

    @property
    def blocked(self) -> str:
        """Why nothing at all would be let through now, as far as is known here; ``""``: it may be."""
        for account in self._accounts():
            why = account.blocked
            if why:
                return why
        return ""

    def reserve(self, pico_usd: int | None) -> Hold | None:
        """At once, out of what is held here. ``None``: it takes ``enter`` to know."""
        if not pico_usd or pico_usd < 0:
            return self._reserve_nothing(pico_usd)
        now = self._time()
        parts = []
        for till in self._tills:
            account = till.account
            if not account.begins <= now < account.ends:
                account = till.turn(now)
            part = account.part
            if part.room < pico_usd:
                found = account.find(pico_usd)
                if found is None:
                    return None
                part = found
            parts.append(part)
        for part in parts:
            part.room -= pico_usd
            part.open += pico_usd
            if part.room < part.low:
                part.holder.look_ahead(part)
        return Hold(pico_usd, parts)

    async def enter(self, pico_usd: int | None) -> Hold:
        """Reserve it, if need be out of the store. BudgetExceededError where a budget refuses."""
        hold = self.reserve(pico_usd)
        if hold is not None:
            return hold
        accounts = self._accounts()
        if not pico_usd:
            raise self._nothing_refused(accounts, pico_usd)
        drawn: list[Slice | None] = []
        try:
            for account in accounts:
                drawn.append(await account.acquire(pico_usd))  # noqa: PERF401 - all before are undone
        except BaseException:
            for part in drawn:
                if part is not None:
                    part.release(pico_usd)
            raise
        loose = [account for account, part in zip(accounts, drawn, strict=True) if part is None]
        return Hold(pico_usd, [part for part in drawn if part is not None], loose)

    def _accounts(self) -> list[Account]:
        now = self._time()
        return [till.at(now) for till in self._tills]

    def _reserve_nothing(self, pico_usd: int | None) -> Hold | None:
        """What is free, or counts for nothing because nobody knows its price."""
        if pico_usd is not None and pico_usd < 0:
            raise ValueError(f"{pico_usd} pico-dollars cannot be reserved")
        accounts = self._accounts()
        if any(_refuses(account, pico_usd) for account in accounts):
            return None
        return Hold(pico_usd, (), accounts)

    @staticmethod
    def _nothing_refused(accounts: Sequence[Account], pico_usd: int | None) -> Exception:
        account = next(one for one in accounts if _refuses(one, pico_usd))
        if account.closed:
            return account.closed_error()
        return words.unpriced(account.budget, account.about)


def _refuses(account: Account, pico_usd: int | None) -> bool:
    unpriced = pico_usd is None and account.budget.unpriced == "refuse"
    return account.hard and (account.closed or unpriced)
