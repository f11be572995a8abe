"""The conventions' histograms. We are the client of providers, and the server of who calls us.

Source: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-metrics.md,
2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.metrics import Histogram, Meter

from modelway.observe.otel.attributes import Attributes
from modelway.observe.otel.names import SECONDS, SECONDS_EACH, SECONDS_TO_FIRST, TOKENS
from modelway.types import Usage

_MOST_SERIES = 2_000
"""(operation, provider, model), which callers may name; past it a model is counted as ``_OTHER``."""


class Series:
    """The attributes of what is measured together; few enough that memory is bounded."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str, str]] = set()

    def attributes(self, operation: str, provider: str, model: str) -> Attributes:
        key = (operation, provider, model)
        if key not in self._known:
            if len(self._known) < _MOST_SERIES:
                self._known.add(key)
            else:
                model = "_OTHER"
        said: Attributes = {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider}
        if model:
            said["gen_ai.request.model"] = model
        return said


class Measures:
    """``client_*``: of one attempt at a provider; ``server_*``: of a call as its caller sees it."""

    def __init__(self, meter: Meter) -> None:
        def seconds(name: str, description: str, boundaries: Sequence[float]) -> Histogram:
            return meter.create_histogram(
                name, "s", description, explicit_bucket_boundaries_advisory=boundaries
            )

        self.series = Series()
        self._client_duration = seconds(
            "gen_ai.client.operation.duration", "GenAI operation duration.", SECONDS
        )
        self._client_first = seconds(
            "gen_ai.client.operation.time_to_first_chunk",
            "Time to receive the first chunk of a streamed answer.",
            SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._server_duration = seconds(
            "gen_ai.server.request.duration", "Generative AI server request duration.", SECONDS
        )
        self._server_first = seconds(
            "gen_ai.server.time_to_first_token",
            "Time to generate first token for successful responses.",
            SECONDS_TO_FIRST,
        )
        self._server_each = seconds(
            "gen_ai.server.time_per_output_token",
            "Time per output token generated after the first token for successful responses.",
            SECONDS_EACH,
        )

    def client(
        self,
        by: Attributes,
        took_s: float,
        first_s: float | None,
        usage: Usage | None,
        error: str | None,
    ) -> None:
        """An attempt is over. Tokens are those that were billed, whatever became of it."""
        if first_s is not None:
            self._client_first.record(first_s, by)
        if usage is not None:
            for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
                if tokens is not None and tokens >= 0:
                    self._tokens.record(tokens, {**by, "gen_ai.token.type": kind})
        self._client_duration.record(took_s, _failed(by, error))

    def server(
        self,
        by: Attributes,
        took_s: float,
        first_s: float | None,
        usage: Usage | None,
        error: str | None,
    ) -> None:
        """A call is over, with its stream where it is one."""
        self._server_duration.record(took_s, _failed(by, error))
        if error is not None or first_s is None:
            return
        self._server_first.record(first_s, by)
        written = usage.output_tokens if usage is not None else None
        if written is not None and written > 1:
            self._server_each.record((took_s - first_s) / (written - 1), by)


def _failed(by: Attributes, error: str | None) -> Attributes:
    return by if error is None else {**by, "error.type": error}
