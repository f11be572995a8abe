"""Replicate's predictions read: where they go on, what they say, and how they end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway import errors
from modelway.call import Target
from modelway.dialects import dialect
from modelway.fold import fold
from modelway.ports import Follow
from modelway.types import Finish, Start, TextDelta, Usage
from support import read
from support.strategies import TEXTS, splits

REPLICATE = dialect("replicate")
CHAT = REPLICATE.upstream["chat"]
API = "https://api.replicate.com/v1/predictions/p"


def prediction(status="succeeded", **more):
    body = {
        "id": "p",
        "model": "meta/llama",
        "created_at": "2024-10-04T18:07:37.245Z",
        "status": status,
        "urls": {"get": API, "cancel": f"{API}/cancel"},
        **more,
    }
    return json.dumps(body).encode()


def streamed(stream):
    return {"urls": {"get": API, "stream": stream}}


OWN, FOREIGN = "https://stream.replicate.com/v1/p", "https://streaming-api.svc.c.replicate.net/v1/p"


@pytest.mark.parametrize(
    ("body", "stream", "step"),
    [
        (prediction("starting"), False, Follow(API, delay_s=0.5)),
        (prediction("processing", output=["half"]), False, Follow(API, delay_s=0.5)),
        (prediction("starting"), True, Follow(API, delay_s=0.5)),
        (prediction("starting", **streamed(OWN)), True, Follow(OWN, stream=True)),
        (prediction("starting", **streamed(OWN)), False, Follow(API, delay_s=0.5)),
        (prediction("starting", **streamed(FOREIGN)), True, Follow(API, delay_s=0.5)),
        (prediction(), True, None),
        (prediction("failed"), False, None),
        (prediction("canceled"), False, None),
        (prediction("aborted"), False, None),
    ],
)
def test_where_a_prediction_goes_on(body, stream, step):
    assert CHAT.follow(body, stream) == step


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"id":"x"}', prediction("starting", urls={})]
)
def test_what_is_no_prediction_is_not_followed(body):
    with pytest.raises(errors.ResponseError):
        CHAT.follow(body, False)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (["Once", " upon", ""], "Once upon"),
        ("Once", "Once"),
        (None, ""),
        ({"a": 1}, '{"a":1}'),
        ([1], "[1]"),
    ],
)
def test_outputs_are_text(output, text):
    answer = CHAT.decode(prediction(output=output))
    assert (answer.text, answer.id, answer.model) == (text, "p", "meta/llama")
    assert (answer.finish_reason, answer.created) == ("stop", 1728065257)
    assert answer.usage == Usage()


@pytest.mark.parametrize(
    ("metrics", "counts"),
    [
        ({"input_token_count": 3, "output_token_count": 9, "predict_time": 0.5}, (3, 9)),
        ({"token_input_count": 3, "token_output_count": 9}, (3, 9)),
        ({"predict_time": 4.2}, (None, None)),
    ],
)
def test_tokens_where_they_are_counted(metrics, counts):
    body = prediction(output="x", metrics=metrics)
    usage = CHAT.usage(body)
    assert (usage.input_tokens, usage.output_tokens, usage.raw) == (*counts, metrics)
    assert CHAT.decode(body).usage == usage
    assert CHAT.usage(prediction(output="x")) is None


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (prediction("failed", error="CUDA out of memory"), errors.OverloadedError, "failed"),
        (prediction("failed", error="Died (code: E8765)"), errors.OverloadedError, "E8765"),
        (prediction("failed", error="Flagged. (E005)"), errors.ContentFilterError, "E005"),
        (prediction("failed"), errors.OverloadedError, "failed"),
        (prediction("canceled"), errors.UnavailableError, "canceled"),
        (prediction("aborted"), errors.APITimeoutError, "aborted"),
        (prediction("starting"), errors.ResponseError, None),
        (b'{"hello":"world"}', errors.ResponseError, None),
    ],
)
def test_what_did_not_succeed_is_an_error(body, kind, code):
    for read_body in (CHAT.decode, CHAT.usage):
        with pytest.raises(kind) as caught:
            read_body(body)
        assert (type(caught.value), caught.value.code) == (kind, code)


def event(name, data):
    lines = "".join([f"data: {line}\n" for line in data.split("\n")])
    return f"event: {name}\nid: 1690212292:0\n{lines}\n".encode()


def test_a_stream():
    body = event("output", "Once\n") + event("logs", "loading") + event("output", " upon")
    events, error = read.decode_stream("replicate", [body + event("done", "{}")])
    assert error is None
    assert events == [
        Start(),
        TextDelta(text="Once\n"),
        TextDelta(text=" upon"),
        Finish(reason="stop", raw_reason="succeeded"),
    ]


@given(st.data())
def test_any_split_gives_the_same_events(data):
    texts = [text.replace("\r", "") for text in data.draw(st.lists(TEXTS, max_size=4))]
    body = b"".join([event("output", text) for text in texts]) + event("done", "{}")
    whole, error = read.decode_stream("replicate", [body])
    assert (fold(whole).text, error) == ("".join(texts), None)
    assert read.decode_stream("replicate", data.draw(splits(body))) == (whole, None)
    one = [body[at : at + 1] for at in range(len(body))]
    assert read.decode_stream("replicate", one) == (whole, None)


@given(st.data())
def test_a_cut_stream_is_never_whole(data):
    body = event("output", "Once") + event("done", "{}")
    point = data.draw(st.integers(0, len(body) - 4))
    events, error = read.decode_stream("replicate", [body[:point]])
    assert isinstance(error, errors.StreamInterruptedError)
    assert not any(isinstance(one, Finish) for one in events)


@pytest.mark.parametrize(
    ("end", "kind", "match"),
    [
        (event("error", '{"detail":"It broke"}'), errors.OverloadedError, "It broke"),
        (event("error", "plain words (E005)"), errors.ContentFilterError, "plain words"),
        (event("done", '{"reason":"canceled"}'), errors.UnavailableError, "cancelled"),
        (event("done", '{"reason":"error"}'), errors.OverloadedError, "failed"),
        (event("done", "no"), errors.ResponseError, "cannot be read"),
    ],
)
def test_an_end_that_is_none(end, kind, match):
    events, error = read.decode_stream("replicate", [event("output", "Once") + end])
    assert type(error) is kind
    assert match in str(error)
    assert fold(events).text == "Once"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"title": "Unauthenticated", "detail": "No."}, errors.AuthenticationError),
        (402, {"title": "Insufficient credit", "detail": "No."}, errors.PermissionDeniedError),
        (404, {"detail": "No."}, errors.NotFoundError),
        (429, {"detail": "No."}, errors.RateLimitError),
        (500, {"title": "No."}, errors.OverloadedError),
    ],
)
def test_refusals(status, body, kind):
    error = REPLICATE.error(status, (), json.dumps(body).encode())
    assert (type(error), error.status, error.message) == (kind, status, "No.")


def test_a_refused_input_is_named():
    body = {"detail": "No.", "status": 422, "invalid_fields": [{"field": "input.prompt"}]}
    error = REPLICATE.error(422, (), json.dumps(body).encode())
    assert (type(error), error.param) == (errors.BadRequestError, "input.prompt")
    for bare in (b"", b"<html>", b"x"):
        assert "502" in REPLICATE.error(502, (), bare).message


def test_a_model():
    path = REPLICATE.upstream["model"].path("meta/llama:abc", False)
    found = REPLICATE.upstream["model"].decode(b'{"owner":"meta","name":"llama","run_count":1}')
    assert (path, found.id, found.owner) == ("/models/meta/llama", "meta/llama", "meta")


def test_there_is_nothing_for_clients():
    assert not REPLICATE.downstream
    with pytest.raises(errors.UnsupportedError):
        REPLICATE.splice({}, Target(model="m"), "chat")
