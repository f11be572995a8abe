"""What budgets and ledger do, over a real gateway, when the disk is full or their store is away."""

import contextlib
import json
import resource
import threading
import time

import pytest

from support.attack_provider import COST, HELLO, configured, provider
from support.attacking import ask, budget, rows, spent
from support.chaos_stores import outage
from support.servers_valkey import ValkeyServer
from support.serving import served

PATIENCE_S = 20
"""For a machine where every processor is busy; nothing may wait without end."""
TIGHT = 400


@pytest.fixture
def up():
    with provider() as running:
        yield running


@contextlib.contextmanager
def full_disk():
    """No file of this process may grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def chat(url, text="hi there", **more):
    body = {"model": "m-openai-chat", "messages": [{"role": "user", "content": text}], **more}
    return ask(url, "/v1/chat/completions", body)


def budgets(*, hard, limit_usd=1.0, name="all"):
    return [{"name": name, "limit_usd": limit_usd, "per": "total", "hard": hard}]


def agreed(url, up, count, name="all", *, lost=0):
    """All books know of so many answers, soon; a budget may count ``lost`` more, never less."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        costs = [row["cost_pico_usd"] for row in rows(url)]
        told = ask(url, "/v1/budgets").json.get("budgets", [])  # an error: the store is not back
        over = [one["spent_pico_usd"] - COST * count for one in told if one["name"] == name]
        if costs == [COST] * count and len(over) == 1 and 0 <= over[0] <= lost:
            assert count == up.billed
            return
        if time.monotonic() > deadline:
            raise AssertionError((costs, told, up.billed))
        time.sleep(0.05)


# ------------------------------------------------------------ a disk that is full


def test_under_a_hard_budget_nothing_is_sent_that_cannot_be_written_down(up, tmp_path):
    with served(configured(up, tmp_path, budgets=budgets(hard=True)), tmp_path) as running:
        assert chat(running.url).status == 200
        with full_disk():
            for number in range(5):
                said = chat(running.url, f"full {number}")
                assert said.status in (429, 503), said
                assert b"journal" in said.body
        assert up.billed == 1
        assert chat(running.url, "there is room again").status == 200
        agreed(running.url, up, 2)


def test_under_a_soft_budget_it_is_sent_and_counted_and_said(up, tmp_path, caplog):
    with served(configured(up, tmp_path, budgets=budgets(hard=False)), tmp_path) as running:
        assert chat(running.url).status == 200
        with full_disk():
            for number in range(5):
                assert chat(running.url, f"full {number}").status == 200
        assert "not in the ledger" in caplog.text
        assert chat(running.url, "there is room again").status == 200
        assert budget(running.url, "all")["spent_pico_usd"] == 7 * COST == COST * up.billed


def test_a_disk_that_fills_up_under_a_call_loses_no_settlement(up, tmp_path):
    with served(configured(up, tmp_path, budgets=budgets(hard=True)), tmp_path) as running:
        with contextlib.ExitStack() as full:
            up.slow_s = 0.3
            timer = threading.Timer(0.1, lambda: full.enter_context(full_disk()))
            timer.start()
            assert chat(running.url, "it fills up meanwhile").status == 200
            timer.join()
        up.slow_s = 0.0
        assert chat(running.url, "there is room again").status == 200
        agreed(running.url, up, 2)
        assert {row["basis"] for row in rows(running.url)} == {"catalogue"}


def test_what_was_not_shipped_when_the_disk_was_full_is_there_after_a_restart(up, tmp_path):
    made = configured(
        up, tmp_path, budgets=budgets(hard=True), store=f"sqlite://{tmp_path / 'shared.sqlite'}"
    )
    made["ledger"]["ship_s"] = 60
    with served(made, tmp_path) as running:
        assert chat(running.url).status == 200
        assert chat(running.url, "another").status == 200
        with full_disk():
            assert chat(running.url, "not this one").status in (429, 503)
    with served(made, tmp_path) as running:
        assert spent(running.url) == 2 * COST
        agreed(running.url, up, 2)


