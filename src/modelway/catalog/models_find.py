"""From what a deployment is called to what is known of its model.

A price is a host's own or none: facts may come from another row, prices never do.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from modelway.catalog.load import shipped
from modelway.catalog.models import RATES, ModelInfo, Service, Tariff
from modelway.catalog.models_load import decode, model_file, model_names
from modelway.catalog.models_overrides import Overrides
from modelway.catalog.rows import Provider

_PRICED = tuple([rate for rate in RATES if rate not in {"reasoning", "calls"}])


@functools.cache
def free() -> tuple[Tariff, ...]:
    """The tariffs of what runs on one's own machine, or is given away."""
    return tuple(
        [
            msgspec.convert({"service": service} | dict.fromkeys(_PRICED, 0), Tariff)
            for service in get_args(Service)
        ]
    )


_LONGEST_NAME = 400
_SAME_HOST = {
    "azure-ai": "azure",
    "azure-anthropic": "azure",
    "azure-deployments": "azure",
    "vertex-anthropic": "vertex",
}
"""Rows that are other ways to a host whose models are filed under its first."""
_OTHER_CURRENCY = {"moonshot-cn": "moonshot", "qwen-cn": "qwen"}
"""Hosts with the models of another, and prices of their own in yuan."""
_ELSEWHERE = re.compile(r"[:-]cloud$")
"""Ollama's names of models that a local server passes on to ollama.com.
Source: https://docs.ollama.com/cloud, 2026-11-21.
"""
_NONE = Overrides()


class _Spelling(NamedTuple):
    """A name to look for, and whether its prices are those of the name that was asked for."""

    name: str
    priced: bool = True
    why: str = ""
    free: bool = False


def find(
    row: Provider, model: str, base_model: str | None = None, overrides: Overrides = _NONE
) -> ModelInfo | None:
    """What is known of the model at this host, or ``None``.

    ``base_model`` says which model stands behind a name of the operator's own: an Azure
    deployment, an ARN, a tuned endpoint. What the user overrides wins.
    """
    if len(model) > _LONGEST_NAME:
        return None
    info = _known(catalogue_name(row), model, base_model)
    if row.local and not _ELSEWHERE.search(model):
        info = replace(
            info or ModelInfo(provider=row.name, name=model),
            tariffs=free(),
            sources={**(info.sources if info else {}), "tariffs": "runs on the user's machine"},
        )
    return overrides.over(row.name, model, info)


def catalogue_name(row: Provider) -> str:
    """The provider whose models and prices a row's are: its own name, or that of the same host."""
    name = row.like or row.name
    return _SAME_HOST.get(name, name)


@functools.lru_cache(maxsize=1024)
def _known(provider: str, model: str, base_model: str | None) -> ModelInfo | None:
    if base_model is None:
        here = _at_host(provider, model)
        if here is None and (elsewhere := _OTHER_CURRENCY.get(provider)):
            there = _at_host(elsewhere, model)
            return there and _facts(there, f"{provider} bills in another currency than USD")
        return here
    info = _of_base(provider, base_model)
    tuned = _at_host(provider, model) if model.startswith("ft:") else None
    if tuned is not None and tuned.tariffs:
        return tuned
    if info is not None and (why := _own_price(model)):
        info = _facts(info, why)
    return None if info is None else replace(info, name=model)


def _of_base(provider: str, base_model: str) -> ModelInfo | None:
    """The host's own row of that model, under its maker's name or without; else facts alone."""
    maker, _, name = base_model.partition("/")
    row = shipped(maker) if name else None
    if here := _at_host(provider, base_model):
        return here
    if row is None:
        return None
    if here := _at_host(provider, name):
        return here
    there = _at_host(row.name, name)
    return there and _facts(there, f"{provider} has no known price of {base_model}")


def _own_price(model: str) -> str:
    """Why a name of the operator's own is not priced as its base model."""
    if model.startswith("ft:"):
        return "a tuned model has its own price, and that of this one is not known"
    if model.startswith("arn:") and _ARN_OF_OWN.search(model):
        return "throughput that is provisioned, or a model that is imported, is billed apart"
    return ""


def _facts(info: ModelInfo, why: str) -> ModelInfo:
    return replace(info, tariffs=(), why_unpriced=why)


def _at_host(provider: str, model: str) -> ModelInfo | None:
    names = model_names(provider)
    for spelling in _spellings(provider, model):
        name = names.get(spelling.name.casefold())
        if name is None:
            continue
        info = decode(provider, name, model_file(provider))
        if spelling.free:
            return replace(info, tariffs=free())
        return info if spelling.priced else _facts(info, spelling.why)
    return None


# ---------------------------------------------------------------- names

_ARN_OF_OWN = re.compile(
    r":(provisioned-model|custom-model|imported-model|custom-model-deployment)/"
)
_ARN_OF_MODEL = re.compile(r"^arn:[^/]*:(?:foundation-model|inference-profile)/(.+)$")
"""Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-ids.html, 2026-11-21."""

_REGION = re.compile(r"^(global|us|us-gov|eu|apac|jp|au|ca|in|uk|sa|me|af)\.(?=[a-z0-9-]+\.)")
_SNAPSHOT = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|00\d|latest|default)$")
_FOLDERS = re.compile(r"^(?:models/|publishers/[^/]+/models/|projects/.+/models/)")
_FREE_VARIANT = ":free"
_ROUTING = re.compile(r":(nitro|floor|online|exacto|extended|thinking|beta)$")
"""OpenRouter's variants of a model. Source: https://openrouter.ai/docs/faq, 2026-11-21."""


def _spellings(provider: str, model: str) -> Iterator[_Spelling]:
    """The name and what it may be listed as, the nearest first."""
    yield from _plain(model)
    if arn := _ARN_OF_MODEL.match(model):
        yield from _spellings(provider, arn[1])
    if (bare := _FOLDERS.sub("", model)) != model:
        yield from _plain(bare)
    if provider == "fireworks":
        yield _Spelling(f"accounts/fireworks/models/{model}")
        yield _Spelling(model.removeprefix("accounts/fireworks/models/"))
    if "@" in model:  # Vertex
        yield from _plain(model.replace("@", "-"))
    if model.startswith(f"{provider}/"):
        yield from _plain(model.removeprefix(f"{provider}/"))
    if model.startswith("ft:"):
        yield from _tuned(model)
    if region := _REGION.match(model):
        # Only the global endpoint is documented to cost what the model does in its own region.
        whole = region[1] == "global"
        why = f"the price in {region[1]} is not known, and may be higher"
        yield _Spelling(model[region.end() :], priced=whole, why=why)
    if model.endswith(_FREE_VARIANT):
        yield _Spelling(model.removesuffix(_FREE_VARIANT), free=provider == "openrouter")
    if variant := _ROUTING.search(model):
        why = f"what {variant[0]} costs depends on where it is sent"
        yield _Spelling(model[: variant.start()], priced=False, why=why)


def _plain(model: str) -> Iterator[_Spelling]:
    yield _Spelling(model)
    family = _SNAPSHOT.sub("", model)
    if family != model:
        yield _Spelling(family)


def _tuned(model: str) -> Iterator[_Spelling]:
    """``ft:BASE:organisation:name:id``: priced as tuned models of the base are, else not at all."""
    base = model.split(":")[1]
    yield _Spelling(f"ft:{base}")
    family = _SNAPSHOT.sub("", base)
    yield _Spelling(f"ft:{family}")
    why = f"tuned models of {base} have their own price, and it is not known"
    yield _Spelling(base, priced=False, why=why)
    yield _Spelling(family, priced=False, why=why)
