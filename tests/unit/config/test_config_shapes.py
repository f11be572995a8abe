"""Other people's shapes load unchanged: hand-made equals of them, and the examples themselves."""

import random
from pathlib import Path

import pytest

from modelway.call import Limits
from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
from modelway.config.resolve import default_model, embedding_model, resolve
from modelway.policies.routing import chooser
from support.candidates import Known

EXAMPLES = Path(__file__).parents[4] / "shared" / "examples"
KEYS = {
    "OPENAI_API_KEY": "sk-1",
    "ANTHROPIC_API_KEY": "sk-ant-1",
    "GROQ_API_KEY": "gsk_1",
    "MOONSHOT_API_KEY": "sk-2",
    "GOOGLE_API_KEY": "g",
}


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def ids(route):
    return [one.id for one in route.deployments]


MODELS = """\
models:
  chat: {vendor: openai, temperature: 0.7, max_tokens: 4096, supports_streaming: false}
  deep: {vendor: anthropic, model_id: claude-sonnet-4-5, top_p: 0.9}
  star: {vendor: google, model_id: gemini-2.5-pro}
providers:
  openai:
    api_key_env: MY_KEY
    timeout_seconds: 30
    rate_limit: {requests_per_minute: 500, tokens_per_minute: 80000}
  anthropic:
    retry_config: {max_retries: 5, initial_backoff_ms: 500, max_backoff_ms: 8000, backoff_multiplier: 3}
  google: {api_key_env: GOOGLE_API_KEY}
defaults: {timeout_seconds: 45, max_retries: 2, retry_delay_ms: 250}
"""


def test_models_with_vendors(tmp_path):
    settings = load(write(tmp_path, "a.yaml", MODELS), environment={**KEYS, "MY_KEY": "sk-mine"})
    assert settings.notices == ()
    (chat,) = settings.routes["chat"].deployments
    (deep,) = settings.routes["deep"].deployments
    assert (chat.id, chat.supports_streaming, chat.timeouts.idle_s) == ("openai/chat", False, 30)
    assert chat.defaults == {"temperature": 0.7, "max_tokens": 4096}
    assert chat.credential.name == "MY_KEY"
    assert (chat.backoff.attempts, chat.backoff.base_s) == (3, 0.25)
    assert (deep.id, deep.defaults, deep.timeouts.idle_s) == (
        "anthropic/claude-sonnet-4-5",
        {"top_p": 0.9},
        45,
    )
    backoff = deep.backoff
    assert (backoff.attempts, backoff.base_s, backoff.cap_s, backoff.factor) == (6, 0.5, 8, 3)
    assert ids(settings.routes["star"]) == ["google/gemini-2.5-pro"]
    assert settings.providers["openai"].limits.tokens_per_minute == 80000
    assert default_model(settings) == "chat"


LIST = """\
[[llm.providers]]
name = "primary"
provider = "openai"
api_key = "${OPENAI_API_KEY}"
text_model = "gpt-4o"
embedding_model = "text-embedding-3-small"
temperature = 0.7
priority = 3

[[llm.providers]]
name = "backup"
provider = "google"
text_model = "gemini-2.5-flash"
priority = 1

[[llm.providers]]
name = "off"
provider = "groq"
api_key = "${NOT_SET}"
enabled = false

[[llm.providers]]
provider = "lm_studio"
text_model = "local-model"

[llm.fallback]
enabled = ENABLED
max_retries = 4
retry_delay_ms = 1500
strategy = "STRATEGY"
"""


def load_list(tmp_path, enabled="true", strategy="priority", more=""):
    text = more + LIST.replace("ENABLED", enabled).replace("STRATEGY", strategy)
    return load(write(tmp_path, "a.toml", text), environment=KEYS)


