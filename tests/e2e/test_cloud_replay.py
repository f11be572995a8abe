"""What clouds answered is replayed without a credential, without a place, and without a connection."""

from __future__ import annotations

import socket

import pytest

import modelway
from modelway.cassettes import Choice, as_environment, taping
from modelway.config.load import load
from modelway.transport.cassette import read_cassette
from modelway.transport.fetch import Fetcher
from support.clouds import AWS_KEYS, TOKEN_HOSTS, Clouds, service_account
from support.endpoints import world

NOVA, CLAUDE = "us.amazon.nova-lite-v1:0", "claude-sonnet-4-5@20250929"
PROVIDERS = {
    "azure": ({"resource": "res-1"}, "gpt-mine"),
    "azure-deployments": ({"resource": "res-1", "api_key": "${DEPLOYMENTS_KEY}"}, "gpt-mine"),
    "bedrock": ({"region": "eu-west-1"}, NOVA),
    "vertex": ({"project": "proj-1"}, "gemini-2.5-flash"),
    "vertex-anthropic": ({"project": "proj-1", "location": "us-east5"}, CLAUDE),
}
CONFIG = {
    "providers": {name: {**said, "retries": 0} for name, (said, _) in PROVIDERS.items()},
    "models": {name: f"{name}/{model}" for name, (_, model) in PROVIDERS.items()},
}
SECRETS = {
    "AZURE_TENANT_ID": "tenant-1",
    "AZURE_CLIENT_ID": "client-1",
    "AZURE_CLIENT_SECRET": "canary-of-entra",
    "DEPLOYMENTS_KEY": "key-of-azure",
    "AWS_ACCESS_KEY_ID": AWS_KEYS[0],
    "AWS_SECRET_ACCESS_KEY": AWS_KEYS[1],
    "AWS_SESSION_TOKEN": AWS_KEYS[2],
}


def no_network(patch):
    """No name is looked up and no connection made."""

    def refuse(*_, **__):
        raise AssertionError("a connection was wanted")

    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, refuse)
    patch.setattr(socket, "getaddrinfo", refuse)


async def asked(client):
    """A whole answer and a stream of each."""
    said = {}
    for name in PROVIDERS:
        whole = await client.chat("Hi", model=name, max_tokens=9)
        async with client.stream("Hi", model=name, max_tokens=9) as stream:
            folded = await stream.collect()
        said[name] = (whole.text, whole.usage.input_tokens, folded.text, folded.usage.output_tokens)
    return said


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return service_account(tmp_path_factory.mktemp("account"))


class Taped:
    """As recorders stand in an engine: before the providers, and not before their tokens."""

    def __init__(self, inner, recorder):
        self._inner, self._recorder = inner, recorder

    async def send(self, request):
        to_tape = request.origin.host not in TOKEN_HOSTS
        return await (self._recorder if to_tape else self._inner).send(request)

    async def aclose(self):
        await self._recorder.aclose()


@pytest.fixture
async def tape(account, tmp_path):
    """A cassette of every cloud, and what was answered."""
    path = tmp_path / "clouds.jsonl"
    environment = {**SECRETS, "GOOGLE_APPLICATION_CREDENTIALS": account}
    settings = load(CONFIG, environment=environment)
    async with world(Clouds()) as w:
        choice = Choice(path=path, mode="record")
        recorder = taping(choice, w.around.transport, Fetcher(), settings).transport
        async with modelway.Client(
            settings, environment=environment, transport=Taped(w.around.transport, recorder)
        ) as client:
            return path, await asked(client)


def replaying(path, config=CONFIG, **more):
    return modelway.Client(config, environment={**as_environment(Choice(path=path)), **more})


async def test_no_credential_is_on_the_tape(tape):
    path, said = tape
    assert set(said.values()) == {("Hello", 5, "Hello", 2)}
    tape = path.read_text()
    assert "canary" not in tape
    assert AWS_KEYS[0] not in tape
    assert "key-of-azure" not in tape
    sources = {exchange.provider.name for _, exchange in read_cassette(path).recordings}
    assert sources == set(PROVIDERS)


async def test_a_configuration_replays_without_credentials(tape, monkeypatch):
    path, said = tape
    no_network(monkeypatch)
    async with replaying(path) as client:
        assert await asked(client) == said
        with pytest.raises(modelway.LLMError):
            await client.chat("Another question", model="vertex")


async def test_places_may_come_from_the_environment(tape, monkeypatch):
    path, said = tape
    no_network(monkeypatch)
    config = {**CONFIG, "providers": {name: {"retries": 0} for name in PROVIDERS}}
    around = {
        "AZURE_OPENAI_RESOURCE": "res-1",
        "AWS_REGION": "eu-west-1",
        "GOOGLE_CLOUD_PROJECT": "proj-1",
        "CLOUD_ML_REGION": "us-east5",
    }
    async with replaying(path, config, **around) as client:
        assert await asked(client) == said


async def test_no_configuration_at_all(tape, monkeypatch):
    path, said = tape
    no_network(monkeypatch)
    async with replaying(path, None) as client:
        for name in ("azure", "azure-deployments", "bedrock"):
            model = f"{name}/{PROVIDERS[name][1]}"
            answer = await client.chat("Hi", model=model, max_tokens=9)
            assert answer.text == said[name][0]
        with pytest.raises(modelway.MissingKeyError, match="GOOGLE_CLOUD_PROJECT"):
            await client.chat("Hi", model="vertex/gemini-2.5-flash", max_tokens=9)
