"""A GGUF file that runs in this process: the same dialects, streams and errors as any provider."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import openai
import pytest

import modelway
from modelway.call import Timeouts
from modelway.client import Client
from modelway.errors import ConfigError, NotFoundError, UnsupportedError
from modelway.local.engine import load
from modelway.local.settings import LocalSettings
from modelway.opening import open_engine
from modelway.ports import WireRequest
from modelway.transport import Http1Transport
from modelway.transport.url import parse_base_url
from modelway.types import JsonSchema, Text, Tool
from support.command_line import modelway as command
from support.command_line import started
from support.serving import served
from support.tiny_model import build

pytest.importorskip("xllamacpp", reason="the extra [local] is not installed")

ENGINE = {"context_tokens": 4096, "threads": 1, "gpu_layers": 0}
LONG = {"ignore_eos": True}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A directory with two models, one of them below it, and damaged ones."""
    directory = tmp_path_factory.mktemp("models")
    tiny = build(directory / "tiny.gguf")
    (directory / "team").mkdir()
    shutil.copy(tiny, directory / "team" / "other.gguf")
    whole = tiny.read_bytes()
    (directory / "cut.gguf").write_bytes(whole[:-1000])
    (directory / "head.gguf").write_bytes(whole[:2000])
    (directory / "text.gguf").write_text("not a model at all, but long enough to look")
    return directory


@pytest.fixture
async def client(models):
    config = {
        "providers": {
            "local": {"models_dir": str(models), "engine": ENGINE, "retries": 0},
            "messages": {
                "like": "local",
                "models_dir": str(models),
                "engine": ENGINE,
                "dialect": "anthropic-messages",
            },
        },
        "models": {"mine": "local/tiny.gguf"},
    }
    async with Client(config, environment={}) as made:
        yield made


def loaded(client, provider="local"):
    """What is in memory, by file name."""
    pool = client._session._opened.engine._transport._pools[provider]
    return {key.path.name: entry.loading.result() for key, entry in pool._entries.items()}


async def counters(engine):
    """The engine's own counts."""
    transport = Http1Transport()
    response = await transport.send(
        WireRequest("GET", engine.origin, "/metrics", engine.headers(()), b"", Timeouts())
    )
    told = (await response.read()).decode()
    await transport.aclose()
    lines = [line.split() for line in told.splitlines() if line.startswith("llamacpp:")]
    return {name.removeprefix("llamacpp:"): float(value) for name, value in lines}


async def idle(engine):
    """Waits until no slot is at work, rarely looking: a look wakes who waits."""
    for _ in range(20):
        told = await counters(engine)
        if told["requests_processing"] == 0:
            return told
        await asyncio.sleep(0.5)
    raise AssertionError("the engine goes on")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("form", ["absolute", "relative", "home"])
async def test_any_file_without_a_configuration(models, form, monkeypatch):
    monkeypatch.chdir(models.parent)
    monkeypatch.setenv("HOME", str(models))
    name = {
        "absolute": f"{models}/tiny.gguf",
        "relative": f"{models.name}/tiny.gguf",
        "home": "~/tiny.gguf",
    }[form]
    async with Client({}, environment={}) as client:
        answer = await client.chat("hello", model=f"local/{name}", max_tokens=20)
        assert answer.text
        assert answer.provider == "local"
        assert answer.model == "tiny.gguf"
        assert await client.list_models("local") == ()


async def test_names_below_the_directory(client):
    assert (await client.chat("hello", model="mine", max_tokens=5)).usage.output_tokens == 5
    assert (await client.chat("hello", model="local/team/other.gguf", max_tokens=5)).text
    assert set(loaded(client)) == {"tiny.gguf", "other.gguf"}


async def test_models_are_listed_from_their_headers(client, models):
    listed = {one.id: one for one in await client.list_models("local")}
    assert list(listed) == ["tiny.gguf", "team/other.gguf"]
    tiny = listed["tiny.gguf"]
    assert tiny.size_bytes == (models / "tiny.gguf").stat().st_size
    assert (tiny.quantization, tiny.context_tokens, tiny.name) == ("F32", 8192, "tiny-bigram")
    assert client._session._opened.engine._transport._pools == {}, "nothing is loaded to be listed"


