"""Whether two questions say the same, as far as can be told for certain: no vector is asked.

Vectors of "turn it on" and "turn it off", of 15 and 51, of A to B and B to A are almost the same, and
vectors of anything can be made the same by who wants it. So every word of a question counts, to the
letter and in its order, but for what ``lexicon`` says that it does not: courtesy, articles, words for
the same. One clause may stand elsewhere ("in Python, …"). Made for precision: a doubt is a no.
"""

# ruff: noqa: RUF001 - marks of several scripts

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from modelway.policies.caching.semantic.lexicon import TONGUES, Tongue

_TOKEN = re.compile(
    r"""
      (?P<literal> ```.+?``` | `[^`]+` | "[^"]+" | “[^”]+” | «[^»]+» | „[^“”]+[“”]
          | (?<!\w)'[^'\n]+'(?!\w) | (?<!\w)‘[^’]+’ | \w+://\S+ )
    | (?P<exact> (?<!\S)--?[^\W\d][\w-]* | (?: (?<!\S)[+\-−] )? \d[\w.,:/%°-]* (?: [ ]?[ap]m\b )? )
    | (?P<word> \w+ (?: ['’.:/\\@&+-]+ \w+ )* (?: \+\+ | \# )? )
    | (?P<break> (?<=[^\s\d]) [.,;:!?…]{1,3} (?! [.,;:!?…] ) | (?<=\d) [;?…] (?! \S )
          | [¿¡] (?= \w ) | \n{1,3} (?! \n ) )
    | (?P<silent> [^\S\n]{1,8} (?! [^\S\n] ) | (?<=[^\W\d]) ['’] )
    | (?P<sign> . )  # what is left counts: brackets, dashes, signs, and what nobody sees
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTRACTED = {"n't": "not", "'m": "am", "'re": "are", "'ve": "have", "'d": "would", "'ll": "will"}
_IRREGULAR = {"can't": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us"}
_ENDS = frozenset(".!?…\n")
_ASKS = "?"
"""Among what counts: it is asked whether it is so."""
_ALSO_WORDS = frozenset(
    [
        "it",
        "us",
        "as",
        "or",
        "and",
        "be",
        "no",
        "not",
        "if",
        "ok",
        "me",
        "my",
        "he",
        "she",
        "we",
        "aids",
    ]
)
"""What capitals make other words of, beside those of the lexicons."""
_WHETHER = ("if", "whether")
_ENOUGH = 4
_MOST_CUTS = 16
"""So that nobody has us try millions of orders."""
_STEM = 4
_VOWELS = frozenset("aeiouyäöüаеёиоуыэюя")
"""What has none is an abbreviation, and ends as it does for a reason: https."""


class Sense(NamedTuple):
    """What counts of a question."""

    tongue: str
    words: tuple[str, ...]


class _Word(NamedTuple):
    text: str
    plain: bool
    """Whether a lexicon may know it; else it counts to the letter."""


def same(first: Sense, second: Sense) -> bool:
    """Whether what counts is the same, in the same order but for one clause that has moved."""
    if first.tongue != second.tongue or not first.words:
        return False
    if first.words == second.words:
        return True
    if sorted(first.words) != sorted(second.words):
        return False
    movers = TONGUES[first.tongue].movers
    return _moved(first.words, second.words, movers) or _moved(second.words, first.words, movers)


def _moved(words: tuple[str, ...], other: tuple[str, ...], movers: frozenset[str]) -> bool:
    """Whether two neighbouring parts, of which the second begins a clause, have changed places."""
    cuts = [0, *[at for at in range(1, len(words)) if words[at] in movers], len(words)]
    return len(cuts) <= _MOST_CUTS and any(
        words[:a] + words[b:c] + words[a:b] + words[c:] == other
        for a, b, c in combinations(cuts, 3)
    )


@lru_cache(maxsize=1024)
def sense(question: str) -> Sense:
    """What counts of this question."""
    clauses = _clauses(unicodedata.normalize("NFC", question).strip())
    name = _tongue(clauses)
    tongue = TONGUES[name]
    while len(clauses) > 1 and _said(clauses[0]) in tongue.courtesies:
        del clauses[0]
    while len(clauses) > 1 and _said(clauses[-1]) in tongue.courtesies:
        del clauses[-1]
    if clauses:
        clauses[0] = _opened(clauses[0], tongue)
    words = [word for clause in clauses for word in _counting(clause, tongue)]
    asks = not tongue.asking and "?" in question  # nothing else tells, in Russian for one
    return Sense(name, tuple([_ASKS, *words] if asks else words))


def _clauses(question: str) -> list[list[_Word]]:
    clauses: list[list[_Word]] = [[]]
    begins = True
    for found in _TOKEN.finditer(question):
        kind, text = found.lastgroup, found[0]
        if kind == "break":
            clauses.append([])
            begins = begins or not _ENDS.isdisjoint(text)
            continue
        if kind == "silent":
            continue
        clauses[-1] += _words(kind, text, begins=begins)
        begins = False
    return [clause for clause in clauses if clause]


def _words(kind: str | None, text: str, *, begins: bool) -> list[_Word]:
    if kind == "exact":
        return [_Word(text.rstrip(".,:/-").replace(" ", "").casefold(), plain=False)]
    if kind != "word":
        return [_Word(text.rstrip(".,:;!?)") if "://" in text else text, plain=False)]
    lower = text.casefold().replace("’", "'")
    if len(text) > 1 and text.isupper():
        return [_Word(text if _known(lower) else lower, plain=False)]
    if text != text.lower() and not (begins and text[1:] == text[1:].lower()):
        return [_Word(lower.removesuffix("'s"), plain=text == "I")]
    return [_Word(one, plain=True) for one in _written_out(lower)]


def _written_out(word: str) -> list[str]:
    if "'" not in word:
        return [word]
    if word in _IRREGULAR:
        return _IRREGULAR[word].split()
    for ending, meaning in _CONTRACTED.items():
        if word.endswith(ending):
            return [word.removesuffix(ending), meaning]
    return [word.removesuffix("'s"), "is"] if word.endswith("'s") else [word]


def _known(word: str) -> bool:
    return word in _ALSO_WORDS or any(
        word in tongue.silent or word in tongue.same or word in tongue.movers
        for tongue in TONGUES.values()
    )


def _tongue(clauses: list[list[_Word]]) -> str:
    """The language whose small words it has the most of, if they are enough; ``""``: another."""
    words = [word.text for clause in clauses for word in clause if word.plain]
    known = {
        name: sum([word in tongue.known_by for word in words]) for name, tongue in TONGUES.items()
    }
    name = max(known, key=lambda name: known[name])
    return name if words and known[name] * _ENOUGH >= len(words) else ""


def _said(clause: list[_Word]) -> tuple[str, ...]:
    return tuple([word.text for word in clause])


def _opened(clause: list[_Word], tongue: Tongue) -> list[_Word]:
    """Without the words that only ask to be told."""
    said = _said(clause)
    for rows, askers in ((tongue.openers, None), (tongue.tellers, tongue.askers)):
        for row in rows.get(said[0], ()):
            rest = clause[len(row) :]
            if said[: len(row)] != row or not rest:
                continue
            if askers is None:
                return _opened(rest, tongue)
            if rest[0].text in askers:
                return [_Word(_ASKS, plain=False), *rest[1:]] if rest[0].text in _WHETHER else rest
    return clause


def _counting(clause: list[_Word], tongue: Tongue) -> list[str]:
    said, counting, at = _said(clause), [], 0
    while at < len(clause):
        for words, means in tongue.phrases.get(said[at], ()):
            if said[at : at + len(words)] == words:
                counting += [_root(word, tongue) for word in means.split()]
                at += len(words)
                break
        else:
            word = clause[at]
            if not word.plain:
                counting.append(word.text)
            elif word.text not in tongue.silent:
                counting.append(_root(word.text, tongue))
            elif at == 0 and word.text in tongue.asking:
                counting.append(_ASKS)
            elif word.text == "do" and at == len(clause) - 1:
                counting.append(word.text)
            at += 1
    return counting


def _root(word: str, tongue: Tongue) -> str:
    """The stem of the first of the words for the same."""
    word = tongue.same.get(word, word)
    for ending in tongue.endings:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _STEM and not _VOWELS.isdisjoint(stem):
            return tongue.same.get(stem, stem)
    return word
