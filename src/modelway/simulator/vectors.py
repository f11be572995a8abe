"""Made-up embeddings: equal texts have equal vectors, and texts that share words are near."""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Iterable
from hashlib import shake_256

_WORDS = re.compile(r"\w+")
_DRAWN = 24
"""How many dimensions a feature of a text moves."""


def vector(text: str, dimensions: int) -> list[float]:
    """A text's vector, of length 1."""
    found = [0.0] * dimensions
    for feature, weight in _features(text):
        drawn = shake_256(feature.encode()).digest(4 * _DRAWN)
        for (number,) in struct.iter_unpack(">I", drawn):
            found[(number >> 1) % dimensions] += weight if number & 1 else -weight
    length = math.hypot(*found) or 1.0
    return [value / length for value in found]


def likeness(text: str, other: str) -> float:
    """From 0 to 1: how near two texts are."""
    near = sum([a * b for a, b in zip(vector(text, 512), vector(other, 512), strict=True)])
    return min(1.0, max(0.0, near))


def packed(values: Iterable[float]) -> str:
    """A vector as base64 of little-endian floats of 4 bytes."""
    each = list(values)
    return base64.b64encode(struct.pack(f"<{len(each)}f", *each)).decode()


def _features(text: str) -> Iterable[tuple[str, float]]:
    """Its words, and more weakly the words' beginnings, which forms of a word share."""
    yield "", 0.1  # so that no text has no direction
    for word in _WORDS.findall(text.lower()):
        yield word, 1.0
        yield f"{word[:4]}…", 0.5
