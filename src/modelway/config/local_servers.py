"""How each local server is recognised, and what it says of its models; wire facts only.

Each probe returns ``None`` unless the answers could only be this server's: what listens on 8080 is
more often a web server than an engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

from modelway.types import ModelListing

Found: TypeAlias = list[ModelListing]


class Ask(Protocol):
    """A path and a body to post → the JSON object answered with 200, otherwise ``None``."""

    def __call__(
        self, path: str, body: Mapping[str, Any] | None = None
    ) -> Awaitable[dict[str, Any] | None]: ...


_MAX_DETAILS = 32
"""Models whose details are asked for one by one; the others are listed without."""


async def ollama(ask: Ask) -> Found | None:
    """Tags with sizes, and a window from each model's details.

    Source: https://github.com/ollama/ollama/blob/main/docs/api.md, 2026-11-21.
    """
    tags, version = await asyncio.gather(ask("/api/tags"), ask("/api/version"))
    if tags is None or version is None or "version" not in version:
        return None
    models = [model for model in _objects(tags.get("models")) if _text(model.get("name"))]
    names = [model["name"] for model in models[:_MAX_DETAILS]]
    details = await asyncio.gather(*[ask("/api/show", {"model": name}) for name in names])
    windows = dict(zip(names, [_window(detail) for detail in details], strict=True))
    return [
        ModelListing(
            id=model["name"],
            size_bytes=_count(model.get("size")),
            quantization=_text(_object(model.get("details")).get("quantization_level")),
            context_tokens=windows.get(model["name"]),
        )
        for model in models
        if "bert" not in _text(_object(model.get("details")).get("family"), "")
    ]


def _window(detail: dict[str, Any] | None) -> int | None:
    """``<architecture>.context_length`` of the model's own metadata."""
    info = _object((detail or {}).get("model_info"))
    architecture = _text(info.get("general.architecture"), "")
    return _count(info.get(f"{architecture}.context_length"))


async def lmstudio(ask: Ask) -> Found | None:
    """Downloaded models, loaded ones first, by version 0 of its API; only version 1 (0.4) says a size.

    Source: https://lmstudio.ai/docs/api/rest-api and …/docs/developer/rest/list, 2026-11-21.
    """
    told, newer = await asyncio.gather(ask("/api/v0/models"), ask("/api/v1/models"))
    sizes = {
        _text(one.get("key")): _count(one.get("size_bytes"))
        for one in _objects((newer or {}).get("models"))
    }
    models = _objects((told or {}).get("data"))
    if told is None or told.get("object") != "list" or not all("state" in one for one in models):
        return None
    chat = [one for one in models if one.get("type") in ("llm", "vlm") and _text(one.get("id"))]
    chat.sort(key=lambda one: one.get("state") != "loaded")
    return [
        ModelListing(
            id=one["id"],
            owner=_text(one.get("publisher")),
            size_bytes=sizes.get(one["id"]),
            quantization=_text(one.get("quantization")),
            context_tokens=_count(one.get("loaded_context_length"))
            or _count(one.get("max_context_length")),
        )
        for one in chat
    ]


async def vllm(ask: Ask) -> Found | None:
    """Models with their window. Source: https://docs.vllm.ai/en/stable/serving/openai_compatible_server/,
    2026-11-21.
    """
    models = await _served(ask, "vllm")
    if models is None:
        return None
    return [
        ModelListing(
            id=one["id"],
            owner="vllm",
            created=_count(one.get("created")),
            context_tokens=_count(one.get("max_model_len")),
        )
        for one in models
    ]


async def llamacpp(ask: Ask) -> Found | None:
    """The loaded model: its size by ``/v1/models``, the window in use by ``/props``.

    Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, 2026-11-21.
    """
    models, props = await asyncio.gather(_served(ask, "llamacpp"), ask("/props"))
    if models is None:
        return None
    window = _count(_object((props or {}).get("default_generation_settings")).get("n_ctx"))
    kind = _text((props or {}).get("model_ftype"), "")
    return [
        ModelListing(
            id=one["id"],
            owner="llamacpp",
            created=_count(one.get("created")),
            size_bytes=_count(_object(one.get("meta")).get("size")),
            quantization=_quantization(_text(_object(one.get("meta")).get("ftype")) or kind),
            context_tokens=window or _count(_object(one.get("meta")).get("n_ctx_train")),
        )
        for one in models
    ]


def _quantization(kind: str) -> str | None:
    """``all F32`` → ``F32``, ``Q4_K - Medium`` → ``Q4_K_M``; other names as they are."""
    name = kind.removeprefix("all ").removesuffix("(guessed)").strip()
    for size in ("Small", "Medium", "Large"):
        name = name.replace(f" - {size}", f"_{size[0]}")
    return name or None


async def sglang(ask: Ask) -> Found | None:
    """Models with their window. Source: https://docs.sglang.io/docs/basic_usage/openai_api_completions,
    2026-11-21.
    """
    models = await _served(ask, "sglang")
    if models is None:
        return None
    return [
        ModelListing(id=one["id"], owner="sglang", context_tokens=_count(one.get("max_model_len")))
        for one in models
    ]


async def openai_compatible(ask: Ask) -> Found | None:
    """Any other server at a URL that the user named, so no more than a list of models is asked of it."""
    models = await _served(ask, None)
    if models is None:
        return None
    return [ModelListing(id=one["id"], owner=_text(one.get("owned_by"))) for one in models]


async def _served(ask: Ask, owner: str | None) -> list[dict[str, Any]] | None:
    """What ``/v1/models`` lists, where all of it is this owner's."""
    told = await ask("/v1/models")
    if told is None or told.get("object") != "list":
        return None
    models = [one for one in _objects(told.get("data")) if _text(one.get("id"))]
    if not models or (owner and any(one.get("owned_by") != owner for one in models)):
        return None
    return models


PROBES: Mapping[str, Callable[[Ask], Awaitable[Found | None]]] = {
    "ollama": ollama,
    "lmstudio": lmstudio,
    "vllm": vllm,
    "llamacpp": llamacpp,
    "sglang": sglang,
    "openai-compatible": openai_compatible,
}
"""Row → its probe, in the order in which a default model is looked for."""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, default: str | None = None) -> Any:
    return value if isinstance(value, str) and value else default


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
