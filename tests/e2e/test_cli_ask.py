"""modelway ask, chat, models and bench as processes, against a simulated provider."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.script import Match, Pace, Reply, Rule, Script, ScriptedError
from modelway.simulator.serve import SimulatorThread
from support.command_line import COMMAND, environment, modelway, started

LONG = "word " * 400


@pytest.fixture(scope="module")
def provider():
    rules = (
        Rule(
            match=Match(model="endless"),
            reply=Reply(text=LONG, pace=Pace(tokens_per_s=20)),
        ),
        Rule(match=Match(model="broken"), reply=Reply(error=ScriptedError(status=500))),
        Rule(match=Match(model="thinks"), reply=Reply(reasoning="let me see", text="done")),
        Rule(match=Match(model="echo"), reply=Reply(text="{question}")),
    )
    with SimulatorThread(Simulator(Script(rules=rules), keep=50)) as thread:
        yield thread


@pytest.fixture
def home(provider, tmp_path):
    """A home whose configuration has the simulated provider alone."""
    (tmp_path / "modelway.yaml").write_text(
        "providers:\n"
        f"  house: {{like: simulator, base_url: '{provider.base_url}/v1', default_model: echo}}\n"
        "default_provider: house\n"
        "defaults: {retries: 0}\n"
    )
    return tmp_path


def until(told, timeout=20.0):
    end = time.monotonic() + timeout
    while not told():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_words_and_standard_input_are_one_question(home):
    done = modelway("ask", "Translate", "this:", home=home, input="Grüße aus Köln\n")
    assert done.returncode == 0
    assert done.stdout == "Translate this:\n\nGrüße aus Köln\n"
    assert "house/echo · " in done.stderr
    assert " tokens · " in done.stderr


def test_json_is_one_object(home):
    done = modelway("ask", "--json", "-s", "Be brief.", "-t", "0.5", "hello", home=home)
    shown = json.loads(done.stdout)
    assert (shown["text"], shown["deployment"]) == ("hello", "house/echo")
    assert shown["usage"]["output_tokens"] > 0
    assert shown["latency_s"] > 0
    assert done.stderr == ""


def test_json_of_a_stream_is_an_event_a_line(home):
    done = modelway("ask", "--json", "--stream", "hello there", home=home)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["start", "finish"]
    text = "".join([event["text"] for event in events if event["type"] == "text_delta"])
    assert text == "hello there"


def test_reasoning_is_kept_out_of_a_pipe(home):
    done = modelway("ask", "-m", "house/thinks", "x", home=home)
    assert done.stdout == "done\n"
    assert done.stderr.startswith("let me see\n")
    assert modelway("ask", "-q", "-m", "house/thinks", "x", home=home).stderr == ""


def test_a_provider_that_fails(home):
    done = modelway("ask", "-m", "house/broken", "x", home=home)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: house/broken: ")
    assert "status 500" in done.stderr


def test_without_anything_the_simulator_answers_and_says_so(tmp_path):
    done = modelway("ask", "--no-stream", "hello", home=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("Hello from modelway's simulator")
    assert "its words mean nothing" in done.stderr


@pytest.mark.parametrize("more", [(), ("--json", "--stream")])
def test_ctrl_c_in_a_stream_stops_the_provider_too(home, provider, more):
    before = provider.simulator.disconnects
    with started("ask", "-m", "house/endless", *more, "go", home=home) as asking:
        asking.wait_for("word")
        pressed = time.monotonic()
        asking.signal(signal.SIGINT)
        assert asking.end() == 130
        assert time.monotonic() - pressed < 1
    until(lambda: provider.simulator.disconnects == before + 1)
    assert "Traceback" not in asking.stderr
    assert asking.stderr.endswith("interrupted\n")
    assert asking.stdout.endswith("\n")


def test_nobody_reads_the_answer(home, provider):
    before = provider.simulator.disconnects
    process = subprocess.Popen(
        [*COMMAND, "ask", "-m", "house/endless", "go"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment(home),
    )
    assert process.stdout.read(4) == b"word"
    process.stdout.close()
    assert process.wait(5) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
    until(lambda: provider.simulator.disconnects == before + 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_one_line(home):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "ask", "-q", "hello"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            env=environment(home),
            check=False,
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("No space left on device")


def test_ctrl_c_in_a_bench_shows_what_there_is(home):
    with started("bench", "-m", "house/endless", "--json", home=home) as measuring:
        time.sleep(1.0)
        measuring.signal(signal.SIGINT)
        assert measuring.end() == 130
    assert json.loads(measuring.stdout)["interrupted"] is True
    assert measuring.stderr == ""


def test_input_that_is_no_text(home):
    done = subprocess.run(
        [*COMMAND, "ask"],
        input=b"\xff\xfe",
        capture_output=True,
        cwd=home,
        env=environment(home),
        check=False,
    )
    assert done.returncode == 2
    assert b"not UTF-8" in done.stderr


# ---------------------------------------------------------------- chat


def test_a_chat_from_a_pipe_is_kept_and_goes_on(home, provider):
    done = modelway("chat", "--session", "trip", home=home, input="one\n/stats\ntwo\\\nlines\n")
    assert done.returncode == 0
    assert done.stdout == "one\ntwo\nlines\n"
    assert "1 requests, 0 failed" in done.stderr
    done = modelway("chat", "--last", "-s", "Be brief.", home=home, input="three\n")
    assert done.stdout == "three\n"
    sent = provider.simulator.requests[-1].json["messages"]
    said = [(one["role"], one["content"]) for one in sent]
    assert said[0][1] == "Be brief."
    assert [text for role, text in said if role == "user"] == ["one", "two\nlines", "three"]
    listed = modelway("chat", "--sessions", home=home).stdout
    assert listed.splitlines()[1].startswith("trip ")


def test_a_chat_goes_on_after_a_failure(home):
    said = "/model house/broken\nwill fail\n/model house/echo\n/histry\nworks\n/history\n"
    done = modelway("chat", "--session", "s", home=home, input=said)
    assert done.returncode == 0
    assert done.stdout == "works\nworks\nworks\n"
    assert "error: house/broken" in done.stderr
    assert "did you mean /history?" in done.stderr
    assert modelway("chat", "-m", "house/broken", home=home, input="x\n").returncode == 1


def test_ctrl_c_stops_an_answer_and_not_the_chat(home):
    screen, end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "chat", "-m", "house/endless"],
        stdin=end,
        stdout=end,
        stderr=end,
        cwd=home,
        env=environment(home, TERM="dumb"),
        start_new_session=True,
    )
    os.close(end)
    seen = bytearray()

    def wait_for(text):
        limit = time.monotonic() + 10
        while text not in seen:
            ready, _, _ = select.select([screen], [], [], limit - time.monotonic())
            assert ready, (text, bytes(seen))
            seen.extend(os.read(screen, 4096))
        del seen[: seen.index(text) + len(text)]

    try:
        wait_for(b"> ")
        os.write(screen, b"go\n")
        wait_for(b"word word")
        process.send_signal(signal.SIGINT)
        wait_for(b"(stopped)")
        wait_for(b"> ")
        os.write(screen, b"/model house/echo\n")
        wait_for(b"house/echo")
        wait_for(b"> ")
        time.sleep(0.3)  # readline shows its prompt before it listens for signals
        process.send_signal(signal.SIGINT)
        wait_for(b"Ctrl-D ends")
        os.write(screen, b"still there\n")
        wait_for(b"still there\r\nstill there")
        wait_for(b"> ")
        os.write(screen, b"\x04")
        wait_for(b"go on with: modelway chat --session")
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(screen)
    kept = next((home / ".local/state/modelway/conversations").glob("*.json")).read_text()
    assert "word word" in kept


# ---------------------------------------------------------------- models, health, bench


def test_what_is_there_is_listed(home):
    listed = json.loads(modelway("models", "--json", home=home).stdout)
    assert "house/sim-echo" in [one["name"] for one in listed]
    shown = modelway("models", "house", home=home).stdout.splitlines()
    assert "house/sim-tiny" in [line.split()[0] for line in shown]
    health = modelway("health", home=home)
    assert health.returncode == 0
    assert health.stdout.splitlines()[1].split()[:2] == ["house", "ok"]
    known = modelway("providers", "--all", home=home).stdout
    assert "https://docs.anthropic.com/" in known
    assert "OPENAI_API_KEY" in known


def test_bench_measures_a_gateway_only_with_leave(home, provider):
    arguments = ("bench", "--url", provider.base_url, "-m", "echo", "-n", "12", "--json")
    done = modelway(*arguments, home=home, MODELWAY_KEY="mw-anything")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    done = modelway(*arguments, "--yes", home=home, MODELWAY_KEY="mw-anything")
    figures = json.loads(done.stdout)
    assert (figures["answered"], figures["errors"]) == (12, {})
    assert 0 < figures["first_token_s"]["p50"] <= figures["latency_s"]["p50"]
    assert figures["latency_s"]["p50"] <= figures["latency_s"]["p99"]


def test_bench_ends_with_its_time(home, provider):
    before = provider.simulator.disconnects
    done = modelway("bench", "-m", "house/endless", "--seconds", "0.5", "-j", "2", home=home)
    assert done.returncode == 1
    assert "2 open requests were cut" in done.stderr
    until(lambda: provider.simulator.disconnects >= before + 2)
