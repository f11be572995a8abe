"""Every problem at once, each with its line, its path and the nearest name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.load import load
from modelway.config.problems import InvalidConfigError, shown
from modelway.config.schema import DEPLOYMENT, GATEWAY, KNOBS, MODEL, PROVIDER, TOP

BAD = """\
providers:
  openia: {}
  openai:
    api_key: "${OPENAI_API_KEY}"
    hedaers: {}
    limits: {requests_per_minuet: 5}
    base_url: ftp://host
    headers: {x-a: "b\\nc", host: evil.example, "a b": c}
models:
  fast:
    strategy: wieghted
    deployments:
      - {provider: opnai, model: gpt-4o}
      - {provider: openai, model: gpt-4o, weight: -1}
    fallback: [smrat, fast]
  smart: openai/gpt-4o
defaults: {max_tokens: 1.5, temperature: 3, timeout_s: "60", retries: true}
gateway: {port: 400000}
tyop: 1
"""

EXPECTED = {
    ("providers.openia", 2, "openai"),
    ("providers.openai.hedaers", 5, "headers"),
    ("providers.openai.limits.requests_per_minuet", 6, "requests_per_minute"),
    ("providers.openai.base_url", 7, None),
    ("providers.openai.headers.x-a", 8, None),
    ("providers.openai.headers.host", 8, None),
    ("providers.openai.headers.a b", 8, None),
    ("models.fast.strategy", 11, "weighted"),
    ("models.fast.deployments[0].provider", 13, "openai"),
    ("models.fast.deployments[1].weight", 14, None),
    ("models.fast.fallback[0]", 15, "smart"),
    ("models.fast.fallback[1]", 15, None),
    ("defaults.max_tokens", 17, None),
    ("defaults.temperature", 17, None),
    ("defaults.timeout_s", 17, None),
    ("defaults.retries", 17, None),
    ("gateway.port", 18, None),
    ("tyop", 19, None),
}


def test_all_problems_are_reported_at_once(tmp_path):
    path = tmp_path / "modelway.yaml"
    path.write_text(BAD)
    with pytest.raises(InvalidConfigError) as caught:
        load(path, environment={"OPENAI_API_KEY": "sk-1"})
    found = {(one.path, one.line, one.suggestion) for one in caught.value.problems}
    assert found == EXPECTED
    text = str(caught.value)
    assert "18 problems" in text
    assert "line 11: models.fast.strategy: unknown strategy 'wieghted'" in text
    assert "did you mean weighted?" in text


def problem_of(config, environment=None):
    with pytest.raises(InvalidConfigError) as caught:
        load(config, environment=environment or {"OPENAI_API_KEY": "sk-1"})
    wrong = [one for one in caught.value.problems if one.severity == "error"]
    assert len(wrong) == 1, wrong
    return wrong[0]


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"providers": []}, "providers", "mapping"),
        ({"providers": {"openai": "x"}}, "providers.openai", "mapping"),
        ({"providers": {"a/b": {"like": "vllm"}}}, "providers.a/b", "letters"),
        ({"providers": {"x": {"like": "openai-compatible"}}}, "providers.x", "base_url"),
        ({"providers": {"x": {"like": "vlm"}}}, "providers.x.like", "unknown provider"),
        (
            {"providers": {"openai": {"base_url": "https://u:p@h/"}}},
            "providers.openai.base_url",
            "password",
        ),
        (
            {"providers": {"openai": {"base_url": "https://h/?key=1"}}},
            "providers.openai.base_url",
            "query",
        ),
        (
            {"providers": {"openai": {"base_url": "${NO_SUCH}"}}},
            "providers.openai.base_url",
            "NO_SUCH",
        ),
        ({"providers": {"openai": {"base_url": "${A"}}}, "providers.openai.base_url", "$${"),
        (
            {"providers": {"openai": {"extra": {"model": "x"}}}},
            "providers.openai.extra.model",
            "each request",
        ),
        ({"providers": {"openai": {"extra": [1]}}}, "providers.openai.extra", "mapping"),
        ({"providers": {"openai": {"auth": "basic"}}}, "providers.openai.auth", "one of"),
        (
            {"providers": {"openai": {"quirks": {"drop": {}}}}},
            "providers.openai.quirks.drop",
            "list",
        ),
        (
            {"providers": {"openai": {"quirks": {"x": 1}}}},
            "providers.openai.quirks.x",
            "unknown field",
        ),
        (
            {"providers": {"openai": {"timeouts": {"idle_s": 0}}}},
            "providers.openai.timeouts.idle_s",
            "from 0.001",
        ),
        (
            {"providers": {"openai": {"backoff": {"retry_on": ["Oops"]}}}},
            "providers.openai.backoff.retry_on[0]",
            "one of",
        ),
        ({"models": {"m": {"deployments": {}}}}, "models.m.deployments", "list"),
        ({"models": {"m": []}}, "models.m", "at least one"),
        ({"models": {"m": "gpt-9"}}, "models.m", "provider/model"),
        ({"models": {"m#1": "openai/x"}}, "models.m#1", "#"),
        (
            {"models": {"m": {"deployments": [{"weight": 1}]}}},
            "models.m.deployments[0]",
            "provider and a model",
        ),
        ({"models": {"m": ["openai/x", "openai/x"]}}, "models.m[1]", "already"),
        ({"models": {"m": "ollama"}}, "models.m", "default_model"),
        ({"default_provider": "opneai"}, "default_provider", "unknown provider"),
        ({"fallback_providers": ["openai", 3]}, "fallback_providers[1]", "text"),
        ({"strategy": "best"}, "strategy", "unknown strategy"),
        ({"gateway": {"keys": ["${NO_KEY}"]}}, "gateway.keys[0]", "not set"),
        ({"model_list": [], "general_settings": {}}, "model_list", "no model of the list"),
        ({"defaults": {"stop": {"a": 1}}}, "defaults.stop", "list"),
        ({"defaults": {"temperature": float("nan")}}, "defaults.temperature", "finite"),
        ({"defaults": {"temperature": 10**400}}, "defaults.temperature", "finite"),
        ({"defaults": {"retries": "${N}"}}, "defaults.retries", "number"),
        (
            {"defaults": {"supports_streaming": "${N}"}},
            "defaults.supports_streaming",
            "true or false",
        ),
    ],
)
def test_one_problem(config, path, words):
    found = problem_of(config, {"OPENAI_API_KEY": "sk-1", "N": "many"})
    assert found.path == path
    assert words in found.message


def test_names_that_only_stand_for_each_other():
    with pytest.raises(InvalidConfigError) as caught:
        load({"models": {"a": "b", "b": "a"}}, environment={})
    assert [one.path for one in caught.value.problems] == ["models.a", "models.b"]


def test_numbers_and_flags_may_come_from_variables():
    settings = load(
        {
            "providers": {"openai": {"supports_streaming": "${STREAM}"}},
            "defaults": {"temperature": "${T:-0.5}", "max_tokens": "${N}"},
            "gateway": {"port": "${PORT:-4001}"},
        },
        environment={"OPENAI_API_KEY": "sk-1", "N": "7", "STREAM": "false"},
    )
    assert settings.defaults == {"temperature": 0.5, "max_tokens": 7}
    assert settings.gateway.port == 4001
    assert settings.providers["openai"].supports_streaming is False


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"- a", b"text", b"a: [", b"a: 1\n---\nb: 1", b"# " + b"x" * (5 << 20)],
)
def test_files_that_are_no_configuration(tmp_path, content):
    path = tmp_path / "modelway.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidConfigError, match=r"modelway\.yaml has 1 problem"):
        load(path, environment={})


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InvalidConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml", environment={})


def test_a_message_does_not_show_what_may_be_a_key():
    assert shown("weighted") == "'weighted'"
    assert "sk-" not in shown("sk-abc")
    assert "AbCdEf" not in shown("AbCdEf0123456789AbCdEf0123")
    assert len(shown("x y " * 100)) <= 60


NAMES = sorted({*TOP, *PROVIDER, *MODEL, *DEPLOYMENT, *KNOBS, *GATEWAY, "llm", "openai", "house"})
CANARY = "sk-canary0123456789abcdef"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["openai", "openai/gpt-4o", "${X}", "${", "http://h/v1", CANARY]),
)
CONFIGS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), CONFIGS, max_size=5))
def test_anything_at_all_loads_or_is_a_list_of_problems_without_a_key(config):
    try:
        settings, told = load(config, environment={"X": CANARY}), ""
    except InvalidConfigError as error:
        settings, told = None, str(error) + repr(error.problems)
    assert CANARY not in told
    assert settings or "problem" in told
    for one in settings.origins if settings else ():
        assert one.value == "(hidden)" or "api_key" not in one.path
