"""The tree of errors: what each says of itself, and that the drawing of it is true."""

import inspect
import re

from modelway import errors
from modelway.errors import LLMError, RateLimitError


def tree(kind, above=()):
    yield kind, above
    for below in kind.__subclasses__():
        yield from tree(below, (*above, kind))


def test_the_drawing_has_every_class_and_its_marks():
    drawn = {
        name: marks
        for name, marks in re.findall(r"(\w+Error)([*†]*)", errors.__doc__ or "")
        if name
    }
    for kind, above in tree(LLMError):
        if kind.__module__ != errors.__name__:
            continue
        assert kind.__name__ in drawn, kind
        marks = drawn[kind.__name__]
        for group in above:
            marks += drawn[group.__name__]
        if kind.__name__ != "StreamInterruptedError":
            assert kind.may_fall_back == ("*" in marks), kind
            assert kind.may_retry == ("†" in marks), kind


def test_every_class_says_when_it_is_raised():
    for kind, _ in tree(LLMError):
        assert inspect.getdoc(kind)


def test_an_error_says_who_what_and_when_to_come_back():
    error = RateLimitError(
        "slow down",
        provider="openai",
        model="gpt-4o",
        status=429,
        code="rate_limit_exceeded",
        request_id="req_1",
        retry_after_s=2.5,
    )
    assert str(error) == (
        "openai/gpt-4o: slow down (status 429, code rate_limit_exceeded, request id req_1, "
        "retry after 2.5 s)"
    )
    assert repr(error) == f"RateLimitError({str(error)!r})"
