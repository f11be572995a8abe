"""What a provider may keep of a prompt is sent as its client wrote it, so that it is found again (G5).

A provider's own cache holds a prompt's beginning, up to a breakpoint, and a single other byte misses it.
"""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Body, Call, Credential, Deployment, Target
from modelway.catalog.load import providers
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import APIConnectionError, LLMError
from modelway.exchange import Exchange
from modelway.framing.fields import split
from support.every_value import NAMES, QUESTIONS
from support.examples import few

MARKS = (b'"cache_control"', b'"cachePoint"', b'"prompt_cache_breakpoint"')
HOST = Quirks(cache_control=True, developer_role=True)
OURS = {"model", "stream_options", "top_k"}
"""What is edited: the model, the usage that we ask for, and what the operator sets (here, this)."""


class Wire:
    """Takes what is sent, and gives nothing back."""

    def __init__(self):
        self.body = b""

    async def send(self, request):
        self.body = request.body
        raise APIConnectionError("that is all")

    async def aclose(self):
        pass


async def sent(name, body, *, stream, operators):
    """The bytes that a provider of the client's dialect is sent."""
    wire = Wire()
    deployment = Deployment(
        id="p/m",
        provider=providers()["simulator"],
        dialect=name,
        target=Target(model="another-model", quirks=HOST, body=operators),
        credential=Credential(name="key", secret="k"),
        base_url="http://127.0.0.1:1/v1",
    )
    asked = Body(dialect=name, fields=split(body), size_bytes=len(body))
    call = Call(id="1", model="m", stream=stream, body=asked)
    with pytest.raises(LLMError):
        await Exchange(deployment, wire).send(call)
    return wire.body


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_what_stands_before_a_breakpoint_is_sent_as_it_was_written(name, data):
    stream, operators = data.draw(st.booleans()), data.draw(st.sampled_from([{}, {"top_k": 5}]))
    written = (
        dialect(name)
        .upstream["chat"]
        .encode(data.draw(QUESTIONS[name]), Target(model="m", quirks=HOST), stream)
    )
    fields = split(written.body)
    order = data.draw(st.permutations(list(fields)))
    between, after_name = data.draw(st.sampled_from([(b",", b":"), (b" ,\n", b" :\t")]))
    body = between.join(
        [json.dumps(one).encode() + after_name + bytes(fields[one]) for one in order]
    )
    body = b"{" + body + b" }"
    got = asyncio.run(sent(name, body, stream=stream, operators=operators))
    before, after = split(body), split(got)
    for one, raw in before.items():
        if one not in OURS:
            assert bytes(after[one]) == bytes(raw), one
    assert after.keys() - before.keys() <= OURS
    kept = [one for one in after if one in before]
    assert kept == list(before), "the order of the fields"
    for mark in MARKS:
        assert got.count(mark) == body.count(mark)


WRITTEN = {
    "anthropic-messages": b"""{"tools" : [ {"name":"f", "input_schema":{"type" :"object"},
        "cache_control": {"type":"ephemeral"}} ],
        "system":[{"text":"Be \\u0062rief. \xc3\xa9", "type":"text"}] , "model": "m", "max_tokens":1e2,
        "messages":[{"role":"user","content":[{"type":"text","text":"1.0e0",
        "cache_control":{"ttl":"1h","type":"ephemeral"}}]}, {"role":"user","content":"new"}]}""",
    "bedrock-converse": b"""{ "system":[{"text" :"Be brief."}, {"cachePoint":{"type":"default"}}],
        "messages":[{"role":"user", "content":[{"text":"a\\/b"},{"cachePoint" : {"type":"default"}},
        {"text":"new"}]}]}""",
    "openai-chat": b"""{"messages": [{"content" :[{"type":"text","text":"a",
        "cache_control":{"type":"ephemeral"} }], "role":"user"}, {"role":"user","content":"new"}],
        "model":"m"}""",
}


@pytest.mark.parametrize("name", WRITTEN)
async def test_a_prefix_is_the_same_bytes_up_to_its_last_breakpoint(name):
    body = WRITTEN[name]
    got = await sent(name, body, stream=False, operators={})
    ends = max(body.rfind(mark) for mark in MARKS)
    for one, raw in split(body).items():
        text = bytes(raw)
        if one != "model" and body.index(text) < ends:
            assert text in got, one
    assert [one for one in split(got) if one != "model"] == [o for o in split(body) if o != "model"]
