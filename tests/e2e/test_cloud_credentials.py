"""How clouds are shown who asks, and how they refuse: in their own words."""

from __future__ import annotations

import asyncio
import json

import pytest

import modelway
from support.cloud_hosts import AZURE, HOSTS, Host, answers, check, client
from support.clouds import Clouds, service_account
from support.endpoints import told, world
from support.origin_server import plain


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return service_account(tmp_path_factory.mktemp("account"))


# ---------------------------------------------------------------- credentials


async def test_entra_and_google_are_asked_as_they_document(account):
    for name, url in (
        ("azure by Entra", "https://login.microsoftonline.com:443/tenant-1/oauth2/v2.0/token"),
        ("vertex", "https://oauth2.googleapis.com:443/token"),
    ):
        host = HOSTS[name]
        async with world(Clouds()) as w, client(w, host, account) as asking:
            for _ in range(3):
                await asking.chat("Hi", model=f"{host.provider}/{host.model}")
            assert w.urls[0] == f"POST {url}"
            assert len(w.asked) == 4  # one token for all
            form = w.asked[0].form
            if name == "vertex":
                assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            else:
                assert form == {
                    "grant_type": "client_credentials",
                    "client_id": "client-1",
                    "client_secret": "canary",
                    "scope": "https://cognitiveservices.azure.com/.default",
                }


@pytest.mark.parametrize("name", ["azure by Entra", "vertex", "vertex-anthropic"])
async def test_a_token_that_expires_is_renewed(name, account):
    host = HOSTS[name]
    async with world(Clouds(life_s=1)) as w, client(w, host, account) as asking:
        for _ in range(2):
            await asking.chat("Hi", model=f"{host.provider}/{host.model}")
            await asyncio.sleep(1.05)
        sent = [asked.received.header("authorization") for asked in answers(w)]
        assert sent[0] == "Bearer canary-1"
        assert sent[1] > sent[0]


@pytest.mark.parametrize("provider", ["azure", "bedrock", "vertex", "vertex-anthropic"])
async def test_without_a_credential_it_is_said_what_to_set(provider):
    said = {"azure": {"resource": "r"}, "bedrock": {"region": "eu-west-1"}}
    host = Host(provider, said.get(provider, {"project": "p"}), "m", "")
    places = {"AWS_EC2_METADATA_DISABLED": "true"}
    async with world(lambda _: told({}, b"404 Not Found")) as w:
        config = {"providers": {host.provider: {**host.said, "retries": 0}}}
        async with modelway.Client(
            config, environment={"HOME": "/nonexistent", **places}, transport=w.around.transport
        ) as asking:
            w.down = True
            with pytest.raises(modelway.LLMError) as told_of:
                await asyncio.wait_for(asking.chat("Hi", model=f"{provider}/m"), 30)
        wanted = {"azure": "AZURE_TENANT_ID", "bedrock": "AWS_"}
        assert wanted.get(provider, "GOOGLE_APPLICATION_CREDENTIALS") in str(told_of.value)
        assert isinstance(told_of.value, modelway.MissingKeyError)
        assert not w.asked


MACHINES = {
    "azure by Entra": "GET http://169.254.169.254:80/metadata/identity/oauth2/token?"
    "api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com",
    "vertex": "GET http://metadata.google.internal:80/computeMetadata/v1/instance/service-accounts/default/token",
    "bedrock by a signature": "PUT http://169.254.169.254:80/latest/api/token",
}


@pytest.mark.parametrize("name", MACHINES)
async def test_on_a_clouds_own_machine_nothing_need_be_set(name):
    host = HOSTS[name]
    config = {"providers": {host.provider: {**host.said, "retries": 0}}}
    async with world(Clouds()) as w:
        async with modelway.Client(
            config, environment={"HOME": "/nonexistent"}, transport=w.around.transport
        ) as asking:
            for _ in range(2):
                answer = await asking.chat(
                    "Hi", model=f"{host.provider}/{host.model}", max_tokens=9
                )
                assert answer.text == "Hello"
        assert w.urls[0] == MACHINES[name]
        for asked in answers(w):
            check(asked, host.whole, host, False)
        assert len(w.asked) == 2 + (3 if "bedrock" in name else 1)


# ---------------------------------------------------------------- refusals


def said(status, body, *headers):
    lines = (b"content-type: application/json", *headers)
    return plain(json.dumps(body).encode(), *lines, status=status)


def in_azures_words(status, code, message="What happened."):
    return said(status, {"error": {"code": code, "message": message}})


def in_googles_words(status, word, *reasons):
    """Source: https://cloud.google.com/apis/design/errors, 2026-11-21."""
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    details = [{"@type": kind, "reason": reason, "domain": "googleapis.com"} for reason in reasons]
    error = {"code": int(status[:3]), "message": "No.", "status": word, "details": details}
    return said(status, {"error": error})