async def test_what_a_caller_reaches_of_the_engine(client):
    """One model's facts, and nothing that writes files or changes settings."""
    settings = await client.settings()
    origin, prefix = parse_base_url(settings.providers["local"].base_url)
    transport = client._session._opened.engine._transport

    async def ask(method, path, body=b""):
        response = await transport.send(WireRequest(method, origin, prefix + path, (), body))
        return json.loads(await response.read())

    told = await ask("GET", "/models/team%2Fother.gguf")
    assert (told["id"], told["quantization"]) == ("team/other.gguf", "F32")
    question = b'{"model": "tiny.gguf"}'
    for method, path in [
        ("GET", "/models/..%2Fnothing.gguf"),
        ("POST", "/../slots/0?action=save"),
        ("POST", "/../props"),
        ("GET", "/../slots"),
        ("POST", "/completions"),
    ]:
        with pytest.raises(NotFoundError):
            await ask(method, path, question)


# ---------------------------------------------------------------- the dialects


@pytest.mark.parametrize("provider", ["local", "messages"])
async def test_whole_and_streamed_answers(client, provider):
    model = f"{provider}/tiny.gguf"
    answer = await client.chat("hello", model=model, max_tokens=40, seed=7, temperature=0)
    assert answer.finish_reason == "stop"
    assert answer.usage.input_tokens > 5
    assert 0 < answer.usage.output_tokens <= 40
    stream = client.stream("hello", model=model, max_tokens=40, seed=7, temperature=0)
    said = "".join([event.text async for event in stream if hasattr(event, "text")])
    assert said == answer.text


async def test_a_schema_holds(client):
    schema = {
        "type": "object",
        "properties": {"count": {"type": "integer"}},
        "required": ["count"],
        "additionalProperties": False,
    }
    answer = await client.chat(
        "a number", model="mine", response_format=JsonSchema(schema=schema, name="counted")
    )
    assert isinstance(json.loads(answer.text)["count"], int)


async def test_a_tool_is_called(client):
    tool = Tool(
        name="find_city",
        parameters={
            "type": "object",
            "properties": {"count": {"type": "integer", "enum": [7]}},
            "required": ["count"],
        },
    )
    answer = await client.chat(
        "where", model="mine", tools=(tool,), tool_choice="required", max_tokens=200
    )
    (call,) = answer.tool_calls
    assert call.name == "find_city"
    assert json.loads(call.arguments) == {"count": 7}
    assert answer.finish_reason == "tool_calls"


async def test_several_answers_as_many_as_there_are_slots(client):
    answer = await client.chat("hello", model="mine", max_tokens=10, n=2)
    assert len(answer.choices) == 2
    with pytest.raises(modelway.BadRequestError, match="'n'"):
        await client.chat("hello", model="mine", max_tokens=10, n=3)


async def test_a_prompt_past_the_window(client):
    with pytest.raises(modelway.ContextLengthError):
        await client.chat("hello " * 9000, model="mine")


async def test_embeddings(client):
    """As a transport, because not every dialect asks for them yet; the model is loaded apart."""
    await client.chat("hello", model="mine", max_tokens=1)
    base = (await client.settings()).providers["local"].base_url
    origin, prefix = parse_base_url(base)
    question = {"model": "tiny.gguf", "input": ["a cat", "a dog"]}
    response = await client._session._opened.engine._transport.send(
        WireRequest("POST", origin, f"{prefix}/embeddings", (), json.dumps(question).encode())
    )
    told = json.loads(await response.read())
    first, second = [row["embedding"] for row in told["data"]]
    assert len(first) == len(second) > 100
    assert first != second
    assert told["usage"]["prompt_tokens"] > 2
    assert len(client._session._opened.engine._transport._pools["local"]._entries) == 2


# ---------------------------------------------------------------- leaving


def threads():
    """How many this process has, the engine's too, where the system says."""
    told = Path("/proc/self/task")
    return len(list(told.iterdir())) if told.exists() else 0


async def test_leaving_a_stream_stops_the_engine(client):
    stream = client.stream("hello", model="mine", max_tokens=3900, extra=LONG)
    async for _ in stream:
        break
    await stream.aclose()
    told = await idle(loaded(client)["tiny.gguf"])
    assert told["tokens_predicted_total"] < 2000


