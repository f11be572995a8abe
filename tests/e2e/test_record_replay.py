"""Record what real providers answer, by SDK, gateway and command line, and replay it without them."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import modelway
from modelway.cassettes import Choice, as_environment
from modelway.simulator.app import Simulator
from modelway.simulator.script import Match, Pace, Reply, Rule, Script
from modelway.simulator.serve import SimulatorThread
from modelway.transport.cassette import Player, read_cassette
from modelway.transport.cassette.format import bytes_of, chunk_of
from support.command_line import environment as process_environment
from support.command_line import modelway as command
from support.command_line import started

TEXT = " ".join(["It is 9 °C in Zürich, 雨."] * 3)
SCRIPT = Script(
    rules=(
        Rule(match=Match(model="tiny"), reply=Reply(reasoning="I think.", text=TEXT)),
        Rule(match=Match(model="slow"), reply=Reply(text=TEXT, pace=Pace(tokens_per_s=15))),
    )
)
TOOL = modelway.Tool(
    name="weather",
    description="The weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
DIALECTS = ("chat", "messages")
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


def both_dialects(like, base_url):
    place = {"like": like, "base_url": f"{base_url}/v1"}
    return {"providers": {"chat": place, "messages": {**place, "dialect": "anthropic-messages"}}}


@pytest.fixture(scope="module")
def simulator_url():
    with SimulatorThread(Simulator(SCRIPT)) as running:
        yield running.base_url


@pytest.fixture(params=["llama.cpp", "simulator"])
def provider(request):
    """The configuration of a real engine, and of the simulator; and a request that each refuses."""
    if request.param == "simulator":
        return both_dialects("simulator", request.getfixturevalue("simulator_url")), "sim-401", "Hi"
    return both_dialects("llamacpp", request.getfixturevalue("llama_url")), "tiny", "x" * 40_000


@contextmanager
def no_network():
    """No name is looked up and no connection made."""

    def refuse(*_, **__):
        raise AssertionError("a connection was wanted")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def timeless(response):
    return replace(response, latency_s=None, time_to_first_token_s=None)


async def ask_all(config, environment, refused_model, refused_prompt):
    """Every way of asking, in both dialects: what a program gets of them."""
    got = []
    said = {"max_tokens": 24, "temperature": 0.0}
    async with modelway.Client(config, environment=environment) as client:
        for name in DIALECTS:
            model = f"{name}/tiny"
            got.append(timeless(await client.chat("Hi", model=model, **said)))
            # the same question again: the second recording of it
            got.append(timeless(await client.chat("Hi", model=model, **said)))
            got.append([event async for event in client.stream("Hi", model=model, **said)])
            async with client.stream("Weather?", model=model, tools=(TOOL,), **said) as stream:
                got.append(timeless(await stream.collect()))
            with pytest.raises(modelway.LLMError) as caught:
                await client.chat(refused_prompt, model=f"{name}/{refused_model}")
            got.append((type(caught.value), str(caught.value)))
        got.append(await client.list_models("chat"))
    return got


async def test_the_sdk_replays_what_it_recorded(provider, tmp_path):
    config, *refused = provider
    path = tmp_path / "c.jsonl"
    recorded = await ask_all(config, as_environment(Choice(path=path, mode="record")), *refused)
    assert len(read_cassette(path).recordings) == 11
    environment = as_environment(Choice(path=path, speed=0))
    with no_network():
        assert await ask_all(config, environment, *refused) == recorded
        assert await ask_all(None, environment, *refused) == recorded


# ---------------------------------------------------------------- gateways


def post(url, path, body, headers=()):
    """Status and bytes of an answer."""
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"content-type": "application/json", **dict(headers)}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def questions():
    """Each client dialect of each provider, whole and streamed."""
    for client in DIALECTS:
        for to in DIALECTS:
            for stream in (False, True):
                said = {"model": f"{to}/tiny", "max_tokens": 16, "stream": stream}
                yield PATHS[client], {**said, "messages": [{"role": "user", "content": "Hi"}]}


@contextmanager
def gateway(home, *arguments, **variables):
    with started(*arguments, "--port", "0", "--no-auth", home=home, **variables) as running:
        url = running.line("modelway serves on ")
        running.wait_for("models ")
        yield url, running
        if running.process.poll() is None:
            running.signal(signal.SIGTERM)
            assert running.end() == 0, running.stderr


def undated(answer):
    """Our own clock's time, where a provider of the other dialect gave none, is not part of it."""
    status, body = answer
    pieces = body.split(b'"created":')
    return status, [piece.lstrip(b"0123456789") for piece in pieces]


