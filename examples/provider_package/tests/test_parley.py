"""The dialect keeps modelway's contracts, and a client talks to a server by it."""

import threading
from collections.abc import Iterator

import pytest
from parley import DIALECT, server

import modelway
from modelway.testing.contracts import CONTRACTS, Contract


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_contract(contract: Contract) -> None:
    contract.check(DIALECT)


@pytest.fixture
def client() -> Iterator[modelway.SyncClient]:
    with server.serving(0) as running:
        threading.Thread(target=running.serve_forever).start()
        place = f"http://127.0.0.1:{running.server_port}/v1"
        config = {"providers": {"parley": {"base_url": place, "api_key": server.KEY, "retries": 0}}}
        with modelway.SyncClient(config) as made:
            yield made
        running.shutdown()


def test_whole_and_streamed_answers(client: modelway.SyncClient) -> None:
    answer = client.chat("Hello")
    assert (answer.text, answer.usage.input_tokens) == ("You said: Hello", 1)
    with client.stream("Hello", model="parley/parley-2") as stream:
        whole = stream.collect()
    assert (whole.text, whole.usage.output_tokens) == (answer.text, 3)
    assert not whole.warnings  # that it came in one piece, say


def test_a_refusal_is_typed(client: modelway.SyncClient) -> None:
    with pytest.raises(modelway.RateLimitError) as told:
        client.chat("Hello", model="parley/parley-busy")
    assert told.value.code == "busy"
