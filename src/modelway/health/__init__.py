"""Whether providers answer: asked now and then, and seen from traffic."""

from modelway.health.monitor import Monitor
from modelway.health.values import HealthChange, HealthSettings, HealthStatus

__all__ = ["HealthChange", "HealthSettings", "HealthStatus", "Monitor"]
