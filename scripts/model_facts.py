"""Windows, caps, modalities and capabilities, as litellm's list says them."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

MODES = {
    "chat": "chat",
    "responses": "chat",
    "completion": "complete",
    "embedding": "embed",
    "rerank": "rerank",
    "image_generation": "image",
    "image_edit": "image",
    "audio_speech": "speech",
    "audio_transcription": "transcription",
    "realtime": "realtime",
}
FLAGS = {
    "tools": ("supports_function_calling",),
    "parallel_tools": ("supports_parallel_function_calling",),
    "json_schema": ("supports_response_schema", "supports_native_structured_output"),
    "reasoning": ("supports_reasoning",),
    "prompt_caching": ("supports_prompt_caching",),
    "streaming": ("supports_native_streaming",),
    "system": ("supports_system_messages",),
    "web_search": ("supports_web_search",),
}
INPUTS = {
    "supports_vision": "image",
    "supports_audio_input": "audio",
    "supports_video_input": "video",
    "supports_pdf_input": "document",
}
FIELDS = ("mode", "context_tokens", "max_output_tokens", "inputs", "outputs", *FLAGS)


def facts_of(facts: dict[str, Any], label: str) -> tuple[dict[str, Any], dict[str, str]]:
    row: dict[str, Any] = {}
    if facts.get("mode") is not None:
        row["mode"] = MODES.get(facts["mode"], "other")
    for ours, theirs in (
        ("context_tokens", "max_input_tokens"),
        ("max_output_tokens", "max_output_tokens"),
        ("dimensions", "output_vector_size"),
    ):
        if type(facts.get(theirs)) is int and facts[theirs] > 0:
            row[ours] = facts[theirs]
    if row.get("mode") in {"embed", "rerank"}:
        row.pop("max_output_tokens", None)
    inputs = list(facts.get("supported_modalities") or [])
    if not inputs and "supports_vision" in facts:
        inputs = ["text"]
    if inputs:
        inputs += [each for flag, each in INPUTS.items() if facts.get(flag)]
        row["inputs"] = _modalities(inputs)
    outputs = list(facts.get("supported_output_modalities") or [])
    if outputs:
        row["outputs"] = _modalities(outputs)
    for ours, flags in FLAGS.items():
        told = [facts[flag] for flag in flags if isinstance(facts.get(flag), bool)]
        if told:
            row[ours] = any(told)
    with contextlib.suppress(ValueError):
        row["retires"] = dt.date.fromisoformat(str(facts.get("deprecation_date")))
    return row, dict.fromkeys(row, label)


def _modalities(found: list[str]) -> list[str]:
    known = ("text", "image", "audio", "video", "document")
    renamed = {"document" if each in {"pdf", "file"} else each for each in found}
    return [each for each in known if each in renamed]
