"""What this process has done, in plain integers: two calls a request, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from modelway.clock import SystemClock
from modelway.observe.settings import MetricsSettings
from modelway.observe.sketch import Sketch
from modelway.ports import Clock
from modelway.types import Usage

if TYPE_CHECKING:
    from modelway.observe.snapshot import Labels, Snapshot

_AS_USUAL = MetricsSettings()
OTHER = "other"
"""Stands for every model for which there is no room."""
_LONGEST = 200
"""Characters of a name; a longer one is ``other``."""
RECENT_S = 300.0
"""Quantiles are of this time at least, and of twice as much at most."""


class Attempts:
    """Those of one provider, model and operation."""

    __slots__ = (
        "cache_write",
        "cached",
        "count",
        "duration",
        "errors",
        "estimated_pico_usd",
        "first_token",
        "input",
        "output",
        "pico_usd",
        "rate",
        "reasoning",
        "unpriced",
    )

    def __init__(self) -> None:
        self.count = 0
        self.errors: dict[str, int] = {}
        self.duration = Sketch()
        self.first_token = Sketch()
        self.rate = Sketch()
        self.input = 0
        self.cached = 0
        self.cache_write = 0
        self.output = 0
        self.reasoning = 0
        self.pico_usd = 0
        self.estimated_pico_usd = 0
        self.unpriced = 0

    def use(self, usage: Usage, took_s: float) -> None:
        if usage.input_tokens:
            self.input += usage.input_tokens
        if usage.cached_tokens:
            self.cached += usage.cached_tokens
        if usage.cache_write_tokens:
            self.cache_write += usage.cache_write_tokens
        if usage.output_tokens:
            self.output += usage.output_tokens
            if took_s > 0:
                self.rate.add(usage.output_tokens / took_s)
        if usage.reasoning_tokens:
            self.reasoning += usage.reasoning_tokens


class Requests:
    """Those of one operation, model, and way to answer."""

    __slots__ = ("duration", "outcomes")

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}
        self.duration = Sketch()


class Own:
    """What we add to the requests of one operation."""

    __slots__ = ("overhead", "queue")

    def __init__(self) -> None:
        self.overhead = Sketch()
        self.queue = Sketch()


class Metrics:
    """Changed from one event loop. ``open_requests`` is asked how many there are."""

    def __init__(self, settings: MetricsSettings = _AS_USUAL, clock: Clock | None = None) -> None:
        self.open_requests: Callable[[], int] = int
        self._most = settings.most_series
        self._held = 0
        self._clock = clock or SystemClock()
        self._turned_at = self._clock.monotonic()
        self._configured: frozenset[tuple[str, str]] | None = None
        self._models: frozenset[str] = frozenset()
        self.attempts: dict[tuple[str, str, str], Attempts] = {}
        self.requests: dict[tuple[str, str, bool], Requests] = {}
        self.own: dict[str, Own] = {}
        self.happened: dict[str, dict[Labels, int]] = {
            name: {}
            for name in (
                "modelway_refusals_total",
                "modelway_retries_total",
                "modelway_fallbacks_total",
                "modelway_hedges_total",
                "modelway_breaker_openings_total",
            )
        }

    def expect(self, configured: Iterable[tuple[str, str]]) -> None:
        """Say which (provider, model) pairs are configured: they are named from the start.

        From then on a model that only a caller named is ``other`` until it has answered.
        """
        self._configured = frozenset(configured)
        self._models = frozenset([model for _, model in self._configured])

    # ------------------------------------------------------------ on a request's path

    def attempt(
        self,
        provider: str,
        model: str,
        operation: str,
        *,
        took_s: float,
        first_s: float | None = None,
        error: str = "",
        usage: Usage | None = None,
        cost_pico_usd: int | None = None,
        estimated: bool = False,
    ) -> None:
        """A provider was asked, and has answered or failed; ``error`` is the error's class."""
        cell = self.attempts.get((provider, model, operation))
        if cell is None:
            cell = self._new_attempts(provider, model, operation, answered=not error)
        cell.count += 1
        if not error:
            cell.duration.add(took_s)
        elif error in cell.errors:
            cell.errors[error] += 1
        else:
            self._first_error(cell, error)
        if first_s is not None:
            cell.first_token.add(first_s)
        if usage is not None:
            cell.use(usage, took_s)
        if cost_pico_usd is None:
            if not error:
                cell.unpriced += 1
        elif estimated:
            cell.estimated_pico_usd += cost_pico_usd
        else:
            cell.pico_usd += cost_pico_usd

    def request(
        self,
        operation: str,
        model: str,
        *,
        took_s: float,
        upstream_s: float,
        waited_s: float,
        error: str = "",
        cached: str = "",
        stream: bool = False,
    ) -> None:
        """A request has ended. ``model`` is the deployment's that answered; ``""`` where none did."""
        cell = self.requests.get((operation, model, stream))
        if cell is None:
            cell = self._new_requests(operation, model, stream, answered=not error)
        became = (error or "ok", cached)
        cell.outcomes[became] = cell.outcomes.get(became, 0) + 1
        own = self.own.get(operation)
        if own is None:
            own = self.own[operation] = Own()
        if waited_s > 0:
            own.queue.add(waited_s)
        if not error:
            cell.duration.add(took_s)
            if not cached:
                own.overhead.add(took_s - upstream_s - waited_s)

    # ------------------------------------------------------------ what happens now and then

    def limited(self, kind: str, name: str) -> None:
        """One of our limits or budgets refused or held a call. ``name`` is the limit's, never whose."""
        self._count("modelway_refusals_total", (kind, name), (OTHER, OTHER))

    def retried(self, provider: str, model: str) -> None:
        """The same deployment was asked again."""
        self._count("modelway_retries_total", (provider, model), (provider, OTHER))

    def fell_back(self, provider: str, model: str) -> None:
        """This one was asked after another failed."""
        self._count("modelway_fallbacks_total", (provider, model), (provider, OTHER))

    def hedged(self, provider: str, model: str) -> None:
        """This one was asked because another was slow."""
        self._count("modelway_hedges_total", (provider, model), (provider, OTHER))

    def opened(self, provider: str, model: str) -> None:
        """Its circuit opened."""
        self._count("modelway_breaker_openings_total", (provider, model), (provider, OTHER))

    # ------------------------------------------------------------ what it comes to

    def look(self) -> Snapshot:
        """What there is now, parts of which go on to change: encode it, or read it at once."""
        from modelway.observe.telling import tell  # noqa: PLC0415  # counting alone needs none of it

        now = self._clock.monotonic()
        if now - self._turned_at >= RECENT_S:
            self._turned_at = now
            for sketch in self._sketches():
                sketch.turn()
        return tell(self)

    def snapshot(self) -> bytes:
        """What there is now, for ``snapshot.decode``."""
        from modelway.observe.snapshot import encode  # noqa: PLC0415

        return encode(self.look())

    @staticmethod
    def merge(snapshots: Iterable[bytes]) -> bytes:
        """All of these together. ``msgspec.MsgspecError`` where one is none."""
        from modelway.observe.snapshot import decode, encode, merged  # noqa: PLC0415

        return encode(merged([decode(one) for one in snapshots]))

    def _sketches(self) -> Iterator[Sketch]:
        for attempts in self.attempts.values():
            yield from (attempts.duration, attempts.first_token, attempts.rate)
        for requests in self.requests.values():
            yield requests.duration
        for own in self.own.values():
            yield from (own.overhead, own.queue)

    # ------------------------------------------------------------ room

    def _room(self) -> bool:
        if self._held >= self._most:
            return False
        self._held += 1
        return True

    def _known(self, provider: str, model: str, *, answered: bool) -> bool:
        """Whether a pair may be named; without a provider, whether a model of any may."""
        configured = self._configured
        if answered or configured is None:
            return len(model) <= _LONGEST
        return (provider, model) in configured or (not provider and model in self._models)

    def _new_attempts(
        self, provider: str, model: str, operation: str, *, answered: bool
    ) -> Attempts:
        if not (self._known(provider, model, answered=answered) and self._room()):
            model = OTHER
        return self.attempts.setdefault((provider, model, operation), Attempts())

    def _first_error(self, cell: Attempts, error: str) -> None:
        if not self._room():
            error = OTHER
        cell.errors[error] = cell.errors.get(error, 0) + 1

    def _new_requests(
        self, operation: str, model: str, stream: bool, *, answered: bool
    ) -> Requests:
        if model and not (self._known("", model, answered=answered) and self._room()):
            model = OTHER
        return self.requests.setdefault((operation, model, stream), Requests())

    def _count(self, name: str, labels: Labels, otherwise: Labels) -> None:
        counts = self.happened[name]
        if labels not in counts and (max(map(len, labels)) > _LONGEST or not self._room()):
            labels = otherwise
        counts[labels] = counts.get(labels, 0) + 1