def in_awss_words(status, kind):
    """Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html, 2026-11-21."""
    told_by = b"x-amzn-errortype: %b:http://internal.amazon.com/coral/" % kind.encode()
    return said(status, {"message": "What happened."}, told_by)


AZURE_KEY, BEDROCK, VERTEX = "azure by a key", "bedrock by a signature", "vertex"
FILTERED = {
    "error": {
        "code": "content_filter",
        "message": "The response was filtered.",
        "param": "prompt",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
}
REFUSALS = [
    # Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference and
    # …/concepts/content-filter, 2026-11-21.
    (AZURE_KEY, in_azures_words(b"404 Not Found", "DeploymentNotFound"), modelway.NotFoundError, "DeploymentNotFound"),
    (AZURE_KEY, in_azures_words(b"401 Unauthorized", "401"), modelway.AuthenticationError, "401"),
    (AZURE_KEY, in_azures_words(b"429 Too Many Requests", "429"), modelway.RateLimitError, "429"),
    (AZURE_KEY, in_azures_words(b"400 Bad Request", "context_length_exceeded"), modelway.ContextLengthError, "context_length_exceeded"),
    (AZURE_KEY, said(b"400 Bad Request", FILTERED), modelway.ContentFilterError, "content_filter"),
    ("azure by deployment", said(b"404 Not Found", {"statusCode": 404, "message": "Resource not found"}), modelway.NotFoundError, None),
    ("azure-anthropic", said(b"529 Overloaded", {"type": "error", "error": {"type": "overloaded_error", "message": "No."}}), modelway.OverloadedError, "overloaded_error"),
    (BEDROCK, in_awss_words(b"403 Forbidden", "ExpiredTokenException"), modelway.AuthenticationError, "ExpiredTokenException"),
    (BEDROCK, in_awss_words(b"403 Forbidden", "AccessDeniedException"), modelway.PermissionDeniedError, "AccessDeniedException"),
    (BEDROCK, in_awss_words(b"429 Too Many Requests", "ThrottlingException"), modelway.RateLimitError, "ThrottlingException"),
    (BEDROCK, in_awss_words(b"400 Bad Request", "ValidationException"), modelway.BadRequestError, "ValidationException"),
    (BEDROCK, in_awss_words(b"503 Service Unavailable", "ServiceUnavailableException"), modelway.OverloadedError, "ServiceUnavailableException"),
    (VERTEX, in_googles_words(b"429 Too Many Requests", "RESOURCE_EXHAUSTED"), modelway.RateLimitError, "RESOURCE_EXHAUSTED"),
    (VERTEX, in_googles_words(b"401 Unauthorized", "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"), modelway.AuthenticationError, "ACCESS_TOKEN_EXPIRED"),
    (VERTEX, in_googles_words(b"404 Not Found", "NOT_FOUND"), modelway.NotFoundError, "NOT_FOUND"),
    ("vertex-anthropic", in_googles_words(b"403 Forbidden", "PERMISSION_DENIED"), modelway.PermissionDeniedError, "PERMISSION_DENIED"),
    ("vertex-anthropic", said(b"400 Bad Request", {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}), modelway.BadRequestError, "invalid_request_error"),
    # Source: https://huggingface.co/docs/text-generation-inference/messages_api, 2026-11-21.
    ("huggingface endpoint", said(b"429 Too Many Requests", {"error": "Model is overloaded", "error_type": "overloaded"}), modelway.RateLimitError, None),
    ("huggingface endpoint", said(b"503 Service Unavailable", {"error": "503 Service Unavailable"}), modelway.OverloadedError, None),
]  # fmt: skip


async def asked_whole(asking, model):
    return await asking.chat("Hi", model=model)


async def asked_streamed(asking, model):
    async with asking.stream("Hi", model=model) as stream:
        return await stream.collect()


@pytest.mark.parametrize(("name", "refusal", "kind", "code"), REFUSALS)
async def test_a_refusal_in_the_hosts_own_words(name, refusal, kind, code, account):
    host = HOSTS[name]
    clouds = Clouds()
    clouds.refusals[host.whole.split("//")[1].split(":")[0]] = refusal
    async with world(clouds) as w, client(w, host, account) as asking:
        for ask in (asked_whole, asked_streamed):
            with pytest.raises(modelway.LLMError) as caught:
                await ask(asking, f"{host.provider}/{host.model}")
            assert type(caught.value) is kind
            assert caught.value.code == code
            assert caught.value.provider == host.provider
            assert "canary" not in repr(caught.value)


async def test_how_long_to_wait_is_kept(account):
    clouds = Clouds()
    clouds.refusals["res-1."] = said(
        b"429 Too Many Requests", {"error": {"code": "429"}}, b"retry-after: 7"
    )
    async with world(clouds) as w, client(w, AZURE, account) as asking:
        with pytest.raises(modelway.RateLimitError) as caught:
            await asking.chat("Hi", model="azure/gpt-mine")
        assert caught.value.retry_after_s == 7
