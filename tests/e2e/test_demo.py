"""modelway demo: all four acts, and how it ends."""

import json
import re
import signal
import urllib.request

from modelway.simulator.app import Simulator
from modelway.simulator.script import Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from support.command_line import modelway, started


def acts(text):
    """The acts' lines by their numbers."""
    found = {}
    for part in text.split("\n\n"):
        if part[:1] in {"1", "2", "3", "4"}:
            found[int(part[0])] = part
    return found


def test_once_it_shows_everything_and_ends(tmp_path):
    done = modelway("demo", "--once", home=tmp_path, timeout=60, COLUMNS="96")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = acts(done.stdout)
    assert set(shown) == {1, 2, 3, 4}
    assert shown[1].count("(simulated) One address in front of every model provider.") == 2
    assert shown[1].count(" → ") == 2
    pieces = int(re.search(r"first of (\d+) after", shown[2])[1])
    assert pieces >= 20
    assert '"input_schema"' in shown[3]
    assert '"function":{"name":"get_weather"' in shown[3]
    assert 'tool_use: get_weather({"city":"Lisbon"})' in shown[3]
    assert '{"role":"tool","tool_call_id":"' in shown[3]
    assert "The tool answered: 21 °C and sunny" in shown[3]
    assert "broken/any OverloadedError" in shown[4]
    assert "sim-anthropic/sim-steady" in shown[4]
    assert "every act went well: 6 requests, 1 by fallback" in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100
    assert lines[1].startswith("No key is set")


def test_a_configured_provider_answers_and_the_gateway_stays(tmp_path):
    script = Script(rules=(Rule(reply=Reply(text="from the house")),))
    with SimulatorThread(Simulator(script)) as thread:
        (tmp_path / "modelway.yaml").write_text(
            f"providers: {{house: {{like: simulator, base_url: '{thread.base_url}/v1'}}}}\n"
            "models: {mine: house/model}\n"
        )
        with started("demo", "--stay", "--port", "0", home=tmp_path) as showing:
            url = showing.line("The gateway is left running for you: ")
            key = showing.line("key: ").split()[0]
            request = urllib.request.Request(
                f"{url}/v1/chat/completions",
                b'{"model": "mine", "messages": [{"role": "user", "content": "Hello!"}]}',
                {"authorization": f"Bearer {key}", "content-type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer)["choices"][0]["message"]["content"] == "from the house"
            showing.signal(signal.SIGINT)
            assert showing.end() == 0
        asked = len(thread.simulator.requests)
    assert "Traceback" not in showing.stderr
    assert "house/model is asked the question" in showing.stdout
    assert asked == 4
    shown = acts(showing.stdout)
    assert shown[1].count("from the house") == 2
    assert "house/model · " in shown[2]
    assert "sim-openai/sim-demo" in shown[3]


def test_ctrl_c_in_the_middle(tmp_path):
    with started("demo", "--simulated", "--port", "0", home=tmp_path) as showing:
        showing.wait_for("2  A stream")
        showing.signal(signal.SIGINT)
        assert showing.end() == 130
    assert "Traceback" not in showing.stdout + showing.stderr
    assert "3  A tool" not in showing.stdout
