"""Why a candidate may not answer: what it cannot do, may not see, or would cost. Unknown is no reason."""

from __future__ import annotations

from collections.abc import Callable

from modelway.catalog.models import ModelInfo
from modelway.policies.routing.cheapest import USUAL_OUTPUT_TOKENS
from modelway.ports import Asked, Candidate

_PICO = 10**12

_LACKS: dict[str, Callable[[ModelInfo], bool]] = {
    "tools": lambda info: info.tools is False,
    "vision": lambda info: info.vision is False,
    "audio": lambda info: bool(info.inputs) and "audio" not in info.inputs,
    "schema": lambda info: info.json_schema is False,
    "reasoning": lambda info: info.reasoning is False,
}


def fits(asked: Asked, candidate: Candidate) -> str | None:
    """Whether the window holds the input and the output's cap, and the model can do what is needed."""
    info = candidate.info
    if info is None:
        return None
    if info.context_tokens is not None:
        tokens = asked.input_tokens + (asked.output_tokens or 0)
        if tokens > info.context_tokens:
            return f"its window holds {info.context_tokens} tokens, and this needs about {tokens}"
    lacking = [need for need in sorted(asked.needs) if need in _LACKS and _LACKS[need](info)]
    return f"its model has no {', '.join(lacking)}" if lacking else None


def local_if_sensitive(asked: Asked, candidate: Candidate) -> str | None:
    """Sensitive content goes to the user's own machines, or nowhere."""
    if candidate.deployment.provider.local or not asked.sensitive:
        return None
    return "what is asked is sensitive, and its provider is not local"


def within_budget(asked: Asked, candidate: Candidate) -> str | None:
    """Whether what is left pays for the call at its most."""
    left = asked.budget_pico_usd
    if left is None:
        return None
    cap = asked.output_tokens
    price = candidate.price(asked.input_tokens, USUAL_OUTPUT_TOKENS if cap is None else cap)
    if price is None or price <= left:
        return None
    return f"it may cost ${price / _PICO:.6f}, and ${left / _PICO:.6f} is left"