def test_a_gateway_replays_byte_for_byte(provider, tmp_path):
    config, refused_model, refused_prompt = provider
    (tmp_path / "modelway.yaml").write_text(json.dumps(config))
    asked = list(questions())
    message = {"role": "user", "content": refused_prompt}
    refused = {"model": f"chat/{refused_model}", "max_tokens": 5, "messages": [message]}
    asked += [(path, refused) for path in PATHS.values()]
    with gateway(tmp_path, "record", "c.jsonl") as (url, running):
        recorded = [post(url, *one) for one in asked]
    assert f"{len(asked)} exchanges recorded to c.jsonl" in running.stderr
    assert [status for status, _ in recorded[:-2]] == [200] * 8
    assert all(400 <= status < 500 for status, _ in recorded[-2:])
    (tmp_path / "modelway.yaml").unlink()
    with gateway(tmp_path, "replay", "c.jsonl", "--speed", "0") as (url, running):
        replayed = [post(url, *one) for one in asked]
        assert [undated(one) for one in replayed] == [undated(one) for one in recorded]
        same = [
            (new, old)
            for (path, body), new, old in zip(asked, replayed, recorded, strict=True)
            if path == PATHS[body["model"].partition("/")[0]]
        ]
        assert all(new == old for new, old in same)
        status, body = post(url, PATHS["chat"], {**asked[0][1], "top_p": 0.5})
        assert status >= 400
        assert b"is not in the cassette" in body
    assert "answers come from c.jsonl" in running.stderr


async def test_one_cassette_in_gateway_and_sdk(simulator_url, tmp_path):
    config = both_dialects("simulator", simulator_url)
    (tmp_path / "modelway.yaml").write_text(json.dumps(config))
    body = {"model": "chat/tiny", "messages": [{"role": "user", "content": "Hi"}]}
    with gateway(tmp_path, "record", "c.jsonl") as (url, _):
        _, answered = await asyncio.to_thread(post, url, PATHS["chat"], body)
    environment = as_environment(Choice(path=tmp_path / "c.jsonl", speed=0))
    async with modelway.Client(config, environment=environment) as client:
        with no_network():
            response = await client.chat("Hi", model="chat/tiny")
    assert response.text == json.loads(answered)["choices"][0]["message"]["content"] == TEXT


def test_a_killed_recorder_leaves_a_cassette(simulator_url, tmp_path):
    """SIGKILL in the middle of a stream: what was over is there, and recording goes on after it.

    What nobody asked is not there: a gateway that records does not ask providers how they are.
    """
    config = both_dialects("simulator", simulator_url)
    config["health"] = {"active": True, "first_s": 0.01, "interval_s": 0.05}
    (tmp_path / "modelway.yaml").write_text(json.dumps(config))
    body = {"model": "chat/tiny", "messages": [{"role": "user", "content": "Hi"}]}
    slow = {**body, "model": "chat/slow", "stream": True}
    with gateway(tmp_path, "record", "c.jsonl") as (url, running):
        _, first = post(url, PATHS["chat"], body)
        request = urllib.request.Request(url + PATHS["chat"], json.dumps(slow).encode())
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.readline()
            running.process.kill()
            running.end()
    with (tmp_path / "c.jsonl").open("ab") as file:
        file.write(b'{"request":{"method":"PO')
    with gateway(tmp_path, "record", "c.jsonl", "--missing") as (url, running):
        assert post(url, PATHS["chat"], body) == (200, first)
        status, _ = post(url, PATHS["chat"], {**body, "model": "messages/tiny"})
        assert status == 200
    cassette = read_cassette(tmp_path / "c.jsonl")
    assert [one.exchange.provider.name for one in cassette.recordings] == ["chat", "messages"]
    assert cassette.notices == ()


