"""How much may be sent, by all processes together, and who waits for it in what order.

A ``Limiter`` lives as long as the process. Its gates stand before deployments and callers; a gate gives
``Ticket``s out of parts of pools that are leased from the shared store ahead of need.
"""

from modelway.call import Limits
from modelway.policies.limits.gate import Gate
from modelway.policies.limits.limiter import Limiter
from modelway.policies.limits.slices import Ticket
from modelway.policies.limits.values import PRESETS, LimitStatus, Queueing, Subject

__all__ = ["PRESETS", "Gate", "LimitStatus", "Limiter", "Limits", "Queueing", "Subject", "Ticket"]
