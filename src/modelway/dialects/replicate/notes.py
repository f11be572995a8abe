"""What an encoder could not say, collected while it writes."""

from __future__ import annotations

from modelway.types import CallWarning


class Notes:
    """Warnings in the order found, each once, and the model they are about."""

    __slots__ = ("_warnings", "model")

    def __init__(self, model: str) -> None:
        self.model = model
        self._warnings: dict[tuple[str, str], CallWarning] = {}

    def warn(self, setting: str, message: str) -> None:
        key = (setting, message)
        if key not in self._warnings:
            self._warnings[key] = CallWarning(setting=setting, message=message)

    def taken(self) -> tuple[CallWarning, ...]:
        return tuple(self._warnings.values())
