"""Log-probabilities, both ways.

Source: https://ai.google.dev/api/generate-content#LogprobsResult, 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelway.dialects.gemini.wire import LogprobsResult
from modelway.types import JSON, TokenLogprob


def read_logprobs(result: LogprobsResult) -> tuple[TokenLogprob, ...]:
    chosen = result.chosen_candidates or []
    tops = result.top_candidates or []
    return tuple(
        [
            TokenLogprob(
                token=str(one.get("token", "")),
                logprob=_float(one.get("logProbability")),
                top=_top(tops[number]) if number < len(tops) else (),
            )
            for number, one in enumerate(chosen)
        ]
    )


def _top(step: JSON) -> tuple[TokenLogprob, ...]:
    found: Any = step.get("candidates")
    return tuple(
        [
            TokenLogprob(token=str(one.get("token", "")), logprob=_float(one.get("logProbability")))
            for one in found or ()
        ]
    )


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def write_logprobs(logprobs: Sequence[TokenLogprob]) -> JSON:
    if not logprobs:
        return {}
    result: JSON = {"chosenCandidates": [_logprob(one) for one in logprobs]}
    if any(one.top for one in logprobs):
        result["topCandidates"] = [
            {"candidates": [_logprob(top) for top in one.top]} for one in logprobs
        ]
    return {"logprobsResult": result}


def _logprob(one: TokenLogprob) -> JSON:
    return {"token": one.token, "logProbability": one.logprob}
