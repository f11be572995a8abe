"""What of an answer is kept, and that what is given again is what was kept."""

import json

import pytest

from modelway.call import Body, Call, Deployment, Reply, Target
from modelway.catalog.load import providers
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.messages import user
from modelway.policies.caching.keeping import keep
from modelway.policies.caching.kept import Replay, reply_of
from modelway.testing.subjects import ANSWERS
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
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
