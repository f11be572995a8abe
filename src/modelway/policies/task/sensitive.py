"""Whether a text is not for everybody: personal details, a credential, a confidence. Points add up.

One word is never enough, but for one that says so (“confidential”): a question about diabetes is not
a patient's record.
"""

# ruff: noqa: RUF001 - letters of two scripts that look alike

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

ENOUGH = 30

_POINTS: Mapping[str, tuple[int, int]] = {
    "confidential": (30, 0),
    "keep_secret": (30, 0),
    "private": (8, 0),
    "person": (6, 0),
    "identity": (10, 6),
    "medical": (12, 6),
    "money": (9, 6),
    "legal": (9, 6),
    "family": (7, 3),
    "mine": (9, 3),
    "i": (4, 0),
}
"""Concept → points for naming it once, and for each time after, at most three."""
_PERSONAL = ("person", "identity", "medical", "money", "legal", "family")
_MANY_DIGITS, _FOR_MANY_DIGITS = 5, 5
_ALONE = frozenset((*_PERSONAL, "confidential", "keep_secret", "private", "credential"))
"""Concepts without which the others can never be enough."""
_EMAIL, _LONG_NUMBER, _NAME, _SECRET = 20, 12, 11, 40
_ABOUT_SOFTWARE = 8
"""Taken from a text about software that names nobody: it speaks of records, it is none."""

_SECRET_NAMES = (
    *("pass", "pwd", "secret", "token", "key", "парол", "секрет", "токен", "ключ"),
    *("密码", "口令", "密钥", "令牌"),
)
_MENTIONS = 8
"""How often the name of a secret is looked behind."""
_VALUE = re.compile(
    r"[^\n=:\N{FULLWIDTH COLON}]{0,24}(?:=|:|\N{FULLWIDTH COLON}|是|\bis\b|\bэто\b|—)"
    r"[\s\"'“«`]{0,3}([^\s\"'”»`,;()<>{}$]{6,80})"
)
_ADDRESS = re.compile(r"@[\w-]{1,63}\.[a-z]{2}")
_NUMBER = re.compile(r"\d[\d ()-]{7,18}\d")
_NUMBER_DIGITS = 9
_FULL_NAME = re.compile(
    r" (?:[A-Z][a-z]{1,20} [A-Z][a-z]{1,20}\b|[А-ЯЁ][а-яё]{1,20} (?:[А-ЯЁ][а-яё]{1,20}\b|[А-ЯЁ]\.))"
)
_DIGITS = b"0123456789"


def is_sensitive(text: str, named: Sequence[str], *, is_technical: bool) -> bool:
    """Whether the points of the concepts that were named, and of what can be seen, are enough."""
    if _ALONE.isdisjoint(named) and "@" not in text and "-----BEGIN" not in text:
        return False
    counts = Counter(named)
    points = sum(
        first + more * min(3, counts[concept] - 1)
        for concept, (first, more) in _POINTS.items()
        if concept in counts
    )
    if points >= ENOUGH and not is_technical:
        return True
    if "-----BEGIN" in text and "PRIVATE KEY" in text:
        return True
    seen = 0
    if "credential" in counts and _has_secret(text.lower()):
        seen += _SECRET
    if "@" in text and _ADDRESS.search(text):
        seen += _EMAIL
    if any(concept in counts for concept in _PERSONAL):
        seen += _identified(text)
    said = counts["confidential"] + counts["keep_secret"] + counts["mine"] + counts["family"]
    if is_technical and not seen and not said:
        points -= _ABOUT_SOFTWARE
    return points + seen >= ENOUGH


def _identified(text: str) -> int:
    """Points for a name, a long number and many numbers."""
    points = _NAME if _FULL_NAME.search(text) else 0
    digits = _digits(text)
    if digits >= _NUMBER_DIGITS and any(
        _digits(number) >= _NUMBER_DIGITS for number in _NUMBER.findall(text)
    ):
        points += _LONG_NUMBER
    return points + (_FOR_MANY_DIGITS if digits >= _MANY_DIGITS else 0)


def _digits(text: str) -> int:
    raw = text.encode(errors="replace")
    return len(raw) - len(raw.translate(None, _DIGITS))


def _has_secret(lowered: str) -> bool:
    """Whether something that looks like the value of a secret follows its name."""
    for name in _SECRET_NAMES:
        start = 0
        for _ in range(_MENTIONS):
            start = lowered.find(name, start) + len(name)
            if start < len(name):
                break
            value = _VALUE.match(lowered, start)
            if value is not None and _looks_random(value[1]):
                return True
    return False


def _looks_random(value: str) -> bool:
    return not value.isdigit() and any(character.isdigit() for character in value)
