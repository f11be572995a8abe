"""The real engine, and a gateway in front of it, once for the session."""

import pytest

from support.llama_server import llama_server
from support.serving import served
from support.tiny_model import build


@pytest.fixture(scope="session")
def llama_url(tmp_path_factory):
    """llama.cpp's own server with a real, tiny model."""
    model = build(tmp_path_factory.mktemp("model") / "tiny.gguf")
    with llama_server(model) as url:
        yield url


@pytest.fixture(scope="session")
def llama_config(llama_url):
    """The engine twice: by the OpenAI dialect that it speaks, and by the Anthropic one."""
    return {
        "providers": {
            "chat": {"like": "llamacpp", "base_url": f"{llama_url}/v1"},
            "messages": {
                "like": "llamacpp",
                "base_url": f"{llama_url}/v1",
                "dialect": "anthropic-messages",
            },
        },
        "models": {"tiny": "chat/tiny"},
    }


@pytest.fixture(scope="session")
def gateway(llama_config, tmp_path_factory):
    with served(llama_config, tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture
def openai_client(gateway):
    import openai

    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(gateway):
    import anthropic

    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client:
        yield client
