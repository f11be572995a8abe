"""Google's tokens from files and the metadata service, from an endpoint that checks signatures."""

from __future__ import annotations

import asyncio
import base64
import json
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from modelway.auth import GoogleSettings, google_project, google_signer
from modelway.errors import (
    AuthenticationError,
    ConfigError,
    LLMError,
    MissingKeyError,
    OverloadedError,
    ResponseError,
    UnsupportedError,
)
from support.endpoints import API, header, told, world
from support.origin_server import plain

TOKEN_URL = "POST https://oauth2.googleapis.com:443/token"


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def account(rsa_key):
    return {
        "type": "service_account",
        "project_id": "project-of-file",
        "private_key_id": "key-1",
        "private_key": pem(rsa_key),
        "client_email": "app@project.iam.gserviceaccount.com",
        "token_uri": "https://evil.example.com/token",
    }


USER = {
    "type": "authorized_user",
    "client_id": "client-1",
    "client_secret": "canary-secret",
    "refresh_token": "canary-refresh",
    "quota_project_id": "quota-1",
}


@pytest.fixture
def file(tmp_path):
    def write(content) -> str:
        path = tmp_path / "credentials.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def part(text: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class Google:
    """Gives token-1, token-2 … for an hour each, for statements that this key has signed."""

    def __init__(self, key):
        self.public = key.public_key()
        self.count = 0
        self.claims = []

    def __call__(self, asked):
        form = asked.form
        if form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            text, _, signature = form["assertion"].rpartition(".")
            self.public.verify(
                base64.urlsafe_b64decode(signature + "=="), text.encode(), PKCS1v15(), SHA256()
            )
            self.claims.append([part(one) for one in text.split(".")])
        else:
            assert form["refresh_token"] == "canary-refresh"
        self.count += 1
        return told({"access_token": f"token-{self.count}", "expires_in": 3599})


async def test_a_service_account_signs_for_its_token(rsa_key, account, file):
    google = Google(rsa_key)
    async with world(google, GOOGLE_APPLICATION_CREDENTIALS=file(account)) as w:
        signer = google_signer(GoogleSettings(), w.around)
        w.gate = asyncio.Event()
        waiting = [asyncio.create_task(signer.sign(API)) for _ in range(100)]
        await asyncio.sleep(0.05)
        w.gate.set()
        signed = await asyncio.gather(*waiting)
        assert {header(request, b"authorization") for request in signed} == {"Bearer token-1"}
        assert w.urls == [TOKEN_URL]
        assert signed[0].headers is signed[99].headers
        head, claims = google.claims[0]
        assert head == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
        assert claims == {
            "iss": "app@project.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_795_000_000,
            "exp": 1_795_003_600,
        }
        w.clock.now_s += 3595
        assert header(await signer.sign(API), b"authorization") == "Bearer token-2"
        assert await google_project(GoogleSettings(), w.around) == "project-of-file"


async def test_a_user_of_gcloud_is_found_at_the_usual_place(rsa_key, tmp_path):
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").write_text(json.dumps(USER))
    for environment in ({"HOME": str(tmp_path)}, {"CLOUDSDK_CONFIG": str(folder)}):
        async with world(Google(rsa_key), **environment) as w:
            signed = await google_signer(GoogleSettings(), w.around).sign(API)
            assert header(signed, b"authorization") == "Bearer token-1"
            assert header(signed, b"x-goog-user-project") == "quota-1"
            assert w.asked[0].form["client_secret"] == "canary-secret"
            assert await google_project(GoogleSettings(), w.around) == "quota-1"


async def test_a_machine_has_a_token_and_a_project():
    def metadata(asked):
        assert asked.received.header("metadata-flavor") == "Google"
        if asked.url.endswith("/project/project-id"):
            return plain(b"project-of-machine")
        return told({"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer"})

    async with world(metadata) as w:
        signed = await google_signer(GoogleSettings(), w.around).sign(API)
        assert header(signed, b"authorization") == "Bearer ya29.x"
        assert await google_project(GoogleSettings(), w.around) == "project-of-machine"
        assert w.urls[0].startswith("GET http://metadata.google.internal:80/computeMetadata/v1/")
        assert await google_project(GoogleSettings(project="said"), w.around) == "said"
        with pytest.raises(ConfigError):
            await google_project(GoogleSettings(project="a/../b"), w.around)


