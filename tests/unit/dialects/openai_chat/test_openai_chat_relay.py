"""Same-dialect streams: the same bytes, watched; and same-dialect bodies, spliced."""

from __future__ import annotations

import json

import pytest

from modelway import errors
from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.openai_chat import DIALECT
from modelway.framing.fields import split

HEAD = (
    b'data: {"id":"r","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}\n\n'
)
TOOL = (
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}\n\n'
)
THINK = b'data: {"choices":[{"delta":{"reasoning_content":"hm","content":"x"}}]}\n\n'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = b": comment\n\n" + HEAD + TOOL + THINK + LAST + USAGE + DONE


def relay(data, hide_usage=False, size=None):
    watching = DIALECT.upstream["chat"].relay(hide_usage)
    out = b""
    for at in range(0, len(data), size or len(data) or 1):
        out += watching.feed(data[at : at + (size or len(data))])
    return out + watching.close(), watching


@pytest.mark.parametrize("size", [None, 1, 5, 60])
@pytest.mark.parametrize(
    "data", [WHOLE, WHOLE.replace(b"\n", b"\r\n"), WHOLE.replace(b"\n", b"\r")]
)
def test_a_stream_goes_through_unchanged_and_is_learned_from(data, size):
    out, watching = relay(data, size=size)
    assert out == data
    assert watching.error is None
    assert watching.finish == "stop"
    assert (watching.usage.input_tokens, watching.usage.output_tokens) == (3, 4)
    assert watching.received_chars == len("hello") + len("{}") + len("hm") + len("x")


@pytest.mark.parametrize("size", [None, 1, 60])
def test_the_chunk_that_the_client_did_not_ask_for_is_hidden(size):
    out, watching = relay(WHOLE, hide_usage=True, size=size)
    assert out == WHOLE.replace(USAGE, b"")
    assert watching.usage.input_tokens == 3


def test_usage_in_a_chunk_with_choices_is_the_clients_too():
    last = LAST.replace(b'"usage":null', b'"usage":{"prompt_tokens":3}')
    out, watching = relay(HEAD + last + DONE, hide_usage=True)
    assert out == HEAD + last + DONE
    assert watching.usage.input_tokens == 3


def test_groqs_usage_is_read():
    last = LAST.replace(b'"usage":null', b'"x_groq":{"usage":{"prompt_tokens":3}}')
    out, watching = relay(HEAD + last + DONE, hide_usage=True)
    assert out == HEAD + last + DONE
    assert (watching.usage.input_tokens, watching.finish) == (3, "stop")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (b'data: {"error":{"code":429,"message":"x"}}\n\n', errors.RateLimitError),
        (b'event: error\ndata: {"error":{"type":"server_error"}}\n\n', errors.OverloadedError),
        (b'data: {"choices":[{"delta":{},"error":{"code":502}}]}\n\n', errors.OverloadedError),
        (b"data: <html>\n\n", errors.ResponseError),
        (b'data: {"choices":3}\n\n', errors.ResponseError),
        (b'data: {"choices":[],"usage":7}\n\n', errors.ResponseError),
    ],
)
def test_a_fault_ends_what_goes_on(fault, kind):
    for hide_usage in (False, True):
        out, watching = relay(HEAD + fault + HEAD, hide_usage)
        assert out == HEAD
        assert isinstance(watching.error, kind)
        assert watching.feed(HEAD) == b""


@pytest.mark.parametrize(
    ("data", "out"),
    [
        (b"", b""),
        (HEAD, HEAD),
        (HEAD + HEAD[:20], HEAD),
        (HEAD + b"data: ", HEAD),
        (b": x\n\n", b": x\n\n"),
    ],
)
def test_a_stream_that_is_cut_is_an_error(data, out):
    got, watching = relay(data)
    assert got == out
    assert isinstance(watching.error, errors.StreamInterruptedError)


def test_a_clean_end_without_done_is_whole():
    out, watching = relay(HEAD + LAST)
    assert (out, watching.error) == (HEAD + LAST, None)
    out, watching = relay(HEAD + LAST + DONE.rstrip())
    assert (out, watching.error) == (HEAD + LAST + DONE, None)


def test_another_dialects_stream_is_unreadable():
    _, watching = relay(b'event: x\ndata: {"type":"response.created"}\n\n')
    assert isinstance(watching.error, errors.ResponseError)


# ---------------------------------------------------------------- splice

BODY = b'{"model": "alias", "messages": [{"role":"user","content":"h\\u00e9"}], "n": 1.0, "new": {"a": 1e3}}'


def test_a_splice_changes_the_model_and_nothing_else():
    spliced = DIALECT.splice(split(BODY), Target(model="m"), "chat")
    assert spliced.body == (
        b'{"model":"m","messages":[{"role":"user","content":"h\\u00e9"}],"n":1.0,"new":{"a": 1e3}}'
    )
    assert not spliced.hide_usage


@pytest.mark.parametrize(
    ("options", "sent", "hidden"),
    [
        (b"", {"include_usage": True}, True),
        (b',"stream_options":null', {"include_usage": True}, True),
        (b',"stream_options":{"include_usage":true}', {"include_usage": True}, False),
        (b',"stream_options":{"include_usage":false}', {"include_usage": True}, True),
        (
            b',"stream_options":{"include_obfuscation":false}',
            {"include_obfuscation": False, "include_usage": True},
            True,
        ),
    ],
)
def test_a_stream_asks_for_usage_and_hides_it(options, sent, hidden):
    fields = split(b'{"model":"x","messages":[],"stream":true' + options + b"}")
    spliced = DIALECT.splice(fields, Target(model="m"), "chat")
    assert json.loads(spliced.body)["stream_options"] == sent
    assert spliced.hide_usage is hidden


def test_a_host_that_refuses_the_option_is_not_asked():
    fields = split(b'{"model":"x","messages":[],"stream":true}')
    target = Target(model="m", quirks=Quirks(stream_usage=False))
    assert b"stream_options" not in DIALECT.splice(fields, target, "chat").body


def test_the_operators_fields_win_but_for_model_and_messages():
    fields = split(b'{"model":"x","messages":[1],"top_k":1}')
    target = Target(model="m", body={"top_k": 20, "model": "other", "messages": [], "a": None})
    body = json.loads(DIALECT.splice(fields, target, "chat").body)
    assert body == {"model": "m", "messages": [1], "top_k": 20, "a": None}


def test_a_list_of_models_has_no_body():
    assert DIALECT.splice({}, Target(model="m"), "models").body == b""
