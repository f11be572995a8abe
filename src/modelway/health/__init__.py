"""Whether providers answer: asked now and then, and seen from traffic."""

from modelway.health.monitor import Monitor
from modelway.health.values import HealthChange, HealthStatus

__all__ = ["HealthChange", "HealthStatus", "Monitor"]
