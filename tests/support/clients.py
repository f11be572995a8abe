"""A gateway before simulated providers of every wire, as the vendors' own clients meet it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from modelway.simulator.app import Simulator
from modelway.simulator.script import Script
from modelway.simulator.serve import SimulatorThread
from support.serving import served

QUESTION = "What is the weather in Paris?"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FAILURES = {"sim-400": 400, "sim-403": 403, "sim-404": 404, "sim-429": 429, "sim-500": 500}
"""Models that fail → the status that a client of any dialect is to see."""

_PROVIDERS = {
    "chat": {"like": "openai", "dialect": "openai-chat"},
    "responses": {"like": "openai", "dialect": "openai-responses"},
    "messages": {"like": "anthropic"},
    "gemini": {"like": "gemini", "dialect": "gemini"},
}
_BELOW = {"gemini": "/v1beta", "messages": "/v1", "chat": "/v1", "responses": "/v1"}


class Clients(NamedTuple):
    """``url`` has no ``/v1``; ``asked`` gives the requests that reached the providers."""

    url: str
    key: str
    simulator: Simulator

    def asked(self, number: int = -1) -> Any:
        return self.simulator.requests[number].json


@contextlib.contextmanager
def clients(state: Any, script: Script | None = None, **models: str) -> Iterator[Clients]:
    """Providers named after their wires, for models of any name, and routes to them."""
    with SimulatorThread(script) as simulator:
        providers = {
            name: {
                **row,
                "base_url": simulator.base_url + _BELOW[name],
                "api_key": "provider-key",
                "retries": 0,
            }
            for name, row in _PROVIDERS.items()
        }
        with served({"providers": providers, "models": models}, state) as running:
            yield Clients(running.url, running.key, simulator.simulator)
