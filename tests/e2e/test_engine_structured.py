"""Structured answers and the tool loop on a real engine, whose sampling keeps to the schema."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
import pytest

import modelway
from modelway.schema.validate import faults


class Item(msgspec.Struct):
    kind: Literal["cat", "dog"]
    count: int


@dataclass
class Order:
    items: Annotated[list[Item], msgspec.Meta(max_length=2)]
    paid: bool


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "sizes": {"type": "array", "items": {"enum": ["s", "m"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "sizes"],
    "additionalProperties": False,
}
FORMS = pytest.mark.parametrize("into", [Order, SCHEMA], ids=["type", "schema"])
WAYS = {
    "chat": None,
    "messages": "emulated by a forced tool call: this host or model takes no JSON schema",
}
"""Provider → what is said of how it was asked: llama.cpp ignores schemas of the Anthropic dialect."""
DIALECTS = pytest.mark.parametrize("provider", WAYS)
ASKED = {"temperature": 0.0, "max_tokens": 400}


@pytest.fixture
async def client(llama_config):
    async with modelway.Client(llama_config, environment={}) as found:
        yield found


def is_valid(value, into):
    return faults(value, SCHEMA) == [] if into is SCHEMA else isinstance(value, Order)


@DIALECTS
@FORMS
async def test_a_form_gives_a_valid_value_at_once(client, provider, into):
    answer = await client.parse("an order", into=into, model=f"{provider}/tiny", **ASKED)
    assert is_valid(answer.value, into)
    assert len(answer.responses) == 1
    assert WAYS[provider] in {None, *[warning.message for warning in answer.warnings]}


@DIALECTS
@FORMS
async def test_a_streamed_value_grows_to_the_whole(client, provider, into):
    stream = client.parse_stream("an order", into=into, model=f"{provider}/tiny", **ASKED)
    async with stream:
        seen = [value async for value in stream]
        answer = await stream.collect()
    assert all(before.keys() <= after.keys() for before, after in pairwise(seen))
    assert is_valid(answer.value, into)
    assert seen[-1] == msgspec.to_builtins(answer.value)


def weather(city: Literal["Paris", "Rome"]) -> str:
    """The weather.

    Args:
        city: Where.
    """
    return f"Sunny in {city}."


@DIALECTS
async def test_a_forced_tool_is_run_and_its_result_goes_back(client, provider):
    run = await client.run(
        "The weather?",
        tools=[weather],
        tool_choice="required",
        at_limit="answer",
        max_steps=1,
        model=f"{provider}/tiny",
        **ASKED,
    )
    assert [message.role for message in run.messages][:3] == ["user", "assistant", "tool"]
    (result,) = run.messages[2].parts
    assert result.parts[0].text in {"Sunny in Paris.", "Sunny in Rome."}
    assert not result.is_error
    assert run.usage.input_tokens > run.responses[0].usage.input_tokens


@DIALECTS
async def test_a_streamed_run_tells_of_each_step(client, provider):
    stream = client.run_stream(
        "The weather?",
        tools=[weather],
        tool_choice="required",
        at_limit="answer",
        max_steps=1,
        model=f"{provider}/tiny",
        **ASKED,
    )
    async with stream:
        names = [type(event).__name__ for event in [event async for event in stream]]
    steps = [name for name in names if name.startswith(("Step", "Tool")) and "Delta" not in name]
    assert steps[:5] == ["StepStarted", "StepEnded", "ToolStarted", "ToolEnded", "StepStarted"]


@pytest.mark.parametrize("model", ["chat/tiny", "messages/tiny"])
def test_openais_own_client_gets_its_form_through_the_gateway(openai_client, model):
    pydantic = pytest.importorskip("pydantic")

    class Toy(pydantic.BaseModel):
        kind: Literal["cat", "dog"]
        count: int

    answer = openai_client.chat.completions.parse(
        model=model,
        messages=[{"role": "user", "content": "a toy"}],
        response_format=Toy,
        temperature=0,
        max_tokens=200,
    )
    assert isinstance(answer.choices[0].message.parsed, Toy)
    assert answer.choices[0].finish_reason == "stop"
