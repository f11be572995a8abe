"""The conventions' histograms. We are the client of providers, and the server of who calls us.

Source: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-metrics.md,
2026-11-21.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

from modelway.observe.otel import wire
from modelway.observe.otel.attributes import Attributes
from modelway.observe.otel.names import SECONDS, SECONDS_EACH, SECONDS_TO_FIRST, TOKENS
from modelway.ports import Clock
from modelway.types import Usage

Series: TypeAlias = tuple[str, str, str, str, int]
"""Operation, provider, model, and the server's address and port: what is measured together."""

_MOST_SERIES = 2_000
"""Of each histogram, for callers may name models; past it a model is counted as ``_OTHER``."""
_MOST_POINTS = 2 * _MOST_SERIES
"""With the kinds of error; past it one is counted as ``_OTHER``."""
_TOO_LARGE = 2**63
_NANO = 1_000_000_000


class _Point:
    """Counts by size: of a value that is a boundary, in the part below it."""

    __slots__ = ("counts", "least", "most", "total")

    def __init__(self, parts: int) -> None:
        self.counts = [0] * parts
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf


class Histogram:
    """One measure, by what is measured together and one word more: an error, or a kind of token."""

    def __init__(
        self, name: str, unit: str, description: str, boundaries: Sequence[float], word: str = ""
    ) -> None:
        self._name = name
        self._unit = unit
        self._description = description
        self._boundaries = boundaries
        self._word = word
        self._points: dict[tuple[Series, str | None], _Point] = {}

    def record(self, value: float, series: Series, word: str | None = None) -> None:
        """What is negative or beyond all bounds is no measure: a provider may say so of tokens."""
        if not 0 <= value < _TOO_LARGE:
            return
        point = self._points.get((series, word))
        if point is None:
            point = self._new(series, word)
        point.counts[bisect_left(self._boundaries, value)] += 1
        point.total += value
        point.least = min(point.least, value)
        point.most = max(point.most, value)

    def _new(self, series: Series, word: str | None) -> _Point:
        if len(self._points) >= _MOST_SERIES:
            series = (*series[:2], "_OTHER", *series[3:])
        if len(self._points) >= _MOST_POINTS:
            word = None if word is None else "_OTHER"
        return self._points.setdefault((series, word), _Point(len(self._boundaries) + 1))

    def written(self, began_ns: int, at_ns: int) -> bytes | None:
        """For export; ``None`` where nothing has been measured."""
        points = [
            wire.point(
                said=wire.attributes(self._said(series, word), number=9),
                began_ns=began_ns,
                at_ns=at_ns,
                counts=list(point.counts),
                total=point.total,
                boundaries=self._boundaries,
                least=point.least,
                most=point.most,
            )
            for (series, word), point in list(self._points.items())
        ]
        if not points:
            return None
        return wire.histogram(self._name, self._unit, self._description, points)

    def _said(self, series: Series, word: str | None) -> Attributes:
        operation, provider, model, address, port = series
        said: Attributes = {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider}
        if model:
            said["gen_ai.request.model"] = model
        if address:
            said["server.address"] = address
            said["server.port"] = port
        if word is not None:
            said[self._word] = word
        return said


class Measures:
    """``client``: of one attempt at a provider; ``server``: of a call as its caller sees it."""

    def __init__(self, clock: Clock) -> None:
        self._time = clock.time
        self._began_ns = int(clock.time() * _NANO)
        self._client_duration = Histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            SECONDS,
            "error.type",
        )
        self._client_first = Histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time to receive the first chunk of a streamed answer.",
            SECONDS,
        )
        self._tokens = Histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            TOKENS,
            "gen_ai.token.type",
        )
        self._server_duration = Histogram(
            "gen_ai.server.request.duration",
            "s",
            "Generative AI server request duration.",
            SECONDS,
            "error.type",
        )
        self._server_first = Histogram(
            "gen_ai.server.time_to_first_token",
            "s",
            "Time to generate first token for successful responses.",
            SECONDS_TO_FIRST,
        )
        self._server_each = Histogram(
            "gen_ai.server.time_per_output_token",
            "s",
            "Time per output token generated after the first token for successful responses.",
            SECONDS_EACH,
        )

    def client(
        self,
        series: Series,
        *,
        took_s: float,
        first_s: float | None,
        usage: Usage | None,
        error: str | None,
    ) -> None:
        """An attempt is over. Tokens are those that were billed, whatever became of it."""
        self._client_duration.record(took_s, series, error)
        if first_s is not None:
            self._client_first.record(first_s, series)
        if usage is not None:
            if usage.input_tokens is not None:
                self._tokens.record(usage.input_tokens, series, "input")
            if usage.output_tokens is not None:
                self._tokens.record(usage.output_tokens, series, "output")

    def server(
        self,
        series: Series,
        *,
        took_s: float,
        first_s: float | None,
        usage: Usage | None,
        error: str | None,
    ) -> None:
        """A call is over, with its stream where it is one."""
        self._server_duration.record(took_s, series, error)
        if error is not None or first_s is None:
            return
        self._server_first.record(first_s, series)
        written = usage.output_tokens if usage is not None else None
        if written is not None and written > 1:
            self._server_each.record((took_s - first_s) / (written - 1), series)

    def written(self) -> list[bytes]:
        """All of them, for export."""
        at_ns = int(self._time() * _NANO)
        all_ = (
            *(self._client_duration, self._client_first, self._tokens),
            *(self._server_duration, self._server_first, self._server_each),
        )
        return [one for one in [each.written(self._began_ns, at_ns) for each in all_] if one]
