"""Hosts that carry others' dialects: what arrives there is what they document, and comes back typed."""

from __future__ import annotations

import json

import pytest

from support.cloud_hosts import (
    ANTHROPIC_BODY,
    AZURE,
    CLAUDE,
    CONVERSE_BODY,
    GEMINI_BODY,
    HOSTS,
    NOVA,
    PROJECT,
    RUNTIME,
    V1,
    answers,
    check,
    client,
)
from support.clouds import (
    ANTHROPIC,
    AWS_KEYS,
    OPENAI,
    Clouds,
    by_botocore,
    gateway,
    service_account,
)
from support.endpoints import told, world


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return service_account(tmp_path_factory.mktemp("account"))


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
        assert whole.warnings == folded.warnings == ()
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


# ---------------------------------------------------------------- through the gateway

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
