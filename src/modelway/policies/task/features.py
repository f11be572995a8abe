"""What can be seen in a text: the concepts that its words name and where, code, size, punctuation.

Of a long text the beginning and the end are read, as ``HEAD_CHARS`` and ``TAIL_CHARS`` say; what is
asked is looked for near both, where the instruction stands, what is sensitive everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelway.policies.task.concepts import in_han, in_words

HEAD_CHARS = 4096
TAIL_CHARS = 2048

_LEAD, _REST, _TAIL, _IN_CODE = 10, 4, 8, 1
"""What a word counts there, in tenths."""
_CODE_CHARS = 160

_HAN_LEADS = bytes(range(0xE4, 0xEA))
_CYRILLIC_LEADS = b"\xd0\xd1"
_SYMBOLS = b"{}();=<>[]_\\|&"
_DIGITS = b"0123456789"

_QUESTION_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}")
_WIDE_COLON = "\N{FULLWIDTH COLON}\n"

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
    han = _count(raw, _HAN_LEADS)
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
    symbols = _count(raw, _SYMBOLS)
    seen.update(dict.fromkeys(_shape(text, prose, raw, is_technical=is_technical), 10))
    if symbols > 4 + len(raw) // 40:
        seen["symbols"] = 10
    if _is_mixed(prose, han, _count(raw, _CYRILLIC_LEADS)):
        seen["two_scripts"] = 10
    opening = next(filter(_OPENERS.__contains__, found.lead), None)
    seen["1:" + (opening or ("told_technical" if is_technical else "told_plain"))] = 10
    share = (
        len(code) / len(text)
        if code
        else min(1.0, max(0.0, 12 * (symbols / max(1, len(raw)) - 0.02)))
    )
    named = [*found.named, "keep_secret"] if "keep_secret" in seen else found.named
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


def _shape(text: str, prose: str, raw: bytes, *, is_technical: bool) -> Iterator[str]:
    """Features that need no words."""
    field = "technical" if is_technical else "plain"
    yield field
    ending = prose.rstrip()[-1:]
    if ending in _QUESTION_MARKS:
        yield "asks"
        yield f"asks_{field}"
        if len(raw) <= 70:
            yield f"asks_briefly_{field}"
    elif any(mark in prose for mark in _QUESTION_MARKS):
        yield "asks_within"
    for size, name in _SIZES:
        if len(raw) > size:
            yield name
    if ":\n" in prose or _WIDE_COLON in prose:
        yield "material"
    if "\n- " in prose or "\n1" in prose:
        yield "bullets"
    if "@@ -" in text or "diff --git" in text:
        yield "diff"
    if "\n  at " in text or "\n\tat " in text or "\n    at " in text or 'File "' in text:
        yield "stack"
    if "Error" in text or "Exception" in text:
        yield "names_error"
    if '"' in prose or "«" in prose or "“" in prose or "`" in prose:
        yield "quotes"
    digits = _count(raw, _DIGITS)
    if digits:
        yield "digits"
    if digits > 8:
        yield "many_digits"
    if "%" in prose:
        yield "percent"
