"""Entra's tokens: client, federation, machines and functions, from endpoints on loopback."""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from modelway.auth import EntraSettings, callback_signer, entra_signer
from modelway.errors import (
    AuthenticationError,
    ConfigError,
    LLMError,
    MissingKeyError,
    OverloadedError,
    UnsupportedError,
)
from support.endpoints import API, header, told, world

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = EntraSettings(tenant_id=TENANT, client_id="app-1", client_secret="canary-secret")
MACHINE = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41/msi/token", "IDENTITY_HEADER": "canary-head"}


def granting(asked):
    return told({"token_type": "Bearer", "expires_in": 3599, "access_token": "canary-token"})


def query(asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.url).query).items()}


async def signed(settings, w) -> str:
    return header(await entra_signer(settings, w.around).sign(API), b"authorization")


@pytest.mark.parametrize("by_environment", [False, True])
async def test_a_client_gives_its_secret(by_environment):
    environment = {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": "app-1",
        "AZURE_CLIENT_SECRET": "canary-secret",
    }
    async with world(granting, **(environment if by_environment else {})) as w:
        signer = entra_signer(EntraSettings() if by_environment else CLIENT, w.around)
        w.gate = asyncio.Event()
        waiting = [asyncio.create_task(signer.sign(API)) for _ in range(100)]
        await asyncio.sleep(0.05)
        w.gate.set()
        for request in await asyncio.gather(*waiting):
            assert header(request, b"authorization") == "Bearer canary-token"
        assert w.urls == [f"POST https://login.microsoftonline.com:443/{TENANT}/oauth2/v2.0/token"]
        assert w.asked[0].form == {
            "grant_type": "client_credentials",
            "client_id": "app-1",
            "client_secret": "canary-secret",
            "scope": "https://cognitiveservices.azure.com/.default",
        }
        w.clock.now_s += 3595
        await signer.sign(API)
        assert len(w.asked) == 2


async def test_a_federated_token_is_read_anew(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    async with world(
        granting,
        AZURE_TENANT_ID=TENANT,
        AZURE_CLIENT_ID="app-1",
        AZURE_FEDERATED_TOKEN_FILE=str(file),
        AZURE_AUTHORITY_HOST="https://login.microsoftonline.us/",
    ) as w:
        signer = entra_signer(EntraSettings(), w.around)
        await signer.sign(API)
        file.write_text("second\n")
        w.clock.now_s += 3595
        await signer.sign(API)
        assert w.urls[0].startswith("POST https://login.microsoftonline.us:443/")
        assert [asked.form["client_assertion"] for asked in w.asked] == ["first", "second"]
        assert w.asked[0].form["client_assertion_type"].endswith(":jwt-bearer")


async def test_a_machine_has_an_identity():
    def metadata(asked):
        assert asked.received.header("metadata") == "true"
        return told({"access_token": "m", "expires_in": "3599", "expires_on": "1795003599"})

    async with world(metadata) as w:
        assert await signed(EntraSettings(managed_identity_client_id="id-2"), w) == "Bearer m"
        assert w.urls[0].startswith("GET http://169.254.169.254:80/metadata/identity/oauth2/token?")
        assert query(w.asked[0]) == {
            "api-version": "2018-02-01",
            "resource": "https://cognitiveservices.azure.com",
            "client_id": "id-2",
        }


async def test_an_app_service_has_an_identity_until_a_moment():
    def service(asked):
        assert asked.received.header("x-identity-header") == "canary-head"
        return told({"access_token": "a", "expires_on": "1795000100"})

    async with world(service, **MACHINE) as w:
        signer = entra_signer(EntraSettings(), w.around)
        assert header(await signer.sign(API), b"authorization") == "Bearer a"
        assert w.urls[0].startswith("GET http://127.0.0.1:41/msi/token?api-version=2019-08-01&")
        w.clock.now_s += 95
        await signer.sign(API)
        assert len(w.asked) == 2


@pytest.mark.parametrize(
    "endpoint", ["http://example.com/", "http://10.0.0.1/", "http://127.0.0.1@example.com/", "x"]
)
async def test_an_identity_endpoint_elsewhere_gets_no_secret(endpoint):
    async with world(granting, **{**MACHINE, "IDENTITY_ENDPOINT": endpoint}) as w:
        with pytest.raises(ConfigError):
            await signed(EntraSettings(), w)
        assert w.urls == []


@pytest.mark.parametrize(
    "change",
    [
        {"tenant_id": "x/../y"},
        {"tenant_id": "x?y"},
        {"tenant_id": "@evil.com"},
        {"authority": "evil.com"},
        {"authority": "https://login.microsoftonline.com.evil.com"},
        {"authority": "login.microsoftonline.com@evil.com"},
        {"authority": "http://login.microsoftonline.com"},
    ],
)
async def test_no_setting_bends_the_host(change):
    said = {"tenant_id": TENANT, "client_id": "app-1", "client_secret": "s", **change}
    async with world(granting) as w:
        with pytest.raises(ConfigError):
            await signed(EntraSettings(**said), w)
        assert w.urls == []


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (
            {"error": "invalid_client", "error_description": "canary", "error_codes": [7000215]},
            AuthenticationError,
            "AADSTS7000215",
        ),
        ({"error": {"code": "canary"}}, AuthenticationError, None),
        ({"error": "temporarily_unavailable"}, OverloadedError, "temporarily_unavailable"),
    ],
)
async def test_a_refusal_is_typed_and_quotes_nothing(answer, error, code):
    status = b"503 U" if error is OverloadedError else b"401 U"
    async with world(lambda _: told(answer, status)) as w:
        with pytest.raises(error) as caught:
            await signed(CLIENT, w)
    assert caught.value.code == code
    assert "canary" not in f"{caught.value}{caught.value!r}{CLIENT!r}{w.around.clock!r}"


async def test_nothing_found_says_what_to_do():
    async with world(granting) as w:
        w.down = True
        with pytest.raises(MissingKeyError, match="AZURE_TENANT_ID"):
            await signed(EntraSettings(), w)
        with pytest.raises(LLMError):
            await signed(CLIENT, w)
        with pytest.raises(ConfigError, match="set both"):
            await signed(EntraSettings(client_secret="s"), w)


async def test_a_certificate_is_refused_in_words():
    async with world(
        granting,
        AZURE_TENANT_ID=TENANT,
        AZURE_CLIENT_ID="app-1",
        AZURE_CLIENT_CERTIFICATE_PATH="/x.pem",
    ) as w:
        with pytest.raises(UnsupportedError, match="token function"):
            await signed(EntraSettings(), w)


async def test_a_function_gives_each_requests_token():
    tokens = iter(["one", "two", "three"])

    async def asynchronous():
        return next(tokens)

    for function, expected in (
        (lambda: next(tokens), "Bearer one"),
        (asynchronous, "Bearer two"),
        (partial(asynchronous), "Bearer three"),
    ):
        request = API._replace(headers=((b"authorization", b"Bearer old"), (b"a", b"b")))
        signed_request = await callback_signer(function).sign(request)
        assert header(signed_request, b"authorization") == expected
        assert header(signed_request, b"a") == "b"


@pytest.mark.parametrize("value", [None, 7, "", "a b", "a\r\nb: c", b"x", ValueError("canary")])
async def test_a_function_that_gives_no_token(value):
    def function():
        if isinstance(value, Exception):
            raise value
        return value

    with pytest.raises(AuthenticationError) as caught:
        await callback_signer(function).sign(API)
    assert "canary" not in str(caught.value)
