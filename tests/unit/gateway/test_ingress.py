"""What a client may write at the top of its request, and what is refused before anything is sent."""

import json

import pytest

from modelway.dialects import dialect
from modelway.errors import BadRequestError, ForbiddenError, LLMError, PayloadTooLargeError
from modelway.gateway.ingress import call_of, declared_length, named_model, read_body

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def call(body, name="openai-chat"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call_of(raw, id_="1", dialect=dialect(name), operation="chat")


def test_the_body_is_split_and_not_decoded():
    made = call({**ASK, "stream": True, "some_new_field": 1.50})
    assert made.model == "m"
    assert made.stream is True
    assert bytes(made.body.fields["some_new_field"]) == b"1.5"


@pytest.mark.parametrize(
    ("name", "operation", "body", "streams"),
    [
        ("ollama", "chat", {"messages": []}, True),
        ("ollama", "chat", {"messages": [], "stream": False}, False),
        ("ollama", "complete", {}, True),
        ("ollama", "embed", {"input": "a"}, False),
        ("openai-chat", "chat", {"messages": []}, False),
        ("openai-chat", "embed", {"input": "a", "stream": True}, False),
    ],
)
def test_whether_an_answer_streams(name, operation, body, streams):
    raw = json.dumps({"model": "m", **body}).encode()
    made = call_of(raw, id_="1", dialect=dialect(name), operation=operation)
    assert made.stream is streams


@pytest.mark.parametrize(("body", "model"), [({"model": "a"}, "a"), ({"name": "b"}, "b")])
def test_a_model_that_is_asked_about(body, model):
    assert named_model(json.dumps(body).encode()) == model


@pytest.mark.parametrize("body", [{}, {"model": 1}, {"model": None}])
def test_a_question_about_no_model(body):
    with pytest.raises(BadRequestError, match="'model' is missing"):
        named_model(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 4}, "model"),
        ({"messages": "hello"}, "messages"),
        ({"messages": None}, "messages"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "1e9"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_completion_tokens": -5}, "max_completion_tokens"),
        ({"n": 129}, "n"),
        ({"n": 0}, "n"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": {}}, "tools"),
        ({"stream_options": []}, "stream_options"),
    ],
)
def test_a_wrong_type_or_range_names_its_field(change, param):
    with pytest.raises(BadRequestError) as caught:
        call({**ASK, **change})
    assert caught.value.param == param


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"model": "m", "messages": [}',
        b'{"model": "m", "messages": [], "temperature": NaN}',
        b'{"model": "m", "messages": [], "model": "n"}',
        b'{"model": "m", "mod\\u0065l": "n", "messages": []}',
        b'{"model": "\xff", "messages": []}',
        b'{"messages": []}',
        b'{"model": "m"}',
        b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_malformed_bodies_are_refused(body):
    with pytest.raises(BadRequestError):
        call(body)


@pytest.mark.parametrize(
    "change",
    [
        {"api_base": "http://evil"},
        {"base_url": "http://evil"},
        {"BASE_URL": "http://evil"},
        {"base-url": "http://evil"},
        {"ba\u017fe_url": "http://evil"},
        {"\uff42ase_url": "http://evil"},
        {"endpoint": "http://evil"},
        {"azure_endpoint": "http://evil"},
        {"api_key": "sk-x"},
        {"region": "eu"},
        {"location": "eu"},
        {"project": "p"},
        {"resource_name": "r"},
        {"aws_region_name": "r"},
        {"extra_body": {"api_base": "http://evil"}},
        {"extra_body": {"deep": [{"base_url": "http://evil"}]}},
        {"litellm_params": {"region": "eu"}},
        {"metadata": {"api_base": "http://evil"}},
    ],
)
def test_no_field_chooses_a_host(change):
    with pytest.raises(ForbiddenError):
        call({**ASK, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"region": "eu"}},
        {"messages": [{"role": "user", "content": "what is an api_base?"}]},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "parameters": {"type": "object", "properties": {"url": {}, "host": {}}},
                    },
                }
            ]
        },
        {"temperature": None, "max_tokens": None, "stream": None},
    ],
)
def test_what_only_looks_like_a_host_passes(change):
    assert call({**ASK, **change}).model == "m"


def receiver(*messages):
    waiting = list(messages)

    async def receive():
        return waiting.pop(0)

    return receive


def piece(body, more):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_is_read_whole():
    assert await read_body(receiver(piece(b"ab", True), piece(b"c", False)), None, 3) == b"abc"


async def test_a_body_over_the_bound_is_refused_before_it_is_read():
    with pytest.raises(PayloadTooLargeError):
        await read_body(receiver(), 4, 3)
    with pytest.raises(PayloadTooLargeError):
        await read_body(receiver(piece(b"ab", True), piece(b"cd", True)), None, 3)


async def test_a_client_that_leaves_in_its_body():
    with pytest.raises(LLMError):
        await read_body(receiver(piece(b"ab", True), {"type": "http.disconnect"}), None, 9)


@pytest.mark.parametrize("value", [b"-1", b"1e3", b"", b"0x1", b"1,1"])
def test_a_length_is_digits(value):
    with pytest.raises(BadRequestError):
        declared_length(value)
