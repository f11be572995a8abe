"""A row of the ledger, from its intent to its settlement, and where rows are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from modelway.policies.budget.values import Draw

Basis: TypeAlias = Literal["", "catalogue", "provider", "received", "reserved", "free", "unknown"]
"""What a cost is by: ``""`` not settled yet; the usage that the provider reported, at the prices in
force; the provider's own word for the cost; what had been received of an answer that was cut; the
whole reservation, for nobody knows better; nothing was billed (a refusal, a hit in the cache); no
price is known."""


class Intent(Struct, frozen=True, kw_only=True, array_like=True, tag=1):
    """An attempt, as it is written down before it is sent."""

    id: str
    """The call's id, ``.`` and the number of the attempt."""
    time: float
    """Unix seconds."""
    tenant: str
    key: str
    team: str
    user: str
    tags: tuple[str, ...]
    operation: str
    stream: bool
    asked: str
    """The model that was asked for."""
    deployment: str
    provider: str
    model: str
    """As the provider knows it."""
    service: str = "standard"
    reserved_pico_usd: int | None = None
    """``None``: no price is known, and no budget minds."""
    price_version: str = ""
    same: int = 0
    """Equal where the same was probably asked; 0: not known."""
    draws: tuple[Draw, ...] = ()


class Settlement(Struct, frozen=True, kw_only=True, array_like=True, tag=2):
    """What became of an attempt."""

    id: str
    cost_pico_usd: int | None
    basis: Basis
    took_s: float = 0.0
    first_s: float | None = None
    """To the first event of a stream."""
    error: str = ""
    """The class of what ended it; ``""``: it came to its end."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    search_units: int | None = None
    expected_pico_usd: int | None = None
    """By the catalogue, where the provider's own word is the cost."""
    price_version: str = ""
    """In force when it was settled; ``""``: that of the intent."""
    cache: str = ""
    """``exact`` or ``semantic``, for a hit: then ``saved_pico_usd`` is what it did not cost."""
    saved_pico_usd: int | None = None


class LedgerRow(Struct, frozen=True, kw_only=True):
    """Both together, as they are kept and reported. An open one has the basis ``""``."""

    intent: Intent
    settlement: Settlement | None = None


DIMENSIONS = (
    *("day", "hour", "month", "tenant", "key", "team", "user", "tag", "operation", "asked"),
    *("provider", "model", "deployment", "basis", "error", "cache", "price_version", "service"),
)
"""What reports may be by. A row with several tags is in the group of each of them."""


class Where(Struct, frozen=True, kw_only=True):
    """Which rows: those of all of these."""

    since: float | None = None
    """Unix seconds, this moment included."""
    until: float | None = None
    """This moment not included."""
    equal: Mapping[str, tuple[str, ...]] = {}
    """Dimension → any of these values (not ``day``, ``hour`` and ``month``)."""


class Group(Struct, frozen=True, kw_only=True):
    """Sums over rows that have the same values in the dimensions asked for."""

    key: tuple[str, ...]
    attempts: int
    errors: int
    cost_pico_usd: int
    """Of settled rows; of open ones their reservation is in ``open_pico_usd``."""
    open_pico_usd: int
    estimated_pico_usd: int
    """The part of the cost whose basis is ``received`` or ``reserved``."""
    unpriced: int
    """Rows of unknown price: their cost is in no sum."""
    saved_pico_usd: int
    hits: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    took_s: float
    """The sum of the times that they took."""


class LedgerStore(Protocol):
    """Where rows are kept. StoreDownError where it cannot be reached or written."""

    async def add(self, rows: Sequence[LedgerRow]) -> None:
        """Keep these, all or none. A row that is there stays, but that a settlement completes it."""
        ...

    async def groups(
        self, by: Sequence[str], where: Where, *, time_zone: str = "UTC", limit: int = 10_000
    ) -> list[Group]:
        """Sums by these dimensions (none: one group), the dearest first."""
        ...

    def rows(self, where: Where, *, newest: bool = False) -> AsyncIterator[list[LedgerRow]]:
        """Rows in batches, by time."""
        ...

    async def rerate(self, costs: Sequence[tuple[str, int, str]]) -> int:
        """Put (id, cost, price version) in place of what these rows had; how many there were.

        Rows whose cost is the provider's own word, or nothing, stay as they are.
        """
        ...

    async def remove(self, where: Where) -> int:
        """Delete rows that are settled; how many."""
        ...

    async def aclose(self) -> None: ...


class LedgerSettings(Struct, frozen=True, kw_only=True):
    """Where it is written down what calls cost."""

    enabled: bool | None = None
    """``None``: by a gateway, by clients that are asked to, and wherever there are budgets."""
    url: str | None = None
    """``sqlite:…`` or ``postgresql://…``; ``None``: a file of this installation's state."""
    journal: str | None = None
    """The directory of the journals; ``None``: in this installation's state."""
    sync_s: float = 1.0
    """How often the journal is synced to disk: what a power failure may cost, not what a kill may."""
    ship_s: float = 0.5
    """How often what is settled goes to the store."""
    keep_days: float | None = None
    """How long rows are kept; ``None``: for good."""

    def __repr__(self) -> str:
        scheme = (self.url or "").partition(":")[0]
        return f"LedgerSettings(enabled={self.enabled!r}, scheme={scheme!r})"
