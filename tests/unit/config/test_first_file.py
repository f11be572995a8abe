"""``config init``: the text loads, says what was asked, and holds no key."""

import pytest

from modelway.config.first_file import Answers, first_file
from modelway.config.load import load
from modelway.config.resolve import default_model, resolve
from modelway.errors import ConfigError


def test_a_first_file_loads(tmp_path):
    answers = Answers(
        providers=["Anthropic", "google", "ollama", "openai-compatible", "anthropic"],
        base_urls={"openai-compatible": "http://10.0.0.5:9000/v1"},
        default_models={"ollama": "llama3.2", "openai-compatible": 'odd "${name}"'},
        port=4100,
    )
    path = tmp_path / "modelway.yaml"
    path.write_text(first_file(answers))
    settings = load(path, environment={"ANTHROPIC_API_KEY": "sk-ant-1", "GEMINI_API_KEY": "g"})
    assert settings.notices == ()
    assert default_model(settings) == "anthropic/claude-sonnet-4-5"
    route = resolve(settings, "anthropic/claude-sonnet-4-5")
    assert route.fallbacks == (
        "gemini/gemini-2.5-flash",
        "ollama/llama3.2",
        'openai-compatible/odd "${name}"',
    )
    assert settings.providers["openai-compatible"].base_url == "http://10.0.0.5:9000/v1"
    assert settings.gateway.port == 4100
    text = path.read_text()
    assert "export ANTHROPIC_API_KEY, GEMINI_API_KEY" in text
    assert '"${ANTHROPIC_API_KEY}"' in text


def test_one_provider_has_no_fallbacks():
    assert "fallback" not in first_file(Answers(providers=["openai"]))
    assert "export" not in first_file(Answers(providers=["ollama"]))


@pytest.mark.parametrize(
    "answers",
    [
        Answers(providers=[]),
        Answers(providers=["opnai"]),
        Answers(providers=["openai"], default_models={"openai": "a\nb: c"}),
    ],
)
def test_answers_that_make_no_file(answers):
    with pytest.raises(ConfigError):
        first_file(answers)
