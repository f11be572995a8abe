"""No command prints a key, however the provider refuses it."""

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.script import Reply, Rule, Script, ScriptedError
from modelway.simulator.serve import SimulatorThread
from support.command_line import modelway

CANARY = "sk-canary-0123456789abcdef0123456789"


@pytest.fixture(scope="module")
def refusing():
    """A provider that refuses every key, and quotes it."""
    error = ScriptedError(status=401, message=f"Incorrect API key provided: {CANARY}.")
    with SimulatorThread(Simulator(Script(rules=(Rule(reply=Reply(error=error)),)))) as thread:
        yield thread.base_url


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask", "hello"], 1),
        (["ask", "--json", "--stream", "hello"], 1),
        (["chat"], 1),
        (["bench", "-n", "2"], 1),
        (["config", "show"], 0),
        (["config", "check"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refused_key_is_not_shown(refusing, tmp_path, arguments, code):
    (tmp_path / "modelway.yaml").write_text(
        "providers:\n"
        f"  house: {{like: openai-compatible, base_url: '{refusing}/v1', api_key: '{CANARY}',\n"
        f"          default_model: any, headers: {{x-token: '{CANARY}'}}}}\n"
    )
    done = modelway(*arguments, home=tmp_path, input="hello\n", MODELWAY_DEBUG="1")
    assert done.returncode == code, done.stderr
    assert "house" in done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
