"""Which concepts the words of a text name, and where in it: in its lead, its tail or between."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import chain, pairwise
from typing import NamedTuple

from modelway.policies.task.lexicon import Concepts, Lexicon, load, stem

_SPACES = bytes.maketrans(
    bytes(range(128)),
    bytes(byte if chr(byte).isalnum() else 32 for byte in range(128)),
)
"""Punctuation of ASCII → spaces; what is beyond it stays."""
_ASCII = bytes.maketrans(
    bytes(range(256)),
    bytes(byte if byte < 128 and chr(byte).isalnum() else 32 for byte in range(256)),
)
"""Everything but letters and digits of ASCII → spaces."""
_MARKS = tuple(mark.encode() for mark in ("«", "»", "“", "”", "„", "—", "…", "\N{NO-BREAK SPACE}"))

_LEAD_WORDS, _REST_WORDS, _TAIL_WORDS = 24, 40, 16
_LEAD_HAN, _REST_HAN, _TAIL_HAN = 56, 80, 36
"""Chinese characters of a zone."""

_SURE_WORDS, _KNOWN_SHARE = 3, 3
"""From so many words on, one in three is known of any text in a language that is known."""
_SURE_HAN, _KNOWN_HAN_SHARE = 8, 5


class Found(NamedTuple):
    """Concepts in the order of their words, by zone."""

    lead: list[str]
    rest: list[str]
    tail: list[str]
    named: list[str]
    """Those that may be sensitive, of the whole text, as often as they are named."""
    known: float
    """How much of the text's language is, from 0 to 1."""


@cache
def lexicon() -> Lexicon:
    return load()


def in_words(raw: bytes) -> Found:
    """The concepts of a text, lower-cased and in UTF-8, whose language writes spaces."""
    known = lexicon()
    words = _words(raw)
    last = max(_LEAD_WORDS, len(words) - _TAIL_WORDS)
    lead, found = _concepts(words[:_LEAD_WORDS], known)
    between = words[_LEAD_WORDS : min(_LEAD_WORDS + _REST_WORDS, last)]
    rest = _flat(map(known.words.get, between)) if between else []
    tail, _ = _concepts(words[last:], known) if last < len(words) else ([], 0)
    read = min(len(words), _LEAD_WORDS)
    share = min(1.0, _KNOWN_SHARE * found / read) if read >= _SURE_WORDS else 1.0
    return Found(lead, rest, tail, _flat(map(known.sensitive.get, words)), share)


def in_han(text: str, raw: bytes) -> Found:
    """The same of Chinese, with whatever stands in it in the Latin script."""
    known = lexicon()
    last = max(_LEAD_HAN, len(text) - _TAIL_HAN)
    lead, found = _concepts_in_han(text[:_LEAD_HAN], known)
    between = text[_LEAD_HAN : min(_LEAD_HAN + _REST_HAN, last)]
    rest, _ = _concepts_in_han(between, known) if between else ([], 0)
    tail, _ = _concepts_in_han(text[last:], known) if last < len(text) else ([], 0)
    named = [_longest(start, known) for start in known.sensitive_han.findall(text)]
    latin = raw.translate(_ASCII).split()
    read = min(len(text), _LEAD_HAN)
    share = min(1.0, _KNOWN_HAN_SHARE * found / read) if read > _SURE_HAN else 1.0
    return Found(lead, rest, tail, _flat([*named, *map(known.sensitive.get, latin)]), share)


def _words(raw: bytes) -> list[bytes]:
    if raw.isascii():
        return raw.translate(_SPACES).split()
    for mark in _MARKS:
        raw = raw.replace(mark, b" ")
    return [stem(word) for word in raw.translate(_SPACES).split()]


def _concepts(words: list[bytes], known: Lexicon) -> tuple[list[str], int]:
    """The concepts of words, then of pairs of words; and how many of the words are known."""
    found = list(filter(None, map(known.words.get, words)))
    pairs = filter(None, map(known.pairs.get, pairwise(words)))
    return [*chain.from_iterable(found), *pairs], len(found)


def _concepts_in_han(text: str, known: Lexicon) -> tuple[list[str], int]:
    found = [_longest(start, known) for start in known.han.findall(text)]
    latin = text.encode(errors="replace").translate(_ASCII).split()
    return _flat([*found, *map(known.words.get, latin)]), len(found)


def _longest(start: str, known: Lexicon) -> Concepts:
    for end in range(len(start), 0, -1):
        concepts = known.in_han.get(start[:end])
        if concepts is not None:
            return concepts
    return ()


def _flat(found: Iterable[Concepts | None]) -> list[str]:
    return list(chain.from_iterable(filter(None, found)))
