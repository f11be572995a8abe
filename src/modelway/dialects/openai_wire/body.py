"""A request's body in whichever of OpenAI's dialects: ranges, extras, a host's ways, JSON.

``warn`` is told of each setting that is not sent as it was asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import msgspec

from modelway.call import Question, Target
from modelway.catalog.rows import Quirks
from modelway.errors import BadRequestError, UnsupportedError
from modelway.schema import fitted, subset
from modelway.types import JSON, CallWarning, ChatRequest

SUBSET = "openai"
"""Of JSON Schema; see ``schema.subsets``."""

Warn: TypeAlias = Callable[[str, str], None]


class Notes:
    """Warnings in the order found, one a setting. It is called as a ``Warn``."""

    __slots__ = ("_warnings",)

    def __init__(self) -> None:
        self._warnings: dict[str, CallWarning] = {}

    def __call__(self, setting: str, message: str) -> None:
        self._warnings.setdefault(setting, CallWarning(setting=setting, message=message))

    def taken(self) -> tuple[CallWarning, ...]:
        return tuple(self._warnings.values())


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("temperature", 0, 2),
    ("top_p", 0, 1),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
    ("max_tokens", 1, math.inf),
    ("n", 1, 128),
    ("top_logprobs", 0, 20),
    ("seed", -(2**63), 2**64 - 1),
)


def check(request: ChatRequest) -> None:
    """Refuse values out of the documented ranges, and NaN."""
    if not request.messages:
        raise BadRequestError("messages must hold at least one message", param="messages")
    for name, least, most in _RANGES:
        value = getattr(request, name)
        if value is not None and not least <= value <= most:
            limit = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise BadRequestError(f"{name} must be {limit}, not {value}", param=name)


def strict_schema(
    schema: JSON, strict: bool | None, quirks: Quirks, setting: str, warn: Warn
) -> tuple[JSON, bool | None]:
    """The schema within what this host takes, and whether it is to be enforced.

    What cannot be enforced at all is sent to be followed as well as the model can.
    """
    row = subset(quirks.schema_subset or SUBSET)
    if row.only_strict and not strict:
        row = subset("any")
    try:
        fit = fitted(schema, row, setting)
    except UnsupportedError as error:
        if not row.only_strict:
            raise
        warn(f"{setting}.strict", f"{error.message}: sent without strict")
        return schema, False
    for warning in fit.warnings:
        warn(warning.setting, warning.message)
    return fit.schema, strict


def add_extras(
    request: Question, dialect: str, ours: Collection[str], body: JSON, warn: Warn
) -> None:
    """The caller's own fields, but for ``ours``; objects that are in both go together."""
    for name, value in request.extra.items():
        if request.extra_dialect not in {None, dialect}:
            warn(
                f"extra.{name}", f"it is a field of the dialect {request.extra_dialect!r}; not sent"
            )
        elif name not in ours:
            _refuse_nan(value, name)
            modelled = body.get(name)
            both = isinstance(value, dict) and isinstance(modelled, dict)
            body[name] = {**value, **modelled} if both else value  # type: ignore[dict-item]


def _refuse_nan(value: Any, path: str) -> None:
    match value:
        case float() if not math.isfinite(value):
            raise BadRequestError(f"extra.{path} must be a finite number", param=path)
        case dict():
            for name, inner in value.items():
                _refuse_nan(inner, f"{path}.{name}")
        case list() | tuple():
            for number, inner in enumerate(value):
                _refuse_nan(inner, f"{path}[{number}]")
        case _:
            pass


def finished(body: JSON, target: Target, ours: Collection[str], warn: Warn) -> bytes:
    """The body's bytes: as the host wants its fields, with the operator's own, but for ``ours``."""
    body = _as_the_host_wants(body, target.quirks, ours, warn)
    body |= {name: value for name, value in target.body.items() if name not in ours}
    try:
        return msgspec.json.encode(body)
    except (UnicodeEncodeError, TypeError, OverflowError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from None


def _as_the_host_wants(body: JSON, quirks: Quirks, ours: Collection[str], warn: Warn) -> JSON:
    """Fields renamed and dropped as the row says; a name that is there already is not overwritten."""
    for name in quirks.drop:
        if name in body and name not in ours:
            warn(name, "this provider refuses the field; not sent")
            del body[name]
    if not quirks.rename:
        return body
    renamed: JSON = {}
    for name, value in body.items():
        wanted = quirks.rename.get(name, name)
        if wanted == name or wanted not in body:
            renamed[wanted] = value
    return renamed


def encode_json(value: Any) -> bytes:
    """JSON; text that holds half a surrogate pair is mended rather than lost with the answer."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False, default=_plain).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """A client's own JSON, which msgspec writes as it is."""
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
