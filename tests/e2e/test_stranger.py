"""What somebody trips over who has only read the README: each a bug until it is mended."""

from __future__ import annotations

import contextlib
import errno
import json

import pytest

import modelway as package
from modelway.clock import SystemClock
from modelway.errors import BudgetExceededError, StoreDownError
from modelway.ledger.opening import open_ledger
from modelway.ledger.store import open_ledger_store
from modelway.ledger.values import LedgerSettings, Where
from support.command_line import modelway

PRICED = {
    "providers": {"simulator": {}},
    "catalogue": {"simulator/*": {"price": {"input": 1000, "output": 1000}}},
    "ledger": {"enabled": True},
    "defaults": {"retries": 0},
}


@pytest.fixture
def state(tmp_path):
    """An environment whose state is kept here."""
    return {"MODELWAY_STATE": str(tmp_path / "state")}


async def bases(tmp_path):
    """Basis → (attempts, cost), of all that is in the ledger."""
    store = await open_ledger_store(None, default=tmp_path / "state" / "ledger.db")
    try:
        groups = await store.groups(("basis",), Where())
        return {one.key[0]: (one.attempts, one.cost_pico_usd) for one in groups}
    finally:
        await store.aclose()


async def test_a_stream_that_is_left_is_priced_by_what_came_without_a_cap_too(tmp_path, state):
    async with (
        package.Client(PRICED, environment=state) as client,
        client.stream("Say hello.", model="simulator/sim-slow") as stream,
    ):
        async for _ in stream.text():
            break
    found = await bases(tmp_path)
    assert list(found) == ["received"]
    assert found["received"][1] > 0


async def test_an_embedding_costs_what_it_reads_by_a_price_of_all_models(tmp_path, state):
    async with package.Client(PRICED, environment=state) as client:
        answer = await client.embed(["one two three"], model="simulator/sim-embed")
    found = await bases(tmp_path)
    assert found == {"catalogue": (1, answer.usage.input_tokens * 10**9)}


async def test_a_refusal_for_want_of_a_cap_does_not_ask_for_a_price(state):
    config = {**PRICED, "budgets": [{"name": "lunch", "limit_usd": 1}]}
    async with package.Client(config, environment=state) as client:
        with pytest.raises(BudgetExceededError) as caught:
            await client.chat("Say hello.", model="simulator/sim-demo")
    assert "max_tokens" in caught.value.message
    assert "no known price" not in caught.value.message


async def test_an_offline_that_is_neither_yes_nor_no_opens_no_socket(state):
    with pytest.raises(package.ConfigError, match="MODELWAY_OFFLINE"):
        async with package.Client(PRICED, environment={**state, "MODELWAY_OFFLINE": "oui"}):
            pass


def test_all_that_is_in_force_is_shown(tmp_path):
    config = {
        **PRICED,
        "budgets": [{"name": "lunch", "limit_usd": 0.5, "team": "red"}],
        "cache": {"life_s": 60, "semantic": {"model": "simulator/sim-embed", "threshold": 0.9}},
    }
    (tmp_path / "modelway.yaml").write_text(json.dumps(config))
    done = modelway("config", "show", "--json", home=tmp_path)
    found = {row["path"]: row["value"] for row in json.loads(done.stdout)}
    assert found.get("budgets[0].limit_usd") == "0.5"
    assert found.get("budgets[0].team") == "red"
    assert found.get("cache.life_s") == "60"
    assert found.get("cache.semantic.threshold") == "0.9"


def test_a_semantic_caches_model_must_be_one(tmp_path):
    semantic = {"model": "nope/none", "threshold": 0.9}
    (tmp_path / "modelway.yaml").write_text(json.dumps({**PRICED, "cache": {"semantic": semantic}}))
    done = modelway("config", "check", home=tmp_path)
    assert "cache.semantic.model" in done.stdout


def test_telemetry_with_an_endpoint_is_on_or_said_to_be_off(tmp_path):
    telemetry = {"endpoint": "http://127.0.0.1:4318"}
    (tmp_path / "modelway.yaml").write_text(json.dumps({**PRICED, "telemetry": telemetry}))
    shown = modelway("config", "show", "--json", home=tmp_path)
    found = {row["path"]: row["value"] for row in json.loads(shown.stdout)}
    check = modelway("config", "check", home=tmp_path)
    assert found["telemetry.enabled"] == "true" or "telemetry.e" in check.stdout


async def test_an_unknown_price_is_told_once(state, caplog):
    place = {"base_url": "http://127.0.0.1:1/v1", "dialect": "openai-chat", "retries": 0}
    config = {"providers": {"mine": {**place, "api_key": "k-1"}}, "ledger": {"enabled": True}}
    async with package.Client(config, environment=state) as client:
        with contextlib.suppress(package.LLMError):
            await client.chat("Say hello.", model="mine/sim-demo", max_tokens=9)
    (told,) = [
        one.getMessage() for one in caplog.records if "no price is known" in one.getMessage()
    ]
    assert told.count("catalogue: {") == 1


async def test_a_ledger_that_could_never_write_ends_quietly(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("modelway.ledger.journal.Journal.begin", full)
    ledger = await open_ledger(LedgerSettings(), state=tmp_path, clock=SystemClock(), node="n")
    await ledger.aclose()


async def test_a_journal_that_cannot_be_written_is_said_once(state, caplog, monkeypatch):
    def full(*_):
        raise StoreDownError("the ledger's journal cannot be written", code="journal")

    async with package.Client(PRICED, environment=state) as client:
        monkeypatch.setattr("modelway.ledger.ledger.Ledger.intend", full)
        for number in range(5):
            await client.chat(f"Say {number}.", model="simulator/sim-demo", max_tokens=9)
    assert caplog.text.count("not in the ledger") == 1
