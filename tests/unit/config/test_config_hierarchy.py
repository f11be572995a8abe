"""Deployment over model over provider over defaults, and where each value came from."""

from modelway.config.load import load, origins
from modelway.config.resolve import resolve

YAML = """\
providers:
  openai:
    api_key: "${OPENAI_API_KEY}"
    temperature: 0.3
    headers: {x-team: search, x-from: provider}
    extra: {store: false}
    limits: {requests_per_minute: 500}
  house: {like: vllm, base_url: "http://10.0.0.5:8000", retries: 0, supports_streaming: false}
models:
  fast:
    temperature: 0.2
    top_p: 0.9
    headers: {x-from: model}
    deployments:
      - {provider: openai, model: gpt-4o-mini, temperature: 0.1, extra: {top_k: 20}, query: {v: 1}}
      - {provider: openai, model: gpt-4o, timeouts: {idle_s: 5}}
      - {provider: house, model: qwen, base_url: "http://10.0.0.6:8000/v1", max_output_tokens: 99}
defaults: {max_tokens: 1000, temperature: 0.7, timeout_s: 45, retries: 3}
"""


def load_yaml(tmp_path):
    path = tmp_path / "modelway.yaml"
    path.write_text(YAML)
    return load(path, environment={"OPENAI_API_KEY": "sk-1"})


def test_the_hierarchy(tmp_path):
    mini, plain, house = load_yaml(tmp_path).routes["fast"].deployments
    assert mini.defaults == {"max_tokens": 1000, "temperature": 0.1, "top_p": 0.9}
    assert plain.defaults == {"max_tokens": 1000, "temperature": 0.2, "top_p": 0.9}
    assert mini.target.body == {"store": False, "top_k": 20}
    assert mini.query == {"v": "1"}
    assert mini.headers == {"x-team": "search", "x-from": "model"}
    assert (mini.timeouts.first_byte_s, mini.timeouts.idle_s, plain.timeouts.idle_s) == (45, 45, 5)
    assert (mini.backoff.attempts, house.backoff.attempts) == (4, 1)
    assert (mini.supports_streaming, house.supports_streaming) == (True, False)
    assert house.id == "house/qwen@http://10.0.0.6:8000/v1"
    assert house.base_url == "http://10.0.0.6:8000/v1"
    assert house.target.max_output_tokens == 99


def test_a_name_without_a_route_has_its_providers_settings(tmp_path):
    settings = load_yaml(tmp_path)
    (deployment,) = resolve(settings, "openai/gpt-4.1").deployments
    assert deployment.defaults == {"max_tokens": 1000, "temperature": 0.3}
    assert deployment.headers["x-from"] == "provider"
    assert settings.providers["openai"].limits.requests_per_minute == 500


def test_a_local_engine_waits_longer_unless_told_otherwise():
    told = load({"providers": {"vllm": {}, "openai": {}}}, environment={"OPENAI_API_KEY": "sk-1"})
    assert (
        told.providers["vllm"].timeouts.first_byte_s
        > told.providers["openai"].timeouts.first_byte_s
    )
    told = load({"providers": {"vllm": {"timeout_s": 7}}}, environment={})
    assert told.providers["vllm"].timeouts.first_byte_s == 7


def test_a_long_timeout_lifts_the_total():
    told = load(
        {"providers": {"openai": {"timeout_s": 900}}}, environment={"OPENAI_API_KEY": "sk-1"}
    )
    assert told.providers["openai"].timeouts.total_s == 900


def test_every_value_says_where_it_came_from(tmp_path):
    shown = {one.path: (one.value, one.origin) for one in origins(load_yaml(tmp_path))}
    assert shown["defaults.max_tokens"] == ("1000", "modelway.yaml:18")
    openai = "providers.openai"
    assert shown[f"{openai}.base_url"] == ("https://api.openai.com/v1", "provider row openai")
    assert shown[f"{openai}.api_key"] == (
        "(hidden)",
        "environment OPENAI_API_KEY (modelway.yaml:3)",
    )
    assert shown[f"{openai}.temperature"] == ("0.3", "modelway.yaml:4")
    assert shown[f"{openai}.max_tokens"] == ("1000", "modelway.yaml:18")
    assert shown[f"{openai}.backoff.cap_s"] == ("30", "default")
    assert shown[f"{openai}.limits.requests_per_minute"] == ("500", "modelway.yaml:7")
    first = "models.fast.deployments[0]"
    assert shown[f"{first}.temperature"] == ("0.1", "modelway.yaml:15")
    assert shown[f"{first}.top_p"] == ("0.9", "modelway.yaml:12")
    assert shown[f"{first}.headers.x-from"] == ("model", "modelway.yaml:13")
    assert shown["gateway.port"] == ("4000", "default")


def test_another_dialect_of_the_same_host_may_be_elsewhere():
    config = {
        "providers": {
            "deepseek": {},
            "claude-like": {"like": "deepseek", "dialect": "anthropic-messages"},
        },
        "models": {
            "m": {
                "deployments": [
                    {"provider": "deepseek", "model": "x", "dialect": "anthropic-messages"}
                ]
            }
        },
    }
    settings = load(config, environment={"DEEPSEEK_API_KEY": "sk-1"})
    (deployment,) = settings.routes["m"].deployments
    assert deployment.base_url == "https://api.deepseek.com/anthropic/v1"
    (other,) = resolve(settings, "claude-like/x").deployments
    assert (other.dialect, other.base_url) == (
        "anthropic-messages",
        "https://api.deepseek.com/anthropic/v1",
    )


def test_a_base_url_without_a_path_gets_the_rows():
    config = {
        "providers": {
            "anthropic": {"base_url": "https://proxy.example/"},
            "x": {"base_url": "http://h:1/"},
        }
    }
    settings = load(config, environment={"ANTHROPIC_API_KEY": "sk-ant-1"})
    assert settings.providers["anthropic"].base_url == "https://proxy.example/v1"
    assert settings.providers["x"].base_url == "http://h:1"


def test_weights_make_a_route_weighted_and_order_makes_priorities():
    config = {
        "models": {
            "ordered": ["openai/a", "openai/b"],
            "weighted": [{"model": "openai/a", "weight": 2}, "openai/b"],
            "said": {
                "strategy": "round-robin",
                "deployments": ["openai/a", {"model": "openai/b", "priority": 5}],
            },
        }
    }
    routes = load(config, environment={"OPENAI_API_KEY": "sk-1"}).routes
    described = {
        name: (route.strategy, [one.priority for one in route.deployments])
        for name, route in routes.items()
    }
    assert described == {
        "ordered": ("ordered", [0, 1]),
        "weighted": ("weighted", [0, 0]),
        "said": ("round_robin", [0, 5]),
    }


def test_a_value_of_a_mapping_says_where_in_it_it_stands():
    given = {"providers": {"vllm": {"base_url": "http://h:1", "api_key": "${K}"}}}
    settings = load(given, environment={"K": "k-0123456789"})
    told = {one.path: one.origin for one in origins(settings)}
    assert told["providers.vllm.base_url"] == "given settings: providers.vllm.base_url"
    assert told["providers.vllm.api_key"] == (
        "environment K (given settings: providers.vllm.api_key)"
    )


def test_what_is_read_and_has_no_effect_is_said():
    openai = {"limits": {"concurrent": 3}, "priority": 2}
    settings = load({"providers": {"openai": openai}}, environment={"OPENAI_API_KEY": "sk-1"})
    told = {one.path: one.message for one in settings.notices}
    assert told.keys() == {"providers.openai.priority"}
    assert "without effect" in told["providers.openai.priority"]
