"""Hosts that carry others' dialects: what arrives there is what they document, and comes back typed."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import pytest

import modelway
from support.clouds import (
    ANTHROPIC,
    AWS_KEYS,
    OPENAI,
    TOKEN_HOSTS,
    Clouds,
    by_botocore,
    gateway,
    service_account,
)
from support.endpoints import told, world
from support.origin_server import plain

ENTRA = {
    "AZURE_TENANT_ID": "tenant-1",
    "AZURE_CLIENT_ID": "client-1",
    "AZURE_CLIENT_SECRET": "canary",
}
AWS = dict(
    zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), AWS_KEYS, strict=True)
)
NOVA, CLAUDE = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
V1 = "https://res-1.openai.azure.com:443/openai"
RUNTIME = "https://bedrock-runtime.eu-west-1.amazonaws.com:443/model"
PROJECT = "projects/proj-1/locations"


class Host(NamedTuple):
    """A way to a host: what is configured, and what arrives there."""

    provider: str
    said: dict[str, Any]
    model: str
    whole: str
    """The URL of a whole answer, and where it differs of a stream."""
    stream: str = ""
    credential: tuple[str, str] = ("authorization", "Bearer canary-1")
    environment: dict[str, str] = {}
    body: dict[str, Any] = {}
    streaming: dict[str, Any] = {}
    """More of the body of a stream."""


OPENAI_BODY = {
    "model": "gpt-mine",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_completion_tokens": 9,
}
OPENAI_STREAMS = {"stream": True, "stream_options": {"include_usage": True}}
ANTHROPIC_BODY = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
CONVERSE_BODY = {
    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
    "inferenceConfig": {"maxTokens": 9},
}
GEMINI_BODY = {
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    "generationConfig": {"maxOutputTokens": 9},
}
VERTEX_ANTHROPIC = {**ANTHROPIC_BODY, "anthropic_version": "vertex-2023-10-16"}

AZURE = Host(
    "azure",
    {"resource": "res-1", "api_key": "key-1"},
    "gpt-mine",
    f"{V1}/v1/chat/completions",
    credential=("api-key", "key-1"),
    body=OPENAI_BODY,
    streaming=OPENAI_STREAMS,
)
HOSTS = {
    "azure by a key": AZURE,
    "azure by Entra": AZURE._replace(
        said={"resource": "res-1"},
        environment=ENTRA,
        credential=("authorization", "Bearer canary-1"),
    ),
    "azure by a callback": AZURE._replace(
        said={"resource": "res-1"}, credential=("authorization", "Bearer brought")
    ),
    "azure by deployment": AZURE._replace(
        provider="azure-deployments",
        whole=f"{V1}/deployments/gpt-mine/chat/completions?api-version=2024-10-21",
    ),
    "azure by deployment, another version": AZURE._replace(
        provider="azure-deployments",
        said={"api_key": "key-1"},
        environment={
            "AZURE_OPENAI_RESOURCE": "res-1",
            "OPENAI_API_VERSION": "2025-04-01-preview",
        },
        whole=f"{V1}/deployments/gpt-mine/chat/completions?api-version=2025-04-01-preview",
    ),
    "azure-anthropic": Host(
        "azure-anthropic",
        {"resource": "res-1", "api_key": "key-1"},
        "claude-mine",
        "https://res-1.services.ai.azure.com:443/anthropic/v1/messages",
        credential=("x-api-key", "key-1"),
        body={**ANTHROPIC_BODY, "model": "claude-mine"},
        streaming={"stream": True},
    ),
    "bedrock by a signature": Host(
        "bedrock",
        {"region": "eu-west-1"},
        NOVA,
        f"{RUNTIME}/us.amazon.nova-lite-v1%3A0/converse",
        f"{RUNTIME}/us.amazon.nova-lite-v1%3A0/converse-stream",
        credential=("authorization", "AWS4"),
        environment=AWS,
        body=CONVERSE_BODY,
    ),
    "bedrock by a key": Host(
        "bedrock",
        {},
        "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/p-1",
        f"{RUNTIME}/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Fp-1/converse",
        f"{RUNTIME}/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Fp-1/converse-stream",
        credential=("authorization", "Bearer key-1"),
        environment={"AWS_REGION": "eu-west-1", "AWS_BEARER_TOKEN_BEDROCK": "key-1"},
        body=CONVERSE_BODY,
    ),
    "vertex": Host(
        "vertex",
        {"project": "proj-1"},
        "gemini-2.5-flash",
        f"https://aiplatform.googleapis.com:443/v1beta1/{PROJECT}/global/publishers/google/models/gemini-2.5-flash:generateContent",
        f"https://aiplatform.googleapis.com:443/v1beta1/{PROJECT}/global/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        body=GEMINI_BODY,
    ),
    "vertex, a tuned model in a region": Host(
        "vertex",
        {},
        "endpoints/77",
        f"https://us-central1-aiplatform.googleapis.com:443/v1beta1/{PROJECT}/us-central1/endpoints/77:generateContent",
        f"https://us-central1-aiplatform.googleapis.com:443/v1beta1/{PROJECT}/us-central1/endpoints/77:streamGenerateContent?alt=sse",
        environment={"GOOGLE_CLOUD_PROJECT": "proj-1", "GOOGLE_CLOUD_LOCATION": "us-central1"},
        body=GEMINI_BODY,
    ),
    "vertex-anthropic": Host(
        "vertex-anthropic",
        {"project": "proj-1", "location": "us-east5"},
        "claude-sonnet-4-5@20250929",
        f"https://us-east5-aiplatform.googleapis.com:443/v1/{PROJECT}/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        f"https://us-east5-aiplatform.googleapis.com:443/v1/{PROJECT}/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
        body=VERTEX_ANTHROPIC,
        streaming={"stream": True},
    ),
    "huggingface endpoint": Host(
        "hf-endpoint",
        {
            "like": "huggingface",
            "base_url": "https://abc1.eu-west-1.aws.endpoints.huggingface.cloud/v1",
            "api_key": "hf_key-1",
        },
        "tgi",
        "https://abc1.eu-west-1.aws.endpoints.huggingface.cloud:443/v1/chat/completions",
        credential=("authorization", "Bearer hf_key-1"),
        body={
            "model": "tgi",
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 9,
        },
        streaming=OPENAI_STREAMS,
    ),
}


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return service_account(tmp_path_factory.mktemp("account"))


def client(w, host, account, **more):
    return modelway.Client(
        {"providers": {host.provider: {**host.said, "retries": 0, **more}}},
        environment={**host.environment, "GOOGLE_APPLICATION_CREDENTIALS": account},
        transport=w.around.transport,
        tokens={host.provider: lambda: "brought"} if "brought" in host.credential[1] else {},
    )


def check(asked, url, host, stream):
    assert asked.url == f"POST {url}"
    request = asked.received
    name, value = host.credential
    if value == "AWS4":
        assert request.header(name) == by_botocore(url.replace(":443", ""), request)
    else:
        assert request.header(name) == value
    others = {"authorization", "api-key", "x-api-key", "x-goog-api-key"} - {name}
    assert not others & {known for known, _ in request.headers}
    assert request.header("content-type") == "application/json"
    assert json.loads(request.body) == {**host.body, **(host.streaming if stream else {})}


def answers(w):
    return [asked for asked in w.asked if not asked.url.split("//")[1].startswith(TOKEN_HOSTS)]


@pytest.mark.parametrize("name", HOSTS)
async def test_whole_answers_and_streams(name, account):
    host = HOSTS[name]
    async with world(Clouds()) as w, client(w, host, account) as asking:
        said = {"model": f"{host.provider}/{host.model}", "max_tokens": 9}
        whole = await asking.chat("Hi", **said)
        assert (whole.text, whole.finish_reason) == ("Hello", "stop")
        assert (whole.usage.input_tokens, whole.usage.output_tokens) == (5, 2)
        async with asking.stream("Hi", **said) as stream:
            folded = await stream.collect()
        assert (folded.text, folded.usage.input_tokens) == ("Hello", 5)
        first, second = answers(w)
        check(first, host.whole, host, False)
        check(second, host.stream or host.whole, host, True)


VERTEX_COUNTS = f"https://aiplatform.googleapis.com:443/v1beta1/{PROJECT}/global/publishers/google/models/gemini-2.5-flash:countTokens"
CLAUDE_COUNTS = f"https://us-east5-aiplatform.googleapis.com:443/v1/{PROJECT}/us-east5/publishers/anthropic/models/count-tokens:rawPredict"
HI = [{"role": "user", "content": "Hi"}]
OPERATIONS = [
    ("azure by a key", "embed", f"{V1}/v1/embeddings", {"model": "gpt-mine", "input": ["Hi"]}),
    (
        "azure by deployment",
        "embed",
        f"{V1}/deployments/gpt-mine/embeddings?api-version=2024-10-21",
        {"model": "gpt-mine", "input": ["Hi"]},
    ),
    (
        "azure-anthropic",
        "count",
        "https://res-1.services.ai.azure.com:443/anthropic/v1/messages/count_tokens",
        {"model": "claude-mine", "messages": HI},
    ),
    (
        "bedrock by a signature",
        "count",
        f"{RUNTIME}/us.amazon.nova-lite-v1%3A0/count-tokens",
        {"input": {"converse": {"messages": CONVERSE_BODY["messages"]}}},
    ),
    ("vertex", "count", VERTEX_COUNTS, {"contents": GEMINI_BODY["contents"]}),
    (
        "vertex-anthropic",
        "count",
        CLAUDE_COUNTS,
        {
            "model": "claude-sonnet-4-5@20250929",
            "messages": HI,
            "anthropic_version": "vertex-2023-10-16",
        },
    ),
]


@pytest.mark.parametrize(("name", "operation", "url", "body"), OPERATIONS)
async def test_what_else_a_host_offers(name, operation, url, body, account):
    host = HOSTS[name]
    async with world(Clouds()) as w, client(w, host, account) as asking:
        model = f"{host.provider}/{host.model}"
        if operation == "embed":
            assert (await asking.embed(["Hi"], model=model)).vectors == ((0.5, 0.25),)
        else:
            counted = await asking.count_tokens("Hi", model=model)
            assert (counted.input_tokens, counted.estimated) == (5, False)
        check(answers(w)[0], url, host._replace(body=body), False)


async def test_azure_by_responses(account):
    host = AZURE._replace(whole=f"{V1}/v1/responses")
    async with world(Clouds()) as w, client(w, host, account, dialect="openai-responses") as asking:
        assert (await asking.chat("Hi", model="azure/gpt-mine")).text == "Hello"
        [asked] = answers(w)
        assert asked.url == f"POST {host.whole}"
        assert asked.received.header("api-key") == "key-1"
        assert json.loads(asked.received.body)["model"] == "gpt-mine"


@pytest.mark.parametrize("name", ["azure-anthropic", "vertex-anthropic"])
async def test_anthropics_version_is_where_the_host_wants_it(name, account):
    host = HOSTS[name]
    async with world(Clouds()) as w, client(w, host, account) as asking:
        await asking.chat("Hi", model=f"{host.provider}/{host.model}", max_tokens=9)
        [asked] = answers(w)
        in_body = "anthropic_version" in json.loads(asked.received.body)
        assert (name == "vertex-anthropic") == in_body
        if not in_body:
            assert asked.received.header("anthropic-version") == "2023-06-01"


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


ALL = {
    "providers": {
        "azure": {"resource": "res-1", "api_key": "key-1"},
        "bedrock": {"region": "eu-west-1", "aws": dict(zip(("access_key_id", "secret_access_key", "session_token"), AWS_KEYS, strict=True))},
        "vertex": {"project": "proj-1"},
        "vertex-anthropic": {"project": "proj-1", "location": "us-east5"},
    },
    "defaults": {"retries": 0},
    "models": {
        "any": {
            "deployments": [
                {"provider": "azure", "model": "gpt-mine"},
                {"provider": "bedrock", "model": NOVA},
                {"provider": "vertex", "model": "gemini-2.5-flash"},
                {"provider": "vertex-anthropic", "model": "claude-sonnet-4-5@20250929"},
            ]
        },
        "claude": {"provider": "bedrock", "model": CLAUDE},
    },
}  # fmt: skip
HOST_NAMES = (
    "res-1.",
    "bedrock-runtime.",
    "aiplatform.",
    "us-east5-",
)


HELLO = [{"role": "user", "content": "Hi"}]


async def test_each_host_falls_back_to_the_next(account, tmp_path):
    clouds = Clouds()
    async with world(clouds) as w, gateway(w, ALL, account, tmp_path) as asking:
        for down in range(len(HOST_NAMES)):
            clouds.refusals = {
                name: told({"message": "down"}, b"503 Service Unavailable")
                for name in HOST_NAMES[:down]
            }
            w.asked.clear()
            answer = await asking.openai.chat.completions.create(model="any", messages=HELLO)
            assert answer.choices[0].message.content == "Hello"
            assert [asked.url.split("//")[1].split(":")[0] for asked in answers(w)][-1].startswith(
                HOST_NAMES[down]
            )
            assert len(answers(w)) == down + 1
            async with asking.anthropic.messages.stream(
                model="any", max_tokens=9, messages=HELLO
            ) as stream:
                assert await stream.get_final_text() == "Hello"


async def test_clients_of_a_hosts_dialect_get_its_bytes(account, tmp_path):
    async with world(Clouds()) as w, gateway(w, ALL, account, tmp_path) as asking:
        raw = await asking.openai.chat.completions.with_raw_response.create(
            model="azure/gpt-mine", messages=HELLO, extra_body={"new": [1.50]}
        )
        assert json.loads(raw.content) == OPENAI
        raw = await asking.anthropic.messages.with_raw_response.create(
            model="claude",
            max_tokens=9,
            messages=HELLO,
            extra_headers={"anthropic-beta": "b-1"},
            extra_body={"new": [1.50]},
        )
        assert json.loads(await raw.read()) == ANTHROPIC
        raw = await asking.anthropic.messages.with_raw_response.create(
            model="vertex-anthropic/claude-x", max_tokens=9, messages=HELLO
        )
        assert json.loads(await raw.read()) == ANTHROPIC
        async with asking.anthropic.messages.stream(
            model="claude", max_tokens=9, messages=HELLO
        ) as stream:
            assert await stream.get_final_text() == "Hello"
        azure, invoke, vertex, streamed = answers(w)
        assert b'"new":[1.5' in azure.received.body
        assert invoke.url == f"POST {RUNTIME}/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
        assert json.loads(invoke.received.body) == {
            **ANTHROPIC_BODY,
            "new": [1.5],
            "anthropic_version": "bedrock-2023-05-31",
            "anthropic_beta": ["b-1"],
        }
        for asked in (invoke, streamed):
            url = asked.url.removeprefix("POST ").replace(":443", "")
            assert asked.received.header("authorization") == by_botocore(url, asked.received)
        assert vertex.url.endswith("/claude-x:rawPredict")
        assert streamed.url.endswith("/invoke-with-response-stream")
