"""Strategy: priority order as written, spread by weight inside one priority."""

from __future__ import annotations

from modelway.policies.routing.weighted import weighted as ordered

__all__ = ["ordered"]
