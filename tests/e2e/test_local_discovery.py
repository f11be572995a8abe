"""A real llama.cpp server is found, recognised and asked."""

from modelway.config.discovery import discover
from modelway.transport.http1 import Http1Transport


async def test_a_real_llamacpp_server_is_found(llama_url):
    transport = Http1Transport()
    try:
        found = await discover(transport, {"LOCAL_LLM_URL": f"{llama_url}/v1"})
    finally:
        await transport.aclose()
    server = next(one for one in found if one.base_url == f"{llama_url}/v1")
    assert (server.name, server.default_model) == ("llamacpp", "tiny")
