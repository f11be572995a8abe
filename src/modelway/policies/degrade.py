"""What a call would lose at a model that was not asked for: the degradation contract."""

from __future__ import annotations

from modelway.catalog.models import ModelInfo
from modelway.ports import Asked
from modelway.types import CallWarning

_WHAT = {
    "tools": "tools: this model is not known to call functions",
    "vision": "vision: this model is not known to see images",
    "audio": "audio: this model is not known to hear",
    "schema": "schema: this model is not known to keep to a JSON schema by itself",
    "reasoning": "reasoning: this model is not known to reason before it answers",
}


def losses(
    asked: Asked, first: ModelInfo | None, other: ModelInfo | None
) -> tuple[CallWarning, ...]:
    """What ``other`` lacks that the call needs and that ``first``, for which it was written, has.

    What is known of neither is no loss that could be told.
    """
    if other is None or first is None:
        return ()
    lost = [
        _WHAT[need]
        for need in sorted(asked.needs)
        if _has(first, need) is not False and _has(other, need) is False
    ]
    if shorter := _window(asked, first, other):
        lost.append(shorter)
    return tuple([CallWarning(setting="fallback", message=f"lost {what}") for what in lost])


def _has(info: ModelInfo, need: str) -> bool | None:
    match need:
        case "tools":
            return info.tools
        case "vision":
            return info.vision
        case "audio":
            return "audio" in info.inputs if info.inputs else None
        case "schema":
            return info.json_schema
        case "reasoning":
            return info.reasoning
        case _:
            return None


def _window(asked: Asked, first: ModelInfo, other: ModelInfo) -> str | None:
    """A window, or an output cap, that is too small for what is asked, and the first one's is not."""
    wanted = asked.output_tokens or 0
    whole = asked.input_tokens + wanted
    window = other.context_tokens
    if window is not None and window < whole <= (first.context_tokens or whole):
        return f"context: about {whole} tokens are asked of a window of {window}"
    cap = other.max_output_tokens
    if cap is not None and wanted > cap and wanted <= (first.max_output_tokens or wanted):
        return f"output: {wanted} tokens are asked for, and this model writes {cap} at most"
    return None