def test_a_list_of_providers(tmp_path):
    settings = load_list(tmp_path)
    assert list(settings.providers) == ["primary", "backup", "lm_studio"]
    assert default_model(settings) == "default"
    route = resolve(settings, "default")
    assert route.strategy == "ordered"
    assert {one.id: one.priority for one in route.deployments} == {
        "primary/gpt-4o": 3,
        "backup/gemini-2.5-flash": 1,
        "lm_studio/local-model": 4,
    }
    candidates = tuple([Known(one) for one in route.deployments])
    tried = chooser(route.strategy).rank(None, candidates, random.Random(1))
    names = [one.deployment.provider.name for one in tried]
    assert names == ["backup", "primary", "lm_studio"]
    primary = route.deployments[0]
    assert (primary.defaults, primary.backoff.attempts, primary.backoff.base_s) == (
        {"temperature": 0.7},
        5,
        1.5,
    )
    assert settings.notices == ()
    assert embedding_model(settings).endswith(settings.providers["primary"].embedding_model)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("priority", "ordered"),
        ("round_robin", "round_robin"),
        ("random", "random"),
        ("load_balanced", "round_robin"),
        ("local_affinity", "local_first"),
        ("Round-Robin", "round_robin"),
        ("lowest_cost", "cheapest"),
        ("cost_optimized", "cost_optimised"),
        ("fastest", "latency"),
    ],
)
def test_strategy_spellings(tmp_path, spelling, canonical):
    settings = load_list(tmp_path, strategy=spelling)
    assert resolve(settings, "default").strategy == canonical
    assert settings.notices == ()


def test_a_strategy_that_spreads_does_so_over_the_whole_list(tmp_path):
    deployments = resolve(load_list(tmp_path, strategy="random"), "default").deployments
    assert {one.priority for one in deployments} == {0}


def test_without_fallback_only_the_first_answers(tmp_path):
    assert ids(resolve(load_list(tmp_path, enabled="false"), "default")) == [
        "backup/gemini-2.5-flash"
    ]


def test_the_newer_list_wins_over_the_older_form(tmp_path):
    settings = load_list(tmp_path, more='[llm]\nollama_url = "http://old:1"\ntext_model = "old"\n')
    assert "ollama" not in settings.providers
    wins = [one.path for one in settings.notices if "wins" in one.message]
    assert wins == ["llm.ollama_url", "llm.text_model"]


def test_a_lists_own_problems(tmp_path):
    text = '[llm]\nprovidres = 1\n[[llm.providers]]\nname = "a"\nprovider = "opnai"\n[llm.fallback]\nstrategy = "x"\n'
    with pytest.raises(InvalidConfigError) as caught:
        load(write(tmp_path, "a.toml", text), environment=KEYS)
    found = {(one.path, one.line) for one in caught.value.problems}
    assert found >= {
        ("llm.providres", 2),
        ("llm.providers[0].provider", 5),
        ("llm.fallback.strategy", 7),
    }


def test_the_older_single_form(tmp_path):
    text = '[llm]\nollama_url = "http://localhost:11434"\ntext_model = "llama3.2"\n'
    settings = load(write(tmp_path, "a.toml", text), environment={})
    (deployment,) = resolve(settings, default_model(settings)).deployments
    assert (deployment.id, deployment.base_url) == ("ollama/llama3.2", "http://localhost:11434")


SELECTION = """\
providers:
  anthropic: {api_key: "${ANTHROPIC_API_KEY}", rate_limits: {requests_per_minute: 50}}
  openai: {api_key: "${OPENAI_API_KEY}", default_model: gpt-4o}
  ollama: {base_url: "${OLLAMA_URL:-http://localhost:11434}"}
default_provider: anthropic
fallback_providers: [openai, ollama]
request_timeout: 30
strategy: load_balanced
"""


def test_a_default_provider_with_fallbacks(tmp_path):
    settings = load(write(tmp_path, "a.yaml", SELECTION), environment=KEYS)
    route = resolve(settings, default_model(settings))
    assert ids(route) == ["anthropic/claude-sonnet-4-5"]
    assert route.fallbacks == ("openai/gpt-4o",)
    assert settings.strategy == "round_robin"
    assert route.deployments[0].timeouts.first_byte_s == 30
    assert settings.providers["anthropic"].limits.requests_per_minute == 50
    assert settings.providers["ollama"].base_url == "http://localhost:11434"


