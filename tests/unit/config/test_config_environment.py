"""No file: what the environment alone amounts to, and where a file is looked for."""

import pytest

from modelway.config.load import find, load
from modelway.config.problems import InvalidConfigError
from modelway.config.resolve import default_model


def alone(tmp_path, **variables):
    return load(environment=variables, directory=tmp_path)


@pytest.mark.parametrize(
    ("variables", "providers", "default"),
    [
        ({}, [], None),
        ({"OPENAI_API_KEY": ""}, [], None),
        ({"OPENAI_API_KEY": "sk-1"}, ["openai"], "openai/gpt-4o-mini"),
        ({"OPENAI_API_KEY": "sk-1", "OPENAI_MODEL": "gpt-5"}, ["openai"], "openai/gpt-5"),
        (
            {"ANTHROPIC_API_KEY": "sk-ant-1", "GROQ_API_KEY": "gsk_1"},
            ["anthropic", "groq"],
            "anthropic/claude-sonnet-4-5",
        ),
        (
            {"ANTHROPIC_API_KEY": "sk-ant-1", "OPENAI_API_KEY": "sk-1", "LLM_PROVIDER": "claude"},
            ["anthropic", "openai"],
            "anthropic/claude-sonnet-4-5",
        ),
        ({"GOOGLE_API_KEY": "g", "GEMINI_MODEL": "gemini-x"}, ["gemini"], "gemini/gemini-x"),
        ({"DASHSCOPE_API_KEY": "sk-1"}, ["qwen"], "qwen/qwen-plus"),
        (
            {"DASHSCOPE_API_KEY": "sk-1", "LLM_PROVIDER": "qwen-cn"},
            ["qwen-cn"],
            "qwen-cn/qwen-plus",
        ),
        ({"LLM_PROVIDER": "ollama", "OLLAMA_MODEL": "llama3.2"}, ["ollama"], "ollama/llama3.2"),
        ({"OLLAMA_URL": "http://h:11434"}, ["ollama"], None),
        (
            {"LM_STUDIO_URL": "http://h:1234", "LM_STUDIO_MODEL": "m"},
            ["lmstudio"],
            "lmstudio/m",
        ),
        (
            {"LMSTUDIO_URL": "http://h:1234", "LMSTUDIO_MODEL": "m"},
            ["lmstudio"],
            "lmstudio/m",
        ),
        (
            {"LLM_PROVIDER": "lm_studio", "LMSTUDIO_MODEL": "m"},
            ["lmstudio"],
            "lmstudio/m",
        ),
        ({"SIMULATOR_URL": "http://h:1"}, ["simulator"], "simulator/simulated"),
        ({"OLLAMA_API_KEY": "k"}, ["ollama-cloud"], "ollama-cloud/gpt-oss:120b"),
        ({"LOCAL_LLM_URL": "http://h:1/v1", "LOCAL_LLM_MODEL": "m"}, ["local"], "local/m"),
        (
            {"LOCAL_LLM_URL": "http://h:1/v1", "LOCAL_LLM_MODEL": "m", "LLM_PROVIDER": "local"},
            ["local"],
            "local/m",
        ),
    ],
)
def test_the_environment_alone(tmp_path, variables, providers, default):
    settings = alone(tmp_path, **variables)
    assert (list(settings.providers), default_model(settings)) == (providers, default)
    assert settings.source == "environment"


def test_urls_and_defaults(tmp_path):
    settings = alone(
        tmp_path,
        LM_STUDIO_URL="http://h:1234",
        MAX_TOKENS="9",
        TEMPERATURE="0",
        OPENAI_API_KEY="sk-1",
    )
    assert settings.providers["lmstudio"].base_url == "http://h:1234/v1"
    assert settings.providers["openai"].defaults == {"max_tokens": 9, "temperature": 0}
    origins = {one.path: one.origin for one in settings.origins}
    assert origins["providers.lmstudio.base_url"] == "environment LM_STUDIO_URL"
    assert origins["providers.openai.api_key"] == "environment OPENAI_API_KEY"
    assert origins["defaults.max_tokens"] == "environment MAX_TOKENS"


@pytest.mark.parametrize(
    ("variables", "path", "suggestion"),
    [
        ({"LLM_PROVIDER": "opnai"}, "LLM_PROVIDER", "openai"),
        ({"MAX_TOKENS": "many"}, "MAX_TOKENS", None),
        ({"LOCAL_LLM_URL": "h:1"}, "LOCAL_LLM_URL", None),
    ],
)
def test_a_bad_variable_is_named(tmp_path, variables, path, suggestion):
    with pytest.raises(InvalidConfigError) as caught:
        alone(tmp_path, **variables)
    (problem,) = caught.value.problems
    assert (problem.path, problem.suggestion) == (path, suggestion)


def test_a_gateways_own_address_in_a_clients_variable_is_not_followed(tmp_path):
    """ANTHROPIC_BASE_URL is how clients are sent to us; following it would be a loop."""
    settings = alone(
        tmp_path, ANTHROPIC_API_KEY="sk-ant-1", ANTHROPIC_BASE_URL="http://127.0.0.1:4000"
    )
    assert settings.providers["anthropic"].base_url == "https://api.anthropic.com/v1"


def test_a_file_that_names_providers_names_all(tmp_path):
    variables = {"OPENAI_API_KEY": "sk-1", "GROQ_API_KEY": "gsk_1", "MAX_TOKENS": "5"}
    (tmp_path / "modelway.yaml").write_text("models: {fast: openai/gpt-4o-mini}\n")
    settings = alone(tmp_path, **variables)
    assert (list(settings.providers), settings.defaults) == (["openai"], {})
    (tmp_path / "modelway.yaml").write_text("gateway: {port: 1234}\n")
    settings = alone(tmp_path, **variables)
    assert (list(settings.providers), settings.gateway.port) == (["openai", "groq"], 1234)


def test_where_a_file_is_looked_for(tmp_path):
    here, home = tmp_path / "here", tmp_path / "home"
    (home / ".config" / "modelway").mkdir(parents=True)
    here.mkdir()
    environment = {"HOME": str(home)}
    assert find(environment, here) is None
    ours = home / ".config" / "modelway" / "modelway.toml"
    ours.write_text("")
    assert find(environment, here) == ours
    (here / "modelway.yml").write_text("")
    assert find(environment, here) == here / "modelway.yml"
    named = tmp_path / "other.toml"
    assert find({**environment, "MODELWAY_CONFIG": str(named)}, here) == named
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        load(environment={"MODELWAY_CONFIG": str(named)})
