"""What may be spent, by whom, and how it stands."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from modelway.ports import Pool

Scope: TypeAlias = Literal[
    "tenant", "key", "team", "user", "tag", "provider", "model", "deployment"
]
SCOPES: tuple[Scope, ...] = (
    *("tenant", "key", "team", "user", "tag", "provider", "model", "deployment"),
)
EACH = "*"
"""As the value of a scope: each by itself."""
Period: TypeAlias = Literal["day", "week", "month", "total", "rolling"]


class Webhook(Struct, frozen=True, kw_only=True):
    """Where alerts are POSTed, and what they are signed with."""

    url: str
    secret: str

    def __repr__(self) -> str:  # a URL may hold a secret, too
        return "Webhook(...)"


class Budget(Struct, frozen=True, kw_only=True):
    """So much in a period, for what it is about. No scope: for everything together."""

    name: str
    limit_pico_usd: int
    period: Period = "month"
    rolling_s: float | None = None
    """The length of a rolling period; what was spent counts by steps of a 240th of it."""
    time_zone: str = "UTC"
    """In which days, weeks (from Monday) and months begin."""
    about: dict[Scope, str] = {}
    """Scope → whom; ``*``: each by itself. All of them must be the case. ``model`` is the name that
    was asked for, or the provider's."""
    hard: bool = True
    """Whether calls are refused that would pass it; a soft one only warns."""
    unpriced: Literal["refuse", "allow"] = "refuse"
    """What becomes of calls whose price is not known, under a hard budget."""
    alerts: tuple[float, ...] = (50.0, 80.0, 100.0)
    """Percents of the limit at which somebody is told."""
    webhook: Webhook | None = None
    """Who is told, beside the log and the observers."""

    def __repr__(self) -> str:
        return f"Budget(name={self.name!r}, limit_pico_usd={self.limit_pico_usd})"


class Spender(NamedTuple):
    """All that a budget can be about, of one attempt."""

    tenant: str
    key: str
    team: str
    user: str
    tags: tuple[str, ...]
    provider: str
    model: str
    """As the provider knows it."""
    asked: str
    deployment: str


class Draw(NamedTuple):
    """What a reservation took of one budget's pool, and of which grant of it."""

    pool: str
    grant: int
    pico_usd: int


class GrantNotes(Protocol):
    """Who is told of grants, so that those of a process that died can be settled."""

    def granted(self, pool: Pool, grant: int, amount: int) -> None: ...
    def returned(self, pool: str, grant: int) -> None: ...


class BudgetStatus(Struct, frozen=True, kw_only=True):
    """How one budget stands, for one of those that it is about."""

    name: str
    about: dict[str, str]
    """With the values in place of ``*``."""
    period: str
    begins: float | None
    """Unix seconds; ``None`` for a total."""
    ends: float | None
    limit_pico_usd: int
    spent_pico_usd: int
    """Settled, by all processes, as far as the store was told."""
    reserved_pico_usd: int
    """Held for calls under way, and in slices that processes hold."""
    remaining_pico_usd: int
    hard: bool
    closed: bool = False
    """Whether nothing is let through until it ends, because more was billed than it allows."""


class BudgetAlert(Struct, frozen=True, kw_only=True):
    """A budget has come to a percentage of its limit, or was passed by an excess."""

    name: str
    about: dict[str, str]
    percent: float
    spent_pico_usd: int
    limit_pico_usd: int
    time: float
    kind: Literal["threshold", "excess", "refused"] = "threshold"
    excess_pico_usd: int = 0
    """How much more was billed than was reserved, where that passed the limit."""