async def test_nothing_found_says_what_to_do():
    async with world(lambda _: b"") as w:
        w.down = True
        with pytest.raises(MissingKeyError, match="gcloud auth application-default login"):
            await google_signer(GoogleSettings(), w.around).sign(API)


async def test_a_token_endpoint_that_is_down_keeps_the_token(rsa_key, account, file):
    async with world(Google(rsa_key)) as w:
        signer = google_signer(GoogleSettings(credentials_file=file(account)), w.around)
        await signer.sign(API)
        w.down = True
        w.clock.now_s += 3400
        await signer.sign(API)
        await asyncio.sleep(0.05)
        assert header(await signer.sign(API), b"authorization") == "Bearer token-1"
        w.clock.now_s += 1000
        with pytest.raises(LLMError) as caught:
            await signer.sign(API)
        assert caught.value.may_retry
        w.down = False
        assert header(await signer.sign(API), b"authorization") == "Bearer token-2"


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (
            told({"error": "invalid_grant", "error_description": "canary"}, b"400 Bad Request"),
            AuthenticationError,
            "invalid_grant",
        ),
        (told({"error": "canary with words"}, b"401 U"), AuthenticationError, None),
        (plain(b"canary", status=b"500 I"), OverloadedError, None),
        (told({"token": "canary"}), ResponseError, None),
        (told({"access_token": "canary\r\nx: y"}), AuthenticationError, None),
        (told({"access_token": ""}), AuthenticationError, None),
        (plain(b"canary"), ResponseError, None),
        (plain(b"[" * 100_000), ResponseError, None),
    ],
)
async def test_a_bad_answer_is_typed_and_not_quoted(answer, error, code, account, file):
    async with world(lambda _: answer) as w:
        with pytest.raises(error) as caught:
            await google_signer(GoogleSettings(credentials_file=file(account)), w.around).sign(API)
    assert caught.value.code == code
    assert "canary" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"type": "external_account"}, UnsupportedError, "external_account"),
        ({"type": "impersonated_service_account"}, UnsupportedError, "token function"),
        ({"universe_domain": "example.com"}, UnsupportedError, "another cloud"),
        ({"private_key": "canary"}, ConfigError, "not an RSA key"),
        ({"private_key": "\ud83d\ude00 canary"}, ConfigError, "not an RSA key"),
        (
            {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))},
            ConfigError,
            "not an RSA key",
        ),
        ({"client_email": ""}, ConfigError, "client_email"),
        ({"type": 7}, ResponseError, "documented form"),
    ],
)
async def test_a_file_that_cannot_be_used_says_why(change, error, says, account, file):
    async with world(lambda _: b"") as w:
        settings = GoogleSettings(credentials_file=file({**account, **change}))
        with pytest.raises(error, match=says) as caught:
            await google_signer(settings, w.around).sign(API)
        assert w.urls == []
    assert "canary" not in str(caught.value)


async def test_a_file_that_is_not_there_or_no_json(file):
    async with world(lambda _: b"") as w:
        for path, says in ((file("canary"), "form"), ("/nonexistent/x", "cannot be read")):
            signer = google_signer(GoogleSettings(credentials_file=path), w.around)
            with pytest.raises(LLMError, match=says) as caught:
                await signer.sign(API)
            assert "canary" not in str(caught.value)


async def test_without_cryptography_the_error_says_what_to_install(account, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    async with world(lambda _: b"") as w:
        signer = google_signer(GoogleSettings(credentials_file=file(account)), w.around)
        with pytest.raises(MissingKeyError, match=r"pip install 'modelway\[google\]'"):
            await signer.sign(API)
