"""The middleware: which calls it leaves alone, and what becomes of the others' replies."""

import json

import pytest
from msgspec.structs import replace

from modelway.call import Body, Call, Deployment, Options, Reply, Target
from modelway.catalog.load import providers
from modelway.catalog.models_find import find
from modelway.catalog.rows import Quirks
from modelway.errors import StreamInterruptedError, UnsupportedError
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.emulate import emulating
from modelway.streams import Replay
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    JsonSchema,
    Message,
    Start,
    Text,
    ToolCall,
    ToolCallDelta,
    Usage,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
ANSWER = ChatResponse(
    choices=(
        Choice(
            message=Message(
                role="assistant", parts=(ToolCall(id="1", name="x", arguments='{"a": 1}'),)
            ),
            finish_reason="tool_calls",
        ),
    ),
    usage=Usage(output_tokens=3),
)


def deployment(dialect="openai-chat", **quirks):
    return Deployment(
        id="p/m",
        provider=providers()["simulator"],
        dialect=dialect,
        target=Target(model="m", quirks=Quirks(**quirks)),
        base_url="http://127.0.0.1:1/v1",
    )


def said(dialect="openai-chat", **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "q"}], **fields}
    return Call(
        id="c", model="m", body=Body(dialect=dialect, fields=split(json.dumps(body).encode()))
    )


def typed(**fields):
    return Call(id="c", model="m", request=ChatRequest(messages=(user("q"),), **fields))


def _look_up(where):
    return find(where.provider, where.model, where.base_model)


async def through(where, call, reply=None):
    """What the exchange is asked, and what comes back."""
    seen = []

    async def exchange(asked):
        seen.append(asked)
        return reply or Reply(deployment=where, value=ANSWER)

    return seen, await emulating(where, _look_up)(call, exchange)


@pytest.mark.parametrize(
    ("where", "call"),
    [
        (deployment(), said()),
        (deployment(), said(response_format=FORMAT)),
        (deployment(json_schema=False), said()),
        (deployment(), typed()),
        (deployment(), typed(response_format=JsonSchema(schema=SCHEMA))),
        (deployment("anthropic-messages"), said("anthropic-messages", max_tokens=1)),
    ],
)
async def test_these_go_on_as_they_are(where, call):
    seen, reply = await through(where, call)
    assert seen == [call]
    assert seen[0] is call
    assert reply.value is ANSWER


@pytest.mark.parametrize(
    ("where", "call"),
    [
        (deployment(json_schema=False), said(response_format=FORMAT)),
        (deployment(json_schema=False), typed(response_format=JsonSchema(schema=SCHEMA))),
        (deployment("anthropic-messages", json_schema=False), said(response_format=FORMAT)),
    ],
)
async def test_these_are_asked_otherwise_and_read_back(where, call):
    seen, reply = await through(where, call)
    assert seen[0].body is None
    assert seen[0].request.tool_choice == "required"
    assert (reply.value.text, reply.value.finish_reason) == ('{"a": 1}', "stop")
    assert [warning.setting for warning in reply.warnings] == ["response_format"]
    assert reply.value.warnings == reply.warnings


async def test_a_client_of_another_dialect_is_decoded_once():
    call = said("anthropic-messages", max_tokens=1)
    seen, _ = await through(deployment(), call)
    assert seen[0].body is call.body
    assert isinstance(seen[0].request, ChatRequest)


async def test_a_strict_call_is_refused():
    call = replace(typed(response_format=JsonSchema(schema=SCHEMA)), options=Options(strict=True))
    with pytest.raises(UnsupportedError, match="strict"):
        await through(deployment(json_schema=False), call)


async def test_a_stream_is_read_back_and_settles_once():
    where = deployment(json_schema=False)
    call = replace(typed(response_format=JsonSchema(schema=SCHEMA)), stream=True)
    stream = Replay(unfold(ANSWER), ANSWER.usage)
    _, reply = await through(where, call, Reply(deployment=where, events=stream))
    settled, batches = [], []
    reply.events.on_settled.append(lambda usage, error: settled.append((usage, error)))
    reply.events.on_batch.append(batches.append)
    events = [event async for batch in reply.events for event in batch]
    assert fold(events).text == '{"a": 1}'
    assert (reply.events.finished, reply.events.usage) == (True, ANSWER.usage)
    assert settled == [(ANSWER.usage, None)]
    assert len(batches) == 1
    await reply.events.aclose()


class Cut:
    """An event stream that breaks off."""

    usage = None
    finished = False
    received_chars = None

    def __init__(self):
        self.on_settled, self.on_batch = [], []

    async def __aiter__(self):
        events = [Start(), ToolCallDelta(index=0, id="1", name="x", arguments='{"a"')]
        yield events
        error = StreamInterruptedError("cut")
        error.partial = fold(events)
        raise error

    async def aclose(self):
        pass


async def test_what_had_arrived_of_a_broken_stream_is_read_back_too():
    where = deployment(json_schema=False)
    call = replace(typed(response_format=JsonSchema(schema=SCHEMA)), stream=True)
    _, reply = await through(where, call, Reply(deployment=where, events=Cut()))
    with pytest.raises(StreamInterruptedError) as caught:
        [batch async for batch in reply.events]
    assert caught.value.partial.message.parts == (Text(text='{"a"'),)
    assert not any(isinstance(part, ToolCall) for part in caught.value.partial.message.parts)


async def test_a_model_that_is_known_to_take_no_schema_is_asked_otherwise():
    where = replace(deployment(), provider=providers()["xai"], target=Target(model="grok-3-mini"))
    seen, _ = await through(where, typed(response_format=JsonSchema(schema=SCHEMA)))
    assert seen[0].request.response_format is None
    where = replace(deployment(), provider=providers()["openai"], target=Target(model="gpt-4o"))
    seen, _ = await through(where, typed(response_format=JsonSchema(schema=SCHEMA)))
    assert seen[0].request.response_format is not None
