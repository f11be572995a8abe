"""One law over many recordings: all are tried, failures are told together, and none is no test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from support.corpus import Exchange
from support.counts import count

MOST_TOLD = 12


class Skipped(Exception):  # noqa: N818 - no error
    """This law says nothing of this recording."""


def check_all(
    law: str, exchanges: Iterable[Exchange], check: Callable[[Exchange], Any], *, at_least: int = 1
) -> None:
    """Run one check on every exchange and report all failures; AssertionError on zero checks."""
    failures: list[str] = []
    checked: Counter[str] = Counter()
    for one in exchanges:
        try:
            check(one)
        except Skipped:
            continue
        except Exception as error:  # noqa: BLE001 - whatever happens is told, with the recording's id
            failures.append(f"{one.provider} {one.id}: {type(error).__name__}: {str(error)[:600]}")
        checked[one.provider] += 1
    for provider, number in checked.items():
        count(law, provider, number)
    told = "\n".join(failures[:MOST_TOLD])
    assert not failures, f"{law}: {len(failures)} of {checked.total()} recordings fail\n{told}"
    assert checked.total() >= at_least, f"{law} was checked on {checked.total()} recordings"


def same(got: object, wanted: object, what: str = "") -> None:
    """Equal, or an AssertionError with both, short: pytest's own diff takes minutes on big values."""
    if got != wanted:
        raise AssertionError(f"{what}: got {_short(got)}, wanted {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 250 else f"{text[:120]} … {text[-120:]}"
