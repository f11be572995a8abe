"""``modelway cost`` of a gateway: what is asked of it, and what it may answer."""

import asyncio
import http.server
import json
import sys
import threading
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from modelway.cli import app
from modelway.cli.cost import cost
from modelway.cli.cost_budgets import Budgets
from modelway.errors import BadRequestError
from modelway.ledger.report import costs
from modelway.policies.budget.values import BudgetStatus
from support.ledger_rows import MemoryLedger, row

USD = 10**12
ROWS = [
    row(1, cost_pico_usd=2 * USD, team="a,b"),
    row(2, cost_pico_usd=USD, error="OverloadedError"),
    row(3, cache="exact", cost_pico_usd=0, basis="free"),
]
MONTH = BudgetStatus(
    name="month",
    about={"team": "search"},
    period="month",
    begins=1793491200.0,
    ends=1796083200.0,
    limit_pico_usd=100 * USD,
    spent_pico_usd=20 * USD,
    reserved_pico_usd=5 * USD,
    remaining_pico_usd=75 * USD,
    hard=True,
)
TOTAL = msgspec.structs.replace(
    MONTH, name="total", about={}, period="total", ends=None, hard=False
)


class Answers(http.server.BaseHTTPRequestHandler):
    """``/v1/costs`` over rows in memory, and ``/v1/budgets``, to who has the key."""

    budgets = (MONTH, TOTAL)

    def do_GET(self):
        path = urlsplit(self.path)
        if self.headers["authorization"] != "Bearer mw-key":
            return self._say(401, b'{"error": {"message": "no key"}}')
        if path.path == "/v1/budgets":
            return self._say(200, msgspec.json.encode(Budgets(self.budgets)))
        if path.path != "/v1/costs":
            return self._say(200, b"<html>hello</html>")
        query = dict(parse_qsl(path.query))
        try:
            return self._say(200, asyncio.run(costs(MemoryLedger(ROWS), query)))
        except BadRequestError as error:
            return self._say(400, msgspec.json.encode({"error": {"message": error.message}}))

    def _say(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nobody reads it."""


@contextmanager
def serving():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


@pytest.fixture
def url(home, monkeypatch):
    """A gateway's."""
    monkeypatch.setenv("MODELWAY_KEY", "mw-key")
    with serving() as url:
        yield url


def test_a_gateway_is_asked_as_the_ledger_is(modelway, url):
    code, out, _ = modelway(
        "cost", "--by", "team", "--team", "a,b", "--team", "", "--json", "--url", url
    )
    assert code == 0
    said = json.loads(out)
    assert [(one["key"], one["cost_pico_usd"]) for one in said["groups"]] == [
        (["a,b"], 2 * USD),
        ([""], USD),
    ]
    code, out, _ = modelway("cost", "--url", f"{url}/v1")
    assert code == 0
    assert "$3.0000" in out.splitlines()[-1].split()


def test_a_report_leaves_hits_out_there_too(modelway, url):
    code, out, _ = modelway("report", "--json", "--url", url)
    assert code == 0
    (one,) = json.loads(out)
    assert (one["attempts"], one["succeeded"], one["failed"]) == (2, 1, 1)


def test_wrong_usage_is_told_before_anybody_is_asked(modelway, home):
    code, _, err = modelway("cost", "--by", "colour", "--url", "http://127.0.0.1:9")
    assert code == 2
    assert "--by names 'colour'" in err


def test_budgets_are_shown(modelway, url):
    code, out, err = modelway("cost", "budgets", "--url", url)
    assert (code, err) == (0, "")
    heads, month, total = out.splitlines()
    assert heads.split()[:5] == ["BUDGET", "OF", "PER", "ENDS", "STATE"]
    assert month.split() == [
        *("month", "team", "search", "month", "2026-12-01", "00:00", "hard"),
        *("$100.00", "$20.0000", "$5.0000", "$75.0000", "25%"),
    ]
    assert total.split()[:5] == ["total", "everything", "total", "-", "soft"]
    code, out, _ = modelway("cost", "budgets", "--url", url, "--json")
    assert json.loads(out)["budgets"][0]["remaining_pico_usd"] == 75 * USD


def test_no_budgets_are_no_error(modelway, url, monkeypatch):
    monkeypatch.setattr(Answers, "budgets", ())
    code, out, err = modelway("cost", "budgets", "--url", url)
    assert (code, out) == (0, "")
    assert "budgets:" in err


@pytest.mark.parametrize("command", [("cost",), ("report",), ("cost", "budgets")], ids=" ".join)
def test_who_has_no_key_and_who_is_no_gateway(modelway, url, monkeypatch, command):
    code, _, err = modelway(*command, "--url", f"{url}/other")
    assert code == 1
    assert "no gateway of modelway's" in err
    monkeypatch.setenv("MODELWAY_KEY", "mw-wrong")
    code, _, err = modelway(*command, "--url", url)
    assert code == 1
    assert "no key" in err
    monkeypatch.setenv("MY_KEY", "")
    code, _, err = modelway(*command, "--url", url, "--key-env", "MY_KEY")
    told = "error: the gateway wants a key, and MY_KEY holds none: export it\n"
    assert (code, err) == (2, told)


# ---------------------------------------------------------------- help


COMMANDS = sorted([name for name in cost if not name.startswith("-")])


def test_every_command_is_there():
    assert [
        *("budgets", "estimate", "export", "hints", "reconcile", "remove", "rerate"),
    ] == COMMANDS


@pytest.fixture(autouse=True)
def as_a_new_process_has_it(monkeypatch):
    """Cyclopts keeps what another test's parent made of a group's help."""
    monkeypatch.delitem(sys.modules, "modelway.cli.cost", raising=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(modelway, name):
    code, out, err = modelway("cost", name, "--help")
    assert (code, err) == (0, "")
    assert f"Usage: modelway cost {name}" in out
    examples = out.partition("For example:\n")[2].splitlines()
    assert f"modelway cost {name}" in examples[0] or "modelway cost export" in examples[0]


def test_both_are_in_the_list():
    assert set(app._COMMANDS) >= {"cost", "report"}