# ---------------------------------------------------------------- Law 3, over a cassette


@pytest.fixture(scope="module")
def streamed(simulator_url, llama_url, tmp_path_factory):
    """Recorded streams of both providers and dialects, and their events."""

    async def record(like, url):
        path = tmp_path_factory.mktemp("streams") / "c.jsonl"
        config = both_dialects(like, url)
        environment = as_environment(Choice(path=path, mode="record"))
        async with modelway.Client(config, environment=environment) as client:
            events = [await events_of(client, name) for name in DIALECTS]
        return config, read_cassette(path), events

    return [
        asyncio.run(record("simulator", simulator_url)),
        asyncio.run(record("llamacpp", llama_url)),
    ]


async def events_of(client, name):
    stream = client.stream("Hi", model=f"{name}/tiny", max_tokens=20, temperature=0.0)
    return [event async for event in stream]


def text_of(events):
    return "".join([event.text for event in events if isinstance(event, modelway.TextDelta)])


@given(st.data())
def test_any_cut_of_a_recorded_stream_is_the_same_stream(streamed, data):
    config, cassette, events = data.draw(st.sampled_from(streamed))
    recut = []
    for line, exchange in cassette.recordings:
        body = b"".join([bytes_of(chunk) for chunk in exchange.response.chunks])
        cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=40)))
        pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        chunks = tuple([chunk_of(0, piece) for piece in pieces])
        recut.append((line, replace(exchange, response=replace(exchange.response, chunks=chunks))))

    async def play():
        transport = Player(cassette._replace(recordings=tuple(recut)), speed=0)
        async with modelway.Client(config, environment={}, transport=transport) as client:
            return [await events_of(client, name) for name in DIALECTS]

    assert asyncio.run(play()) == events


def test_what_is_streamed_says_something(streamed):
    for events in streamed[0][2]:
        assert TEXT.startswith(text_of(events))
        assert "雨" in text_of(events)
    assert all(text_of(one) for one in streamed[1][2])


@pytest.mark.parametrize("kept", [1, 3])
async def test_a_stream_cut_in_a_cassette_is_an_interrupted_stream(streamed, kept):
    config, cassette, _ = streamed[0]
    line, exchange = cassette.recordings[0]
    body = b"".join([bytes_of(chunk) for chunk in exchange.response.chunks])
    start = b"".join([part + b"\n\n" for part in body.split(b"\n\n")[:kept]])
    left = replace(
        exchange, end="left", response=replace(exchange.response, chunks=(chunk_of(0, start),))
    )
    player = Player(cassette._replace(recordings=((line, left),)), speed=0)
    async with modelway.Client(config, environment={}, transport=player) as client:
        with pytest.raises(modelway.StreamInterruptedError):
            await events_of(client, "chat")


# ---------------------------------------------------------------- the command line


def test_ask_records_and_replays(tmp_path):
    path = tmp_path / "c.jsonl"
    variables = {"MODELWAY_CASSETTE": "c.jsonl", "MODELWAY_CASSETTE_MODE": "record"}
    arguments = ("ask", "-m", "simulator/any", "Hello")
    recorded = command(*arguments, home=tmp_path, **variables)
    assert recorded.returncode == 0
    began = time.time()
    replayed = command(*arguments, home=tmp_path, MODELWAY_CASSETTE="c.jsonl")
    assert (replayed.returncode, replayed.stdout) == (0, recorded.stdout)
    # nothing was added
    assert path.stat().st_mtime < began
    by_default = command("ask", "Hello", home=tmp_path, MODELWAY_CASSETTE="c.jsonl")
    assert by_default.stdout == recorded.stdout
    missed = command("ask", "Bye", home=tmp_path, MODELWAY_CASSETTE="c.jsonl")
    assert missed.returncode == 2
    assert 'messages[0].content was "Hello", is "Bye"' in missed.stderr


