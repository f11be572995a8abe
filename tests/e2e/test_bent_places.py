"""Nothing that becomes part of a host or a path can lead a request elsewhere: no socket is opened."""

from __future__ import annotations

import asyncio
import json

import pytest

import modelway
from modelway.config.load import load
from support.clouds import AWS_KEYS, Clouds, gateway, service_account
from support.endpoints import world
from support.serving import KEY

BENT = (
    "x.evil.com/",
    "x.evil.com",
    "a#",
    "a?b",
    "a/b",
    "a@b",
    "a:1",
    "a\\b",
    "a b",
    "%2e",
    "%2e%2e",
    "a\r\nhost: evil.com",
    "a\x00",
    "..",
    ".",
    "a\u2024b",
    "a\u3002b",
    "\uff41",
    "٣",
    "-a",
    "a" * 64,
    "{region}",
    "${NOT_SET}",
)
PLACES = {
    "azure": {"resource": "AZURE_OPENAI_RESOURCE"},
    "azure-deployments": {"resource": "AZURE_OPENAI_RESOURCE", "api_version": "OPENAI_API_VERSION"},
    "azure-ai": {"resource": "AZURE_AI_RESOURCE"},
    "azure-anthropic": {"resource": "ANTHROPIC_FOUNDRY_RESOURCE"},
    "bedrock": {"region": "AWS_REGION"},
    "bedrock-mantle": {"region": "AWS_DEFAULT_REGION"},
    "vertex": {"project": "GOOGLE_CLOUD_PROJECT", "location": "GOOGLE_CLOUD_LOCATION"},
    "vertex-anthropic": {
        "project": "ANTHROPIC_VERTEX_PROJECT_ID",
        "location": "CLOUD_ML_REGION",
    },
}
EACH = [(provider, place) for provider, names in PLACES.items() for place in names]
USUAL = {"resource": "r-1", "region": "eu-west-1", "project": "p-1", "location": "global"}


def said(provider):
    return {place: USUAL.get(place, "2024-10-21") for place in PLACES[provider]}


async def refused(config, environment, name):
    """By SDK, as the configuration is read; nothing is sent to anybody."""
    async with world(Clouds()) as w:
        with pytest.raises(modelway.ConfigError) as told:
            async with modelway.Client(
                config, environment=environment, transport=w.around.transport
            ) as client:
                await client.chat("Hi", model=f"{next(iter(config['providers']))}/m")
        assert w.asked == []
        assert name in str(told.value)


@pytest.mark.parametrize(("provider", "place"), EACH)
async def test_a_bent_place_in_a_configuration_is_refused_as_it_is_read(provider, place):
    for value in BENT:
        config = {"providers": {provider: {**said(provider), place: value, "api_key": "k"}}}
        await refused(config, {}, place)


@pytest.mark.parametrize(("provider", "place"), EACH)
async def test_a_bent_place_in_the_environment_is_refused_as_it_is_read(provider, place):
    usual = {name: value for name, value in said(provider).items() if name != place}
    for value in BENT:
        config = {"providers": {provider: {**usual, "api_key": "k"}}}
        await refused(config, {PLACES[provider][place]: value}, place)


@pytest.mark.parametrize(("provider", "place"), EACH)
async def test_a_missing_place_names_its_variable(provider, place):
    if place in ("api_version", "location"):
        pytest.skip("has a default")
    usual = {name: value for name, value in said(provider).items() if name != place}
    config = {"providers": {provider: {**usual, "api_key": "k"}}}
    async with world(Clouds()) as w:
        async with modelway.Client(config, environment={}, transport=w.around.transport) as client:
            with pytest.raises(modelway.MissingKeyError) as told:
                await client.chat("Hi", model=f"{provider}/m")
        assert PLACES[provider][place] in str(told.value)
        assert w.asked == []