async def test_cancelling_a_whole_answer_stops_the_engine_though_another_streams(client):
    """llama.cpp alone would go on: it looks for the reader only while nobody else is answered."""
    await client.chat("hello", model="mine", max_tokens=1)
    engine = loaded(client)["tiny.gguf"]
    other = client.stream("hello", model="mine", max_tokens=3900, extra=LONG)
    reading = asyncio.create_task(anext(aiter(other)))
    await reading
    asking = asyncio.create_task(client.chat("hi", model="mine", max_tokens=3900, extra=LONG))
    while (await counters(engine))["requests_processing"] < 2:  # noqa: ASYNC110 - the engine's
        await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    for _ in range(50):
        if (await counters(engine))["requests_processing"] < 2:
            break
        await asyncio.sleep(0.05)
    told = await counters(engine)
    assert told["requests_processing"] <= 1
    await other.aclose()
    told = await idle(engine)
    assert told["tokens_predicted_total"] < 3900


async def test_closing_frees_the_engine_while_it_answers(client):
    before = threads()
    stream = client.stream("hello", model="mine", max_tokens=3900, extra=LONG)
    async for _ in stream:
        break
    engine = loaded(client)["tiny.gguf"]
    await client.aclose()
    assert not engine.free.alive
    assert threads() <= before + 8, "only asyncio's own stay"


# ---------------------------------------------------------------- memory


async def test_the_least_recently_used_model_goes_and_one_in_use_stays(models):
    provider = {"models_dir": str(models), "engine": {**ENGINE, "loaded_models": 1}}
    async with Client({"providers": {"local": provider}}, environment={}) as client:
        stream = client.stream("hello", model="local/tiny.gguf", max_tokens=600, extra=LONG)
        events = aiter(stream)
        await anext(events)
        waiting = asyncio.create_task(
            client.chat("hi", model="local/team/other.gguf", max_tokens=3)
        )
        await asyncio.sleep(0.1)
        assert set(loaded(client)) == {"tiny.gguf"}
        async for _ in events:
            pass
        assert (await waiting).usage.output_tokens == 3
        assert set(loaded(client)) == {"other.gguf"}


async def test_one_load_for_many_callers(client):
    answers = await asyncio.gather(
        *[client.chat("hello", model="mine", max_tokens=5) for _ in range(8)]
    )
    assert all(answer.usage.output_tokens for answer in answers)
    assert set(loaded(client)) == {"tiny.gguf"}


# ---------------------------------------------------------------- what cannot be loaded


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("nothing.gguf", NotFoundError, "no model file 'nothing.gguf'"),
        ("team", NotFoundError, "no model file 'team'"),
        ("cut.gguf", UnsupportedError, "truncated"),
        ("head.gguf", UnsupportedError, "truncated"),
        ("text.gguf", UnsupportedError, "not a GGUF file"),
    ],
)
async def test_files_that_cannot_be_loaded(client, models, name, kind, words):
    with pytest.raises(kind, match=words) as raised:
        await client.chat("hello", model=f"local/{name}")
    assert str(models) not in str(raised.value)
    assert (await client.chat("hello", model="mine", max_tokens=1)).usage.output_tokens == 1


def test_a_model_for_which_memory_is_too_small(models):
    huge = LocalSettings(context_tokens=2**24, slots=200, gpu_layers=0)
    with pytest.raises(UnsupportedError) as raised:
        load(models / "tiny.gguf", "tiny.gguf", huge, embeddings=False)
    assert raised.value.code == "out_of_memory"
    assert "lower context_tokens" in raised.value.message


def test_without_the_extra(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=r"pip install 'modelway\[local\]'"):
        load(models / "tiny.gguf", "tiny.gguf", LocalSettings(), embeddings=False)


# ---------------------------------------------------------------- through a gateway


@pytest.fixture(scope="module")
def gateway(models, tmp_path_factory):
    outside = build(tmp_path_factory.mktemp("outside") / "secret.gguf")
    (models / "link.gguf").symlink_to(outside)
    config = {
        "providers": {"local": {"models_dir": str(models / "team"), "engine": ENGINE}},
        "models": {"house": f"local/{models}/tiny.gguf"},
    }
    with served(config, tmp_path_factory.mktemp("state")) as running_:
        yield running_


