"""Work of a thread that lets others run in between."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")
_EVERY = 32


def gently(items: Iterable[_T]) -> Iterator[_T]:
    """These, with a moment now and then for who waits for the interpreter.

    A request gives the interpreter away with each of its writes, and would wait 5 ms to have it back.
    """
    left = iter(items)
    while some := list(islice(left, _EVERY)):
        yield from some
        time.sleep(0)
