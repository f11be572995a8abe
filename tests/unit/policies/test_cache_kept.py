"""What of an answer is kept, and that what is given again is what was kept."""

import gc
import json
from typing import get_args

import pytest
from msgspec.structs import replace

from modelway.call import Body, Call, Deployment, Operation, Passing, Reply, Target
from modelway.catalog.load import providers
from modelway.dialects import dialect
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.caching.keepable import keepable
from modelway.policies.caching.keeping import Room, keep
from modelway.policies.caching.kept import Replay, reply_of, written
from modelway.retrieval import EmbedResponse, Ranked, RerankResponse
from modelway.testing.crossing import CLIENTS
from modelway.testing.subjects import ANSWERS
from modelway.types import (
    CallWarning,
    ChatRequest,
    ChatResponse,
    Choice,
    HostedTool,
    Message,
    Refusal,
    Text,
    Usage,
)

WHERE = Deployment(
    id="p/m",
    provider=providers()["simulator"],
    dialect="openai-chat",
    target=Target(model="m"),
    base_url="http://127.0.0.1:1/v1",
)
KNOWN = {"p/m": WHERE}.get
USAGE = Usage(input_tokens=3, output_tokens=2)
HELLO = ChatResponse(
    id="a1",
    model="m",
    created=7,
    choices=(
        Choice(
            message=Message(role="assistant", parts=(Text(text="hello"),)), finish_reason="stop"
        ),
    ),
    usage=USAGE,
)


def call(name=None, *, operation="chat", stream=False, **fields):
    """Of a client of a dialect, or a typed one."""
    if name is None:
        asked = {"request": ChatRequest(messages=(user("hi"),))}
    else:
        asked = {"body": Body(dialect=name, fields=split(json.dumps(fields).encode()))}
    return Call(id="1", operation=operation, model="m", stream=stream, **asked)


class Ear:
    def __init__(self):
        self.heard = []

    def __call__(self, data, why=""):
        self.heard.append((data, why))

    @property
    def data(self):
        ((data, why),) = self.heard
        assert why == ""
        return data

    @property
    def why(self):
        ((data, why),) = self.heard
        assert data is None
        return why


def whole(value, asking=None, most_bytes=10**7, **fields):
    ear = Ear()
    reply = Reply(deployment=WHERE, value=value, usage=getattr(value, "usage", None), **fields)
    assert keep(asking or call(), reply, most_bytes, ear) is reply
    return ear


async def streamed(asking, most_bytes=10**7, **fields):
    """What is heard of a stream, and what its reader had."""
    ear = Ear()
    reply = keep(asking, Reply(deployment=WHERE, **fields), most_bytes, ear)
    stream = reply.chunks or reply.events
    assert ear.heard == []
    return ear, [batch async for batch in stream]


def again(data, asking, **fields):
    return reply_of(data, asking, KNOWN, age_s=5.0, by="exact", **fields)


@pytest.mark.parametrize("name", ANSWERS)
async def test_any_decoded_answer_is_given_again_as_it_was(name):
    response = ANSWERS[name].response
    ear = whole(response)
    refused = any(
        isinstance(part, Refusal) for choice in response.choices for part in choice.message.parts
    )
    if refused or any(one.finish_reason not in ("stop", "tool_calls") for one in response.choices):
        assert ear.why
        return
    given = again(ear.data, call())
    assert given.value == response
    assert (given.cached, given.age_s, given.deployment) == ("exact", 5.0, WHERE)
    batches = [[event] for event in unfold(response)]
    ear, _ = await streamed(call(stream=True), events=Replay(batches, USAGE))
    given = again(ear.data, call(stream=True))
    assert [batch async for batch in given.events] == batches
    assert again(ear.data, call()).value.choices == fold(unfold(response)).choices


