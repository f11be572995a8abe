"""A request → its task: the features that are seen, each with a weight for each class, added up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from modelway.policies.task.features import Reading, bounded, read
from modelway.policies.task.sensitive import is_sensitive
from modelway.policies.task.values import (
    CATEGORIES,
    DIFFICULTIES,
    LONG_FILE_TOKENS,
    Category,
    Need,
    Task,
)
from modelway.policies.task.weighing import weights
from modelway.types import (
    Audio,
    ChatRequest,
    Image,
    JsonSchema,
    Message,
    Part,
    Text,
    Thinking,
    ToolResult,
)

_EARLIER_CHARS = 2048
"""So much of what the user said before is read, from its end, for what is sensitive."""
_CODING: frozenset[Category] = frozenset(("debugging", "generation", "refactoring", "testing"))
_EVEN_WHERE_TECHNICAL: frozenset[Category] = frozenset(("documentation", "security"))
_MOSTLY_CODE = 0.3
_NO_NEEDS: frozenset[Need] = frozenset()


def analyse(request: ChatRequest, *, input_tokens: int) -> Task:
    """What the last question of a request is, from its words and the fields beside them.

    ``input_tokens`` are those of the whole request, as whoever limits them has estimated.
    """
    said = [_said(message) for message in request.messages if message.role == "user"]
    said = [text for text in said if text]
    return analyse_text(
        said[-1] if said else "",
        earlier=said[:-1],
        input_tokens=input_tokens,
        needs=frozenset(_needs(request)),
    )


def analyse_text(
    text: str, *, earlier: Sequence[str] = (), input_tokens: int, needs: frozenset[Need] = _NO_NEEDS
) -> Task:
    """The same from the user's last words, for whoever has no request decoded.

    ``earlier`` is what the user said before: it is read for what is sensitive only.
    """
    reading = read(text)
    seen = reading.seen.items()
    points = weights().points(seen)
    chances = _chances(points[: len(CATEGORIES)])
    winner = chances.index(max(chances))
    category = CATEGORIES[winner]
    hardness = points[len(CATEGORIES) :]
    return Task(
        category=category,
        confidence=round(chances[winner] * reading.known, 3),
        difficulty=DIFFICULTIES[hardness.index(max(hardness))],
        sensitive=_is_sensitive(text, earlier, reading),
        coding_heavy=coding_heavy(category, reading.code_share, is_technical=reading.is_technical),
        code_share=reading.code_share,
        input_tokens=input_tokens,
        needs=needs,
        long_file=input_tokens > LONG_FILE_TOKENS,
        reasons=weights().reasons(seen, winner),
    )


def coding_heavy(category: Category, code_share: float, *, is_technical: bool) -> bool:
    """Whether the answer is likely to be code, or about a good deal of it."""
    return (
        category in _CODING
        or code_share >= _MOSTLY_CODE
        or (is_technical and category in _EVEN_WHERE_TECHNICAL)
    )


def _said(message: Message) -> str:
    return "\n".join([part.text for part in message.parts if isinstance(part, Text)])


def _needs(request: ChatRequest) -> Iterator[Need]:
    if request.tools and request.tool_choice != "none":
        yield "tools"
    parts = [part for message in request.messages for part in _flat(message.parts)]
    if any(isinstance(part, Image) for part in parts):
        yield "vision"
    if any(isinstance(part, Audio) for part in parts):
        yield "audio"
    if isinstance(request.response_format, JsonSchema):
        yield "schema"
    if request.thinking is not None and _reasons_at_all(request.thinking):
        yield "reasoning"


def _flat(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from part.parts


def _reasons_at_all(thinking: Thinking) -> bool:
    if thinking.mode == "disabled" or thinking.effort == "none":
        return False
    return thinking != Thinking()


def _is_sensitive(text: str, earlier: Sequence[str], reading: Reading) -> bool:
    if is_sensitive(bounded(text), reading.named, is_technical=reading.is_technical):
        return True
    before = _end_of(earlier)
    if not before:
        return False
    past = read(before)
    return is_sensitive(before, past.named, is_technical=past.is_technical)


def _end_of(texts: Sequence[str]) -> str:
    """The last of what was said, however much that was."""
    before = ""
    for text in reversed(texts):
        before = f"{text[-_EARLIER_CHARS:]}\n{before}"
        if len(before) > _EARLIER_CHARS:
            break
    return before[-_EARLIER_CHARS:]


def _chances(points: Sequence[int]) -> list[float]:
    """Of thousandths: how likely each class is."""
    most = max(points)
    weights = [math.exp((point - most) / 1000) for point in points]
    total = sum(weights)
    return [weight / total for weight in weights]
