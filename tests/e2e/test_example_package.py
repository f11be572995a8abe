"""The example of a provider from outside: built, installed, and asked through SDK and gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.command_line import modelway

EXAMPLE = Path(__file__).parents[2] / "examples" / "provider_package"
REPOSITORY = Path(__file__).parents[2]
KEY = "parley-key"


def run(*command, cwd, path=(), **environment):
    """A program that sees these directories, and nothing of the developer's own."""
    own = {
        "HOME": str(cwd),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        command,
        cwd=cwd,
        env={**own, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def build(source, directory):
    """The wheel, by its own build backend and without a network."""
    done = run(
        sys.executable,
        "-c",
        "import sys, hatchling.build as backend; print(backend.build_wheel(sys.argv[1]))",
        str(directory),
        cwd=source,
    )
    assert done.returncode == 0, done.stderr
    return directory / done.stdout.split()[-1]


def install(wheel, directory):
    """A pure wheel is a zip of what is installed, its entry points too."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    pytest.importorskip("hatchling", reason="hatchling builds the example")
    return install(
        build(EXAMPLE, tmp_path_factory.mktemp("wheels")), tmp_path_factory.mktemp("installed")
    )


@pytest.fixture
def parley(installed, tmp_path):
    """Its server: the environment by which a client finds it."""
    with subprocess.Popen(
        [sys.executable, "-m", "parley.server", "0"],
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as server:
        yield {"PARLEY_URL": server.stdout.readline().strip(), "PARLEY_API_KEY": KEY}
        server.terminate()


def test_its_own_tests_pass(installed, tmp_path):
    done = run(
        sys.executable,
        *("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(EXAMPLE / "tests")),
        f"--rootdir={EXAMPLE}",
        cwd=tmp_path,
        path=[installed],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_wheel_holds_the_package_and_its_entry_points(installed):
    assert (installed / "parley" / "upstream.py").exists()
    assert not (installed / "tests").exists()
    [told] = installed.glob("modelway_parley-*.dist-info/entry_points.txt")
    assert "parley-lines = parley:DIALECT" in told.read_text()


def test_providers_shows_its_row(installed, tmp_path):
    done = modelway("providers", "--json", home=tmp_path, PYTHONPATH=str(installed))
    [row] = [row for row in json.loads(done.stdout) if row["name"] == "parley"]
    assert (row["dialects"], row["state"]) == (["parley-lines"], "set PARLEY_API_KEY")
    (tmp_path / "modelway.yaml").write_text("providers: {parley: {}}\n")
    done = modelway(
        "providers", "--json", home=tmp_path, PYTHONPATH=str(installed), PARLEY_API_KEY=KEY
    )
    [row] = [row for row in json.loads(done.stdout) if row["name"] == "parley"]
    assert (row["state"], row["base_url"]) == ("ready", "https://api.parley.example/v1")


def test_the_command_line_asks_it(installed, parley, tmp_path):
    named = {**parley, "LLM_PROVIDER": "parley"}
    done = modelway("ask", "Hello", home=tmp_path, PYTHONPATH=str(installed), **named)
    assert done.stdout.strip() == "You said: Hello", done.stderr
    asked = ("ask", "--model", "parley/parley-1", "Hello")
    done = modelway(*asked, home=tmp_path, PYTHONPATH=str(installed), **parley)
    assert done.returncode != 0
    assert "LLM_PROVIDER=parley" in done.stderr


TALK = """
import asyncio, json, pathlib, sys, tempfile
import modelway, openai, anthropic
from modelway.types import Tool
from support.serving import served

CONFIG = {
    "providers": {
        "parley": {"base_url": sys.argv[1], "api_key": sys.argv[2], "retries": 0},
        # the dialect alone, at a host that modelway knows no row of
        "mine": {"base_url": sys.argv[1], "dialect": "parley-lines", "api_key": sys.argv[2], "retries": 0},
    }
}

async def sdk(model):
    async with modelway.Client(CONFIG) as client:
        said = [(await client.chat("Hello", model=model)).text]
        async with client.stream("Hello", model=model) as stream:
            whole = await stream.collect()
        said += [whole.text, whole.usage.output_tokens, len(whole.warnings)]
        answer = await client.chat("Hello", model=model, tools=[Tool(name="clock")], tool_choice="required")
        said.append(answer.tool_calls[0].name)
        warned = await client.chat("Hello", model=model, top_p=0.5)
        said.append([warning.setting for warning in warned.warnings])
        for name, asked in {"busy": "parley/parley-busy", "image": model}.items():
            parts = [modelway.Text(text="?"), modelway.Image(source=modelway.Remote(url="https://example.org/a.png"))]
            message = modelway.Message(role="user", parts=tuple(parts if name == "image" else parts[:1]))
            try:
                await client.chat([message], model=asked)
            except modelway.LLMError as error:
                said.append(type(error).__name__)
    return said

def gateway(model):
    hello = [{"role": "user", "content": "Hello"}]
    with tempfile.TemporaryDirectory() as state, served(CONFIG, pathlib.Path(state)) as running:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key=running.key, max_retries=0) as client:
            said = [client.chat.completions.create(model=model, messages=hello).choices[0].message.content]
        with anthropic.Anthropic(base_url=running.url, api_key=running.key, max_retries=0) as client:
            with client.messages.stream(model=model, max_tokens=9, messages=hello) as stream:
                said.append(stream.get_final_text())
    return said

print(json.dumps([asyncio.run(sdk(model)) + gateway(model) for model in ("parley/parley-1", "mine/x")]))
"""


def test_sdk_and_gateway_ask_it(installed, parley, tmp_path):
    done = run(
        *(sys.executable, "-c", TALK, parley["PARLEY_URL"], KEY),
        cwd=tmp_path,
        path=[installed, REPOSITORY / "tests"],
        **parley,
    )
    assert done.returncode == 0, done.stderr
    hello = "You said: Hello"
    wanted = [hello, hello, 3, 0, "clock", ["top_p"], "RateLimitError", "UnsupportedError"]
    assert json.loads(done.stdout) == [[*wanted, hello, hello]] * 2


# ---------------------------------------------------------------- packages that are not right

BAD = {
    "broken": ("broken = parley_bad.nowhere:ROW", "cannot be loaded: ModuleNotFoundError"),
    "raising": ("raising = parley_bad:nothing", "cannot be loaded: AttributeError"),
    "texts": ("texts = parley_bad:TEXT", "is a str; it must be a Provider"),
    "renamed": ("renamed = parley.row:PROVIDER", "is called 'parley' itself"),
    "openai": ("openai = parley.row:PROVIDER", "a name that modelway has itself: not used"),
}
ASK = """
import sys, modelway
from modelway.config.load import load
from modelway.dialects import dialect
from modelway.errors import ConfigError
for ask in (
    lambda: load({"providers": {sys.argv[1]: {}}}, environment={}),
    lambda: load({"providers": {"x": {"base_url": "http://127.0.0.1", "dialect": sys.argv[1]}}}, environment={}),
    lambda: dialect(sys.argv[1]),
):
    try:
        print(ask())
    except ConfigError as error:
        print(" ".join(str(error).split()))
print(load({"providers": {"openai": {}, "own": {"base_url": "http://127.0.0.1"}}}, environment={}).providers["own"].name)
"""


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bad")
    (directory / "parley_bad.py").write_text("TEXT = 'no row'\n")
    told = directory / "bad-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-package\nVersion: 1.0\n")
    lines = "\n".join([line for line, _ in BAD.values()])
    dialects = "openai-chat = parley_bad:TEXT\n" + lines.replace(
        "parley.row:PROVIDER", "parley:DIALECT"
    )
    (told / "entry_points.txt").write_text(
        f"[modelway.providers]\n{lines}\n[modelway.dialects]\n{dialects}\n"
    )
    return directory


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_package_is_said_where_it_is_asked_for(name, bad, installed, tmp_path):
    done = run(sys.executable, "-c", ASK, name, cwd=tmp_path, path=[bad, installed])
    assert done.returncode == 0, done.stderr
    row, configured, dialect, other = done.stdout.splitlines()
    assert other == "own"  # nobody else's configuration breaks
    if name == "openai":
        assert row.startswith("Settings(")
        return
    assert BAD[name][1] in row
    assert "bad-package" in row
    for said in (configured, dialect):
        assert (
            BAD[name][1].replace("Provider", "Dialect").replace("'parley'", "'parley-lines'")
            in said
        )


def test_providers_lists_what_is_wrong(bad, installed, tmp_path):
    path = os.pathsep.join(map(str, [bad, installed]))
    done = modelway("providers", "--json", home=tmp_path, PYTHONPATH=path, OPENAI_API_KEY="k")
    states = {}
    for row in json.loads(done.stdout):
        states.setdefault(row["name"], []).append(row["state"])
    for name, (_, told) in BAD.items():
        assert told in states[name][-1]
    assert states["openai"][0] == "ready"
    assert states["parley"] == ["set PARLEY_API_KEY"]
