"""How pools stand for all processes together: what is spent of them, and what is only held.

A pool counts both. Each process says now and then what it holds, in a second pool of short life, so
that one that dies says nothing for long.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from modelway.policies.budget.account import Account
from modelway.policies.budget.values import BudgetAlert, BudgetStatus
from modelway.policies.budget.vault import HUGE, Vault
from modelway.ports import Clock, Pool, Spent

_LIFE_S = 30.0
_AFRESH_S = 10.0
_REFUSED = "refused"


class _Said(NamedTuple):
    """What was last said of what is held here."""

    grant: int
    amount: int
    at: float


_NOTHING = _Said(0, 0, -math.inf)


class Standing:
    def __init__(self, vault: Vault, clock: Clock, tell: Callable[[BudgetAlert], None]) -> None:
        self._vault = vault
        self._clock = clock
        self._tell = tell
        self._said: dict[Account, _Said] = {}
        self._told: dict[tuple[str, int, str], float] = {}
        """(pool, limit, what) → until when it need not be told again."""
        self._looked: dict[Account, int] = {}
        """What was spent when it was last looked, where that was enough to tell of."""
        self._refused: set[Account] = set()

    def refused(self, account: Account) -> None:
        """Somebody was."""
        self._refused.add(account)

    def busy(self, account: Account) -> bool:
        """Whether there is something to be said of it yet."""
        return account in self._said or account in self._looked or account in self._refused

    async def say(self, account: Account) -> None:
        """What is held here, where that has changed."""
        now = self._clock.monotonic()
        held = account.held
        said = self._said.get(account, _NOTHING)
        if held == said.amount and (not held or now < said.at + _AFRESH_S):
            return
        pool = _held(account)
        before = [Spent(said.grant, 0)] if said.grant else []
        if held:
            grant = await self._vault.take(pool, held, least=held, spent=before)
            self._said[account] = _Said(grant.id, held, now)
        else:
            await self._vault.settle(pool, before)
            del self._said[account]

    def forget_old(self, now: float) -> None:
        """What was said and lives no longer: a store was away."""
        for account, said in list(self._said.items()):
            if now >= said.at + _LIFE_S:
                del self._said[account]

    async def status(self, account: Account) -> BudgetStatus:
        total = await account.total()
        reserved = min(total, await self._held(account))
        budget = account.budget
        calendar = math.isfinite(account.ends)
        return BudgetStatus(
            name=budget.name,
            about=dict(account.about),
            period=budget.period,
            begins=account.begins if calendar else None,
            ends=account.ends if calendar else None,
            limit_pico_usd=budget.limit_pico_usd,
            spent_pico_usd=total - reserved,
            reserved_pico_usd=reserved,
            remaining_pico_usd=max(0, budget.limit_pico_usd - total),
            hard=budget.hard,
            closed=account.closed,
        )

    async def alert(self, account: Account) -> None:
        """Tell what there is to tell, once for all processes.

        Who takes a slice says so within a second: so what looks spent must look so twice.
        """
        if account in self._refused:
            self._refused.discard(account)
            if await self._claim(account, _REFUSED):
                self.tell(account, "refused", await self._spent(account))
        percents = self._due(account)
        if not percents:
            self._looked.pop(account, None)
            return
        spent = await self._spent(account)
        reached = [one for one in percents if spent * 100 >= one * account.limit]
        before = self._looked.pop(account, None)
        for percent in reached:
            if before is None or before * 100 < percent * account.limit:
                self._looked[account] = spent
            elif await self._claim(account, f"{percent:g}"):
                self.tell(account, "threshold", spent, percent=percent)

    async def tell_excess(self, account: Account, excess: int) -> None:
        """It was passed by what was billed beyond a reservation."""
        self.tell(account, "excess", await self._spent(account), excess=excess)

    def tell(
        self,
        account: Account,
        kind: Literal["threshold", "excess", "refused"],
        spent: int,
        *,
        percent: float | None = None,
        excess: int = 0,
    ) -> None:
        if percent is None:
            percent = round(100.0 * spent / account.limit, 2) if account.limit else 100.0
        self._tell(
            BudgetAlert(
                name=account.budget.name,
                about=dict(account.about),
                percent=percent,
                spent_pico_usd=spent,
                limit_pico_usd=account.budget.limit_pico_usd,
                time=self._clock.time(),
                kind=kind,
                excess_pico_usd=excess,
            )
        )

    async def _spent(self, account: Account) -> int:
        return (await self.status(account)).spent_pico_usd

    def _due(self, account: Account) -> list[float]:
        """Thresholds that may have been reached, as far as is known without asking."""
        if account.left is None or not account.limit:
            return []
        total = account.pool.limit - account.left
        return [
            percent
            for percent in account.budget.alerts
            if (total * 100 >= percent * account.limit or not account.left)
            and not self._is_told(account, f"{percent:g}")
        ]

    def _is_told(self, account: Account, what: str) -> bool:
        key = (account.name, account.limit, what)
        return self._told.get(key, -math.inf) > self._clock.monotonic()

    async def _claim(self, account: Account, what: str) -> bool:
        """Whether it is for this process to tell it."""
        if self._is_told(account, what):
            return False
        pool = Pool(f"{account.name}/alert/{account.limit}/{what}", 1, 0.0, account.pool.window_s)
        grant = await self._vault.take(pool, 1)
        now = self._clock.monotonic()
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[account.name, account.limit, what] = now + account.pool.window_s
        return grant.amount > 0

    async def _held(self, account: Account) -> int:
        """By all: of this process as it is now, of the others as they have said."""
        said = self._said.get(account, _NOTHING)
        all_said = await self._vault.total(_held(account))
        return max(0, all_said - said.amount) + account.held


_MOST_TOLD = 20_000


def _held(account: Account) -> Pool:
    return Pool(f"{account.name}/held", HUGE, 0.0, _LIFE_S)
