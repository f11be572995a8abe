"""Agents and other people's libraries at the gateway, as ``scripts/clients`` installs them.

The model is the simulator: it answers by turn, and calls the tools that the agent declares.
"""

import json
import subprocess

import pytest

from modelway.simulator.script import Match, Reply, Rule, Script, ScriptedCall
from support.clients import CITY, QUESTION, clients
from support.clients_programs import DIRECTORY, installed, run
from support.documents import ROOT, blocks

if not DIRECTORY:
    pytest.skip("no clients are installed: run scripts/clients", allow_module_level=True)

WIRES = pytest.mark.parametrize("wire", ["messages", "chat", "responses", "gemini"])
NODE = "node_modules/.bin"
NAMED = {"gemini": "gemini-3-pro-preview"}
"""A name by which it is known that calls are to be signed, where a client drops their signatures."""


@pytest.fixture
def work(tmp_path):
    path = tmp_path / "work"
    path.mkdir()
    (path / "notes.txt").write_text("the word is heron\n")
    return path


def says(*replies):
    """A model that gives these answers in turn; any other model says what the simulator does."""
    return Script(rules=(Rule(match=Match(model="agent"), reply=replies),))


def calls(tool, **arguments):
    return Reply(text="One moment.", tool_calls=(ScriptedCall(name=tool, arguments=arguments),))


# ---------------------------------------------------------------- agents


@WIRES
def test_claude_code_reads_and_writes(wire, work, tmp_path):
    claude = installed(f"{NODE}/claude")
    script = says(
        calls("Read", file_path=str(work / "notes.txt")),
        calls("Write", file_path=str(work / "out.txt"), content="heron\n"),
        Reply(text="Done: {tool_result}"),
    )
    with clients(tmp_path / "state", script) as gateway:
        told = run(
            *(claude, "-p", "Write the last word of notes.txt to out.txt."),
            *("--output-format", "json", "--allowedTools", "Read,Write"),
            work=work,
            ANTHROPIC_BASE_URL=gateway.url,
            ANTHROPIC_AUTH_TOKEN=gateway.key,
            ANTHROPIC_MODEL=f"{wire}/agent",
            ANTHROPIC_DEFAULT_HAIKU_MODEL=f"{wire}/small",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            DISABLE_AUTOUPDATER="1",
            DISABLE_ERROR_REPORTING="1",
            DISABLE_TELEMETRY="1",
        )
        requests = [each for each in gateway.simulator.requests if each.method == "POST"]
    assert (work / "out.txt").read_text() == "heron\n"
    answer = json.loads(told)
    assert answer["is_error"] is False
    assert answer["result"].startswith("Done: ")
    assert answer["usage"]["input_tokens"] > 1000
    own = wire == "messages"
    for request in requests:
        assert ("claude-code" in (request.header("anthropic-beta") or "")) is own
        assert ("beta=true" in request.query) is own


@WIRES
def test_codex_reads_and_writes(wire, work, tmp_path):
    codex = installed(f"{NODE}/codex")
    script = says(
        calls("exec_command", cmd="cat notes.txt"),
        calls("exec_command", cmd="echo heron > out.txt"),
        Reply(text="Done: {tool_result}"),
    )
    with clients(tmp_path / "state", script) as gateway:
        home = tmp_path / "codex"
        home.mkdir()
        (home / "config.toml").write_text(f"""
model = "{wire}/agent"
model_provider = "modelway"

[model_providers.modelway]
name = "modelway"
base_url = "{gateway.url}/v1"
env_key = "MODELWAY_KEY"
wire_api = "responses"

[analytics]
enabled = false
""")
        told = run(
            *(codex, "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"),
            "Write the last word of notes.txt to out.txt.",
            work=work,
            CODEX_HOME=str(home),
            MODELWAY_KEY=gateway.key,
        )
        assert len(gateway.simulator.requests) == 3  # none was asked twice
    assert (work / "out.txt").read_text() == "heron\n"
    assert "Done: " in told


EDIT = """greet.py
```python
<<<<<<< SEARCH
print("hello")
=======
print("heron")
>>>>>>> REPLACE
```
"""


@pytest.mark.parametrize(("form", "wire"), [("openai", "messages"), ("anthropic", "chat")])
def test_aider_edits_and_commits(form, wire, work, tmp_path):
    aider = installed("aider/bin/aider")
    who = {
        f"GIT_{role}_{what}": said
        for role in ("AUTHOR", "COMMITTER")
        for what, said in (("NAME", "t"), ("EMAIL", "t@example.com"))
    }
    (work / "greet.py").write_text('print("hello")\n')
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        run("git", *arguments, work=work, **who)
    with clients(tmp_path / "state", says(Reply(text=EDIT))) as gateway:
        below = {"openai": ("OPENAI_API_BASE", "/v1"), "anthropic": ("ANTHROPIC_API_BASE", "")}
        name, path = below[form]
        run(
            *(aider, "--model", f"{form}/{wire}/agent", "--weak-model", f"{form}/{wire}/small"),
            *("--edit-format", "diff", "--map-tokens", "0", "--no-gitignore", "--yes-always"),
            *("--no-check-update", "--no-show-model-warnings", "--analytics-disable"),
            *("--message", "Say heron instead.", "greet.py"),
            work=work,
            **who,
            **{name: gateway.url + path, f"{form.upper()}_API_KEY": gateway.key},
        )
    assert (work / "greet.py").read_text() == 'print("heron")\n'
    log = subprocess.run(["git", "log", "--oneline"], cwd=work, capture_output=True, check=True)
    assert len(log.stdout.splitlines()) == 2


