"""Circuit breakers: a deployment that keeps failing is left alone, and then tried by one call at a time."""

from modelway.policies.breaker.breaker import Breaker, Claim, impatient
from modelway.policies.breaker.breakers import Breakers
from modelway.policies.breaker.values import (
    BreakerChange,
    BreakerSettings,
    BreakerStatus,
    Failure,
)

__all__ = [
    "Breaker",
    "BreakerChange",
    "BreakerSettings",
    "BreakerStatus",
    "Breakers",
    "Claim",
    "Failure",
    "impatient",
]
