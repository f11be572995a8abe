"""Which keys are used, why there are none, and that no key is ever shown."""

import pytest

from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
from modelway.config.resolve import resolve

CANARY = "sk-canary0123456789abcdef"


def provider(told, environment=None, name="openai"):
    return load({"providers": {name: told}}, environment=environment or {}).providers[name]


def secrets(configured):
    return [(one.name, one.secret) for one in configured.credentials]


@pytest.mark.parametrize(
    ("told", "environment", "expected"),
    [
        ({}, {"OPENAI_API_KEY": "sk-a"}, [("OPENAI_API_KEY", "sk-a")]),
        ({"api_key": "${K}"}, {"K": "sk-b"}, [("K", "sk-b")]),
        ({"api_key": "sk-c"}, {"OPENAI_API_KEY": "sk-a"}, [("openai key 1", "sk-c")]),
        ({"api_key_env": "K"}, {"K": " sk-d\n", "OPENAI_API_KEY": "sk-a"}, [("K", "sk-d")]),
        ({"api_key_env": ["J", "K"]}, {"K": "sk-d"}, [("K", "sk-d")]),
        ({"api_key": "${NO}", "api_key_env": "K"}, {"K": "sk-d"}, [("K", "sk-d")]),
        (
            {"api_keys": ["${J}", "${K}", "${J}", "${NO}"]},
            {"J": "sk-1", "K": "sk-2"},
            [("J", "sk-1"), ("K", "sk-2")],
        ),
    ],
)
def test_keys_found(told, environment, expected):
    found = provider(told, environment)
    assert secrets(found) == expected
    assert found.problem is None


@pytest.mark.parametrize(
    ("told", "environment", "problem"),
    [
        ({}, {}, "OPENAI_API_KEY is not set"),
        ({}, {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
        ({"api_key": "${K}"}, {"OPENAI_API_KEY": "sk-a"}, "K is not set"),
        ({"api_key": "${K}"}, {"K": "  "}, "K is not set"),
        ({"api_key_env": "K"}, {}, "K is not set"),
        ({"api_key": ""}, {}, "it has no api_key"),
        ({"api_keys": []}, {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
    ],
)
def test_no_key_is_the_providers_problem_not_the_files(told, environment, problem):
    settings = load({"providers": {"openai": told}}, environment=environment)
    found = settings.providers["openai"]
    assert (found.credentials, found.problem) == ((), problem)
    assert [one.message for one in settings.notices] == [f"cannot be used now: {problem}"]
    with pytest.raises(Exception, match=problem):
        resolve(settings, "openai/gpt-4o")


def test_a_local_server_needs_no_key_unless_one_is_asked_for():
    assert secrets(provider({}, name="vllm")) == [("none", "")]
    assert provider({"api_key": "${NO}"}, name="vllm").problem == "NO is not set"


def test_several_keys_share_a_deployments_weight():
    settings = load(
        {
            "providers": {"anthropic": {"api_keys": ["${A}", "${B}"]}},
            "models": {"m": {"deployments": [{"model": "anthropic/claude-x", "weight": 3}]}},
        },
        environment={"A": "sk-ant-1", "B": "sk-ant-2"},
    )
    deployments = settings.routes["m"].deployments
    assert [(one.id, one.credential.name, one.weight) for one in deployments] == [
        ("anthropic/claude-x", "A", 1.5),
        ("anthropic/claude-x#2", "B", 1.5),
    ]


def test_a_literal_key_in_a_file_is_a_notice_that_says_what_to_write(tmp_path):
    path = tmp_path / "modelway.yaml"
    path.write_text(f"providers:\n  openai:\n    api_key: {CANARY}\n")
    settings = load(path, environment={})
    (notice,) = settings.notices
    assert (notice.line, notice.path) == (3, "providers.openai.api_key")
    assert "${YOUR_VARIABLE}" in notice.message
    assert load({"providers": {"openai": {"api_key": CANARY}}}, environment={}).notices == ()


def test_a_key_of_an_unlikely_form_is_a_notice():
    settings = load({}, environment={"OPENAI_API_KEY": "gsk_abc"})
    assert "begin with sk-" in settings.notices[0].message
    elsewhere = {"api_key": "gsk_abc", "base_url": "https://proxy.example/v1"}
    assert load({"providers": {"openai": elsewhere}}, environment={}).notices == ()


@pytest.mark.parametrize(
    "told",
    [
        {"api_key": CANARY + "\u0001"},
        {"api_key": {"x": CANARY}},
        {"api_key_env": CANARY},
        {"like": CANARY},
        {"base_url": f"https://user:{CANARY}@host/"},
        {"base_url": f"https://host/?key={CANARY}"},
        {"headers": {"host": CANARY}},
        {"auth": CANARY},
        {CANARY: 1},
    ],
)
def test_no_key_in_any_problem(told):
    with pytest.raises(InvalidConfigError) as caught:
        load({"providers": {"openai": told}}, environment={})
    shown = [caught.value.message, *[one.message for one in caught.value.problems]]
    if CANARY not in told:  # a field's name is its path
        assert not any(CANARY in text for text in shown)
    else:
        assert all(CANARY not in one.message for one in caught.value.problems)


def test_no_key_in_what_config_show_prints_nor_in_a_repr():
    settings = load(
        {
            "providers": {
                "openai": {
                    "api_keys": [CANARY, "${K}"],
                    "headers": {
                        "x-api-key": "header-secret",
                        "x-plain": "${MY_TOKEN}",
                        "x-team": "t",
                    },
                    "query": {"signature": "query-secret", "v": "1"},
                    "extra": {"nested": {"auth_token": "body-secret", "a": 1}},
                    "default_model": f"odd-{CANARY}",
                }
            },
            "gateway": {"keys": ["gateway-secret"]},
        },
        environment={"K": "sk-second-secret", "MY_TOKEN": "variable-secret"},
    )
    shown = {one.path: one.value for one in settings.origins}
    text = repr(shown) + repr(settings)
    for secret in (CANARY, "sk-second-secret", "gateway-secret"):
        assert secret not in repr(shown)
    for secret in ("header-secret", "variable-secret", "query-secret", "body-secret"):
        assert secret not in repr(shown)
    assert "gateway-secret" not in text
    assert shown["providers.openai.api_keys[0]"] == "(hidden)"
    assert shown["providers.openai.headers.x-team"] == "t"
    assert shown["providers.openai.extra.nested"] == "{auth_token: (hidden), a: 1}"
    assert shown["gateway.keys[0]"] == "(hidden)"
