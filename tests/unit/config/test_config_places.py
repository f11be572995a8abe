"""Where a row's dialects are when a configuration says where its server is."""

from __future__ import annotations

import pytest

from modelway.catalog.load import providers
from modelway.config.load import load
from modelway.config.places import moved
from modelway.config.resolve import resolve


@pytest.mark.parametrize(
    ("said", "native", "other"),
    [
        ("http://h:1", "http://h:1", "http://h:1/v1"),
        ("http://h:1/v1", "http://h:1", "http://h:1/v1"),
        ("https://h/ollama", "https://h/ollama", "https://h/ollama/v1"),
        ("https://h/ollama/v1", "https://h/ollama", "https://h/ollama/v1"),
    ],
)
def test_a_local_server_has_all_its_dialects_at_one_place(said, native, other):
    row = moved(providers()["ollama"], said)
    assert (row.base_url, row.dialects) == (native, providers()["ollama"].dialects)
    assert set(row.base_urls.values()) == {other}


def test_elsewhere_only_the_named_place_is_known():
    row = moved(providers()["huggingface"], "https://x.endpoints.huggingface.cloud/v1")
    assert (row.dialects, row.base_urls) == (("openai-chat",), {})
    row = moved(providers()["gemini"], "https://proxy.example/v1beta")
    assert row.dialects == ("gemini",)


def test_a_row_that_stays_is_the_row():
    row = providers()["ollama"]
    assert moved(row, row.base_url) is row


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
@pytest.mark.parametrize(
    ("dialect", "base_url"), [(None, "http://h:1"), ("openai-chat", "http://h:1/v1")]
)
def test_any_spelling_of_ollamas_url_will_do(path, dialect, base_url):
    chosen = {} if dialect is None else {"dialect": dialect}
    for config, environment in (
        ({"providers": {"ollama": {"base_url": f"http://h:1{path}", **chosen}}}, {}),
        ({"providers": {"ollama": chosen}}, {"OLLAMA_URL": f"http://h:1{path}"}),
    ):
        settings = load(config, environment=environment)
        [deployment] = resolve(settings, "ollama/m").deployments
        assert deployment.base_url == base_url
        assert deployment.also == (
            dict.fromkeys(
                ("openai-chat", "anthropic-messages", "openai-responses"), "http://h:1/v1"
            )
            if dialect is None
            else {}
        )


def test_a_deployment_of_its_own_place():
    config = {
        "providers": {"ollama": {}},
        "models": {"m": {"deployments": [{"provider": "ollama", "base_url": "http://h:1/v1"}]}},
    }
    config["models"]["m"]["deployments"][0]["model"] = "x"
    [deployment] = resolve(load(config, environment={}), "m").deployments
    assert (deployment.dialect, deployment.base_url) == ("ollama", "http://h:1")