@pytest.mark.parametrize("model", ["house", "local/other.gguf"])
def test_a_gateway_runs_what_is_configured(gateway, model):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as asking:
        question = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        whole = asking.chat.completions.create(**question, max_tokens=9)
        assert whole.usage.completion_tokens <= 9
        chunks = list(asking.chat.completions.create(**question, max_tokens=9, stream=True))
        assert any(chunk.choices[0].delta.content for chunk in chunks if chunk.choices)


@pytest.mark.parametrize(
    "model",
    [
        "local/../tiny.gguf",
        "local/../team/../tiny.gguf",
        "local/../link.gguf",
        "local/{models}/cut.gguf",
        "local/~/tiny.gguf",
        "local//etc/passwd",
        "local/tiny.gguf",
    ],
)
def test_a_gateway_s_caller_names_no_other_file(gateway, models, model):
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as asking,
        pytest.raises(openai.NotFoundError) as raised,
    ):
        asking.chat.completions.create(
            model=model.format(models=models), messages=[{"role": "user", "content": "hello"}]
        )
    assert "must be configured" in str(raised.value)


async def test_an_engine_for_others_runs_no_file_unless_it_is_told(models):
    opened = await open_engine({}, environment={})
    from modelway.call import Call
    from modelway.types import ChatRequest, Message

    hello = ChatRequest(messages=(Message(role="user", parts=(Text(text="hello"),)),))
    with pytest.raises(NotFoundError, match="only files that its configuration names"):
        await opened.engine.handle(Call(id="1", model=f"local/{models}/tiny.gguf", request=hello))
    await opened.aclose()


# ---------------------------------------------------------------- processes


def run(script, *arguments, cwd):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        check=False,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_the_sync_client_and_forks(models):
    """A fork before the first question is a process like any other; one after it is told so."""
    script = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
        from modelway.errors import ConfigError
        from modelway.sync import Client

        def ask():
            return client.chat("hello", model="local/tiny.gguf", max_tokens=3).usage.output_tokens

        client = Client({}, environment={})
        early = os.fork()
        if not early:
            print("early", ask(), flush=True)
            client.close()
            raise SystemExit
        print(os.waitpid(early, 0)[1], ask(), flush=True)
        late = os.fork()
        if not late:
            try:
                ask()
            except ConfigError as error:
                print("late", error.code, flush=True)
            os._exit(0)  # as multiprocessing does
        print(os.waitpid(late, 0)[1], ask())
    """
    done = run(script, cwd=models)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "early 3\n0 3\nlate fork\n0 3\n"


def test_a_program_that_ends_without_closing(models):
    script = """
        from modelway.sync import Client
        client = Client({}, environment={})
        stream = client.stream("hello", model="local/tiny.gguf", ignore_eos=True)
        print(bool(next(iter(stream))))
    """
    done = run(script.replace("ignore_eos=True", 'extra={"ignore_eos": True}'), cwd=models)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_the_command_line_asks_and_lists(models):
    asked = command("ask", "-m", "local/tiny.gguf", "hello", home=models)
    assert asked.returncode == 0
    assert asked.stdout.strip()
    config = models.parent / "modelway.yaml"
    config.write_text(f"providers: {{local: {{models_dir: '{models}'}}}}\n")
    listed = command("models", "--config", str(config), home=models)
    assert "local/team/other.gguf" in listed.stdout
    assert "8,192" in listed.stdout
    assert "F32" in listed.stdout


def test_ctrl_c_ends_an_answer(models, tmp_path):
    config = tmp_path / "modelway.yaml"
    config.write_text(
        f"providers: {{local: {{models_dir: '{models}', extra: {{ignore_eos: true}}}}}}\n"
    )
    with started(
        "ask", "-m", "local/tiny.gguf", "--config", str(config), "hello", home=models
    ) as asking:
        asking.wait_for(" ")
        asking.signal(signal.SIGINT)
        assert asking.end() == 130
    assert asking.stderr.endswith("interrupted\n")
