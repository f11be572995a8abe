"""Help, exit codes, and what is said to those who get it wrong."""

import io
import re
import sys

import pytest

from modelway.cli import app

COMMANDS = [
    *[(name,) for name in app._COMMANDS],
    ("config", "check"),
    ("config", "show"),
    ("config", "init"),
    ("cost", "budgets"),
    ("cost", "estimate"),
    ("cost", "export"),
    ("cost", "hints"),
    ("cost", "reconcile"),
    ("cost", "remove"),
    ("cost", "rerate"),
]


@pytest.fixture(autouse=True)
def nobody_types(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))


@pytest.fixture(autouse=True)
def as_a_new_process_has_it(monkeypatch):
    """Cyclopts keeps what another test's parent made of a group's help."""
    for group in ("config", "cost", "experiments", "health"):
        monkeypatch.delitem(sys.modules, f"modelway.cli.{group}", raising=False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_examples(modelway, command):
    code, out, err = modelway(*command, "--help")
    assert (code, err) == (0, "")
    assert f"Usage: modelway {' '.join(command)}" in out
    _, _, examples = out.partition("For example:\n")
    assert re.match(rf"    (.*\| *)?(\S+=\S+ )*modelway {' '.join(command)}", examples)
    assert "Exit codes: 0" in out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_help_says_fits_a_terminal_and_can_be_copied(modelway, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = modelway(*command, "--help")
    assert [line for line in out.splitlines() if len(line) > 80 and line[0] not in "│╭╰"] == []


@pytest.mark.parametrize("group", ["config", "cost", "experiments"])
def test_the_list_of_a_groups_commands_says_what_each_is_for(modelway, group):
    _, out, _ = modelway(group, "--help")
    _, _, listed = out.partition("─ Commands ─")
    listed, _, _ = listed.partition("╰")
    assert re.search(r"│ \w+ ", listed)
    assert re.findall(r"│ (\w+) +│", listed) == []


def test_the_list_of_commands_says_what_each_is_for(modelway):
    code, out, _ = modelway("--help")
    assert code == 0
    for name in app._COMMANDS:
        assert re.search(rf"│ {name} +[A-Z]", out), name
    assert "130 Ctrl-C" in out
    assert modelway() == (0, out, "")


def test_the_list_loads_no_command(home):
    import subprocess
    import sys

    code = "import sys; from modelway.cli.app import run; run(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"asyncio", "uvicorn", "openai", "yaml", "modelway.engine", "rich.markdown"}


def test_the_version(modelway):
    from modelway.version import VERSION

    assert modelway("--version") == (0, f"{VERSION}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aks", "x"], "ask"),
        (["ask", "--modl", "x"], "--model"),
        (["serve", "--port", "many"], "many"),
        (["serve", "--port", "99999"], "65535"),
        (["demo", "--port", "-1"], ">= 0"),
        (["ask"], "nothing is asked"),
        (["ask", "x", "--timeout", "0"], "--timeout"),
        (["ask", "-m", "openai/gpt-4o", "x"], "OPENAI_API_KEY"),
        (["ask", "-m", "simulator", "--config", "none.yaml", "x"], "none.yaml"),
        (["chat", "-m", "anthropic/claude-x"], "ANTHROPIC_API_KEY"),
        (["chat", "--session", "../etc"], "id"),
        (["chat", "--last"], "no conversation"),
        (["models", "opnai"], "opnai"),
        (["health", "opnai"], "opnai"),
        (["health"], "OPENAI_API_KEY"),
        (["bench", "-n", "0"], "greater than 0"),
        (["bench", "--url", "http://127.0.0.1:1"], "--model"),
        (["serve", "--host", "0.0.0.0", "--port", "0"], "without a key"),
        (["serve", "--host", "0.0.0.0", "--port", "0", "--no-auth"], "without keys"),
        (["serve", "--no-auth", "--new-key", "--port", "0"], "--new-key"),
        (["simulate", "--script", "none.yaml"], "none.yaml"),
        (["config", "show", "--only", "nowhere"], "nowhere"),
        (["config", "shwo"], "show"),
        (["cost", "estmate"], "did you mean estimate?"),
        (["cost", "frob"], "modelway cost can do nothing with 'frob'"),
        (["cost", "export", "a b"], "modelway cost export can do nothing with 'a b'"),
        (["cost", "--days"], "--days needs a value"),
        (["cost", "reconcile"], "modelway cost reconcile needs FILE"),
        (["cost", "remove"], "modelway cost remove needs --tenant"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_with_what_to_do(modelway, arguments, said):
    code, out, err = modelway(*arguments)
    assert code == 2
    assert out == ""
    errors = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert said in errors[0]


def test_wrong_usage_names_the_help_of_the_command_that_was_meant(modelway):
    for arguments, command in (
        (["cost", "export", "--frob"], "cost export"),
        (["cost", "--frob"], "cost"),
        (["aks"], ""),
    ):
        _, _, err = modelway(*arguments)
        assert err.splitlines()[-1] == " ".join(f"note: see modelway {command} --help".split())


def test_an_unknown_model_brings_the_nearest_names(modelway, home):
    (home / "modelway.yaml").write_text("models: {quick: simulator/sim-echo}\n")
    code, _, err = modelway("ask", "-m", "quik", "x")
    assert code == 2
    assert "did you mean quick?" in err


def test_a_fault_of_ours_is_told_without_its_words(modelway, monkeypatch):
    def broken(settings):
        raise RuntimeError("sk-a-key-that-nobody-may-see")

    monkeypatch.setattr("modelway.cli.config_show.origins", broken)
    code, out, err = modelway("config", "show")
    assert (code, out) == (1, "")
    assert re.match(r"error: modelway failed \(RuntimeError at \w+\.py:\d+\)", err)
    assert "sk-" not in err


def test_completion_is_installed_for_the_shell(modelway, home, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/bash")
    code, _, _ = modelway("--install-completion", "--shell", "bash")
    assert code == 0
    script = next(home.rglob("completions/modelway"))
    assert "simulate" in script.read_text()
