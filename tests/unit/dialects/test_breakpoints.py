"""Cache breakpoints: at most four, an hour's first; what is taken is left alone."""

import pytest

from modelway.call import Target
from modelway.dialects import breakpoints, dialect
from modelway.framing.fields import split
from modelway.types import ChatRequest, Message, Text, Tool, ToolResult


def request(tools, *turns):
    """A tool a letter, then a message a word of roles and lifetimes: ``user:5``."""
    lives = {"5": "5m", "1": "1h", "-": None}
    messages = [
        Message(
            role=role,
            parts=tuple(
                [Text(text=f"{number}.{at}", cache=lives[one]) for at, one in enumerate(said)]
            ),
        )
        for number, (role, _, said) in enumerate(turn.partition(":") for turn in turns)
    ]
    offered = [Tool(name=f"t{at}", cache=lives[one]) for at, one in enumerate(tools)]
    return ChatRequest(messages=tuple(messages), tools=tuple(offered), max_tokens=10)


def lives(found):
    short = {"5m": "5", "1h": "1", None: "-"}
    return "".join([short[tool.cache] for tool in found.tools]), *[
        f"{message.role}:" + "".join([short[part.cache] for part in message.parts])
        for message in found.messages
    ]


@pytest.mark.parametrize(
    ("asked", "sent", "told"),
    [
        (("",  "user:-"), ("", "user:-"), 0),
        (("1", "system:1", "user:5", "user:5"), ("1", "system:1", "user:5", "user:5"), 0),
        (("5", "system:5", "user:5-5", "user:55"), ("-", "system:-", "user:5-5", "user:55"), 1),
        (("", "system:5", "user:1"), ("", "system:5", "user:5"), 1),
        (("", "user:5", "system:1"), ("", "user:5", "system:1"), 0),  # the system goes first
        (("51", "system:1", "user:1151"), ("--", "system:-", "user:1155"), 2),
    ],
)  # fmt: skip
def test_breakpoints_are_brought_within(asked, sent, told):
    warned = []
    given = request(*asked)
    found = breakpoints.within(given, lambda *said: warned.append(said))
    assert lives(found) == sent
    assert len(warned) == told
    assert (found is given) == (told == 0)


def test_a_result_s_parts_count_before_it():
    texts = tuple([Text(text=str(number), cache="5m") for number in range(4)])
    result = ToolResult(call_id="c", parts=texts, cache="5m")
    given = ChatRequest(messages=(Message(role="tool", parts=(result,)),))
    [message] = breakpoints.within(given, lambda *_: None).messages
    [found] = message.parts
    assert found.cache == "5m"
    assert [part.cache for part in found.parts] == [None, "5m", "5m", "5m"]


@pytest.mark.parametrize(
    ("name", "mark"),
    [("anthropic-messages", b'"cache_control"'), ("bedrock-converse", b'"cachePoint"')],
)
def test_a_provider_is_sent_what_it_takes(name, mark):
    encoded = (
        dialect(name)
        .upstream["chat"]
        .encode(
            request("5", "system:5", "user:5-5", "user:55"), Target(model="anthropic.claude"), False
        )
    )
    assert encoded.body.count(mark) == 4
    assert [warning.setting for warning in encoded.warnings].count("cache") == 1
    assert dialect(name).downstream["chat"].decode(split(encoded.body)).messages