# ---------------------------------------------------------------- the examples themselves

EXPECTED = {
    "models-providers.yaml": ("gpt-4o", ["openai/gpt-4o"], ()),
    "provider-list.toml": (
        "default",
        [
            "primary/gpt-4o",
            "backup/claude-sonnet-4-5",
            "fast/llama-3.3-70b-versatile",
            "local/llama3.2",
        ],
        (),
    ),
    "provider-list-legacy.toml": ("ollama/llama3.2", ["ollama/llama3.2"], ()),
    "selection.yaml": (
        "anthropic/claude-sonnet-4-5",
        ["anthropic/claude-sonnet-4-5"],
        ("openai/gpt-4o",),
    ),
}


def example(name):
    path = EXAMPLES / name
    if not path.exists():
        pytest.skip("the shared examples are not here")
    return path


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_loads_unchanged(name):
    settings = load(example(name), environment=KEYS)
    default, deployments, fallbacks = EXPECTED[name]
    assert default_model(settings) == default
    route = resolve(settings, default)
    assert (ids(route), route.fallbacks) == (deployments, fallbacks)


def test_every_model_of_the_models_example_resolves():
    settings = load(example("models-providers.yaml"), environment=KEYS)
    assert {name: ids(resolve(settings, name)) for name in settings.routes} == {
        "gpt-4o": ["openai/gpt-4o"],
        "claude-sonnet": ["anthropic/claude-sonnet-4-5"],
        "kimi": ["moonshot/kimi-k2"],
        "gemini": ["google/gemini-2.5-pro"],
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_loads_without_any_key_too(name):
    assert load(example(name), environment={}).providers


def test_the_environment_example():
    lines = example("environment.env").read_text().splitlines()
    variables = dict(
        line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")
    )
    settings = load({}, environment=variables)
    assert default_model(settings) == "openai/gpt-4o-mini"
    assert settings.defaults == {"max_tokens": 1000, "temperature": 0.7}
    assert ids(resolve(settings, "local")) == ["local/llama-3.2-3b-instruct"]
    assert ids(resolve(settings, "anthropic")) == ["anthropic/claude-3-haiku-20240307"]


def test_the_litellm_example():
    keys = {**KEYS, "AZURE_API_KEY": "az-1", "PROXY_MASTER_KEY": "mw-master-0123456789"}
    settings = load(example("litellm-config.yaml"), environment=keys)
    fast = resolve(settings, "fast")
    assert ids(fast) == ["openai/gpt-4o-mini", "azure-deployments/my-deployment"]
    assert fast.deployments[1].base_url == "https://example-resource.openai.azure.com/openai"
    assert fast.deployments[1].target.places == {"api_version": "2024-10-21"}
    assert ids(resolve(settings, "smart")) == ["anthropic/claude-sonnet-4-5"]
    assert resolve(settings, "smart").fallbacks == ("fast",)
    assert fast.deployments[0].backoff.attempts == 3
    (master,) = settings.gateway.keys
    assert (master.credential.secret, master.admin) == ("mw-master-0123456789", True)
    limits = Limits(requests_per_minute=500, tokens_per_minute=80000)
    assert fast.deployments[0].limits == limits


# ---------------------------------------------------------------- LiteLLM's file


def litellm(*models, **sections):
    entries = [
        {"model_name": name, "litellm_params": {"model": model, **params}}
        for name, model, params in models
    ]
    return load({"model_list": entries, **sections}, environment=KEYS)


@pytest.mark.parametrize(
    ("model", "deployment"),
    [
        ("gpt-4o-mini", "openai/gpt-4o-mini"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("groq/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
        ("together_ai/openai/gpt-oss-20b", "together/openai/gpt-oss-20b"),
        ("ollama_chat/llama3.2", "ollama/llama3.2"),
        ("hosted_vllm/qwen", "vllm/qwen"),
        ("fireworks_ai/accounts/x/models/y", "fireworks/accounts/x/models/y"),
        ("gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash"),
        ("dashscope/qwen-plus", "qwen/qwen-plus"),
        ("lm_studio/local", "lmstudio/local"),
    ],
)
def test_litellm_s_model_strings(model, deployment):
    settings = litellm(("mine", model, {"api_key": "k-123"}))
    assert ids(resolve(settings, "mine")) == [deployment]


def test_litellm_s_accounts_are_told_apart():
    settings = litellm(
        ("a", "openai/gpt-4o", {"api_key": "sk-one"}),
        ("a", "openai/gpt-4o", {"api_key": "sk-two"}),
        ("b", "openai/gpt-4.1", {"api_key": "sk-one"}),
        ("c", "openai/served", {"api_base": "http://10.0.0.5:8000/v1", "api_key": "none"}),
    )
    assert ids(resolve(settings, "a")) == ["openai/gpt-4o", "openai-2/gpt-4o"]
    assert ids(resolve(settings, "b")) == ["openai/gpt-4.1"]
    (served,) = resolve(settings, "c").deployments
    assert (served.provider.name, served.base_url) == (
        "openai-compatible",
        "http://10.0.0.5:8000/v1",
    )


def test_litellm_s_wildcards_settings_and_aliases():
    settings = litellm(
        ("openai/*", "openai/*", {"api_key": "sk-one"}),
        ("slow.v1", "openai/gpt-4o", {"api_key": "sk-one", "temperature": 0.3, "timeout": 7}),
        router_settings={
            "routing_strategy": "simple-shuffle",
            "fallbacks": [{"slow.v1": ["openai/gpt-4o-mini"]}],
            "model_group_alias": {"steady": "slow.v1"},
            "redis_host": "x",
        },
        litellm_settings={"num_retries": 4, "drop_params": True},
    )
    assert ids(resolve(settings, "openai/gpt-4.1-nano")) == ["openai/gpt-4.1-nano"]
    route = resolve(settings, "slow.v1")
    (deployment,) = route.deployments
    assert (route.strategy, route.fallbacks) == ("weighted", ("openai/gpt-4o-mini",))
    assert (deployment.defaults, deployment.timeouts.idle_s) == ({"temperature": 0.3}, 7)
    assert deployment.backoff.attempts == 5
    assert ids(resolve(settings, "steady")) == ids(route)
    assert [notice.path for notice in settings.notices] == ["router_settings.redis_host"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"model_name": "a"}, "needs model_name and litellm_params.model"),
        ({"model_name": "a", "litellm_params": {"model": "nobody/x"}}, "nobody/x"),
        ({"model_name": "gpt-*", "litellm_params": {"model": "openai/gpt-*"}}, "a pattern"),
    ],
)
def test_what_litellm_s_list_cannot_say(entry, why):
    with pytest.raises(InvalidConfigError, match=why):
        load({"model_list": [entry]}, environment=KEYS)


def test_litellm_s_limits_cooldowns_and_special_fallbacks():
    settings = litellm(
        ("fast", "gpt-4o-mini", {"rpm": 5, "tpm": 900, "max_parallel_requests": 2}),
        ("long", "gpt-4o", {}),
        router_settings={
            "allowed_fails": 3,
            "cooldown_time": 20,
            "context_window_fallbacks": [{"fast": ["long"]}],
            "content_policy_fallbacks": [{"fast": ["long"]}],
        },
    )
    fast = resolve(settings, "fast")
    assert fast.deployments[0].limits == Limits(
        requests_per_minute=5, tokens_per_minute=900, concurrent=2
    )
    assert (settings.breaker.failures, settings.breaker.open_s) == (3, 20)
    assert (fast.on_context_length, fast.on_content_filter) == (("long",), ("long",))
