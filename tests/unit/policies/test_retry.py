"""The decision after a failed attempt, as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Backoff
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    LLMError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    ResponseError,
    StreamInterruptedError,
    UnsupportedError,
)
from modelway.policies.retry import NEXT, STOP, RetryBudget, Verdict, decide

THREE = Backoff(attempts=3, base_s=1.0, cap_s=30.0)


@pytest.mark.parametrize(
    ("error", "attempt", "verdict"),
    [
        (OverloadedError("x"), 1, Verdict("again", 0.5)),
        (OverloadedError("x"), 2, Verdict("again", 1.0)),
        (OverloadedError("x"), 3, NEXT),
        (APIConnectionError("x"), 1, Verdict("again", 0.5)),
        (APITimeoutError("x"), 1, Verdict("again", 0.5)),
        (RateLimitError("x", retry_after_s=7), 1, Verdict("again", 7)),
        (RateLimitError("x", retry_after_s=0.1), 1, Verdict("again", 0.5)),
        (RateLimitError("x", retry_after_s=31), 1, NEXT),
        (StreamInterruptedError("x"), 1, STOP),
        (BadRequestError("x"), 1, STOP),
        (AuthenticationError("x"), 1, NEXT),
        (NotFoundError("x"), 1, NEXT),
        (ContextLengthError("x"), 1, NEXT),
        (ContentFilterError("x"), 1, NEXT),
        (UnsupportedError("x"), 1, NEXT),
        (ResponseError("x"), 1, NEXT),
    ],
)
def test_the_table(error, attempt, verdict):
    assert decide(error, attempt, THREE, 0.5) == verdict


def test_only_listed_classes_are_tried_again():
    only_limits = Backoff(retry_on=("RateLimitError",))
    assert decide(OverloadedError("x"), 1, only_limits, 0.5) == NEXT
    assert decide(RateLimitError("x"), 1, only_limits, 0.5).action == "again"


def test_without_jitter_the_delay_is_the_bound():
    plain = Backoff(attempts=9, base_s=1, factor=2, cap_s=5, jitter="none")
    delays = [decide(OverloadedError("x"), attempt, plain, 0.1).delay_s for attempt in (1, 2, 3, 4)]
    assert delays == [1, 2, 4, 5]


@given(
    attempt=st.integers(1, 50),
    attempts=st.integers(1, 50),
    chance=st.floats(0, 1, exclude_max=True),
    after=st.none() | st.floats(0, 100),
)
def test_a_delay_is_never_past_the_cap_nor_before_retry_after(attempt, attempts, chance, after):
    backoff = Backoff(attempts=attempts)
    verdict = decide(RateLimitError("x", retry_after_s=after), attempt, backoff, chance)
    if verdict.action == "again":
        assert attempt < attempts
        assert 0 <= verdict.delay_s <= backoff.cap_s
        assert verdict.delay_s >= (after or 0)


def test_the_budget_bounds_repeated_attempts_to_its_share():
    budget = RetryBudget(share=0.2, most=100, start=0)
    spent = 0
    for _ in range(1000):
        budget.earn()
        spent += budget.spend()
    assert 190 <= spent <= 200


def test_saved_retries_are_bounded():
    budget = RetryBudget(share=1, most=5, start=0)
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(1000)) == 5


def test_every_error_has_a_verdict():
    waiting = [LLMError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        assert decide(kind("x"), 1, THREE, 0.0).action in ("again", "next", "stop")
