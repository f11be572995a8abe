"""The budgets of a process: it lives as long as that, whatever becomes of configurations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any
from weakref import WeakValueDictionary

from modelway.errors import StoreDownError
from modelway.policies.budget.account import Account, Means
from modelway.policies.budget.closures import Closures
from modelway.policies.budget.periods import Span
from modelway.policies.budget.pools import About, abouts, fixed, pool_name
from modelway.policies.budget.purse import Purse, Till
from modelway.policies.budget.standing import Standing
from modelway.policies.budget.values import (
    Budget,
    BudgetAlert,
    BudgetStatus,
    GrantNotes,
    Spender,
)
from modelway.policies.budget.vault import Vault
from modelway.ports import Clock, Leases, Pool, Records, Spent

_MOST_PURSES = 5_000
"""Of each of two ages: who was not asked for while the younger filled up is forgotten."""
_MOST_ACTIVE = 20_000
"""Of more, while the store is away, the oldest are forgotten: soft ones then do not count what they would."""
_AT_ONCE = 16
"""Are looked after, so that many wait for the store together."""
_TICK_S = 1.0
_log = logging.getLogger(__name__)


class Budgets:
    """``notes`` is told of every grant that is taken and given back; ``tell`` of what alerts are about."""

    def __init__(
        self,
        budgets: Sequence[Budget],
        leases: Leases,
        records: Records,
        clock: Clock,
        *,
        node: str,
        tell: Callable[[BudgetAlert], None],
        notes: GrantNotes | None = None,
    ) -> None:
        self.notes = notes
        self._clock = clock
        self._vault = Vault(leases, clock.monotonic)
        self._standing = Standing(self._vault, clock, self._safely(tell))
        self._closures = Closures(records, clock, node, self._hear)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._closing = False
        self._active: dict[Account, None] = {}
        self._accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()
        self._tills: WeakValueDictionary[tuple[str, About], Till] = WeakValueDictionary()
        self._fixed: list[Till] = []
        self._young: dict[Spender, Purse] = {}
        self._old: dict[Spender, Purse] = {}
        self._means = Means(
            self._vault,
            clock,
            self._spawn,
            self._active,
            lambda: self.notes,
            self._passed,
            self._standing.refused,
        )
        self._budgets: dict[str, Budget] = {}
        self.adopt(budgets)

    def adopt(self, budgets: Sequence[Budget]) -> None:
        """Other budgets, or other limits, from now on. What was spent stays."""
        self._budgets = {budget.name: budget for budget in budgets}
        now = self._clock.time()
        for till in list(self._tills.values()):
            budget = self._budgets.get(till.budget.name)
            if budget is not None and budget != till.budget:
                till.adopt(budget, now)
        abouts = [(budget, fixed(budget)) for budget in budgets]
        self._fixed = [self._till(budget, about) for budget, about in abouts if about is not None]
        self._young, self._old = {}, {}

    def purse(self, spender: Spender) -> Purse:
        """What this one has; the same until budgets change, unless it is long not asked for."""
        purse = self._young.get(spender)
        if purse is None:
            purse = self._old.pop(spender, None) or self._new_purse(spender)
            if len(self._young) >= _MOST_PURSES:
                self._old, self._young = self._young, {}
            self._young[spender] = purse
        return purse

    async def statuses(self) -> tuple[BudgetStatus, ...]:
        """How each stands that is known here. StoreDownError where the store cannot say."""
        now = self._clock.time()
        accounts = {till.at(now).name: till.at(now) for till in list(self._tills.values())}
        current = [one for one in accounts.values() if one.budget.name in self._budgets]
        return tuple([await self._standing.status(one) for one in current])

    async def settle_for(self, pool: Pool, spent: Sequence[Spent]) -> None:
        """Settle grants of a process that died. StoreDownError: nothing is known of what was."""
        total = await self._vault.total(pool, spent)
        account = self._accounts.get(pool.name)
        if account is not None:
            account.ask_again()
        if total <= (account.pool if account is not None else pool).limit:
            return
        self._closures.add(pool)
        await self._closures.flush()
        if account is not None and not account.closed:
            account.close()
            await self._standing.tell_excess(account, total - account.limit)

    async def start(self) -> None:
        """Hear what other processes close."""
        await self._closures.start()

    async def aclose(self) -> None:
        """Give back what is held for nobody. What is reserved for calls under way counts in full."""
        self._closing = True
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for account in list(self._active):
            account.give_back()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for account in list(self._active):
            await self._look_after(account)
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._closures.aclose()

    # ------------------------------------------------------------ what there is

    def _new_purse(self, spender: Spender) -> Purse:
        tills = [
            self._till(budget, about)
            for budget in self._budgets.values()
            for about in abouts(budget, spender)
        ]
        return Purse(tills, self._clock.time)

    def _till(self, budget: Budget, about: About) -> Till:
        till = self._tills.get((budget.name, about))
        if till is None:
            till = Till(budget, about, self._account, self._clock.time())
            self._tills[budget.name, about] = till
        return till

    def _account(self, budget: Budget, about: About, span: Span) -> Account:
        name = pool_name(budget, about, span.name)
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(budget, about, span, self._means)
            if name in self._closures:
                account.close()
        else:
            account.adopt(budget, span)
        return account

    # ------------------------------------------------------------ closing

    def _hear(self, pool: str) -> None:
        account = self._accounts.get(pool)
        if account is not None:
            account.close()

    def _passed(self, account: Account, excess: int) -> None:
        _log.warning("budgets.passed: %s is closed: %d more were billed", account.name, excess)
        self._closures.add(account.pool)
        self._spawn(self._tell_passed(account, excess))

    async def _tell_passed(self, account: Account, excess: int) -> None:
        await self._closures.flush()
        await self._standing.tell_excess(account, excess)

    # ------------------------------------------------------------ upkeep

    async def _tick(self) -> None:
        while self._active:
            await self._clock.sleep(_TICK_S)
            self._standing.forget_old(self._clock.monotonic())
            active = iter(list(self._active))
            await asyncio.gather(*[self._look_after_each(active) for _ in range(_AT_ONCE)])
            while self._vault.is_away and len(self._active) > _MOST_ACTIVE:
                del self._active[next(iter(self._active))]
        self._ticking = None

    async def _look_after_each(self, accounts: Iterator[Account]) -> None:
        for account in accounts:
            await self._look_after(account)

    async def _look_after(self, account: Account) -> None:
        try:
            await account.tick(self._clock.monotonic())
            await self._closures.flush()
            await self._standing.say(account)
            await self._standing.alert(account)
        except StoreDownError:
            pass  # the vault has logged it; what is to be said is kept
        except Exception:  # noqa: BLE001 - one budget's fault does not end the upkeep of others
            _log.exception("a budget could not be looked after")
        if not account.closed:
            self._closures.forget(account.name)
        if account.at_rest and not self._standing.busy(account):
            self._active.pop(account, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        if self._ticking is None and not self._closing:
            self._ticking = asyncio.create_task(self._tick())

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, StoreDownError):
            _log.error("a budget could not be looked after", exc_info=error)

    @staticmethod
    def _safely(tell: Callable[[BudgetAlert], None]) -> Callable[[BudgetAlert], None]:
        def told(alert: BudgetAlert) -> None:
            try:
                tell(alert)
            except Exception:  # noqa: BLE001 - whoever is told cannot stop what is booked
                _log.exception("nobody could be told of a budget")

        return told
