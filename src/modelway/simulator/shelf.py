"""What a provider keeps between requests: stored responses and predictions, the newest of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


class Shelf:
    """Values by id. Beyond ``most`` the oldest is forgotten."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def put(self, name: str, value: Any) -> None:
        """Keep a value, in place of one of that name."""
        self._kept[name] = value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, name: str) -> Any:
        """What is kept under a name, or ``None``."""
        return self._kept.get(name)

    def pop(self, name: str) -> Any:
        """The same, and keep it no longer."""
        return self._kept.pop(name, None)
