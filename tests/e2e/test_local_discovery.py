"""A real llama.cpp server is found, recognised and asked; so are others, by what was recorded of them."""

import json
import lzma
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelway.client import Client
from modelway.config.discovery import discover, fetching, probe
from modelway.errors import UnknownModelError
from modelway.transport.http1 import Http1Transport
from support.command_line import modelway
from support.corpus import PATH


async def test_a_real_llamacpp_server_is_found(llama_url):
    transport = Http1Transport()
    try:
        found = await discover(transport, {"LOCAL_LLM_URL": f"{llama_url}/v1"})
    finally:
        await transport.aclose()
    server = next(one for one in found if one.base_url == f"{llama_url}/v1")
    assert (server.name, server.default_model) == ("llamacpp", "tiny")


@pytest.mark.parametrize("path", ["", "/v1", "/v1/"])
async def test_its_model_is_the_default_and_answers(llama_url, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with Client(environment={"LOCAL_LLM_URL": f"{llama_url}{path}"}) as client:
        answer = await client.chat("hello", max_tokens=5)
        assert answer.deployment == "local/tiny"
        assert answer.usage.output_tokens == 5
        assert await client.notices() == ()


async def test_what_it_says_of_its_model(llama_url):
    transport = Http1Transport()
    found = await probe(fetching(transport), {"LOCAL_LLM_URL": llama_url})
    await transport.aclose()
    (model,) = next(one for one in found if one.base_url == f"{llama_url}/v1").models
    assert model.quantization == "F32"
    assert model.size_bytes > 3_000_000
    assert model.context_tokens == 2048, "of a slot, not of the whole server"


def test_the_command_line_names_the_variable_of_a_dead_server(tmp_path):
    dead = {"LOCAL_LLM_URL": "http://127.0.0.1:9", "OLLAMA_URL": "http://127.0.0.1:9"}
    done = modelway("ask", "hello", home=tmp_path, **dead)
    assert done.returncode != 0
    assert "LOCAL_LLM_URL is set, but no server" in done.stderr
    assert "127.0.0.1:9: start it, or correct the variable" in done.stderr


async def test_the_library_names_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with Client(environment={"LOCAL_LLM_URL": "http://127.0.0.1:9/v1"}) as client:
        with pytest.raises(UnknownModelError, match="LOCAL_LLM_URL is set"):
            await client.chat("hello")


# ---------------------------------------------------------------- by recordings


@pytest.fixture
def playing():
    """A server on loopback that answers these paths with these bodies."""
    answers = {}

    class Player(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"not found")

        do_POST = do_GET  # noqa: N815 - the name that it is called by

        def log_message(self, *arguments):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Player)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    thread.join()
    server.server_close()


def recorded(provider, path):
    if not PATH.exists():
        pytest.skip("the recorded traffic is not beside this checkout")
    with lzma.open(PATH, "rt", encoding="utf-8") as lines:
        exchanges = [json.loads(line) for line in lines if path in line]
    bodies = [
        one["response"]["body_text"]
        for one in exchanges
        if one["provider"] == provider and one["request"].get("path") == path
    ]
    return max(bodies, key=len).encode()


async def found_at(url, **environment):
    transport = Http1Transport()
    found = await probe(fetching(transport), environment)
    await transport.aclose()
    return next(one for one in found if one.base_url.removesuffix("/v1") == url)


async def test_a_recorded_ollama(playing):
    """Its list is recorded; what it says of one model is as its documentation has it."""
    url, answers = playing
    answers["/api/tags"] = recorded("ollama", "/api/tags")
    answers["/api/version"] = b'{"version": "0.13.0"}'
    shown = {"model_info": {"general.architecture": "qwen3", "qwen3.context_length": 262144}}
    answers["/api/show"] = json.dumps(shown).encode()
    server = await found_at(url, OLLAMA_URL=url)
    assert server.provider == "ollama"
    models = {one.id: one for one in server.models}
    assert "all-minilm:latest" not in models, "it only makes embeddings"
    qwen = models["qwen3:4b"]
    assert (qwen.size_bytes, qwen.quantization) == (2497293931, "Q4_K_M")
    assert qwen.context_tokens == 262144


async def test_a_recorded_lm_studio(playing):
    """Its OpenAI list is recorded, its own API is as documented: the own one decides what it is."""
    url, answers = playing
    answers["/v1/models"] = listed = recorded("lmstudio", "/v1/models")
    ids = [one["id"] for one in json.loads(listed)["data"]]
    answers["/api/v0/models"] = json.dumps(
        {
            "object": "list",
            "data": [
                {
                    "id": name,
                    "type": "embeddings" if "embedding" in name else "llm",
                    "quantization": "Q4_K_M",
                    "state": "loaded" if number == 3 else "not-loaded",
                    "max_context_length": 131072,
                }
                for number, name in enumerate(ids)
            ],
        }
    ).encode()
    answers["/api/v1/models"] = json.dumps(
        {"models": [{"key": name, "size_bytes": 1000} for name in ids]}
    ).encode()
    server = await found_at(url, LM_STUDIO_URL=url)
    assert server.provider == "lmstudio"
    assert server.models[0].id == ids[3], "what is loaded answers at once"
    first = server.models[0]
    assert (first.size_bytes, first.quantization, first.context_tokens) == (1000, "Q4_K_M", 131072)
    assert all("embedding" not in one.id for one in server.models)


async def test_a_recorded_lm_studio_without_its_own_api(playing):
    """An older one, or another server like it: it is still what the variable names."""
    url, answers = playing
    answers["/v1/models"] = recorded("lmstudio", "/v1/models")
    server = await found_at(url, LOCAL_LLM_URL=url)
    assert server.provider == "openai-compatible"
    assert server.models
