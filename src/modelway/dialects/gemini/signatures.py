"""Reasoning state in Gemini's ``thoughtSignature``: its own as it is, another provider's sealed."""

from __future__ import annotations

from modelway.dialects import carried
from modelway.dialects.gemini.wire import OWN_FORMATS, SIGNATURE_FORMAT
from modelway.types import Reasoning

SKIPPED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What Gemini 3 takes for a call that it did not make itself.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs, 2026-11-21.
"""


def written(part: Reasoning) -> str | None:
    """The ``thoughtSignature`` that carries this part's state; None for none."""
    if part.format in OWN_FORMATS and part.encrypted is None:
        return part.signature
    state = carried.of(part)
    return None if state == carried.NOTHING else carried.sealed(state)


def read(text: str, signature: str | None) -> Reasoning:
    """The reasoning that a client sent back."""
    if not signature:
        return Reasoning(text=text)
    state = carried.opened(signature)
    if state is None:
        return Reasoning(text=text, signature=signature, format=SIGNATURE_FORMAT)
    return Reasoning(
        text=text,
        signature=state.signature,
        encrypted=state.encrypted,
        id=state.id,
        format=state.format,
    )
