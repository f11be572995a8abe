"""What an encoder could not say, collected while it writes: for the dialects whose parts write into it."""

from __future__ import annotations

from modelway.schema import Subset, fitted
from modelway.types import JSON, CallWarning


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

    def fitted(self, schema: JSON, row: Subset, setting: str) -> JSON:
        """The schema within the subset; what that changed is noted."""
        fit = fitted(schema, row, setting)
        for warning in fit.warnings:
            self.warn(warning.setting, warning.message)
        return fit.schema

    def taken(self) -> tuple[CallWarning, ...]:
        return tuple(self._warnings.values())
