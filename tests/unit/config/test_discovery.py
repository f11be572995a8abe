"""Local servers are found, each verified to be what it is taken for."""

import asyncio
import json
import re

import pytest
from msgspec.structs import replace

from modelway.config.discovery import (
    FoundServer,
    adopt,
    as_provider,
    candidates,
    discover,
    not_found,
    probe,
)
from modelway.config.load import load
from modelway.config.resolve import default_model, resolve
from modelway.errors import APIConnectionError, UnknownModelError
from modelway.types import ModelListing

OLLAMA = {
    "/api/version": {"version": "0.13.0"},
    "/api/tags": {
        "models": [
            {
                "name": "llama3.2:3b",
                "size": 2019393189,
                "details": {"family": "llama", "quantization_level": "Q4_K_M"},
            },
            {"name": "all-minilm:latest", "size": 1, "details": {"family": "bert"}},
            {"name": "odd:1", "size": "big", "details": None},
        ]
    },
    "/api/show": {"model_info": {"general.architecture": "llama", "llama.context_length": 131072}},
}
LM_STUDIO = {
    "/api/v0/models": {
        "object": "list",
        "data": [
            {
                "id": "a",
                "type": "vlm",
                "quantization": "4bit",
                "state": "not-loaded",
                "max_context_length": 32768,
            },
            {"id": "e", "type": "embeddings", "state": "loaded"},
            {
                "id": "b",
                "type": "llm",
                "publisher": "org",
                "quantization": "Q4_K_M",
                "state": "loaded",
                "max_context_length": 131072,
                "loaded_context_length": 8192,
            },
        ],
    },
    "/api/v1/models": {"models": [{"key": "b", "size_bytes": 4920000000}, {"key": "e"}, 7]},
    "/v1/models": {"object": "list", "data": [{"id": "a", "owned_by": "organization_owner"}]},
}
VLLM = {
    "/v1/models": {
        "object": "list",
        "data": [
            {"id": "Qwen/Qwen3-0.6B", "owned_by": "vllm", "created": 5, "max_model_len": 8192}
        ],
    }
}
LLAMACPP = {
    "/v1/models": {
        "object": "list",
        "data": [
            {
                "id": "tiny",
                "owned_by": "llamacpp",
                "meta": {"n_ctx_train": 8192, "size": 3761408, "ftype": "Q4_K - Medium"},
            }
        ],
    },
    "/props": {"default_generation_settings": {"n_ctx": 2048}},
}
ANY = {"/v1/models": {"object": "list", "data": [{"id": "m", "owned_by": "me"}]}}


def fetching(servers):
    """Servers by ``host:port``: paths → JSON, text for another body, or an error to raise."""

    async def fetch(url, body):
        host, _, path = url.removeprefix("http://").partition("/")
        if host not in servers:
            raise APIConnectionError("refused")
        server = servers[host]
        if isinstance(server, Exception):
            raise server
        if isinstance(server, str):
            return 200, server.encode()
        if server == "slow":
            await asyncio.sleep(60)
        answer = server.get("/" + path)
        return (200, json.dumps(answer).encode()) if answer is not None else (404, b"not found")

    return fetch


async def found(servers, **environment):
    return await probe(fetching(servers), environment)


async def test_ollama():
    (server,) = await found({"localhost:11434": OLLAMA})
    assert (server.provider, server.base_url) == ("ollama", "http://localhost:11434")
    assert server.models == (
        ModelListing(
            id="llama3.2:3b",
            provider="ollama",
            size_bytes=2019393189,
            quantization="Q4_K_M",
            context_tokens=131072,
        ),
        ModelListing(id="odd:1", provider="ollama", context_tokens=131072),
    )


async def test_lm_studio_lists_what_is_loaded_first():
    (server,) = await found({"localhost:1234": LM_STUDIO})
    assert [
        (one.id, one.quantization, one.context_tokens, one.size_bytes) for one in server.models
    ] == [("b", "Q4_K_M", 8192, 4920000000), ("a", "4bit", 32768, None)]


async def test_lm_studio_before_it_said_sizes():
    older = {path: told for path, told in LM_STUDIO.items() if path != "/api/v1/models"}
    (server,) = await found({"localhost:1234": older})
    assert [one.size_bytes for one in server.models] == [None, None]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LOCAL_LLM_URL": "http://127.0.0.1:9"}, "LOCAL_LLM_URL is set, but .* at 127.0.0.1:9"),
        ({"OLLAMA_URL": "http://h:1/v1"}, "OLLAMA_URL is set, but .* at h:1"),
        ({"LM_STUDIO_URL": "http://h:2"}, "LM_STUDIO_URL is set"),
        ({"LOCAL_LLM_URL": "http://u:secret@h/v1"}, "no URL: start it, or correct the variable"),
    ],
)
async def test_a_named_place_without_a_server_is_named(environment, words):
    settings = load({}, environment={})
    told = not_found(await found({}, **environment), environment)
    assert re.search(words, told)
    assert "secret" not in told
    with pytest.raises(UnknownModelError, match=words):
        resolve(replace(settings, not_found=told), "")