@pytest.mark.parametrize(
    "value",
    [
        EmbedResponse(model="m", vectors=((0.1, -1e-300, 3.0), (1.0, 2.0, 3.0)), usage=USAGE),
        RerankResponse(results=(Ranked(index=1, score=0.25, document={"a": 1}),), usage=USAGE),
    ],
    ids=["embed", "rerank"],
)
def test_vectors_and_rankings_are_given_again_as_they_were(value):
    operation = "embed" if isinstance(value, EmbedResponse) else "rerank"
    asking = call(operation=operation)
    assert again(whole(value, asking).data, asking).value == value
    assert again(whole(value, asking).data, replace(asking, stream=True)) is None


def test_a_whole_answer_in_the_bytes_of_each_operation():
    for name, operation, body in (
        ("openai-chat", "embed", b'{"data":[{"index":0,"embedding":[0.5]}],"model":"m"}'),
        ("openai-chat", "rerank", b'{"results":[{"index":0,"relevance_score":0.5}]}'),
        (
            "openai-chat",
            "complete",
            b'{"model":"m","choices":[{"index":0,"text":"hi","finish_reason":"stop"}]}',
        ),
    ):
        asking, ear = call(name, operation=operation), Ear()
        keep(asking, Reply(deployment=WHERE, body=body), 10**6, ear)
        given = again(ear.data, asking)
        assert (given.body, given.cached) == (body, "exact")
        ear = Ear()
        keep(asking, Reply(deployment=WHERE, body=b'{"error":{}}'), 10**6, ear)
        assert ear.why


async def test_an_answer_is_given_in_its_own_client_s_bytes_alone():
    body = dialect("openai-chat").downstream["chat"].encode(HELLO)
    ear = Ear()
    keep(call("openai-chat"), Reply(deployment=WHERE, body=body), 10**6, ear)
    assert again(ear.data, call("openai-chat")).body == body
    assert again(ear.data, call("openai-chat", stream=True)) is None
    assert again(ear.data, call("ollama")) is None
    assert again(ear.data, call()) is None


async def test_that_it_did_not_stream_is_told_to_who_wanted_a_stream():
    notes = (
        CallWarning(setting="stream", message="in one piece"),
        CallWarning(setting="top_k", message="not sent"),
    )
    ear, _ = await streamed(
        call(stream=True), events=Replay([unfold(HELLO)], USAGE), warnings=notes
    )
    assert again(ear.data, call(stream=True)).warnings == notes
    given = again(ear.data, call())
    assert given.warnings == given.value.warnings == notes[1:]


async def test_what_is_read_by_one_reader_is_not_changed_for_the_next():
    ear, _ = await streamed(call(stream=True), events=Replay([unfold(HELLO)], USAGE))
    for _ in range(2):
        (batch,) = [one async for one in again(ear.data, call(stream=True)).events]
        assert batch == unfold(HELLO)
        batch[0] = None


async def test_who_changes_a_batch_that_was_handed_on_changes_nothing_that_is_kept():
    ear = Ear()
    reply = keep(
        call(stream=True),
        Reply(deployment=WHERE, events=Replay([unfold(HELLO)], USAGE)),
        10**6,
        ear,
    )
    async for batch in reply.events:
        batch.clear()
    assert again(ear.data, call()).value.text == "hello"


async def test_a_stream_that_is_listened_to_is_the_stream_that_it_was():
    inner = Replay([unfold(HELLO)], USAGE)
    reply = keep(call(stream=True), Reply(deployment=WHERE, events=inner), 10**6, Ear())
    told = []
    reply.events.on_settled.append(lambda usage, error: told.append((usage, error)))
    reply.events.on_batch.append(lambda batch: told.append(len(batch)))
    assert not reply.events.finished
    assert (reply.events.billed, reply.events.received_chars) == (True, None)
    assert [batch async for batch in reply.events] == [unfold(HELLO)]
    assert reply.events.finished
    assert told == [3, (USAGE, None)]
    await reply.events.aclose()
    assert len(told) == 2


