"""What Bedrock passes on to a model in that model's own words: facts by the family of a model's id.

A Converse request is one for all models but for ``additionalModelRequestFields``. An id that names
no family (the ARN of an imported model or of an application's profile) is taken for Claude's, whose
field ``top_k`` is the API's own example.
Source: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html and
the pages of each model, 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from msgspec import Struct

Reasons: TypeAlias = Literal["thinking", "reasoning_config", "reasoning_effort", "unasked"]
"""How reasoning is asked for: Claude's ``thinking``, Nova's ``reasoningConfig``, OpenAI's
``reasoning_effort``, or not at all."""


class Family(Struct, frozen=True, kw_only=True):
    reasons: Reasons = "unasked"
    top_k: tuple[str, ...] = ()
    """Where ``top_k`` stands in ``additionalModelRequestFields``."""
    reads_reasoning: bool = False
    """Whether earlier reasoning may go back: others refuse it, like DeepSeek-R1."""
    signs_reasoning: bool = False
    """Whether it must be signed or encrypted to go back."""
    takes_signatures: bool = True
    """Whether signatures go back: Claude's, and those of models whose family is not known."""


_CLAUDE = Family(
    reasons="thinking",
    top_k=("top_k",),
    reads_reasoning=True,
    signs_reasoning=True,
)
_UNNAMED = Family(reasons="thinking", top_k=("top_k",), reads_reasoning=True)
_OTHER = Family()

_FAMILIES = {
    "anthropic": _CLAUDE,
    # https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html, 2026-11-21
    "amazon": Family(
        reasons="reasoning_config",
        top_k=("inferenceConfig", "topK"),
        reads_reasoning=True,
        takes_signatures=False,
    ),
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html, 2026-11-21
    "openai": Family(reasons="reasoning_effort"),
    # …/model-parameters-cohere-command-r-plus.html, 2026-11-21
    "cohere": Family(top_k=("k",)),
    # …/model-parameters-mistral-text-completion.html, 2026-11-21
    "mistral": Family(top_k=("top_k",)),
    **dict.fromkeys(
        (
            *("ai21", "deepseek", "google", "meta", "minimax", "moonshot", "moonshotai"),
            *("nvidia", "qwen", "writer", "zai"),
        ),
        _OTHER,
    ),
}

_FAMILY = re.compile(rf"(?:^|[./])({'|'.join(_FAMILIES)})\.")


def family(model: str) -> Family:
    """The family of a model id, a profile's id (``eu.anthropic.…``) or an ARN that holds one."""
    found = _FAMILY.search(model)
    return _FAMILIES[found[1]] if found else _UNNAMED
