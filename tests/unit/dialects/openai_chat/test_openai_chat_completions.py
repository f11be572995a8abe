"""Legacy text completion, both ways."""

from __future__ import annotations

import json

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat import DIALECT
from modelway.errors import BadRequestError, StreamInterruptedError, UnsupportedError
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.framing.sse import parse
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    TextDelta,
    TokenLogprob,
    Tool,
    ToolCall,
    Usage,
)

CODEC, FACE = DIALECT.upstream["complete"], DIALECT.downstream["complete"]
PLAIN = Target(model="m")
STREAMING = split(b'{"stream":true,"stream_options":{"include_usage":true}}')


def decode(**body):
    return FACE.decode(split(json.dumps({"model": "m", "prompt": "Once", **body}).encode()))


def encode(request, target=PLAIN, stream=False):
    encoded = CODEC.encode(request, target, stream)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def test_a_prompt_is_what_a_user_says():
    request = decode(max_tokens=9, stop="END", logprobs=3, seed=1, n=2, user="u", temperature=0.5)
    assert request == ChatRequest(
        model="m",
        messages=(Message(role="user", parts=(Text(text="Once"),)),),
        max_tokens=9,
        stop=("END",),
        logprobs=True,
        top_logprobs=3,
        seed=1,
        n=2,
        user="u",
        temperature=0.5,
    )
    body, warned = encode(request, stream=True)
    assert body == {
        "model": "m",
        "prompt": "Once",
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 1,
        "n": 2,
        "user": "u",
        "stop": ["END"],
        "logprobs": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert warned == []


def test_what_only_completion_has_is_not_for_a_chat():
    request = decode(suffix="end", echo=True, best_of=3)
    assert request.extra == {"suffix": "end", "echo": True, "best_of": 3}
    assert encode(request) == (
        {"model": "m", "prompt": "Once", "suffix": "end", "echo": True, "best_of": 3},
        [],
    )
    chat = DIALECT.upstream["chat"].encode(request, PLAIN, False)
    assert json.loads(chat.body).keys() == {"model", "messages"}
    assert len(chat.warnings) == 3


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1], [2]]])
def test_several_prompts_and_token_ids_are_completed_or_refused(prompt):
    request = decode(prompt=prompt)
    assert encode(request)[0]["prompt"] == prompt
    with pytest.raises(UnsupportedError):
        DIALECT.upstream["chat"].encode(request, PLAIN, False)


def test_one_prompt_in_a_list_is_one_prompt():
    assert encode(decode(prompt=["a"]))[0]["prompt"] == "a"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": 3}, "stop"),
        ({"temperature": 9}, "temperature"),
    ],
)
def test_a_fault_is_named(body, param):
    with pytest.raises(BadRequestError) as caught:
        decode(**body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "messages",
    [
        (Message(role="system", parts=(Text(text="a"),)),),
        (Message(role="user", parts=(Text(text="a"), Text(text="b"))),),
        (Message(role="user", parts=(Text(text="a"),)),) * 2,
        (Message(role="user", parts=(Opaque(dialect="x", kind="y", data={"prompt": "z"}),)),),
    ],
)
def test_a_conversation_is_no_prompt(messages):
    with pytest.raises(UnsupportedError, match="chat"):
        encode(ChatRequest(messages=messages))


def test_tools_are_refused_and_other_settings_warned_of():
    request = decode()
    with pytest.raises(UnsupportedError, match="tools"):
        encode(ChatRequest(messages=request.messages, tools=(Tool(name="a"),)))
    asked = ChatRequest(messages=request.messages, top_k=3, metadata={"a": "b"})
    assert encode(asked)[1] == ["top_k", "metadata"]


def test_the_cap_keeps_its_older_name():
    target = Target(model="m", quirks=Quirks(rename={"max_tokens": "max_completion_tokens"}))
    assert encode(decode(max_tokens=9), target)[0]["max_tokens"] == 9


ANSWER = ChatResponse(
    id="c",
    model="m",
    created=7,
    choices=(
        Choice(
            message=Message(
                role="assistant",
                parts=(
                    Reasoning(text="Hm."),
                    Text(text="Hello"),
                    Refusal(text="No."),
                    ToolCall(id="c", name="n"),
                ),
            ),
            finish_reason="tool_calls",
            logprobs=(
                TokenLogprob(
                    token="Hel", logprob=-1.0, top=(TokenLogprob(token="Hel", logprob=-1.0),)
                ),
                TokenLogprob(token="lo", logprob=-2.0),
            ),
        ),
    ),
    usage=Usage(input_tokens=3, output_tokens=5),
)


def test_an_answer_of_a_chat_is_written_as_text():
    assert json.loads(FACE.encode(ANSWER)) == {
        "id": "c",
        "object": "text_completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "text": "HelloNo.",
                "index": 0,
                "logprobs": {
                    "tokens": ["Hel", "lo"],
                    "token_logprobs": [-1.0, -2.0],
                    "top_logprobs": [{"Hel": -1.0}, {}],
                    "text_offset": [0, 3],
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def test_it_streams_to_the_same():
    encoder = FACE.encoder(STREAMING)
    sent = b"".join([encoder.feed([event]) for event in unfold(ANSWER)]) + encoder.close()
    assert sent.endswith(b"data: [DONE]\n\n")
    chunks = [json.loads(event.data) for event in parse(sent)[:-1]]
    assert "".join([c["text"] for chunk in chunks for c in chunk["choices"]]) == "HelloNo."
    assert chunks[-1]["usage"]["total_tokens"] == 8
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    decoder = CODEC.decoder()
    got = fold([*decoder.feed(sent), *decoder.close()])
    assert decoder.error is None
    assert got.choices[0].logprobs == ANSWER.choices[0].logprobs
    assert got.text == CODEC.decode(FACE.encode(ANSWER)).text == "HelloNo."


def test_half_a_stream_is_an_error():
    encoder = FACE.encoder(split(b"{}"))
    sent = encoder.feed(unfold(ANSWER)[:1]) + encoder.feed([TextDelta(text="Hel")])
    assert b"error" in encoder.close()
    decoder = CODEC.decoder()
    decoder.feed(sent)
    decoder.close()
    assert isinstance(decoder.error, StreamInterruptedError)


def test_the_tokens_of_an_echoed_prompt():
    """The first has no log-probability."""
    told = {
        "choices": [
            {
                "text": "ab",
                "index": 0,
                "finish_reason": "stop",
                "logprobs": {
                    "tokens": ["a", "b"],
                    "token_logprobs": [None, -1],
                    "top_logprobs": None,
                },
            }
        ]
    }
    first, second = CODEC.decode(json.dumps(told).encode()).choices[0].logprobs
    assert first.logprob == -9999.0
    assert second.logprob == -1.0