# ---------------------------------------------------------------- SDKs for Node

NODE_OPENAI = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.env.URL + "/v1", apiKey: process.env.KEY, maxRetries: 0 });
const ask = { model: process.env.MODEL, messages: [{ role: "user", content: process.env.QUESTION }] };
const whole = await client.chat.completions.create(ask);
const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
const final = await stream.finalChatCompletion();
const runner = client.chat.completions.runTools({ ...ask, tools: [{ type: "function", function: {
  name: "get_weather", description: "The weather.", parameters: JSON.parse(process.env.SCHEMA),
  parse: JSON.parse, function: ({ city }) => `19 degrees in ${city}` } }] });
const response = await client.responses.create({ model: process.env.MODEL, input: process.env.QUESTION });
let streamed = "";
for await (const event of await client.responses.create(
    { model: process.env.MODEL, input: process.env.QUESTION, stream: true }))
  if (event.type === "response.output_text.delta") streamed += event.delta;
let refused = "";
try { await client.chat.completions.create({ ...ask, model: process.env.WIRE + "/sim-429" }); }
catch (error) { refused = error.constructor.name; }
console.log(JSON.stringify({ whole: whole.choices[0].message.content,
  streamed: final.choices[0].message.content, usage: final.usage.completion_tokens,
  tools: await runner.finalContent(), response: response.output_text,
  responseStreamed: streamed, refused }));
"""
NODE_ANTHROPIC = """
import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic({ baseURL: process.env.URL, apiKey: process.env.KEY, maxRetries: 0 });
const ask = { model: process.env.MODEL, max_tokens: 2000,
  messages: [{ role: "user", content: process.env.QUESTION }] };
const whole = await client.messages.create(ask);
const final = await client.messages.stream(ask).finalMessage();
const tools = [{ name: "get_weather", description: "The weather.",
  input_schema: JSON.parse(process.env.SCHEMA) }];
const first = await client.messages.stream({ ...ask, tools }).finalMessage();
const call = first.content.find((block) => block.type === "tool_use");
const after = await client.messages.create({ ...ask, tools, messages: [...ask.messages,
  { role: "assistant", content: first.content },
  { role: "user", content: [{ type: "tool_result", tool_use_id: call.id,
    content: `19 degrees in ${call.input.city}` }] }] });
const counted = await client.messages.countTokens({ model: ask.model, messages: ask.messages });
let refused = "";
try { await client.messages.create({ ...ask, model: process.env.WIRE + "/sim-429" }); }
catch (error) { refused = error.constructor.name; }
console.log(JSON.stringify({ whole: whole.content[0].text, streamed: final.content[0].text,
  usage: final.usage.output_tokens, tools: after.content[0].text, counted: counted.input_tokens,
  refused }));
"""


@WIRES
@pytest.mark.parametrize(
    ("package", "program"), [("openai", NODE_OPENAI), ("@anthropic-ai/sdk", NODE_ANTHROPIC)]
)
def test_sdks_for_node(package, program, wire, work, tmp_path):
    installed(f"node_modules/{package}")
    (work / "node_modules").symlink_to(f"{DIRECTORY}/node_modules")
    (work / "program.mjs").write_text(program)
    with clients(tmp_path / "state") as gateway:
        told = json.loads(
            run(
                *("node", "program.mjs"),
                work=work,
                URL=gateway.url,
                KEY=gateway.key,
                WIRE=wire,
                MODEL=f"{wire}/{NAMED.get(wire, 'sim-demo')}",
                QUESTION=QUESTION,
                SCHEMA=json.dumps(CITY),
            )
        )
    assert QUESTION in told["whole"]
    assert told["streamed"] == told["whole"]
    assert told["usage"] > 5
    assert "19 degrees in Paris" in told["tools"]
    assert told["refused"] == "RateLimitError"
    if package == "openai":
        assert told["response"] == told["responseStreamed"] == told["whole"]
    else:
        assert told["counted"] > 3


# ---------------------------------------------------------------- libraries, as the page has them

SNIPPETS = [
    block
    for block in blocks(ROOT / "docs" / "clients.md")
    if (block.said or "").startswith("clients: ")
]


@WIRES
@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: block.said)
def test_libraries_do_what_the_page_says(block, wire, work, tmp_path):
    python = installed("python/bin/python")
    model = f"{wire}/{NAMED.get(wire, 'sim-demo')}"
    routes = {"house": model, "claude-sonnet-4-5": model}  # names that no library reads its own way
    with clients(tmp_path / "state", **routes) as gateway:
        code = block.code.replace("http://127.0.0.1:4000", gateway.url)
        code = code.replace("simulator/sim-demo", "house")
        told = run(
            *(python, "-c", code),
            work=work,
            MODELWAY_KEY=gateway.key,
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        )
    assert "19 degrees" in told
    assert gateway.asked()
