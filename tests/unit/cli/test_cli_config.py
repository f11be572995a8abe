"""modelway config: every problem with its place, every value with its origin, no key anywhere."""

import json

import pytest

KEY = "sk-proj-0123456789abcdefABCDEF0123456789"
WRONG = """\
providers:
  openai:
    api_key: "${OPENAI_API_KEY}"
    timeout: soon
  grok: {}
models:
  fast:
    strategy: wieghted
    deployments:
      - {provider: opnai, model: gpt-4o-mini}
gatway: {port: 1}
"""
GOOD = f"""\
providers:
  openai: {{api_key: {KEY}, headers: {{x-token: {KEY}}}}}
  house: {{like: simulator}}
models:
  fast: openai/gpt-4o-mini
"""


def test_check_finds_every_problem_at_once(modelway, home):
    (home / "modelway.yaml").write_text(WRONG)
    code, out, err = modelway("config", "check")
    assert code == 2
    assert "modelway.yaml:4: error: providers.openai.timeout" in out
    assert "(did you mean weighted?)" in out
    assert "(did you mean gateway?)" in out
    assert "opnai" in out
    assert err.startswith("error: ")
    wrong = out.count(": error: ")
    assert f"has {wrong} problems" in err
    assert wrong >= 4

    code, out, _ = modelway("config", "check", "--json")
    shown = json.loads(out)
    assert code == 2
    assert shown["ok"] is False
    assert len([one for one in shown["problems"] if one["severity"] == "error"]) == wrong


def test_check_says_what_is_good_and_notices_a_key_in_the_clear(modelway, home):
    (home / "some.yaml").write_text(GOOD)
    code, out, err = modelway("config", "check", "some.yaml")
    assert (code, err) == (0, "")
    assert "in the clear" in out
    assert "some.yaml is good: 2 providers, 1 model; fast answers by default" in out
    assert KEY not in out


def test_check_online_asks_every_provider(modelway, home, free_port):
    (home / "modelway.yaml").write_text(
        f"providers: {{house: {{like: simulator, base_url: 'http://127.0.0.1:{free_port}/v1'}}}}\n"
    )
    code, out, _ = modelway("config", "check", "--online")
    assert code == 1
    assert "APIConnectionError" in out


def test_a_file_is_named_as_by_every_command(modelway, home):
    (home / "other.yaml").write_text("gateway: {port: 4321}\n")
    for named in (["other.yaml"], ["-c", "other.yaml"], ["--config", "other.yaml"]):
        assert "4321" in modelway("config", "show", *named, "--only", "gateway.port")[1]
        assert "other.yaml is good" in modelway("config", "check", *named)[1]


def test_show_masks_keys(modelway, home):
    (home / "modelway.yaml").write_text(GOOD)
    code, out, _ = modelway("config", "show")
    assert code == 0
    assert "modelway.yaml:2" in out
    assert KEY not in out
    assert "(hidden)" in out
    code, out, _ = modelway("config", "show", "--only", "models.fast", "--json")
    assert {row["path"].partition(".")[0] for row in json.loads(out)} == {"models"}


@pytest.mark.parametrize("arguments", [["show"], ["check", "--json"]])
def test_without_a_file_the_environment_is_shown(modelway, monkeypatch, arguments):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code, out, _ = modelway("config", *arguments)
    assert code == 0
    assert "openai" in out
    assert KEY not in out


def test_init_writes_a_file_that_is_good(modelway, home):
    code, out, _ = modelway("config", "init", "-p", "openai", "-p", "ollama", "-m", "ollama=tiny")
    assert code == 0
    assert "export OPENAI_API_KEY=" in out
    text = (home / "modelway.yaml").read_text()
    assert "${OPENAI_API_KEY}" in text
    code, out, _ = modelway("config", "check")
    assert code == 0
    assert "OPENAI_API_KEY is not set" in out
    code, out, err = modelway("config", "init", "-p", "openai")
    assert code == 2
    assert "--force" in err
    assert (home / "modelway.yaml").read_text() == text
    code, out, _ = modelway("config", "init", "-p", "groq", "--force", "--print")
    assert out.startswith("# modelway's configuration")
    assert (home / "modelway.yaml").read_text() == text


def test_init_takes_what_it_finds_when_nobody_can_be_asked(modelway, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    code, out, _ = modelway("config", "init", "--print")
    assert code == 0
    assert "default_provider: anthropic" in out
    assert KEY not in out


def test_init_without_anything_to_go_by(modelway):
    code, _, err = modelway("config", "init")
    assert code == 2
    assert "--provider" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "opanai"], "did you mean openai"),
        (["-p", KEY], "looks like a key"),
        (["-m", "openai"], "PROVIDER=VALUE"),
    ],
)
def test_init_refuses(modelway, home, arguments, said):
    code, out, err = modelway("config", "init", *arguments)
    assert code == 2
    assert said in err
    assert KEY not in out + err
    assert not (home / "modelway.yaml").exists()


def test_init_cannot_write_there(modelway):
    code, out, err = modelway("config", "init", "-p", "groq", "-o", "none/x.yaml")
    assert (code, out) == (1, "")
    assert err == "error: none/x.yaml: No such file or directory\n"


def test_init_asks(modelway, home, monkeypatch):
    answers = iter(["opnai", "openai, ollama", "", KEY, "no url", "", "llama3.2", "", "5000"])
    asked = []

    def answer(question):
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    code, _, err = modelway("config", "init")
    assert code == 0, err
    text = (home / "modelway.yaml").read_text()
    assert "port: 5000" in text
    assert "fallback_providers: [ollama]" in text
    assert "llama3.2" in text
    assert KEY not in text
    assert "did you mean openai" in err
    assert "looks like a key" in err
