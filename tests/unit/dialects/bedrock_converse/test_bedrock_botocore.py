"""AWS's own client against ours: it accepts what we send, and reads what we answer."""

from __future__ import annotations

import base64
import json

import pytest
from botocore import eventstream, parsers, serialize, session, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from modelway import errors
from modelway.call import Target
from modelway.dialects import dialect
from modelway.fold import unfold
from modelway.framing.fields import split
from modelway.types import Reasoning, Text, ToolCall
from support import read
from support.bedrock_values import ANSWERS, BEDROCK, QUESTIONS

SERVICE = session.get_session().get_service_model("bedrock-runtime")
CODEC, FACE = dialect(BEDROCK).upstream["chat"], dialect(BEDROCK).downstream["chat"]


def from_json(value, shape):
    """The value as a Python caller gives it: bytes where the wire has base64."""
    kind = shape.type_name
    if kind == "blob":
        return base64.b64decode(value)
    if kind == "list":
        return [from_json(one, shape.member) for one in value]
    if kind == "map":
        return {name: from_json(one, shape.value) for name, one in value.items()}
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        members = shape.members
        return {
            name: from_json(one, members[name]) if name in members else one
            for name, one in value.items()
        }
    return value


def sent(request, operation="Converse"):
    """A request as AWS's client would write it, from the parameters that ours stand for."""
    model = SERVICE.operation_model(operation)
    encoded = CODEC.encode(request, Target(model="us.anthropic.claude-sonnet-4-5-v1:0"), False)
    body = json.loads(encoded.body)
    parameters = {"modelId": "m", **from_json(body, model.input_shape)}
    report = validate.ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    written = serialize.create_serializer("rest-json").serialize_to_request(parameters, model)
    return body, json.loads(written["body"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(request=QUESTIONS)
def test_what_we_send_is_what_their_client_would(request):
    ours, theirs = sent(replace(request, extra={}, extra_dialect=None))
    assert ours == theirs


def test_a_token_count_is_valid():
    model = SERVICE.operation_model("CountTokens")
    request = FACE.decode(split(b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}'))
    encoded = dialect(BEDROCK).upstream["count_tokens"].encode(request, Target(model="m"), False)
    parameters = {"modelId": "m", **from_json(json.loads(encoded.body), model.input_shape)}
    assert not validate.ParamValidator().validate(parameters, model.input_shape).has_errors()
    counted = dialect(BEDROCK).downstream["count_tokens"].decode(split(encoded.body))
    assert counted == request


PARAMETERS = {
    "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
                {"document": {"format": "pdf", "name": "a", "source": {"bytes": b"%PDF"}}},
                {"text": "What is this?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
                {"reasoningContent": {"redactedContent": b"EkAD"}},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"n": 1}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "t1", "content": [{"json": {"a": 1}}]}},
                {"text": "Well?"},
            ],
        },
    ],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}],
        "toolChoice": {"any": {}},
    },
    "inferenceConfig": {"maxTokens": 10, "temperature": 0.5, "stopSequences": ["END"]},
}


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
@pytest.mark.parametrize(
    "model", ["amazon.nova-lite-v1:0", "arn:aws:bedrock:us-east-1:1:inference-profile/us.a.b-v1:0"]
)
def test_their_requests_are_read(operation, model):
    shape = SERVICE.operation_model(operation)
    written = serialize.create_serializer("rest-json").serialize_to_request(
        {"modelId": model, **PARAMETERS}, shape
    )
    assert written["url_path"] == CODEC.path(model, operation == "ConverseStream")
    request = FACE.decode(split(written["body"]))
    assert request.max_tokens == 10
    assert request.messages[0].parts == (Text(text="Be brief.", cache="1h"),)
    assert request.messages[1].parts[0].source.data == base64.b64encode(b"\x89PNG").decode()
    thought = request.messages[2].parts
    assert [type(part) for part in thought] == [Reasoning, Reasoning, ToolCall]
    assert thought[1].encrypted == "EkAD"
    assert [message.role for message in request.messages[3:]] == ["tool", "user"]
    again = CODEC.encode(request, Target(model="us.anthropic.claude"), False)
    assert FACE.decode(split(again.body)) == request


def parse(operation, body, status=200):
    shape = SERVICE.operation_model(operation).output_shape
    given_ = {"body": body, "headers": {}, "status_code": status}
    return parsers.create_parser("rest-json").parse(given_, shape)


@given(response=ANSWERS)
def test_their_client_reads_our_answers(response):
    read_ = parse("Converse", FACE.encode(response))
    check_answer(read_["output"]["message"]["content"], response)
    assert read_["usage"]["outputTokens"] == response.usage.output_tokens
    assert read_["stopReason"]
    assert read_["metrics"]["latencyMs"] == 0


def check_answer(content, response):
    said = response.message.parts
    texts = "".join(
        [block.get("text", "") for block in content]
        + [
            one["text"]
            for block in content
            for one in block.get("citationsContent", {}).get("content", ())
        ]
    )
    assert sorted(texts) == sorted("".join([part.text for part in said if isinstance(part, Text)]))
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    assert [(call["toolUseId"], call["name"]) for call in calls] == [
        (part.id, part.name) for part in said if isinstance(part, ToolCall)
    ]


class _Raw:
    def __init__(self, pieces):
        self._pieces = pieces

    def stream(self):
        return iter(self._pieces)


def events_of(pieces):
    shape = SERVICE.operation_model("ConverseStream").output_shape
    parser = parsers.create_parser("rest-json")
    stream = eventstream.EventStream(
        _Raw(pieces), shape.members["stream"], parser._event_stream_parser, "ConverseStream"
    )
    return list(stream)


@given(response=ANSWERS, size=st.integers(1, 400))
def test_their_client_reads_our_streams(response, size):
    stream = read.streamed(BEDROCK, response)
    events = events_of([stream[at : at + size] for at in range(0, len(stream), size)])
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert names[-2:] == ["messageStop", "metadata"]
    assert names.count("contentBlockStop") == len(response.message.parts)
    said = "".join(
        [
            event["contentBlockDelta"]["delta"].get("text", "")
            for event in events
            if "contentBlockDelta" in event
        ]
    )
    assert said == "".join([part.text for part in response.message.parts if isinstance(part, Text)])
    assert events[-1]["metadata"]["usage"]["outputTokens"] == response.usage.output_tokens


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RateLimitError("slow down"), "throttlingException"),
        (errors.BadRequestError("no"), "validationException"),
        (errors.OverloadedError("full"), "serviceUnavailableException"),
        (errors.StreamInterruptedError("cut"), "modelStreamErrorException"),
        (errors.ConfigError("ours"), "internalServerException"),
    ],
)
def test_their_client_raises_our_errors(error, code):
    make = FACE.encoder
    encoder = make({})
    events = unfold(read.decode_whole(BEDROCK, FACE.encode(_hello())))
    stream = encoder.feed(events[:2]) + encoder.fail(error)
    with pytest.raises(eventstream.EventStreamError) as told:
        events_of([stream])
    assert told.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.RateLimitError("slow down"), "ThrottlingException", 429),
        (errors.NotFoundError("none"), "ResourceNotFoundException", 404),
        (errors.UnauthorizedError("who?"), "UnrecognizedClientException", 403),
    ],
)
def test_their_client_reads_our_refusals(error, code, status):
    refused, body = dialect(BEDROCK).refuse(error)
    assert refused == status
    told = parse("Converse", body, status)["Error"]
    assert told == {"Code": code, "Message": error.message}


def _hello():
    return read.decode_whole(
        BEDROCK,
        b'{"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},'
        b'"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}',
    )
