"""Offline: what is kept, recorded or run here answers, a miss says so, and no socket is opened.

Each runs in a process of its own, which ends at once where the network is reached for.
"""

import json
import subprocess
import sys
import textwrap

import pytest

import modelway
from modelway.cassettes import Choice, as_environment
from modelway.simulator.app import Simulator
from modelway.simulator.script import Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from support.command_line import environment
from support.command_line import modelway as command

ALARM = """
import os, socket, sys

REACHED = {
    "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname",
    "socket.sendmsg", "socket.sendto",
}


def alarm(event, arguments):
    opened = event == "socket.__new__" and arguments[1] != socket.AF_UNIX
    if (opened or event == "socket.connect") and os.environ.get("LOOPBACK"):
        opened, reached = False, event == "socket.connect" and arguments[1][0] != "127.0.0.1"
    elif event == "socket.getaddrinfo" and os.environ.get("LOOPBACK"):
        reached = arguments[0] not in ("127.0.0.1", b"127.0.0.1")
    else:
        reached = event in REACHED
    if opened or reached:
        sys.__stderr__.write(f"ALARM {event} {arguments[1:]}")
        sys.__stderr__.flush()
        os._exit(77)


sys.addaudithook(alarm)
"""
"""An event loop wakes itself by a pair of sockets without an address: these are none."""
PROGRAM = """
import asyncio, json, sys
import modelway

config, questions, offline = json.loads(sys.argv[1])


async def main():
    async with modelway.Client(config, **({"offline": True} if offline else {})) as client:
        for question in questions:
            try:
                answer = await client.chat(question)
            except modelway.LLMError as error:
                print(json.dumps([type(error).__name__, error.message]))
            else:
                print(json.dumps([answer.provider, answer.text]))


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where every Python rings the alarm."""
    directory = tmp_path_factory.mktemp("home")
    (directory / "alarm").mkdir()
    (directory / "alarm" / "sitecustomize.py").write_text(textwrap.dedent(ALARM))
    return directory


def alarmed(home, **more):
    return {"PYTHONPATH": str(home / "alarm"), **more}


def asks(home, config, *questions, offline=True, alarm=True, **more):
    """What each question is answered, by a process that has no network unless there is no alarm."""
    more = alarmed(home, **more) if alarm else more
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([config, questions, offline])],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=home,
        env=environment(home, **more),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


OPENAI = {
    "providers": {"openai": {"api_key": "not-a-key"}},
    "models": {"m": "openai/gpt-4.1"},
    "default_model": "m",
    "defaults": {"retries": 0},
}


def test_the_alarm_rings(home):
    done = command(
        "ask", "Hi", "-m", "openai/gpt-4.1", home=home, **alarmed(home, OPENAI_API_KEY="not-a-key")
    )
    assert done.returncode == 77
    assert "ALARM socket." in done.stderr


def test_a_miss_says_so_and_no_socket_is_opened(home):
    ((error, message),) = asks(home, OPENAI, "Hi")
    assert error == "OfflineError"
    assert "https://api.openai.com:443/v1/chat/completions is not asked" in message
    assert "cassettes" in message


def test_the_environment_asks_for_it_too(home):
    ((error, _),) = asks(home, OPENAI, "Hi", offline=False, MODELWAY_OFFLINE="1")
    assert error == "OfflineError"


def test_the_command_line_says_it_and_ends_with_2(home):
    more = alarmed(home, OPENAI_API_KEY="not-a-key")
    done = command("ask", "Hi", "-m", "openai/gpt-4.1", "--offline", home=home, **more)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no socket is opened" in done.stderr
    chat = command("chat", "-m", "openai/gpt-4.1", "--offline", home=home, input="Hi\n", **more)
    assert chat.returncode == 1
    assert "no socket is opened" in chat.stderr


@pytest.fixture(scope="module")
def simulator():
    script = Script(rules=(Rule(reply=Reply(text="Kept since yesterday.")),))
    with SimulatorThread(Simulator(script)) as running:
        yield running.base_url


def test_what_was_kept_answers_and_what_was_not_does_not(home, simulator, tmp_path):
    config = {
        "providers": {"house": {"like": "simulator", "base_url": f"{simulator}/v1"}},
        "models": {"m": "house/sim-tiny"},
        "default_model": "m",
        "defaults": {"retries": 0},
        "cache": {"where": "store"},
        "store": {"url": f"sqlite:{tmp_path / 'kept.db'}"},
    }
    kept = ["house", "Kept since yesterday."]
    assert asks(home, config, "What is kept?", offline=False, alarm=False) == [kept]
    found, missed = asks(home, config, "What is kept?", "And what is not?")
    assert found == kept
    assert missed[0] == "OfflineError"


async def test_a_cassette_answers(home, simulator, tmp_path):
    path = tmp_path / "tape.jsonl"
    config = {
        "providers": {"house": {"like": "simulator", "base_url": f"{simulator}/v1"}},
        "models": {"m": "house/sim-tiny"},
        "default_model": "m",
    }
    recording = as_environment(Choice(path=path, mode="record"))
    async with modelway.Client(config, environment=recording) as client:
        assert (await client.chat("What is kept?")).text == "Kept since yesterday."
    replaying = as_environment(Choice(path=path, mode="replay"))
    found, missed = asks(home, config, "What is kept?", "And what is not?", **replaying)
    assert found == ["house", "Kept since yesterday."]
    assert missed[0] == "CassetteMissError"


def test_a_model_in_this_process_answers_in_place_of_one_that_is_far(home, tmp_path):
    """It listens on loopback: that alone is reached, and nothing beyond."""
    pytest.importorskip("xllamacpp", reason="the extra [local] is not installed")
    from support.tiny_model import build

    build(tmp_path / "tiny.gguf")
    config = {
        "providers": {
            "openai": {"api_key": "not-a-key"},
            "local": {
                "models_dir": str(tmp_path),
                "engine": {"context_tokens": 512, "threads": 1, "gpu_layers": 0},
            },
        },
        "models": {
            "m": {"deployments": ["openai/gpt-4.1"], "fallback": ["near"]},
            "near": "local/tiny.gguf",
        },
        "default_model": "m",
        "defaults": {"retries": 0, "max_tokens": 8},
    }
    ((provider, text),) = asks(home, config, "Hi", LOOPBACK="1")
    assert provider == "local", text
