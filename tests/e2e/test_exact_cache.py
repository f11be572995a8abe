"""Answers that are kept, as clients of a gateway meet them: real SDKs, real stores, a provider that counts."""

import asyncio
import json
import ssl
import threading

import anthropic
import httpx
import openai
import pytest

import modelway
from modelway.call import Options
from modelway.errors import NotFoundError
from modelway.simulator.serve import SimulatorThread
from support.servers_postgres import postgres_server
from support.servers_valkey import ValkeyServer
from support.serving import KEY, served

OTHER = "mw-other-key-0123456789abcdef"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Reads no certificates: that takes longer than what is asked."""
DIALECTS = {
    "openai-chat": "/v1",
    "openai-responses": "/v1",
    "anthropic-messages": "/v1",
    "gemini": "",
    "ollama": "",
    "cohere": "",
    "bedrock-converse": "",
}


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread() as running:
        yield running


def configured(simulator, **more):
    return {
        "providers": {
            name: {
                "like": "simulator",
                "base_url": simulator.base_url + path,
                "dialect": name,
            }
            for name, path in DIALECTS.items()
        },
        "cache": {"enabled": True},
        "breaker": {"failures": 1000},
        "defaults": {"retries": 0},
        "gateway": {"keys": [{"key": OTHER, "name": "other", "tenant": "team"}]},
        **more,
    }


@pytest.fixture(scope="module")
def gateway(simulator, tmp_path_factory):
    with served(configured(simulator), tmp_path_factory.mktemp("state")) as running:
        reload = httpx.post(
            f"{running.url}/v1/config/reload",
            headers={"authorization": f"Bearer {KEY}"},
            verify=NO_TLS,
        )
        assert reload.status_code == 200  # its own keys, beside the test's
        yield running


@pytest.fixture
def asked(simulator):
    """How many requests the provider has had since the test began."""
    before = len(simulator.simulator.requests)
    return lambda: len(simulator.simulator.requests) - before


@pytest.fixture
def question(request):
    """One that no other test asks."""
    return f"What is this? ({request.node.name})"


CLIENTS = {
    "openai-chat": ("/v1/chat/completions", lambda text: {"messages": [said(text)]}),
    "openai-responses": ("/v1/responses", lambda text: {"input": text}),
    "anthropic-messages": (
        "/v1/messages",
        lambda text: {"messages": [said(text)], "max_tokens": 200},
    ),
    "ollama": ("/api/chat", lambda text: {"messages": [said(text)]}),
    "cohere": ("/v2/chat", lambda text: {"messages": [said(text)]}),
}


def said(text):
    return {"role": "user", "content": text}


def ask(gateway, client, provider, text, *, stream=False, key=KEY, model="any", **headers):
    path, body = CLIENTS[client]
    sent = {"model": f"{provider}/{model}", **body(text), "stream": stream}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(
        gateway.url + path,
        json=sent,
        headers={"authorization": f"Bearer {key}", **named},
        timeout=20,
        verify=NO_TLS,
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("client", CLIENTS)
def test_the_same_bytes_are_given_again(gateway, asked, question, client, stream):
    first = ask(gateway, client, client, question, stream=stream)
    second = ask(gateway, client, client, question, stream=stream)
    assert first.status_code == 200, first.text
    assert question in first.text or "(" in first.text
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert asked() == 1
    assert "x-modelway-cache" not in first.headers
    assert second.headers["x-modelway-cache"] == "exact"
    assert int(second.headers["age"]) < 20
    names = ("x-modelway-provider", "x-modelway-model")
    assert [second.headers[name] for name in names] == [first.headers[name] for name in names]


def essence(answer):
    """Without ids and times, which are the gateway's own where a provider gives none."""
    if answer.headers["content-type"].startswith("application/json"):
        return stripped(answer.json())
    return [
        stripped(json.loads(line.removeprefix("data:")))
        for line in answer.text.splitlines()
        if line.removeprefix("data:").strip().startswith("{")
    ]


