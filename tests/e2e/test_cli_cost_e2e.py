"""What a gateway spends is what `modelway cost` says: while it runs, and when it is gone."""

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import urllib.request
from decimal import Decimal
from pathlib import Path

import pytest

from support.command_line import COMMAND, environment, modelway, started

CONFIGURATION = """\
providers: {simulator: {}}
models:
  fast: simulator/sim-echo
  grand: simulator/sim-demo
catalogue:
  simulator/sim-echo: {price: {input: 1, output: 2}, context_tokens: 8000}
  simulator/sim-demo: {price: {input: 10, output: 20}, context_tokens: 8000}
gateway: {port: 0}
"""
QUESTIONS = ["one two three", "four", "one two three"]


def ask(url, key, model, question, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": question}], **fields}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def told(home, *arguments, **more):
    done = modelway(*arguments, "--json", home=home, **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    """A home whose gateway answered some questions; what they used, and what it said of its costs."""
    home = tmp_path_factory.mktemp("home")
    (home / "modelway.yaml").write_text(CONFIGURATION)
    usages = []
    with started("serve", home=home) as serving:
        url = serving.line("modelway serves on ")
        key = serving.line("key: ").split()[0]
        for model in ("fast", "grand"):
            answers = [json.loads(ask(url, key, model, question)) for question in QUESTIONS]
            usages += [(model, answer["usage"]) for answer in answers]
        ask(url, key, "fast", "as a stream", stream=True)
        said = told(home, "cost", "--by", "model", "--url", url, MODELWAY_KEY=key)
        report = told(home, "report", "--url", url, MODELWAY_KEY=key)
        serving.signal(signal.SIGTERM)
        assert serving.end() == 0
    return home, usages, said, report


def pico_usd(usages, model):
    price = {"fast": 1, "grand": 10}[model]
    return sum(
        (usage["prompt_tokens"] + 2 * usage["completion_tokens"]) * price * 10**6
        for asked, usage in usages
        if asked == model
    )


def test_the_ledger_has_what_the_answers_said(spent):
    home, usages, _, _ = spent
    found = told(home, "cost", "--by", "asked")
    costs = {one["key"][0]: one["cost_pico_usd"] for one in found["groups"]}
    assert costs["grand"] == pico_usd(usages, "grand")
    streamed = costs["fast"] - pico_usd(usages, "fast")
    assert 0 < streamed < costs["fast"]
    assert (found["total"]["attempts"], found["total"]["open_pico_usd"]) == (7, 0)
    assert found["total"]["estimated_pico_usd"] == found["total"]["unpriced"] == 0


def test_a_running_gateway_says_the_same(spent):
    home, _, said, report = spent
    assert said == told(home, "cost", "--by", "model")
    assert {one["key"][1]: one["succeeded"] for one in report} == {"sim-echo": 4, "sim-demo": 3}
    assert [one["success_rate"] for one in report] == [1.0, 1.0]


def test_an_export_adds_up_and_agrees_with_the_ledger(spent):
    home, _, said, _ = spent
    done = modelway("cost", "export", home=home)
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    total = said["total"]["cost_pico_usd"]
    assert sum(int(one["cost_pico_usd"]) for one in rows) == total
    assert sum(Decimal(one["cost_usd"]) for one in rows) * 10**12 == total
    (home / "bill.csv").write_text(done.stdout, newline="")
    drift = told(
        home,
        *("cost", "reconcile", "bill.csv", "--provider", "simulator", "--format", "generic"),
        *("--tolerance", "0", "--least-usd", "0"),
    )
    assert drift["over"] is False
    assert drift["ledger"]["cost_pico_usd"] == total


def test_a_price_that_changes_changes_what_was_spent(spent, tmp_path):
    home, usages, _, _ = spent
    dearer = home / "dearer.yaml"
    dearer.write_text(CONFIGURATION.replace("input: 10, output: 20", "input: 20, output: 40"))
    said = told(
        home, *("cost", "rerate", "--model", "sim-demo", "--dry-run", "--config", str(dearer))
    )
    before = pico_usd(usages, "grand")
    assert (said["old_pico_usd"], said["new_pico_usd"]) == (before, 2 * before)
    same = told(home, "cost", "rerate", "--dry-run")
    assert (same["rows"], same["changed"]) == (7, 0)


def test_hints_name_the_cheaper_model_of_the_configuration(spent):
    home, _, _, _ = spent
    found = {one["kind"]: one for one in told(home, "cost", "hints", "--usd-per-million", "0")}
    assert found["self_hosting"]["rows"] == 7
    assert found["self_hosting"]["saved_pico_usd"] == found["self_hosting"]["cost_pico_usd"]
    assert found["exact_cache"]["rows"] == 2
    tiering = found["tiering"]
    assert (tiering["about"], tiering["to"]) == ("simulator/sim-demo", "simulator/sim-echo")
    assert tiering["saved_pico_usd"] * 10 == tiering["cost_pico_usd"] * 9
    assert tiering["rows"] == 3


def test_a_terminal_gets_bars_in_colours_and_nothing_else_does(spent):
    home, _, _, _ = spent
    arguments = ("cost", "--by", "day,model")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=home,
        env=environment(home, TERM="xterm-256color"),
    ) as process:
        os.close(theirs)
        drawn = b""
        while piece := _read(ours):
            drawn += piece
        assert process.wait(30) == 0
    os.close(ours)
    text = drawn.decode()
    assert re.search(r"\x1b\[3\dm█+", text)
    assert "sim-demo" in text.splitlines()[-1]
    piped = modelway(*arguments, home=home).stdout
    assert "\x1b" not in piped
    assert "█" not in piped


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a pseudo-terminal says that it is over
        return b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("said", [("cost", "--json"), ("cost", "export")])
def test_a_full_disk_is_told_of_the_output(spent, said):
    home, *_ = spent
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *said],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            env=environment(home),
            timeout=30,
            check=False,
        )
    told = "error: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, told)