def test_what_a_cassette_holds(tmp_path):
    variables = {"MODELWAY_CASSETTE": "c.jsonl", "MODELWAY_CASSETTE_MODE": "record"}
    command("ask", "-m", "simulator/sim-cut", "Hello", home=tmp_path, **variables)
    shown = command("replay", "c.jsonl", "--list", "--json", home=tmp_path)
    (row,) = [json.loads(line) for line in shown.stdout.splitlines()]
    assert (row["line"], row["provider"], row["model"]) == (2, "simulator", "sim-cut")
    assert (row["status"], row["end"], row["error"]) == (200, "failed", "APIConnectionError")
    table = command("replay", "c.jsonl", "--list", home=tmp_path)
    assert "POST /v1/chat/completions" in table.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no cassette c.jsonl; record one with: modelway record c.jsonl"),
        ("", "c.jsonl:1: the cassette is empty"),
        ("hello\n", "c.jsonl is not a cassette"),
        ('{"modelway_cassette":9}\n', "version 9"),
        ('{"modelway_cassette":1}\n{"end":"left"}\n', "c.jsonl:2: this line is not an exchange"),
    ],
    ids=["missing", "empty", "other", "version", "corrupt"],
)
def test_a_bad_cassette_is_one_clear_line(tmp_path, content, said):
    if content is not None:
        (tmp_path / "c.jsonl").write_text(content)
    for arguments in (("replay", "c.jsonl"), ("replay", "c.jsonl", "--list", "--json")):
        done = command(*arguments, home=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


# ---------------------------------------------------------------- pytest

_TESTED = """
    import modelway

    async def test_answer(modelway_cassette):
        async with modelway.Client({config!r}) as client:
            response = await client.chat("Hi", model="house/tiny")
        assert response.text

    class TestGroup:
        def test_sync(self, modelway_cassette):
            with modelway.SyncClient({config!r}) as client:
                assert client.chat("Ho", model="house/tiny").text
"""


def test_the_fixture_records_once_and_replays(tmp_path):
    with SimulatorThread(Simulator(SCRIPT)) as running:
        house = {"like": "groq", "base_url": f"{running.base_url}/v1"}
        code = textwrap.dedent(_TESTED.format(config={"providers": {"house": house}}))
        (tmp_path / "test_mine.py").write_text(code)
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        )

        def tests(*arguments, **variables):
            pytest_ = (sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers")
            done = subprocess.run(
                [*pytest_, *arguments],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env=process_environment(tmp_path, **variables),
                timeout=60,
                check=False,
            )
            return done.returncode, done.stdout + done.stderr

        code, said = tests()
        assert code == 1, said
        assert "record it with: pytest --modelway-record=once" in said
        key = {"GROQ_API_KEY": "gsk_canary0123456789abcdef"}
        code, said = tests("--modelway-record=once", **key)
        assert code == 0, said
        folder = tmp_path / "cassettes" / "test_mine"
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == ["TestGroup.test_sync.jsonl", "test_answer.jsonl"]
        assert all("canary" not in file.read_text() for file in files)
        (tmp_path / "test_bad.py").write_text(
            "def test_bad(modelway_cassette):\n"
            "    modelway_cassette.write_text('half')\n    assert False\n"
        )
        assert tests("--modelway-record=once", "test_bad.py", **key)[0] == 1
        assert not list((tmp_path / "cassettes").glob("test_bad/*"))
        (tmp_path / "test_bad.py").unlink()
        held = [file.read_bytes() for file in files]
        assert tests("--modelway-record=once", **key)[0] == 0
        assert [file.read_bytes() for file in files] == held
        assert tests("--modelway-record=all", **key)[0] == 0
        assert [file.read_bytes() for file in files] != held
    code, said = tests()
    assert code == 0, said
