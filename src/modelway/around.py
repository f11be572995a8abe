"""What all calls of an engine have in common on their way, as one of them sees it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from modelway.accounting import Accounts
from modelway.attempts import Turn
from modelway.call import Call, Deployment
from modelway.config.settings import HedgingSettings
from modelway.errors import LLMError, RefusedError
from modelway.plans import Plans
from modelway.policies.hedging import HedgeBudget
from modelway.policies.limits import Queueing
from modelway.ports import Clock, Handler
from modelway.state import State
from modelway.tracks import Track
from modelway.types import Usage


class Around(Protocol):
    """``Dispatch``, to a walk."""

    plans: Plans
    accounts: Accounts
    state: State
    queueing: Queueing
    hedging: HedgingSettings
    hedges: HedgeBudget
    clock: Clock
    chance: random.Random
    now: Callable[[], float]
    attempt: Callable[[Deployment, Call], Handler]

    def fell_back(self, call: Call, deployment: Deployment) -> None: ...
    def hedged(self, call: Call, deployment: Deployment) -> None: ...
    def limited(self, kind: str, error: RefusedError) -> None: ...
    def saw(self, track: Track, took_s: float | None, error: LLMError | None) -> None: ...
    def broke(
        self, track: Track, given_s: float | None, usage: Usage | None, error: LLMError | None
    ) -> None: ...
    async def paused(self, call: Call, turn: Turn, delay_s: float) -> None: ...