def test_what_is_kept_by_another_version_is_not_there():
    data = whole(HELLO).data
    assert again(data, call()) is not None
    for wrong in (b"", b"\x90", data[:-1], data + b"\0", data[:1] + b"\x02" + data[2:]):
        assert again(wrong, call()) is None


def test_what_a_stream_would_lose_is_given_whole_alone():
    part = Text(text="hello", cache="5m")
    choice = replace(HELLO.choices[0], message=Message(role="assistant", parts=(part,)))
    data = whole(replace(HELLO, choices=(choice,))).data
    assert again(data, call()).value.choices == (choice,)
    assert again(data, call(stream=True)) is None
    assert again(whole(HELLO).data, call(stream=True)) is not None


@pytest.mark.parametrize("form", ["body", "chat", "events"])
def test_what_is_kept_without_content_is_not_there(form):
    data = written(call(), Reply(deployment=WHERE), form, (), None)
    assert again(data, call()) is None


def test_what_cannot_be_written_down_is_not_kept():
    odd = replace(HELLO, usage=Usage(raw={"n": 2**70}))
    assert whole(odd).why == "form"
    assert whole(object()).why == "form"
    assert whole(replace(HELLO, choices=())).why == "empty"


def test_a_usage_is_kept_for_its_client_to_see():
    given = again(whole(HELLO).data, call())
    assert (given.usage, given.value.usage, given.value.cost_pico_usd) == (USAGE, USAGE, None)


# ---------------------------------------------------------------- which calls

