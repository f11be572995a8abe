"""A model's name → its route, its fallbacks, or an error that says what to do."""

import pytest

from modelway.config.load import load
from modelway.config.resolve import default_model, model_names, resolve
from modelway.errors import MissingKeyError, UnknownModelError

ENVIRONMENT = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-ant-1"}
CONFIG = {
    "providers": {
        "openai": {},
        "anthropic": {},
        "groq": {},
        "house": {
            "like": "vllm",
            "models": ["qwen2.5-coder", "org/*"],
            "default_model": "qwen2.5-coder",
        },
        "lm_studio": {},
    },
    "models": {
        "fast": {
            "deployments": ["openai/gpt-4o-mini", "groq/llama-3.1-8b-instant"],
            "fallback": ["smart"],
        },
        "smart": {
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "fallback": ["big", "keyless", "fast"],
        },
        "big": "openai/gpt-5",
        "keyless": "groq/llama-3.3-70b-versatile",
        "nick": "fast",
    },
}


@pytest.fixture
def settings():
    return load(CONFIG, environment=ENVIRONMENT)


@pytest.mark.parametrize(
    ("name", "deployments"),
    [
        ("fast", ["openai/gpt-4o-mini"]),
        ("nick", ["openai/gpt-4o-mini"]),
        ("openai/gpt-4.1", ["openai/gpt-4.1"]),
        ("house/org/model", ["house/org/model"]),
        ("org/model", ["house/org/model"]),
        ("qwen2.5-coder", ["house/qwen2.5-coder"]),
        ("gpt-4o", ["openai/gpt-4o"]),
        ("claude-opus-4-1", ["anthropic/claude-opus-4-1"]),
        ("openai", ["openai/gpt-4o-mini"]),
        ("claude/claude-opus-4-1", ["anthropic/claude-opus-4-1"]),
        ("lmstudio/x", []),
        ("", ["openai/gpt-4o-mini"]),
    ],
)
def test_names(settings, name, deployments):
    if name == "lmstudio/x":  # configured as lm_studio: another spelling of the row's name
        name, deployments = "lm_studio/x", ["lm_studio/x"]
    assert [one.id for one in resolve(settings, name).deployments] == deployments


def test_fallbacks_are_complete_usable_and_each_once(settings):
    assert resolve(settings, "fast").fallbacks == ("smart", "big")
    assert resolve(settings, "smart").fallbacks == ("big", "fast")


def test_a_route_without_a_key_still_falls_back():
    config = {"models": {"m": {"deployments": ["groq/x"], "fallback": ["openai/gpt-4o"]}}}
    route = resolve(load(config, environment=ENVIRONMENT), "m")
    assert (route.deployments, route.fallbacks) == ((), ("openai/gpt-4o",))


def test_fallback_providers_follow_where_a_route_says_nothing():
    config = {
        "providers": {"openai": {}, "anthropic": {}, "groq": {}, "ollama": {}},
        "models": {"alone": {"deployments": ["openai/gpt-4o"], "fallback": []}},
        "fallback_providers": ["openai", "anthropic", "groq", "ollama"],
    }
    settings = load(config, environment=ENVIRONMENT)
    assert resolve(settings, "openai/gpt-4o").fallbacks == ("anthropic/claude-sonnet-4-5",)
    assert resolve(settings, "alone").fallbacks == ()
    notes = [one.message for one in settings.notices if "default_model" in one.message]
    assert len(notes) == 1
    assert "ollama" in notes[0]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("fsat", UnknownModelError, "fast"),
        ("openai/", UnknownModelError, "openai"),
        ("opnai/gpt-4o", UnknownModelError, "openai/"),
        ("nothing-like-it", UnknownModelError, "there are fast"),
        ("mistral/x", UnknownModelError, "mistral: {}"),
        ("gemini-2.5-pro", UnknownModelError, "gemini: {}"),
        ("lm_studio", UnknownModelError, "name a model"),
        ("keyless", MissingKeyError, "GROQ_API_KEY is not set"),
        ("groq/x", MissingKeyError, "GROQ_API_KEY is not set"),
        ("a\nb", UnknownModelError, "printable"),
        ("x#2", UnknownModelError, "#"),
        ("x" * 600, UnknownModelError, "printable"),
    ],
)
def test_names_that_do_not_resolve(settings, name, error, words):
    with pytest.raises(error) as caught:
        resolve(settings, name)
    assert words in caught.value.message


def test_with_the_environment_alone_the_variable_to_set_is_named():
    with pytest.raises(MissingKeyError, match="set ANTHROPIC_API_KEY"):
        resolve(load(environment={"OPENAI_API_KEY": "sk-1"}, directory=None), "anthropic/claude-x")
    with pytest.raises(MissingKeyError, match="set GROQ_API_KEY"):
        resolve(load(environment={}), "groq/x")


def test_a_model_that_several_serve_is_not_guessed():
    config = {"providers": {"a": {"like": "openai"}, "b": {"like": "openai"}}}
    settings = load(config, environment=ENVIRONMENT)
    with pytest.raises(UnknownModelError, match="a/gpt-4o or b/gpt-4o"):
        resolve(settings, "gpt-4o")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"providers": {"anthropic": {}, "openai": {}}}, "openai/gpt-4o-mini"),
        ({"providers": {"anthropic": {}, "groq": {}}}, "anthropic/claude-sonnet-4-5"),
        ({"providers": {"groq": {}, "ollama": {}}}, None),
        ({"models": {"a": "groq/x", "b": "openai/x"}}, "b"),
        ({"models": {"a": "groq/x"}}, "a"),
        ({"default_model": "smart", "models": {"fast": "openai/x", "smart": "openai/y"}}, "smart"),
        (
            {"default_provider": "anthropic", "providers": {"openai": {}}},
            "anthropic/claude-sonnet-4-5",
        ),
    ],
)
def test_the_default_model(config, expected):
    assert default_model(load(config, environment=ENVIRONMENT)) == expected


def test_names_for_lists(settings):
    names = model_names(settings)
    assert names[:5] == ["fast", "smart", "big", "keyless", "nick"]
    assert "house/qwen2.5-coder" in names
    assert not any(name.endswith("*") for name in names)
