"""What is known of a call while its attempts are made, and of what they answered."""

from __future__ import annotations

from typing import NamedTuple

from modelway.call import Call
from modelway.observe.otel import wire
from modelway.observe.otel.answering import usage_attributes
from modelway.observe.otel.asking import asked_attributes
from modelway.observe.otel.attributes import Attributes
from modelway.types import Usage


class Answer(NamedTuple):
    """What an answer tells of itself, and what it used, as attributes."""

    said: Attributes
    encoded: bytes


NO_ANSWER = Answer({}, b"")


def answer(said: Attributes, usage: Usage | None) -> Answer:
    """Written once, for the attempt and for the call."""
    if usage is not None:
        usage_attributes(said, usage)
    return Answer(said, wire.attributes(said, number=9))


class Trip:
    """What is known of a call while its attempts are made."""

    __slots__ = (
        *("answers", "asked", "cost_pico_usd", "encoded"),
        *("number", "open", "streams", "tried"),
    )

    def __init__(self, call: Call, *, sampled: bool) -> None:
        self.asked = asked_attributes(call) if sampled else {}
        self.encoded = wire.attributes(self.asked, number=9)
        self.streams = call.stream
        """Not what is passed through: nobody knows what comes in it."""
        self.number = 0
        self.open = 0
        self.tried: set[str] = set()
        self.answers: dict[str, Answer] = {}
        """What attempts have found out of their answers, by deployment."""
        self.cost_pico_usd: int | None = None

    def begin(self, deployment: str) -> str:
        """Why one more attempt is made."""
        self.number += 1
        if self.number == 1:
            reason = "first"
        elif self.open:
            reason = "hedge"
        else:
            reason = "retry" if deployment in self.tried else "fallback"
        self.tried.add(deployment)
        return reason
