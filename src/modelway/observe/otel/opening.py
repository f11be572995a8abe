"""How telemetry is opened; the one module here that may be imported without OpenTelemetry."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelway.clock import SystemClock
from modelway.errors import ConfigError
from modelway.observe.settings import TelemetrySettings
from modelway.ports import Clock

if TYPE_CHECKING:
    from modelway.observe.otel.telemetry import Telemetry


_CHANCE = random.Random()  # noqa: S311 - names spans, and guards nothing
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CHANCE.seed)


def open_telemetry(
    settings: TelemetrySettings,
    *,
    environment: Mapping[str, str],
    version: str,
    clock: Clock | None = None,
    chance: random.Random | None = None,
) -> Telemetry:
    """Begin to export. Open it once in each process, and close it there.

    ``environment`` says, by OpenTelemetry's own variables, what the settings leave open. ConfigError
    where the extra is not installed, or a variable makes no sense.
    """
    try:
        from modelway.observe.otel.telemetry import Telemetry  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ConfigError(
            f"telemetry is enabled, and OpenTelemetry is not installed ({error.name}): "
            "install modelway[otel], or set telemetry.enabled to false"
        ) from error
    from modelway.observe.otel.destination import destination  # noqa: PLC0415

    return Telemetry(
        settings,
        destination(settings, environment),
        version,
        clock=clock or SystemClock(),
        chance=chance or _CHANCE,
    )
