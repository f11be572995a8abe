"""The gateway inside somebody else's ASGI application, under uvicorn."""

import asyncio
import contextlib
import socket

import openai
import pytest
import uvicorn

from modelway.errors import ConfigError
from modelway.gateway.mounted import asgi
from modelway.simulator.serve import serve

KEY = "mounted-key-0123456789"


def outer(gateway):
    """An application that mounts the gateway as frameworks do: by ``root_path``."""

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"].startswith("/llm/"):
            await gateway({**scope, "root_path": "/llm"}, receive, send)
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await gateway(scope, receive, send)

    return app


@contextlib.asynccontextmanager
async def running(app, lifespan="on"):
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan=lifespan, log_config=None))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()


@pytest.mark.parametrize("lifespan", ["on", "off"])
async def test_it_answers_below_its_mount(lifespan, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    async with serve() as base:
        gateway = asgi({"providers": {"simulator": {"base_url": f"{base}/v1"}}}, keys=[KEY])
        async with running(outer(gateway), lifespan) as url:
            async with openai.AsyncOpenAI(base_url=f"{url}/llm/v1", api_key=KEY) as client:
                answer = await client.chat.completions.create(
                    model="simulator/sim-echo", messages=[{"role": "user", "content": "hello"}]
                )
                assert "hello" in answer.choices[0].message.content
                chunks = await client.chat.completions.create(
                    model="simulator/sim-echo",
                    messages=[{"role": "user", "content": "hello"}],
                    stream=True,
                )
                assert [chunk async for chunk in chunks]
            async with openai.AsyncOpenAI(base_url=f"{url}/llm/v1", api_key="wrong") as client:
                with pytest.raises(openai.AuthenticationError):
                    await client.models.list()
        await gateway.aclose()


async def test_without_a_key_it_refuses_to_start(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    gateway = asgi({"providers": {"simulator": {}}})
    with pytest.raises(ConfigError, match="keys="):
        await gateway({"type": "http"}, None, None)
    kept = [path.name for path in tmp_path.iterdir()]
    assert "keys.json" not in kept, "a key that nobody has seen must not be kept"
