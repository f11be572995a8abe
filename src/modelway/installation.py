"""Where this installation keeps what is its own: secrets, journals, and files of state."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """``MODELWAY_STATE``, or the XDG state directory."""
    named = environment.get("MODELWAY_STATE")
    if named:
        return Path(named)
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "modelway"
