"""What can be seen in a text: the concepts that its words name and where, code, size, punctuation.

Of a long text the beginning and the end are read, as ``HEAD_CHARS`` and ``TAIL_CHARS`` say; what is
asked is looked for near both, where the instruction stands, what is sensitive everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modelway.policies.task.concepts import in_han, in_words

HEAD_CHARS = 4096
TAIL_CHARS = 2048

AMOUNTS = _LEAD, _REST, _TAIL, _IN_CODE = 10, 4, 8, 1
"""What a word counts there, in tenths; what is no word counts as in the lead."""
_CODE_CHARS = 160

_HAN_LEADS = bytes(range(0xE4, 0xEA))
_CYRILLIC_LEADS = b"\xd0\xd1"
_SYMBOLS = b"{}();=<>[]_\\|&"
_DIGITS = b"0123456789"

_SHAPE_CHARS = 1024
"""So far the signs below are looked for."""
_QUESTION_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}")
_BRIEF_BYTES = 70
_MANY_DIGITS = 8
_FEW_SYMBOLS, _MANY_SYMBOLS = 0.02, 0.05
"""The share of code's signs in prose, and where code is in it without a fence."""
_SIGNS = (
    (":\n", "material"),
    ("\N{FULLWIDTH COLON}\n", "material"),
    ("\n- ", "bullets"),
    ("\n1", "bullets"),
    ("@@ -", "diff"),
    ("diff --git", "diff"),
    ("\n  at ", "stack"),
    ("\n    at ", "stack"),
    ("\n\tat ", "stack"),
    ('File "', "stack"),
    ("Error", "names_error"),
    ("Exception", "names_error"),
    ('"', "quotes"),
    ("«", "quotes"),
    ("“", "quotes"),
    ("`", "quotes"),
    ("%", "percent"),
)
"""What stands in a text → what that is a feature of."""

_SIZES = ((24, "over_24"), (70, "over_70"), (200, "over_200"), (600, "over_600"))
"""Bytes of prose, beyond each of which a text is of another size."""

_OPENERS = frozenset(
    (
        *("fix", "find", "write", "draft", "create", "build", "design", "add", "show", "refactor"),
        *("tidy", "rename", "migrate", "convert", "split", "speed", "improve", "test", "document"),
        *(
            "doc",
            "explain",
            "compare",
            "translate",
            "summarise",
            "extract",
            "classify",
            "calculate",
        ),
        *("prove", "analyse", "plan", "what", "how", "why", "who", "many", "is", "do", "say"),
        *("security", "mean"),
    )
)
"""Concepts that say what is asked: the first of them in a text counts once more."""

_TECHNICAL = frozenset(
    (
        *("function", "code", "service", "config", "query", "page", "tongue_code", "infra", "tech"),
        *("command", "trace", "attack_kind", "crypto"),
    )
)
"""Concepts of which one is enough to say that a text is about software."""


class Reading(NamedTuple):
    """What was seen in a text."""

    seen: dict[str, int]
    """Feature → how much of it, in tenths."""
    named: Sequence[str]
    """Concepts that may be sensitive, as often as they are named."""
    code_share: float
    """The fenced part; without a fence, an estimate by how dense the signs of code are."""
    known: float
    """How much of the text's language is, from 0 to 1."""
    is_technical: bool


def bounded(text: str) -> str:
    """The beginning and the end of a long text."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def read(text: str) -> Reading:
    """See what is in a text, of which no more is read than ``bounded`` leaves."""
    text = bounded(text)
    prose, code = _fenced(text)
    lowered = prose.lower()
    raw = lowered.encode(errors="replace")
    is_ascii = raw.isascii()
    han = 0 if is_ascii else _count(raw, _HAN_LEADS)
    found = in_han(lowered, raw) if han * 12 > len(raw) else in_words(raw)
    seen: dict[str, int] = {}
    if code:
        inside = in_words(code[:_CODE_CHARS].lower().encode(errors="replace"))
        seen.update(dict.fromkeys(inside.lead, _IN_CODE))
        seen["fence"] = 10
    seen.update(dict.fromkeys(found.rest, _REST))
    seen.update(dict.fromkeys(found.tail, _TAIL))
    seen.update(dict.fromkeys(found.lead, _LEAD))
    is_technical = bool(code) or not _TECHNICAL.isdisjoint(seen)
    symbols = _count(raw[:_SHAPE_CHARS], _SYMBOLS) / min(max(1, len(raw)), _SHAPE_CHARS)
    shape = _shape(prose[:_SHAPE_CHARS], raw, is_technical=is_technical)
    if symbols > _MANY_SYMBOLS:
        shape.append("symbols")
    if not is_ascii and _is_mixed(prose, han, _count(raw, _CYRILLIC_LEADS)):
        shape.append("two_scripts")
    head = text[:_SHAPE_CHARS]
    shape += [name for sign, name in _SIGNS if sign in head]
    opening = next(filter(_OPENERS.__contains__, found.lead), None)
    shape.append("1:" + (opening or ("told_technical" if is_technical else "told_plain")))
    seen.update(dict.fromkeys(shape, 10))
    named = [*found.named, "keep_secret"] if "keep_secret" in seen else found.named
    share = len(code) / len(text) if code else min(1.0, max(0.0, 12 * (symbols - _FEW_SYMBOLS)))
    return Reading(seen, named, round(share, 2), found.known, is_technical)


def _count(raw: bytes, kinds: bytes) -> int:
    """How many bytes are of these kinds."""
    return len(raw) - len(raw.translate(None, kinds))


def _fenced(text: str) -> tuple[str, str]:
    """What stands outside of code fences, and inside."""
    if "```" not in text:
        return text, ""
    parts = text.split("```")
    return "\n".join(parts[::2]), "\n".join(parts[1::2])


def _is_mixed(prose: str, han: int, cyrillic: int) -> bool:
    """Whether a text of one script is spoken of in another, as when it is to be translated."""
    return (cyrillic + han > 8 and prose[:12].isascii()) or (cyrillic > 8 and han > 3)


def _shape(prose: str, raw: bytes, *, is_technical: bool) -> list[str]:
    """Features of the prose that need no words."""
    field = "technical" if is_technical else "plain"
    shape = [field]
    if any(mark in prose for mark in _QUESTION_MARKS):
        if prose.rstrip().endswith(_QUESTION_MARKS):
            shape += ["asks", f"asks_{field}"]
            if len(raw) <= _BRIEF_BYTES:
                shape.append(f"asks_briefly_{field}")
        else:
            shape.append("asks_within")
    shape += [name for size, name in _SIZES if len(raw) > size]
    digits = _count(raw[:_SHAPE_CHARS], _DIGITS)
    if digits:
        shape.append("digits" if digits <= _MANY_DIGITS else "many_digits")
    return shape