async def test_a_named_place_with_a_server_is_not_missed():
    for environment in ({"LOCAL_LLM_URL": "http://h:1"}, {"LOCAL_LLM_URL": "http://h:1/v1/"}):
        servers = await found({"h:1": VLLM}, **environment)
        assert [server.base_url for server in servers] == ["http://h:1/v1"]
        assert not_found(servers, environment) is None
        made = adopt(load({}, environment=environment), servers)
        assert default_model(made) == "local/Qwen/Qwen3-0.6B"
        assert made.providers["local"].base_url == "http://h:1/v1"


async def test_vllm_and_llamacpp():
    vllm, llamacpp = await found({"localhost:8000": VLLM, "localhost:8080": LLAMACPP})
    assert (vllm.provider, vllm.models[0].context_tokens) == ("vllm", 8192)
    (tiny,) = llamacpp.models
    assert (tiny.context_tokens, tiny.size_bytes, tiny.quantization) == (2048, 3761408, "Q4_K_M")


@pytest.mark.parametrize(
    "stranger",
    [
        "<html>hello</html>",
        "[]",
        "null",
        "{}",
        '{"object": "list", "data": []}',
        '{"object": "list", "data": [{"id": "x", "owned_by": "someone"}]}',
        '{"object": "list", "data": [7, {"id": ""}]}',
        '{"models": [], "version": 1',
        "\x00" * 100,
        VLLM,
        ANY,
    ],
)
async def test_a_stranger_on_a_usual_port_does_not_count(stranger):
    assert await found({"localhost:8080": stranger}) == ()


async def test_models_of_a_stranger_on_ollamas_port_do_not_count():
    assert await found({"localhost:11434": {"/api/tags": {"models": []}}}) == ()


async def test_a_slow_server_is_given_up_within_the_timeout():
    async def slow(url, body):
        await asyncio.sleep(60)

    async with asyncio.timeout(5):
        assert await probe(slow, {}, timeout_s=0.01) == ()


@pytest.mark.parametrize("error", [OSError("x"), TimeoutError(), APIConnectionError("x")])
async def test_errors_are_no_server(error):
    assert await found({"localhost:11434": error}) == ()


async def test_variables_name_other_places():
    servers = {"h:1": OLLAMA, "h:2": LM_STUDIO, "h:3": ANY, "localhost:11434": OLLAMA}
    servers_found = await found(
        servers,
        OLLAMA_URL="http://h:1",
        LM_STUDIO_URL="http://h:2/v1/",
        LOCAL_LLM_URL="http://h:3/v1",
    )
    assert [(one.provider, one.base_url) for one in servers_found] == [
        ("ollama", "http://h:1"),
        ("lmstudio", "http://h:2/v1"),
        ("openai-compatible", "http://h:3/v1"),
    ]


async def test_a_named_place_is_recognised_as_what_it_is():
    (server,) = await found({"h:9": LLAMACPP}, LOCAL_LLM_URL="http://h:9/v1")
    assert server.provider == "llamacpp"


def test_each_place_is_asked_once():
    places = [one.base_url for one in candidates({"LOCAL_LLM_URL": "http://localhost:11434/v1"})]
    assert len(places) == len(set(places))


SERVER = FoundServer(
    provider="ollama",
    base_url="http://h:1/v1",
    models=(ModelListing(id="llama3.2:3b"), ModelListing(id="org/other")),
)


def test_a_found_server_is_a_provider_whose_models_go_by_their_names():
    provider = as_provider(SERVER)
    assert (provider.name, provider.default_model, provider.problem) == (
        "ollama",
        "llama3.2:3b",
        None,
    )
    settings = adopt(load({}, environment={}), [SERVER])
    assert default_model(settings) == "ollama/llama3.2:3b"
    assert resolve(settings, "org/other").deployments[0].id == "ollama/org/other"
    assert resolve(settings, "org/other").deployments[0].base_url == "http://h:1"


def test_what_is_found_completes_what_is_configured():
    config = {
        "providers": {"mine": {"like": "ollama", "base_url": "http://h:1", "temperature": 0.5}}
    }
    settings = adopt(load(config, environment={}), [SERVER])
    assert list(settings.providers) == ["mine"]
    (deployment,) = resolve(settings, default_model(settings)).deployments
    assert (deployment.id, deployment.defaults) == ("mine/llama3.2:3b", {"temperature": 0.5})


async def test_over_a_transport():
    class Answer:
        headers = ()

        def __init__(self, status, body):
            self.status, self._body = status, body

        async def read(self):
            return self._body

    class Loopback:
        def __init__(self):
            self.sent = []

        async def send(self, request):
            self.sent.append(request)
            fetch = fetching({"localhost:11434": OLLAMA})
            url = f"http://{request.origin.host}:{request.origin.port}{request.target}"
            return Answer(*await fetch(url, request.body or None))

    transport = Loopback()
    (provider,) = await discover(transport, {})
    assert (provider.name, provider.default_model) == ("ollama", "llama3.2:3b")
    show = next(one for one in transport.sent if one.target == "/api/show")
    assert (show.method, json.loads(show.body)) == ("POST", {"model": "llama3.2:3b"})
    assert all(one.timeouts.total_s <= 0.3 for one in transport.sent)
