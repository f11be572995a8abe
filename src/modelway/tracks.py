"""A deployment as a candidate: what is known and was seen of it, and what stands before it."""

from __future__ import annotations

from modelway.call import Deployment, Limits
from modelway.catalog.models import ModelInfo
from modelway.config.settings import Settings
from modelway.facts import Facts
from modelway.observe.seen import Seen
from modelway.policies.breaker import Breaker
from modelway.policies.limits import Gate, Subject
from modelway.ports import Headers
from modelway.state import State

_USUAL = (3_000, 1_000)
"""Tokens read and written by the usual call."""
_UNREAD = 7


class Track:
    """A ``Candidate``: a deployment of one configuration, and what stands before it."""

    __slots__ = ("_facts", "_unread", "breaker", "counts_tokens", "deployment", "gate", "seen")

    def __init__(
        self, deployment: Deployment, seen: Seen, facts: Facts, breaker: Breaker, gate: Gate
    ) -> None:
        self.deployment = deployment
        self.seen = seen
        self.breaker = breaker
        self.gate = gate
        self.counts_tokens = any(meter.weighs for meter in gate.meters)
        self._facts = facts
        self._unread = 0

    @property
    def open_requests(self) -> int:
        return self.seen.open_requests

    @property
    def info(self) -> ModelInfo | None:
        return self._facts.known(self.deployment)

    @property
    def usual_price(self) -> int | None:
        price = self._facts.price(self.deployment, *_USUAL)
        return None if price is None else price * 1_000_000 // sum(_USUAL)

    def price(self, input_tokens: int, output_tokens: int) -> int | None:
        return self._facts.price(self.deployment, input_tokens, output_tokens)

    def latency_s(self, stream: bool) -> float | None:
        seen = self.seen
        return (seen.first_events if stream else seen.answers).seconds()

    def wait_s(self) -> float:
        return self.gate.blocked_s(0)

    def learn(self, status: int, headers: Headers) -> None:
        """What an answer says of limits. Of a host that says nothing, one in so many is looked at."""
        if self._unread and status != 429:
            self._unread -= 1
        elif not self.gate.learn(status, headers):
            self._unread = _UNREAD

    def ready(self, tokens: int) -> bool:
        """Whether nothing that is known here keeps such a request from it at this moment."""
        return self.breaker.closed and self.gate.blocked_s(tokens) == 0.0


def _of_today(deployment: Deployment, settings: Settings) -> Deployment:
    for route in settings.routes.values():
        for one in route.deployments:
            if one.id == deployment.id:
                return one
    return deployment


class Tracks:
    """Makes the tracks of one configuration's deployments."""

    def __init__(self, settings: Settings, facts: Facts, state: State) -> None:
        self._settings = settings
        self._facts = facts
        self._state = state

    def of(self, deployment: Deployment) -> Track:
        """A track of its own; what was seen, breaker and limits are those of all with its id."""
        state = self._state
        return Track(
            deployment,
            state.seen(deployment.id),
            self._facts,
            state.breakers.of(deployment.id),
            self.gate(deployment),
        )

    def gate(self, deployment: Deployment) -> Gate:
        """The limits that a request to this deployment counts against."""
        return self._state.limiter.gate(self._subjects(deployment), learns=True)

    def _subjects(self, deployment: Deployment) -> list[Subject]:
        """Whose limits a request to this deployment counts against; the last is whom answers tell of."""
        name = deployment.provider.name
        settings = self._settings
        adopted = self._state.adopted
        if adopted is not None and adopted is not settings and name in adopted.providers:
            settings = adopted  # a call that goes on by what was before has the limits of today
            deployment = _of_today(deployment, settings)
        provider = settings.providers.get(name)
        found: list[Subject] = []
        if provider is not None and provider.limits is not None:
            found.append(Subject("provider", name, provider.limits))
        if provider is not None and provider.key_limits is not None:
            key = f"{name}/{deployment.credential.name}"
            found.append(Subject("credential", key, provider.key_limits))
        found.append(Subject("deployment", deployment.id, deployment.limits or Limits()))
        return found