def stripped(value):
    if isinstance(value, dict):
        left = ("id", "created", "created_at", "completed_at", "item_id", "response_id")
        return {name: stripped(inner) for name, inner in value.items() if name not in left}
    return [stripped(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("provider", DIALECTS)
@pytest.mark.parametrize("client", ["openai-chat", "openai-responses", "anthropic-messages"])
def test_an_answer_that_was_translated_is_given_again(gateway, asked, question, client, provider):
    if client == provider:
        return
    for stream in (True, False):
        first = ask(gateway, client, provider, question, stream=stream)
        second = ask(gateway, client, provider, question, stream=stream)
        assert first.status_code == 200, first.text
        assert essence(second) == essence(first)
        assert second.headers["x-modelway-cache"] == "exact"
    assert asked() == 1, "one that was kept as events serves who asks for it whole"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "model",
    ["sim-length", "sim-filter", "sim-refuse", "sim-500", "sim-503", "sim-cut", "sim-stream-error"],
)
@pytest.mark.parametrize("provider", ["openai-chat", "anthropic-messages"])
def test_what_is_no_whole_answer_is_asked_for_again(
    gateway, asked, question, provider, model, stream
):
    if model in ("sim-cut", "sim-stream-error") and not stream:
        return
    for client in ("openai-chat", "anthropic-messages"):
        for number in (1, 2):
            before = asked()
            try:
                answer = ask(gateway, client, provider, question, stream=stream, model=model)
                assert "x-modelway-cache" not in answer.headers
            except httpx.RemoteProtocolError:
                assert model == "sim-cut"
            assert asked() > before, (client, number)


def test_tenants_share_nothing_and_choose_nothing(gateway, asked, question):
    spoofed = {"x_modelway_tenant": "local", "x_modelway_cache_namespace": "local"}
    ask(gateway, "openai-chat", "openai-chat", question)
    theirs = ask(gateway, "openai-chat", "openai-chat", question, key=OTHER, **spoofed)
    assert (asked(), "x-modelway-cache" in theirs.headers) == (2, False)
    theirs = ask(gateway, "openai-chat", "openai-chat", question, key=OTHER)
    assert (asked(), theirs.headers["x-modelway-cache"]) == (2, "exact")


def test_headers_say_what_may_be_answered_from_what_is_kept(gateway, asked, question):
    def kept(**headers):
        answer = ask(gateway, "openai-chat", "openai-chat", question, **headers)
        return answer.headers.get("x-modelway-cache", answer.status_code)

    assert kept(x_modelway_cache="only") == 404
    assert kept(cache_control="only-if-cached") == 404
    assert asked() == 0
    assert kept(cache_control="no-store") == 200
    assert kept() == 200
    assert kept() == "exact"
    assert kept(cache_control="only-if-cached") == "exact"
    assert kept(cache_control="no-store") == 200
    assert kept(cache_control="no-cache") == 200
    assert kept(x_modelway_cache="refresh") == 200
    assert kept(cache_control="max-age=60") == "exact"
    assert kept(x_modelway_cache_max_age_s="0") == 200
    assert kept(x_modelway_cache="off") == 200
    assert kept(x_modelway_cache="sometimes") == 400
    assert asked() == 7


def test_the_official_clients_notice_nothing(gateway, asked, question):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:

        def chat(**more):
            return client.chat.completions.create(
                model="openai-chat/any", messages=[said(question)], **more
            )

        assert chat() == chat()
        streams = [list(chat(stream=True)) for _ in range(2)]
        assert streams[0] == streams[1]
        counted = [
            list(chat(stream=True, stream_options={"include_usage": True})) for _ in range(2)
        ]
        assert counted[0] == counted[1]
        assert counted[0][-1].usage.total_tokens > 0
        assert len(counted[0]) == len(streams[0]) + 1
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:

        def message():
            with client.messages.stream(
                model="anthropic-messages/any", max_tokens=200, messages=[said(question)]
            ) as stream:
                return [event.type for event in stream], stream.get_final_message()

        first, second = message(), message()
        assert first == second
    assert asked() == 4


def test_what_a_program_asks_twice_is_asked_once(simulator, asked, question):
    with modelway.SyncClient(configured(simulator)) as client:
        first = client.chat(question, model="gemini/any")
        assert client.chat(question, model="gemini/any").text == first.text
        with client.stream(question, model="gemini/any") as stream:
            assert stream.collect().text == first.text
        vectors = [client.embed(question, model="openai-chat/any").vectors for _ in range(2)]
        assert vectors[0] == vectors[1]
        assert asked() == 2
        with pytest.raises(NotFoundError) as failed:
            client.chat(question + "?", model="gemini/any", options=Options(cache="only"))
        assert failed.value.code == "only_if_cached"
        client.chat(question, model="gemini/any", options=Options(cache="off"))
        assert asked() == 3


def test_what_many_ask_at_once_is_asked_once(simulator, asked, question, tmp_path):
    with served(configured(simulator, single_flight=True), tmp_path) as gateway:
        answers = []

        def work():
            answers.append(
                ask(gateway, "openai-chat", "openai-chat", question, stream=True, model="sim-slow")
            )

        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert asked() == 1
        later = ask(gateway, "openai-chat", "openai-chat", question, stream=True, model="sim-slow")
        assert later.headers["x-modelway-cache"] == "exact"
        assert asked() == 1


# ---------------------------------------------------------------- real stores


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer() as server:
        yield server


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "valkey", "postgres"])
def store_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'store.sqlite'}"
    server = request.getfixturevalue(request.param)
    return server.url if request.param == "valkey" else server.url("postgres")


def shared(simulator, url):
    return configured(simulator, store={"url": url}, cache={"where": "store"})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_one_process_finds_what_another_has_kept(simulator, asked, question, store_url, stream):
    async def main():
        config = shared(simulator, store_url)
        answers = []
        for _ in range(2):
            async with modelway.Client(config) as client:
                if stream:
                    async with client.stream(question, model="openai-chat/any") as events:
                        answers.append((await events.collect()).text)
                else:
                    answers.append((await client.chat(question, model="openai-chat/any")).text)
        return answers

    first, second = asyncio.run(main())
    assert first == second
    assert asked() == 1


def test_a_store_that_dies_costs_nobody_an_answer(simulator, asked, question):
    with ValkeyServer() as server:

        async def main():
            async with modelway.Client(shared(simulator, server.url)) as client:

                async def answer(text):
                    return (await client.chat(text, model="openai-chat/any")).text

                first = await answer(question)
                server.stop()
                assert await answer(question) == first, "this process has it"
                for number in range(5):
                    assert await answer(f"{question} {number}")
                assert asked() == 6

        asyncio.run(main())
