"""Values out of answers: asked for, validated, repaired, and refused by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypedDict

import msgspec
import pytest

import modelway
from modelway.simulator.mock import MockTransport
from modelway.simulator.script import Match, Reply, Rule, Script, ScriptedCall, ScriptedError
from modelway.structured import form_of


@dataclass
class Order:
    item: str
    count: int
    notes: list[str] = field(default_factory=list)


class Row(TypedDict):
    id: int


class Leaf(msgspec.Struct):
    value: int
    next: Leaf | None = None


SCHEMA = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    "required": ["item", "count"],
}
GOOD = '{"item":"tea","count":2,"notes":[]}'
HOSTS = {
    "native": ({}, None),
    "tool": ({"quirks": {"json_schema": False}}, "emulated by a forced tool call"),
    "instruction": (
        {"quirks": {"json_schema": False, "drop": ["tools"]}},
        "emulated by an instruction",
    ),
    "anthropic": ({"dialect": "anthropic-messages"}, None),
    "anthropic tool": (
        {"dialect": "anthropic-messages", "quirks": {"json_schema": False}},
        "emulated by a forced tool call",
    ),
}


def client(*replies, host="native", **more):
    rules = (Rule(match=Match(), reply=replies),)
    config = {
        "providers": {
            "sim": {"like": "simulator", "base_url": "http://127.0.0.1:1/v1", **HOSTS[host][0]}
        },
        "models": {"m": "sim/m"},
    }
    transport = MockTransport(Script(rules=rules))
    return modelway.Client(config, environment={}, transport=transport, **more)


def says(text, **more):
    return Reply(text=text, **more)


def calls(arguments):
    return Reply(tool_calls=(ScriptedCall(name="answer", arguments=arguments),))


@pytest.mark.parametrize("host", HOSTS)
async def test_a_value_comes_back_however_it_was_asked_for(host):
    reply = calls(GOOD) if "tool" in host else says(GOOD)
    async with client(reply, host=host) as asked:
        answer = await asked.parse("an order", into=Order, model="m")
        assert answer.value == Order("tea", 2)
        told = [w.message for w in answer.warnings if w.setting == "response_format"]
        assert [message.partition(":")[0] for message in told] == [HOSTS[host][1]] * len(told)
        assert bool(told) == (HOSTS[host][1] is not None)
        async with asked.parse_stream("an order", into=Order, model="m") as stream:
            seen = [value async for value in stream]
            assert (await stream.collect()).value == answer.value
        assert seen[-1] == msgspec.json.decode(GOOD)
        assert [w.message for w in stream.warnings if w.setting == "response_format"] == told


@pytest.mark.parametrize(
    ("into", "text", "value"),
    [
        (Order, GOOD, Order("tea", 2)),
        (Order, f"Of course!\n```json\n{GOOD}\n```", Order("tea", 2)),
        (Order, '{"item":"tea","count":2,"notes":null}', Order("tea", 2)),
        (list[Order], f'{{"value":[{GOOD}]}}', [Order("tea", 2)]),
        (list[Order], f"[{GOOD}]", [Order("tea", 2)]),
        (int, '{"value":3}', 3),
        (Literal["a", "b"], '{"value":"b"}', "b"),
        (Order | Leaf, None, modelway.UnsupportedError),
        (Row, '{"id":1}', {"id": 1}),
        (Leaf, '{"value":1,"next":{"value":2,"next":null}}', Leaf(1, Leaf(2))),
        (SCHEMA, '{"item":"tea","count":2}', {"item": "tea", "count": 2}),
        (
            modelway.JsonSchema(schema=SCHEMA, name="o"),
            '{"item":"x","count":1}',
            {"item": "x", "count": 1},
        ),
    ],
)
async def test_what_can_be_asked_for(into, text, value):
    if text is None:
        with pytest.raises(value):
            form_of(into)
        return
    async with client(says(text)) as asked:
        assert (await asked.parse("q", into=into, model="m")).value == value


async def test_pydantic_models_validate_themselves():
    pydantic = pytest.importorskip("pydantic")

    class Person(pydantic.BaseModel):
        name: str = pydantic.Field(min_length=2)
        age: int | None = None

    async with client(says('{"name":"A"}'), says('{"name":"Ada","age":null}')) as asked:
        answer = await asked.parse("q", into=Person, model="m")
        assert answer.value == Person(name="Ada")
        assert len(answer.responses) == 2


@pytest.mark.parametrize(
    ("into", "bad", "fault"),
    [
        (Order, '{"item":"tea","count":"two"}', "Expected `int`, got `str` - at `$.count`"),
        (SCHEMA, '{"item":1,"count":0}', "$.item: must be string, not 1"),
        (Order, "no", "there is no JSON in it"),
        (Order, '{"item": tea}', "it is not JSON"),
    ],
)
async def test_an_invalid_answer_goes_back_with_its_faults(into, bad, fault):
    seen = []
    async with client(says(bad), says(GOOD)) as asked:
        chat = asked.chat

        async def watched(request, **more):
            seen.append(request)
            return await chat(request, **more)

        asked.chat = watched
        answer = await asked.parse("q", into=into, model="m")
    assert len(answer.responses) == 2
    assert answer.usage.input_tokens == sum(r.usage.input_tokens for r in answer.responses)
    assert [message.role for message in seen[1].messages] == ["user", "assistant", "user"]
    assert seen[1].messages[1] == answer.responses[0].message
    assert fault in seen[1].messages[2].parts[0].text


@pytest.mark.parametrize("repairs", [0, 2])
async def test_repairs_are_bounded_and_the_text_is_kept(repairs):
    async with client(says('{"item":1}')) as asked:
        with pytest.raises(modelway.InvalidAnswerError) as caught:
            await asked.parse("q", into=SCHEMA, model="m", repairs=repairs)
        assert asked.stats().total_requests == repairs + 1
    error = caught.value
    assert error.response.text == '{"item":1}'
    assert error.faults == (
        "$.item: must be string, not 1",
        "$.count: is required, and missing",
    )
    assert (error.provider, error.model) == ("sim", "m")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (says('{"item":"te', finish="length"), modelway.TruncatedAnswerError),
        (Reply(refusal="I cannot."), modelway.ModelRefusalError),
        (says("", finish="content_filter"), modelway.ContentFilterError),
    ],
)
async def test_an_answer_that_is_none_is_not_repaired(reply, kind):
    async with client(reply) as asked:
        with pytest.raises(kind) as caught:
            await asked.parse("q", into=Order, model="m")
        assert asked.stats().total_requests == 1
        with pytest.raises(kind):
            await asked.parse_stream("q", into=Order, model="m").collect()
    assert type(caught.value) is kind


async def test_a_whole_answer_at_the_cap_is_one():
    async with client(says(GOOD, finish="length")) as asked:
        assert (await asked.parse("q", into=Order, model="m")).value == Order("tea", 2)


async def test_a_strict_call_refuses_to_emulate():
    async with client(says(GOOD), host="tool") as asked:
        with pytest.raises(modelway.UnsupportedError, match="strict"):
            await asked.parse("q", into=Order, model="m", options=modelway.Options(strict=True))
        assert asked.stats().total_requests == 1


async def test_a_fallback_is_asked_in_its_own_way():
    down = Rule(match=Match(model="down"), reply=Reply(error=ScriptedError(status=500)))
    rules = (down, Rule(reply=calls(GOOD)))
    base = {"like": "simulator", "base_url": "http://127.0.0.1:1/v1"}
    config = {
        "providers": {"one": base, "two": {**base, "quirks": {"json_schema": False}}},
    }
    options = modelway.Options(retries=0, fallbacks=("two/up",))
    transport = MockTransport(Script(rules=rules))
    async with modelway.Client(config, environment={}, transport=transport) as asked:
        answer = await asked.parse("q", into=Order, model="one/down", options=options)
    assert answer.value == Order("tea", 2)
    assert answer.response.provider == "two"
    assert [w.setting for w in answer.warnings] == ["response_format"]


async def test_two_forms_at_once_are_refused():
    async with client(says(GOOD)) as asked:
        with pytest.raises(modelway.BadRequestError, match="into alone"):
            await asked.parse("q", into=Order, model="m", response_format=Row)


async def test_a_stream_is_validated_at_its_end():
    async with client(says('{"item":"tea"}')) as asked:
        stream = asked.parse_stream("q", into=Order, model="m")
        async with stream:
            assert [value async for value in stream][-1] == {"item": "tea"}
            with pytest.raises(modelway.InvalidAnswerError, match="count"):
                await stream.collect()