@pytest.mark.parametrize("value", BENT)
async def test_a_bent_tenant_is_refused(value):
    if value in ("x.evil.com", "a" * 64):  # a tenant may be called by its domain
        return
    entra = {"tenant_id": value, "client_id": "c", "client_secret": "s"}
    await refused({"providers": {"azure": {"resource": "r-1", "entra": entra}}}, {}, "tenant_id")
    around = {"AZURE_TENANT_ID": value, "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
    async with world(Clouds()) as w:
        config = {"providers": {"azure": {"resource": "r-1", "retries": 0}}}
        async with modelway.Client(
            config, environment=around, transport=w.around.transport
        ) as client:
            with pytest.raises(modelway.ConfigError, match="tenant_id"):
                await client.chat("Hi", model="azure/m")
        assert w.asked == []


async def test_an_authority_is_one_of_microsofts():
    entra = {"tenant_id": "t", "client_id": "c", "client_secret": "s", "authority": "evil.com"}
    await refused({"providers": {"azure": {"resource": "r-1", "entra": entra}}}, {}, "authority")


MODELS = (
    "..",
    ".",
    "../../x",
    "a/b",
    "a?b=c",
    "a%2e%2e",
    "a;b",
    "a:b@c",
    "%2e%2e",
    "a\u2024b",
    "a\\..\\b",
)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("provider", ["azure-deployments", "bedrock", "vertex", "vertex-anthropic"])
async def test_a_models_name_stays_one_step_of_its_path(provider, model, tmp_path):
    config = {"providers": {provider: {**said(provider), "api_key": "k", "retries": 0}}}
    usual = {}
    async with world(Clouds()) as w:
        async with modelway.Client(config, environment={}, transport=w.around.transport) as client:
            await client.chat("Hi", model=f"{provider}/plain", max_tokens=9)
            usual = w.asked.pop().url
            try:
                await client.chat("Hi", model=f"{provider}/{model}", max_tokens=9)
            except modelway.BadRequestError:
                assert w.asked == []
                return
        [asked] = w.asked
    before, after = usual.split("plain")
    assert asked.url.startswith(before)
    assert asked.url.endswith(after)
    step = asked.url[len(before) : -len(after)]
    assert not set(step) & set("/?#\\;")
    assert step not in ("..", ".")


# ---------------------------------------------------------------- callers of the gateway

ALL = {
    "providers": {
        "azure-deployments": {"resource": "r-1", "api_key": "key-1"},
        "bedrock": {
            "region": "eu-west-1",
            "aws": dict(
                zip(
                    ("access_key_id", "secret_access_key", "session_token"), AWS_KEYS, strict=True
                )
            ),
        },
        "vertex": {"project": "p-1"},
        "vertex-anthropic": {"project": "p-1", "location": "us-east5"},
    },
    "defaults": {"retries": 0},
}  # fmt: skip
FIELDS = (
    "api_base",
    "base_url",
    "endpoint",
    "azure_endpoint",
    "resource",
    "resource_name",
    "region",
    "region_name",
    "aws_region_name",
    "aws_bedrock_runtime_endpoint",
    "project",
    "vertex_project",
    "vertex_location",
    "location",
    "api_version",
    "tenant_id",
)
HEADERS = {
    "host": "evil.com",
    "x-forwarded-host": "evil.com",
    "target-url": "https://evil.com",
    "x-portkey-custom-host": "https://evil.com",
    "region": "evil",
    "x-goog-user-project": "evil",
    "api-version": "evil",
    "x-amzn-bedrock-endpoint": "evil.com",
    "openai-project": "evil",
}
HOSTS = (
    "https://r-1.openai.azure.com:443/openai/deployments/m/chat/completions?api-version=2024-10-21",
    "https://bedrock-runtime.eu-west-1.amazonaws.com:443/model/m/converse",
    "https://aiplatform.googleapis.com:443/v1beta1/projects/p-1/locations/global/publishers/google/models/m:generateContent",
    "https://us-east5-aiplatform.googleapis.com:443/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/m:rawPredict",
)
HELLO = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return service_account(tmp_path_factory.mktemp("account"))


async def post(url, body, headers, query=""):
    """One request as its bytes, which clients would not write."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = {"host": f"{host}:{port}", "authorization": f"Bearer {KEY}", **headers}
    head = "".join([f"{name}: {value}\r\n" for name, value in lines.items()])
    start = (
        f"POST /v1/{'messages' if 'anthropic' in url else 'chat/completions'}{query} HTTP/1.1\r\n"
    )
    writer.write(
        f"{start}{head}content-type: application/json\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


def providers_asked(w):
    return [asked.url.removeprefix("POST ") for asked in w.asked if "oauth2." not in asked.url]


@pytest.mark.parametrize("provider", ALL["providers"])
async def test_a_callers_body_chooses_no_place(provider, account, tmp_path):
    async with world(Clouds()) as w, gateway(w, ALL, account, tmp_path) as asking:
        for field in FIELDS:
            for bent in (
                {field: "evil"},
                {field.upper(): "evil"},
                {"extra_body": {field: "evil"}},
                {"metadata": {field: "evil"}},
                {"messages": [{**HELLO["messages"][0], field: "evil"}]},
            ):
                body = json.dumps({"model": f"{provider}/m", **HELLO, **bent}).encode()
                await post(asking.url, body, {})
        for url in providers_asked(w):
            assert url in HOSTS


@pytest.mark.parametrize(
    "field", ["api_base", "base_url", "azure_endpoint", "region", "project", "location"]
)
async def test_a_caller_who_names_a_host_is_refused(field, account, tmp_path):
    async with world(Clouds()) as w, gateway(w, ALL, account, tmp_path) as asking:
        body = json.dumps({"model": "bedrock/m", **HELLO, field: "evil"}).encode()
        status, _ = await post(asking.url, body, {})
        assert (status, w.asked) == (403, [])
        twice = b'{"model":"bedrock/m","model":"vertex/m","max_tokens":9,"messages":[]}'
        status, _ = await post(asking.url, twice, {})
        assert (status, w.asked) == (400, [])


@pytest.mark.parametrize("provider", ALL["providers"])
async def test_a_callers_headers_and_query_choose_no_place(provider, account, tmp_path):
    body = json.dumps({"model": f"{provider}/m", **HELLO}).encode()
    wanted = HOSTS[list(ALL["providers"]).index(provider)]
    async with world(Clouds()) as w, gateway(w, ALL, account, tmp_path) as asking:
        for name, value in HEADERS.items():
            status, answer = await post(asking.url, body, {name: value})
            assert status in (200, 400, 403, 421), answer
        for field in FIELDS:
            await post(asking.url, body, {}, f"?{field}=evil&{field}=https%3A%2F%2Fevil.com")
        urls = providers_asked(w)
        assert len(urls) > len(FIELDS) / 2
        for url in urls:
            assert url == wanted
        for asked in w.asked:
            assert not [value for _, value in asked.received.headers if "evil" in value]


@pytest.mark.parametrize(("provider", "place"), EACH)
async def test_a_place_of_ones_own_needs_no_part_of_an_address(provider, place):
    own = {"base_url": "https://own.example.com/x", "api_key": "k", "retries": 0}
    config = {"providers": {provider: own}}
    problem = load(config, environment={}).providers[provider].problem
    assert (problem is None) == (
        place == "resource" or provider == "bedrock-mantle" or place == "api_version"
    )


def test_places_that_are_right_are_taken():
    for provider in PLACES:
        settings = load(
            {"providers": {provider: {**said(provider), "api_key": "k"}}}, environment={}
        )
        assert settings.providers[provider].problem is None
        assert "{" not in settings.providers[provider].base_url