FUNCTIONS = {
    "openai-chat": [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tools": [{"function": {"name": "f"}}]},
        {"tools": [{"type": "custom", "custom": {"name": "x"}}]},
        {"functions": [{"name": "f"}]},
        {"tools": None, "store": False, "web_search_options": None},
    ],
    "openai-responses": [
        {"tools": [{"type": "function", "name": "f"}], "store": False, "background": None},
    ],
    "anthropic-messages": [
        {"tools": [{"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral"}}]},
        {"tools": [{"type": "custom", "name": "f", "input_schema": {}}], "mcp_servers": []},
    ],
    "gemini": [{"tools": [{"functionDeclarations": [{"name": "f"}]}], "toolConfig": {}}],
    "bedrock-converse": [{"toolConfig": {"tools": [{"toolSpec": {}}, {"cachePoint": {}}]}}],
    "cohere": [{"tools": [{"type": "function", "function": {"name": "f"}}]}],
    "ollama": [{"tools": [{"type": "function", "function": {"name": "f"}}], "stream": False}],
}
HOSTED = {
    "openai-chat": [
        {"web_search_options": {"user_location": None}},
        {"store": True},
        {"search_parameters": {"mode": "on"}},
        {"plugins": [{"id": "web"}]},
        {"tools": [{"type": "function", "function": {}}, {"type": "web_search"}]},
        {"tools": "web"},
        {"tools": [5]},
    ],
    "openai-responses": [
        {"store": True},
        {"background": True},
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "mcp", "server_url": "https://example.org"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"tools": [{"type": "image_generation"}]},
    ],
    "anthropic-messages": [
        {"container": "c1"},
        {"mcp_servers": [{"url": "https://example.org"}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
    ],
    "gemini": [
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"functionDeclarations": []}, {"codeExecution": {}}]},
        {"tools": [{"functionDeclarations": [], "urlContext": {}}]},
    ],
    "bedrock-converse": [{"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}],
    "cohere": [{"connectors": [{"id": "web-search"}]}],
    "ollama": [{"tools": [{"type": "web_search"}]}],
}


@pytest.mark.parametrize("name", CLIENTS)
def test_functions_are_answered_again_and_what_acts_elsewhere_is_not(name):
    assert keepable(call(name, messages=[]))
    for fields in FUNCTIONS[name]:
        assert keepable(call(name, **fields)), fields
    for fields in HOSTED[name]:
        assert not keepable(call(name, **fields)), fields


def test_a_text_to_complete_is_a_prompt_and_no_stored_one():
    assert keepable(call("openai-chat", operation="complete", prompt="once"))


def test_a_typed_request_is_judged_alike():
    def asked(**fields):
        return replace(call(), request=ChatRequest(messages=(user("hi"),), **fields))

    hosted = HostedTool(dialect="openai-responses", definition={"type": "web_search"})
    custom = HostedTool(dialect="openai-responses", definition={"type": "custom", "name": "x"})
    assert keepable(asked(tools=(custom,), extra={"store": False, "verbosity": "low"}))
    assert not keepable(asked(tools=(custom, hosted)))
    assert not keepable(asked(extra={"store": True}))
    assert not keepable(asked(extra={"previous_response_id": "resp_1"}))
    assert not keepable(asked(extra={"prompt": {"id": "pmpt_1"}}))


def test_only_operations_whose_answer_is_all_are_kept():
    kept = {one for one in get_args(Operation) if keepable(call("openai-chat", operation=one))}
    assert kept == {"chat", "complete", "embed", "rerank"}
    assert not keepable(replace(call(), passing=Passing(method="POST", path="/x")))


# ---------------------------------------------------------------- what is held on the way


async def test_streams_that_are_open_hold_no_more_than_there_is_room_for():
    room, ears, readers = Room(2000), [Ear() for _ in range(4)], []
    batches = [[event] for event in unfold(HELLO)]
    for ear in ears:
        reply = Reply(deployment=WHERE, events=Replay([list(b) for b in batches], USAGE))
        readers.append(aiter(keep(call(stream=True), reply, 10**6, ear, room=room).events))
    for _ in batches:
        for reader in readers:
            await anext(reader)
    assert 0 <= room.left_bytes < 1000
    for reader in readers:
        with pytest.raises(StopAsyncIteration):
            await anext(reader)
    assert room.left_bytes == 2000
    whys = [why for ear in ears for _, why in ear.heard]
    assert whys.count("") >= 2
    assert set(whys) == {"", "busy"}


async def test_a_stream_that_is_forgotten_gives_its_room_back():
    room = Room(2000)
    reply = Reply(deployment=WHERE, events=Replay([[event] for event in unfold(HELLO)], USAGE))
    reader = aiter(keep(call(stream=True), reply, 10**6, Ear(), room=room).events)
    await anext(reader)
    assert room.left_bytes < 2000
    del reader, reply
    gc.collect()
    assert room.left_bytes == 2000


@pytest.mark.parametrize("at", ["feed", "close"])
async def test_a_fault_in_reading_a_stream_does_the_stream_no_harm(monkeypatch, at):
    codec = dialect("openai-chat").upstream["chat"]

    class Faulty:
        error = None

        def feed(self, data):
            return [] if at == "close" else 1 // 0

        def close(self):
            raise KeyError("a bug")

    faulty = {**dialect("openai-chat").upstream, "chat": codec._replace(decoder=Faulty)}
    spoken = dialect("openai-chat")._replace(upstream=faulty)
    monkeypatch.setattr("modelway.policies.caching.keeping.dialect", lambda _: spoken)
    ear, had = await streamed(
        call("openai-chat", stream=True), chunks=Replay([b"data: 1\n\n", b"data: 2\n\n"], None)
    )
    assert (had, ear.why) == ([b"data: 1\n\n", b"data: 2\n\n"], "form")


def test_a_fault_in_reading_a_whole_answer_does_it_no_harm(monkeypatch):
    def faulty(body):
        raise KeyError("a bug")

    codec = dialect("openai-chat").upstream["chat"]._replace(decode=faulty)
    spoken = dialect("openai-chat")._replace(upstream={"chat": codec})
    monkeypatch.setattr("modelway.policies.caching.keeping.dialect", lambda _: spoken)
    ear, reply = Ear(), Reply(deployment=WHERE, body=b"{}")
    assert keep(call("openai-chat"), reply, 10**6, ear) is reply
    assert ear.why == "form"
