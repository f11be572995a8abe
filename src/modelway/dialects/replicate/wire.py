"""The parts of Replicate's HTTP API that we read.

Source: https://replicate.com/docs/reference/http and recorded predictions, 2026-11-21.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.json import Decoder

from modelway.dialects.reading import UNREADABLE
from modelway.errors import ResponseError
from modelway.types import JSON

NAME = "replicate"

T = TypeVar("T")


class URLs(Struct, frozen=True):
    get: str = ""
    stream: str | None = None


class Prediction(Struct, frozen=True):
    """A run of a model, at any point of its life."""

    id: str
    status: str
    model: str = ""
    output: Any = None
    error: Any = None
    created_at: str | None = None
    metrics: JSON | None = None
    urls: URLs = URLs()


class Model(Struct, frozen=True):
    owner: str
    name: str


_AT = re.compile(r" - at `\$\.?(.*)`$")


def read_answer(decoder: Decoder[T], raw: bytes, what: str) -> T:
    """A provider's value; ResponseError where it does not have the promised form."""
    try:
        return decoder.decode(raw)
    except UNREADABLE as error:
        fault = _AT.sub(r" at \1", str(error))
        raise ResponseError(f"{what} of the provider cannot be read: {fault}") from None
