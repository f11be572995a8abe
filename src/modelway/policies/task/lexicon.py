"""Words → concepts, for every language at once: their scripts keep them apart.

Each form of a word is written out, so that a word is known by one look-up and never inside another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from modelway.policies.task import words_en, words_ru, words_zh
from modelway.policies.task.phrases import BEFORE_TONGUE, PHRASES

Concepts = tuple[str, ...]
Word = TypeVar("Word", str, bytes)

_STEM_BYTES = 14
"""Words of other scripts than Latin are known by their first seven letters: so by stem, not form."""

SENSITIVE = frozenset(
    (
        *(
            "confidential",
            "private",
            "identity",
            "medical",
            "money",
            "legal",
            "family",
            "mine",
            "i",
        ),
        "credential",
        "person",
    )
)
"""Concepts that may say that a text is not for everybody."""


class Lexicon(NamedTuple):
    """What each known word and pair of words says. ``han`` finds where a word of ``in_han`` may begin."""

    words: Mapping[bytes, Concepts]
    pairs: Mapping[tuple[bytes, bytes], str]
    han: re.Pattern[str]
    in_han: Mapping[str, Concepts]
    sensitive: Mapping[bytes, Concepts]
    """Of the words, those that may be sensitive."""
    sensitive_han: re.Pattern[str]
    """Finds where one of ``in_han`` that may be sensitive may begin."""


def load() -> Lexicon:
    """All languages' words, written out."""
    words: dict[bytes, Concepts] = {}
    for concept, word in _listed(words_en.WORDS):
        for form in _english(word):
            _know(words, form.encode(), concept)
            _know(words, stem(form.encode()), concept)
    for concept, word in _listed(words_ru.WORDS):
        for form in _russian(word):
            _know(words, stem(form.encode()), concept)
    pairs = {
        (stem(first), stem(second)): concept
        for concept, listed in PHRASES.items()
        for first, second in [phrase.encode().split() for phrase in listed.split(",")]
    }
    for tongue in (word for word, concepts in words.items() if "tongue" in concepts):
        for before in BEFORE_TONGUE:
            if before.isascii() == tongue.isascii():
                pairs.setdefault((before.encode(), tongue), "say_in")
    in_han = _in_han()
    sensitive, telling = _sensitive(words), _sensitive(in_han)
    return Lexicon(words, pairs, _beginnings(in_han), in_han, sensitive, _beginnings(telling))


def stem(word: bytes) -> bytes:
    """The part of a word that it is known by, outside the Latin script."""
    return word[:_STEM_BYTES]


def _sensitive(words: Mapping[Word, Concepts]) -> dict[Word, Concepts]:
    return {word: said for word, said in words.items() if not SENSITIVE.isdisjoint(said)}


def _listed(text: str) -> Iterator[tuple[str, str]]:
    """``concept: word word …`` → each word with its concept."""
    concept = ""
    for word in text.split():
        if word.endswith(":"):
            concept = word[:-1]
        else:
            yield concept, word


def _know(words: dict[bytes, Concepts], word: bytes, concept: str) -> None:
    known = words.get(word, ())
    if concept not in known:
        words[word] = (*known, concept)


def _english(word: str) -> Iterator[str]:
    """``bug+`` → bug, bugs, bugged, bugging …; a form too many does no harm."""
    if not word.endswith("+"):
        yield word
        return
    stem = word[:-1]
    for ending in words_en.ENDINGS:
        yield stem + ending
    if stem.endswith("e"):
        yield stem[:-1] + "ing"
    elif stem.endswith("y"):
        yield stem[:-1] + "ies"
        yield stem[:-1] + "ied"
    else:
        yield stem + stem[-1] + "ed"
        yield stem + stem[-1] + "ing"


def _russian(word: str) -> Iterator[str]:
    endings = {"*": words_ru.NOUN, "+": words_ru.VERB}.get(word[-1])
    if endings is None:
        yield word
        return
    for ending in endings:
        yield word[:-1] + ending


def _in_han() -> dict[str, Concepts]:
    """Each word's concepts, with those of the shorter words that it begins with."""
    own: dict[str, Concepts] = {}
    for concept, word in _listed(words_zh.WORDS):
        own[word] = (*own.get(word, ()), concept)
    return {
        word: tuple(
            dict.fromkeys(
                concept
                for end in range(len(word), 1 if len(word) > 1 else 0, -1)
                for concept in own.get(word[:end], ())
            )
        )
        for word in own
    }


def _beginnings(words: Iterable[str]) -> re.Pattern[str]:
    """Matches nothing wide, and captures five characters from each place where a word may begin."""
    pairs = sorted(word[:2] for word in words if len(word) > 1)
    first = "".join(dict.fromkeys(re.escape(pair[0]) for pair in pairs))
    second = "".join(dict.fromkeys(re.escape(pair[1]) for pair in pairs))
    alone = "".join(sorted(re.escape(word) for word in words if len(word) == 1))
    return re.compile(f"(?=([{first}][{second}].{{0,3}}|[{alone}]))")
