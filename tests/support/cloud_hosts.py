"""Ways to clouds' hosts: what is configured, and what must arrive there."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import modelway
from support.clouds import AWS_KEYS, TOKEN_HOSTS, by_botocore

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