def test_no_path_of_ours_is_told_to_a_client_when_the_disk_is_full(up, tmp_path):
    with served(configured(up, tmp_path, budgets=budgets(hard=True)), tmp_path) as running:
        chat(running.url)
        with full_disk():
            assert str(tmp_path).encode() not in chat(running.url, "full").body


# ------------------------------------------------------------ a store that is away


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer() as server:
        yield server


@pytest.mark.parametrize("away_s", [1, pytest.param(30, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("hard", [True, False], ids=["hard", "soft"])
@pytest.mark.parametrize("kind", ["sqlite locked", "valkey stalled"])
def test_a_store_that_is_away_is_open_or_closed_as_configured_and_nobody_waits(
    up, tmp_path, valkey, kind, hard, away_s
):
    """Nothing beyond what is held goes through a hard budget; a soft one counts it when all is back."""
    with outage(kind, tmp_path, None, valkey) as store:
        # so tight that each reservation is a round trip of its own: nothing is held ahead
        limit_usd = 0.02 if hard else 1.0
        name = f"{kind.partition(' ')[2]}-{hard}-{away_s}"
        made = configured(
            up,
            tmp_path,
            budgets=budgets(hard=hard, limit_usd=limit_usd, name=name),
            store={"url": store.url, "timeout_s": 0.2},
        )
        with served(made, tmp_path) as running:
            assert chat(running.url, max_tokens=TIGHT).status == 200
            held = budget(running.url, name)["reserved_pico_usd"]
            store.away()
            began = time.monotonic()
            statuses = []
            while time.monotonic() - began < away_s or len(statuses) < 8:
                asked = time.monotonic()
                statuses.append(chat(running.url, f"{len(statuses)}", max_tokens=TIGHT).status)
                assert time.monotonic() - asked < PATIENCE_S / 2
                time.sleep(0.02)
            store.back()
            if hard:
                assert 429 in statuses or 503 in statuses, statuses
                assert statuses.count(200) * COST <= held
            else:
                assert set(statuses) == {200}
            deadline = time.monotonic() + PATIENCE_S
            while chat(running.url, "back", max_tokens=TIGHT).status != 200:
                assert time.monotonic() < deadline, "it does not come back"
                time.sleep(0.1)
            answered = 2 + statuses.count(200)
            assert up.billed == answered
            # what a store grants after nobody waited for it any more is lost: spent, as it were
            lost = rows(running.url)[0]["reserved_pico_usd"] if hard else 0
            agreed(running.url, up, answered, name, lost=lost)


def test_a_limit_that_is_lowered_while_it_is_being_spent_holds_and_loses_nothing(up, tmp_path):
    file = tmp_path / "modelway.yaml"
    made = configured(up, tmp_path, budgets=budgets(hard=True, limit_usd=1.0))
    file.write_text(json.dumps(made))
    with served(file, tmp_path) as running:
        ends = threading.Event()
        statuses = []

        def spend():
            while not ends.is_set():
                statuses.append(chat(running.url, max_tokens=TIGHT).status)

        threads = [threading.Thread(target=spend) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for limit_usd in (0.9, 0.8, 0.0001):
                time.sleep(0.15)
                made["budgets"] = budgets(hard=True, limit_usd=limit_usd)
                file.write_text(json.dumps(made))
                assert ask(running.url, "/v1/config/reload", {}).status == 200
        finally:
            ends.set()
            for thread in threads:
                thread.join()
        assert chat(running.url, max_tokens=TIGHT).status == 429
        assert set(statuses) <= {200, 429}
        agreed(running.url, up, statuses.count(200))
        body = {"model": "m-openai-chat", "messages": HELLO}
        assert ask(running.url, "/v1/chat/completions", body).status == 429
