"""modelway's own dialects, each against the simulator's wire, which knows nothing of them."""

import pytest

import modelway
from modelway.catalog.load import provider
from modelway.errors import (
    APIConnectionError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    RequestError,
    ResponseError,
    StreamInterruptedError,
)
from modelway.simulator.serve import SimulatorThread

DIALECTS = [name for name in provider("simulator").dialects if name != "replicate"]
"""All but the one whose models have owners, and whose streams say no usage."""
FAILURES = {
    "sim-404": NotFoundError,
    "sim-429": RateLimitError,
    "sim-500": OverloadedError,
    "sim-503": OverloadedError,
    "sim-stream-error": OverloadedError,
    "sim-cut": StreamInterruptedError,
    "sim-drop": APIConnectionError,
    "sim-html": ResponseError,
    "sim-half-json": ResponseError,
    "sim-empty": ResponseError,
}


@pytest.fixture(scope="module")
def running():
    with SimulatorThread() as running:
        yield running


@pytest.fixture(params=DIALECTS)
def client(request, running):
    spoken = {"like": "simulator", "base_url": running.base_url, "dialect": request.param}
    config = {"providers": {"sim": {**spoken, "retries": 0}}}
    with modelway.SyncClient(config) as client:
        yield client


def test_it_answers_whole_and_streamed_alike(client):
    whole = client.chat("Is it you?", model="sim/any")
    assert 'You said: "Is it you?"' in whole.text
    with client.stream("Is it you?", model="sim/any") as stream:
        gathered = stream.collect()
    assert gathered.text == whole.text
    assert gathered.usage.output_tokens == whole.usage.output_tokens > 0
    assert whole.usage.input_tokens > 0


@pytest.mark.parametrize("model", FAILURES)
def test_its_failures_are_typed(client, model):
    with (
        pytest.raises(FAILURES[model]),
        client.stream("One two three four five", model=f"sim/{model}") as stream,
    ):
        for _ in stream:
            pass


def test_its_window_is_told(client):
    with pytest.raises(RequestError, match="sim/sim-tiny: "):
        client.chat("word " * 200, model="sim/sim-tiny")


def test_replicate_answers_whole_and_streamed_alike(running):
    base_url = f"{running.base_url}/replicate/v1"
    spoken = {"like": "simulator", "base_url": base_url, "dialect": "replicate"}
    with modelway.SyncClient({"providers": {"sim": spoken}}) as client:
        whole = client.chat("Is it you?", model="sim/acme/any")
        with client.stream("Is it you?", model="sim/acme/any") as stream:
            assert stream.collect().text == whole.text
        assert whole.usage.output_tokens > 0
        with pytest.raises(NotFoundError):
            client.chat("Is it you?", model="sim/acme/sim-404")
