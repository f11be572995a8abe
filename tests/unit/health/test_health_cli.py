"""``modelway health``, watching from here and asking a gateway that is a few lines of a test."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading

import msgspec
import pytest

from modelway.cli import health_table
from modelway.cli.app import run
from modelway.cli.health_table import Snapshot
from modelway.health import HealthStatus
from modelway.policies.breaker import BreakerStatus, Failure
from support.command_line import started

KEY = "mw-a-key-of-a-test"
FAILURE = Failure(error="OverloadedError", status=503, message="busy \x1b[31m", time=1.0)
WELL = HealthStatus(
    provider="openai",
    credential="OPENAI_API_KEY",
    state="healthy",
    since_s=7200.0,
    last_s=0.25,
    p50_s=0.2,
)
DOWN = HealthStatus(
    provider="groq", credential="none", state="down", since_s=5.0, last_failure=FAILURE
)
OPEN = BreakerStatus(
    deployment="groq/x",
    state="open",
    failures=7,
    last_failure=FAILURE,
    opened_s=12.0,
    retry_in_s=48.0,
)
CLOSED = BreakerStatus(deployment="openai/y", state="closed")


class FakeGateway:
    """Answers as it is set to, in a thread of its own, and notes what it is asked."""

    def __init__(self):
        self.snapshot = Snapshot((WELL, DOWN), (OPEN, CLOSED))
        self.refusal = None
        self.asked = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, target, _ = lines[0].split()
            self.asked.append((method, target, headers.get("authorization"), body))
            status, answer = self._answer(method, body)
            writer.write(
                b"HTTP/1.1 %d x\r\ncontent-type: application/json\r\nconnection: close\r\n"
                b"content-length: %d\r\n\r\n%b" % (status, len(answer), answer)
            )
            await writer.drain()
        writer.close()

    def _answer(self, method, body):

        if self.refusal is not None:
            return self.refusal
        if method == "POST":
            asked = json.loads(body).get("deployment")
            return 200, json.dumps({"reset": [asked] if asked else ["groq/x", "openai/y"]}).encode()
        return 200, msgspec.json.encode(self.snapshot)

    def close(self):
        async def close():
            self._server.close()
            await self._server.wait_closed()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def gateway():
    made = FakeGateway()
    yield made
    made.close()


@pytest.fixture
def modelway(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MODELWAY_KEY", KEY)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = run(arguments)
        return code, *capsys.readouterr()

    return call


def test_a_gateway_says_how_its_providers_and_breakers_are(modelway, gateway):
    code, out, err = modelway("health", "--url", gateway.url)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[1].split() == ["openai", "healthy", "2", "h", "250", "ms", "200", "ms"]
    assert lines[2].split()[:4] == ["groq", "down", "5", "s"]
    assert "OverloadedError 503: busy" in lines[2]
    assert lines[5].split()[:7] == ["groq/x", "open", "12", "s", "7", "48", "s"]
    assert len(lines) == 6  # closed, and without a failure: nothing to tell
    assert "\x1b" not in out
    assert gateway.asked == [("GET", "/v1/health", f"bearer {KEY}", b"")]


def test_one_provider_alone(modelway, gateway):
    code, out, _ = modelway("health", "openai", "--url", f"{gateway.url}/v1", "--json")
    assert code == 0
    told = json.loads(out)
    assert [one["provider"] for one in told["providers"]] == ["openai"]
    assert [one["deployment"] for one in told["breakers"]] == ["openai/y"]
    assert gateway.asked[0][1] == "/v1/health"


@pytest.mark.parametrize(
    ("arguments", "body", "told"),
    [
        (["groq/x"], {"deployment": "groq/x"}, "reset: groq/x\n"),
        (["--all"], {}, "reset: groq/x, openai/y\n"),
        (["groq/x", "--json"], {"deployment": "groq/x"}, '{"reset":["groq/x"]}\n'),
    ],
)
def test_a_reset(modelway, gateway, arguments, body, told):
    assert modelway("health", "reset", *arguments, "--url", gateway.url) == (0, told, "")
    ((method, target, authorization, sent),) = gateway.asked
    assert (method, target, authorization) == ("POST", "/v1/health/reset", f"bearer {KEY}")
    assert json.loads(sent) == body


@pytest.mark.parametrize("arguments", [[], ["groq/x", "--all"]])
def test_a_reset_says_of_what(modelway, arguments):
    code, _, err = modelway("health", "reset", *arguments)
    assert code == 2
    assert "--all" in err


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((401, b'{"error":{"message":"who are you","type":"x"}}'), "who are you"),
        ((403, b'{"error":{"message":"no admin"}}'), "no admin"),
        ((404, b'{"error":{"message":"no breaker of it is known"}}'), "no breaker of it"),
        ((500, b"oops"), "status 500"),
        ((200, b"[]"), "no gateway"),
        ((302, b""), "redirect"),
    ],
)
@pytest.mark.parametrize("command", [["health"], ["health", "reset", "a/x"]], ids=" ".join)
def test_a_gateway_that_refuses(modelway, gateway, command, refusal, said):
    gateway.refusal = refusal
    code, out, err = modelway(*command, "--url", gateway.url)
    assert (code, out) == (1, "")
    assert said in err
    assert KEY not in err


def test_the_key_is_in_the_variable_that_is_named(modelway, gateway, monkeypatch):
    monkeypatch.setenv("OTHER", "another")
    modelway("health", "--url", gateway.url, "--key-env", "OTHER")
    modelway("health", "--url", gateway.url, "--key-env", "NONE")
    assert [authorization for _, _, authorization, _ in gateway.asked] == ["bearer another", None]


def test_a_url_that_is_none(modelway):
    code, _, err = modelway("health", "--url", "ftp://x")
    assert code == 2
    assert "http" in err


# ---------------------------------------------------------------- watching


def ended(running):
    running.signal(signal.SIGINT)
    return running.end()


def test_watching_a_gateway_tells_what_changes_until_ctrl_c(gateway, tmp_path):
    with started("health", "--watch", "--json", "--url", gateway.url, home=tmp_path) as running:
        running.wait_for('"openai/y"')
        first = running.stdout
        assert [json.loads(line)["state"] for line in first.splitlines()] == [
            "healthy",
            "down",
            "open",
            "closed",
        ]

        risen = msgspec.structs.replace(DOWN, state="healthy", last_failure=None)
        gateway.snapshot = Snapshot((WELL, risen), (OPEN, CLOSED))
        running.wait_for('"groq","credential":"none","state":"healthy"')
        assert ended(running) == 0
    assert running.stderr == ""
    assert len(running.stdout.splitlines()) == 5


def test_a_gateway_that_goes_away_is_waited_for(gateway, tmp_path):
    with started("health", "--watch", "--url", gateway.url, home=tmp_path) as running:
        running.wait_for("openai/y")
        gateway.refusal = (503, b'{"error":{"message":"draining"}}')
        asked = len(gateway.asked)
        while len(gateway.asked) < asked + 2:
            assert running.process.poll() is None
            threading.Event().wait(0.05)
        slow = msgspec.structs.replace(WELL, state="degraded")
        gateway.snapshot = Snapshot((slow, DOWN), (OPEN, CLOSED))
        gateway.refusal = None
        running.wait_for("openai  degraded")
        assert ended(running) == 0
    assert running.stderr == ""


def test_watching_from_here(gateway, tmp_path):
    config = tmp_path / "m.yaml"
    config.write_text(
        "providers:\n"
        f"  there: {{like: vllm, base_url: '{gateway.url}/v1'}}\n"
        "  openai: {}\n"
        "health: {first_s: 0.05, interval_s: 0.1}\n"
    )
    with started("health", "--watch", "--config", str(config), home=tmp_path) as running:
        running.wait_for("there  unknown")
        running.wait_for("openai  unconfigured  OPENAI_API_KEY is not set")
        running.wait_for("there  degraded")  # what it answers is no list of models
        running.wait_for("there  down  ResponseError")
        assert ended(running) == 0
    assert running.stderr == ""
    assert {target for _, target, _, _ in gateway.asked} == {"/v1/models"}


def test_nobody_to_watch(tmp_path):
    config = tmp_path / "m.yaml"
    config.write_text("providers:\n  openai: {}\n")
    with started("health", "nobody", "--watch", "-c", str(config), home=tmp_path) as running:
        assert running.end() == 2
    assert "no provider 'nobody' is configured" in running.stderr


def test_what_is_drawn_on_a_terminal():
    from rich.console import Console

    snapshot = Snapshot((WELL, DOWN), (OPEN, CLOSED), "the gateway is away")
    console = Console(width=120, color_system=None, force_terminal=True)
    with console.capture() as drawn:
        console.print(health_table.drawn(snapshot))
    text = drawn.get()
    assert "2 h" in text
    assert "OverloadedError 503: busy [31m" in text
    assert "\x1b" not in text
    assert text.rstrip().endswith("the gateway is away")


def test_rich_is_not_loaded_for_what_is_not_drawn(gateway, tmp_path):
    code = (
        "import sys; from modelway.cli import health_watch, health_table, health_reset; "
        "print(sorted(one for one in sys.modules if one.startswith('rich.live') or one == 'rich.table'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_times_for_people(seconds, said):
    assert health_table._time(seconds) == said


def test_a_provider_with_several_keys_is_told_apart():

    other = msgspec.structs.replace(WELL, credential="SECOND")
    named = Snapshot((WELL, other, DOWN)).named()
    assert [name for name, _ in named] == ["openai (OPENAI_API_KEY)", "openai (SECOND)", "groq"]
