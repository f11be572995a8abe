"""What the inputs of language models are called, by whose models they are: rows, not code.

Each model on Replicate has a schema of its own; those of one maker are alike. A model that is in no
row is asked as Meta's are, which most others were made after.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct

_COMMON = {"temperature": "temperature", "top_p": "top_p"}
_PENALTIES = {
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}


class Family(Struct, frozen=True, kw_only=True):
    """``settings``: ours → the input's name."""

    models: tuple[str, ...] = ()
    system: str | None = "system_prompt"
    max_tokens: str = "max_tokens"
    settings: dict[str, str] = {}
    stop: str | None = None
    """Where stop sequences go, as one text with commas between."""
    image: str | None = None
    """Where one image goes."""
    images: str | None = None
    """Where a list of images goes."""
    messages: bool = False
    """Whether a conversation can be said as ``messages``."""
    effort: str | None = None


_META = Family(
    models=("meta/*",),
    settings={**_COMMON, **_PENALTIES, "top_k": "top_k", "seed": "seed"},
    stop="stop_sequences",
)
"""Source: https://replicate.com/meta/meta-llama-3-70b-instruct/api/schema, 2026-11-21."""

_ROWS = (
    # Source: https://replicate.com/meta/llama-2-70b-chat/api/schema, 2026-11-21.
    Family(
        models=("meta/llama-2-*", "meta/codellama-*", "mistralai/*"),
        max_tokens="max_new_tokens",
        settings={**_COMMON, "top_k": "top_k", "seed": "seed"},
        stop="stop_sequences",
    ),
    _META,
    # Source: https://replicate.com/anthropic/claude-sonnet-5/api/schema, 2026-11-21.
    Family(models=("anthropic/claude-sonnet-5",), image="image", effort="effort"),
    # Source: https://replicate.com/anthropic/claude-3.5-sonnet/api/schema, 2026-11-21.
    Family(models=("anthropic/*",), image="image"),
    # Source: https://replicate.com/openai/gpt-oss-120b/api/schema, 2026-11-21.
    Family(models=("openai/gpt-oss-*",), system=None, settings={**_COMMON, **_PENALTIES}),
    # Source: https://replicate.com/openai/gpt-4.1/api/schema, 2026-11-21.
    Family(
        models=("openai/gpt-4*",),
        max_tokens="max_completion_tokens",
        settings={**_COMMON, **_PENALTIES},
        images="image_input",
        messages=True,
    ),
    # Source: https://replicate.com/openai/gpt-5.1/api/schema and …/o1/…, 2026-11-21.
    Family(
        models=("openai/gpt-*", "openai/o1"),
        max_tokens="max_completion_tokens",
        images="image_input",
        messages=True,
        effort="reasoning_effort",
    ),
    # Source: https://replicate.com/openai/o4-mini/api/schema, 2026-11-21.
    Family(
        models=("openai/*",),
        max_tokens="max_completion_tokens",
        images="image_input",
        effort="reasoning_effort",
    ),
    # Source: https://replicate.com/google/gemini-2.5-flash/api/schema, 2026-11-21.
    Family(
        models=("google/gemini-*",),
        system="system_instruction",
        max_tokens="max_output_tokens",
        settings=_COMMON,
        images="images",
    ),
    # Source: https://replicate.com/deepseek-ai/deepseek-r1/api/schema and …/xai/grok-4/…, 2026-11-21.
    Family(models=("deepseek-ai/*", "xai/*"), system=None, settings={**_COMMON, **_PENALTIES}),
)


def family(model: str) -> Family:
    """The row of this model, whose name may go on with a version."""
    name = model.partition(":")[0].removeprefix("deployments/")
    for row in _ROWS:
        if any(fnmatchcase(name, pattern) for pattern in row.models):
            return row
    return _META
