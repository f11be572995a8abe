"""modelway serve and simulate as processes: addresses, keys, signals."""

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.script import Pace, Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from support.command_line import modelway, started

TEXT = "one two three four five six seven eight nine ten"


@pytest.fixture
def slow_home(tmp_path):
    """A home configured for a provider that takes two seconds for its answer."""
    script = Script(rules=(Rule(reply=Reply(text=TEXT, pace=Pace(tokens_per_s=5))),))
    with SimulatorThread(Simulator(script)) as thread:
        (tmp_path / "modelway.yaml").write_text(
            f"providers: {{house: {{like: simulator, base_url: '{thread.base_url}/v1'}}}}\n"
            "models: {slow: house/slow}\n"
        )
        yield tmp_path


def ask(url, key, **fields):
    body = {"model": "slow", "messages": [{"role": "user", "content": "hi"}], **fields}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    return urllib.request.urlopen(request, timeout=20)


def test_it_says_where_and_shows_its_key_once(tmp_path):
    with started("serve", "--port", "0", home=tmp_path) as serving:
        url = serving.line("modelway serves on ")
        key = serving.line("key: ").split()[0]
        serving.wait_for("models ")
        assert f"OPENAI_BASE_URL={url}/v1" in serving.stdout
        assert f"ANTHROPIC_BASE_URL={url} " in serving.stdout
        with ask(url, key, model="simulator") as answer:
            assert "simulator" in json.load(answer)["choices"][0]["message"]["content"]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(url, "mw-another")
        port = url.rpartition(":")[2]
        taken = modelway("serve", "--port", port, home=tmp_path)
        assert taken.returncode == 2
        assert f"cannot listen on 127.0.0.1:{port}" in taken.stderr
        assert key not in taken.stdout
        serving.signal(signal.SIGINT)
        assert serving.end() == 0
    assert "its words mean nothing" in serving.stderr
    assert key.encode() not in b"".join(
        [file.read_bytes() for file in (tmp_path / ".local").rglob("*") if file.is_file()]
    )
    with started("serve", "--port", "0", "--new-key", home=tmp_path) as again:
        url = again.line("modelway serves on ")
        fresh = again.line("key: ").split()[0]
        assert fresh != key
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(url, key)
        again.signal(signal.SIGTERM)
        assert again.end() == 0


def closed_to_others(port):
    """Wait until nobody new is let in: the server looks for the signal ten times a second."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        time.sleep(0.02)
    pytest.fail("still lets in new connections, 10 s after SIGTERM")


def test_sigterm_lets_an_open_stream_end(slow_home):
    with started("serve", "--port", "0", home=slow_home) as serving:
        url = serving.line("modelway serves on ")
        key = serving.line("key: ").split()[0]
        got: list[bytes] = []
        first = threading.Event()

        def read():
            with ask(url, key, stream=True) as answer:
                for line in answer:
                    got.append(line)
                    first.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert first.wait(10)
        serving.signal(signal.SIGTERM)
        closed_to_others(int(url.rpartition(":")[2]))
        assert reader.is_alive(), "the open stream was ended with the listener"
        reader.join(10)
        assert serving.end() == 0
    lines = b"".join(got).decode().split("\n\n")
    assert lines[-2] == "data: [DONE]"
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    text = "".join(
        [one["choices"][0]["delta"].get("content") or "" for one in pieces if one["choices"]]
    )
    assert text == TEXT


def test_without_keys_on_loopback(slow_home):
    with started("serve", "--port", "0", "--no-auth", home=slow_home) as serving:
        url = serving.line("modelway serves on ")
        assert serving.line("key: ") == "none is asked for"
        with ask(url, "whatever") as answer:
            assert answer.status == 200


def test_the_simulator(tmp_path):
    script = tmp_path / "script.yaml"
    script.write_text("rules: [{reply: {text: 'as written'}}]\n")
    with started("simulate", "--port", "0", "--script", str(script), home=tmp_path) as simulating:
        url = simulating.line("modelway simulates on ")
        with ask(url, "any") as answer:
            assert json.load(answer)["choices"][0]["message"]["content"] == "as written"
        taken = modelway("simulate", "--port", url.rpartition(":")[2], home=tmp_path)
        assert taken.returncode == 2
        simulating.signal(signal.SIGTERM)
        assert simulating.end() == 0
    with started("simulate", "--port", "0", home=tmp_path) as simulating:
        assert "sim-stall" in simulating.wait_for("Ctrl-C ends it")
        simulating.signal(signal.SIGINT)
        assert simulating.end() == 0
    assert "Traceback" not in simulating.stderr


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="CPU time is read from /proc")
def test_it_is_ready_within_its_budget(tmp_path):
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")}
    for _ in range(2):  # the second time as it is once it is installed
        with started("serve", "--port", "0", home=tmp_path, **compiled) as serving:
            serving.line("modelway serves on ")
            seconds = cpu_s(serving)
    assert seconds < 0.8  # of CPU; about 0.3 on an idle machine


def cpu_s(serving):
    used = Path(f"/proc/{serving.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def test_a_start_with_configured_keys_does_not_open_the_way_for_one_without(tmp_path):
    config = tmp_path / "modelway.yaml"
    config.write_text("gateway: {keys: ['configured-key-0123456789']}\n")
    with started("serve", "--port", "0", "--config", str(config), home=tmp_path) as serving:
        serving.line("modelway serves on ")
    config.unlink()
    refused = modelway("serve", "--host", "0.0.0.0", "--port", "0", home=tmp_path)
    assert refused.returncode == 2
    assert "without a key" in refused.stderr
