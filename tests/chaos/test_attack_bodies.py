"""Every route against hostile bodies: refused in the client's words, and nobody else is asked."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.dialects import NAMES
from support.direct import ASKING, Told, asked, direct, dumped, example, named, place
from support.examples import few
from support.mutations import RICH, mutated, thinned

POSTED = [route for route in ASKING if route.method == "POST" and route.action != "show_named"]
ROUTES = pytest.mark.parametrize("route", POSTED, ids=named)
MODEL = "m-openai-chat"
REFUSALS = range(400, 500)


def down(_):
    return Told(400, ((b"content-type", b"application/json"),), b"{}")


@pytest.fixture(autouse=True)
def _no_fault_of_ours(caplog):
    caplog.set_level(logging.ERROR, "modelway")
    yield
    assert not caplog.records


@ROUTES
@few
@given(chance=st.randoms(use_true_random=False), target=st.sampled_from(NAMES), thin=st.booleans())
async def test_no_mutation_of_a_real_request_is_a_fault_of_ours(route, chance, target, thin):
    body = RICH[route.dialect, route.operation]
    body = mutated(thinned(body, chance) if thin else body, chance)
    model = f"m-{target}"
    if route.path[-1:] != b"/" or route.action != "ask":
        body = {"model": model, **body}
    gateway, _ = direct(down)
    got = await asked(gateway, "POST", place(route, model), dumped(body))
    assert got.status in (200, *REFUSALS), got.body
    assert got.whole
    json.loads(got.body)


def nested(depth, inside=b""):
    return b"[" * depth + inside + b"]" * depth


def with_field(route, name, value):
    """The route's example with one more or another field, whose JSON is ``value``."""
    fields = {key: dumped(held) for key, held in example(route, MODEL).items()}
    fields[name] = value
    return b"{%b}" % b",".join([b"%b:%b" % (dumped(key), held) for key, held in fields.items()])


def main_field(route):
    known = ("messages", "input", "contents", "prompt", "requests", "content", "documents", "texts")
    return next((name for name in known if name in example(route)), "prompt")


MALFORMED = {
    "empty": b"",
    "array": b"[]",
    "null": b"null",
    "string": b'"x"',
    "half": b'{"model":',
    "bom": b"\xef\xbb\xbf{}",
    "utf-16": '{"model":"m"}'.encode("utf-16"),
    "invalid utf-8": b'{"model":"m-openai-chat","x":"\xff"}',
    "half a pair": b'{"model":"m-openai-chat","x":"\\ud800"}',
    "nan": b'{"model":"m-openai-chat","temperature":NaN}',
    "infinity": b'{"model":"m-openai-chat","temperature":-Infinity}',
    "comment": b'{"model":"m-openai-chat"/**/}',
    "trailing comma": b'{"model":"m-openai-chat",}',
    "twice": b'{"model":"m-openai-chat","model":"m-cohere"}',
    "twice escaped": b'{"model":"m-openai-chat","mod\\u0065l":"m-cohere"}',
    "two": b'{"model":"m-openai-chat"}{"model":"m-openai-chat"}',
    "deep": b'{"model":"m-openai-chat","x":' + nested(200_000) + b"}",
    "deep objects": b'{"model":"m-openai-chat","x":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001,
}


@ROUTES
@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_body_is_refused(route, name):
    gateway, transport = direct(down)
    got = await asked(gateway, "POST", place(route, MODEL), MALFORMED[name])
    if route.operation == "pass" and name == "empty":
        return  # it needs none
    assert (got.status, transport.sent) == (400, []), got.body


@ROUTES
@pytest.mark.parametrize("depth", [50, 500, 900, 2000])
async def test_depth_in_the_main_field_is_no_fault(route, depth):
    gateway, _ = direct(down)
    for inside in (b"", b'{"type":"image_url","image_url":{"url":"https://example.org/"}}'):
        body = with_field(route, main_field(route), nested(depth, inside))
        got = await asked(gateway, "POST", place(route, MODEL), body)
        assert got.status in REFUSALS, got.body


@ROUTES
@pytest.mark.parametrize("value", ["null", "5", '""', "[]", "{}", "true", '"\\u0000"', '"/"'])
async def test_an_odd_model_is_refused_where_the_body_names_it(route, value):
    if "model" not in example(route):
        return
    gateway, transport = direct(down)
    body = with_field(route, "model", value.encode())
    got = await asked(gateway, "POST", place(route, MODEL), body)
    if value == '""':  # nothing is said: the default model answers, where there is one
        assert got.status in (200, *REFUSALS)
    else:
        assert got.status in REFUSALS
        assert not transport.sent or route.action == "pass_to"


@ROUTES
async def test_ten_megabytes_of_text_are_only_text(route):
    gateway, _ = direct(down)
    body = with_field(route, main_field(route), b'"%b"' % (b"a" * 10_000_000))
    got = await asked(gateway, "POST", place(route, MODEL), body)
    assert got.status in (200, *REFUSALS)
    body = with_field(route, "user", b'"%b"' % (b"a" * 10_000_000))
    assert (await asked(gateway, "POST", place(route, MODEL), body)).status in (200, *REFUSALS)


@ROUTES
async def test_more_than_may_be_sent_is_not_read(route):
    gateway, transport = direct(down)
    for length in ("99999999999", "9" * 5000, "-1", "1e3", ""):
        got = await asked(gateway, "POST", place(route, MODEL), b"{}", {"content-length": length})
        assert got.status in (400, 413), length
    assert not transport.sent


CHATS = [route for route in POSTED if route.operation == "chat"]
FIRST = {route.dialect: route for route in reversed(CHATS)}
"""One route of each dialect: the others read the same body in the same way."""


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(route, marks=() if route is FIRST[route.dialect] else pytest.mark.exhaustive)
        for route in CHATS
    ],
    ids=named,
)
async def test_a_hundred_thousand_tools_are_refused(route):
    tools = {
        "gemini": [{"functionDeclarations": [{"name": "f"}]}],
        "bedrock-converse": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}],
        "anthropic-messages": [{"name": "f", "input_schema": {"type": "object"}}],
        "openai-responses": [{"type": "function", "name": "f", "parameters": {}}],
    }.get(route.dialect, [{"type": "function", "function": {"name": "f", "parameters": {}}}])
    one = dumped(tools)[1:-1]
    many = b"[" + b",".join([one] * 100_000) + b"]"
    name, value = "tools", many
    if route.dialect == "bedrock-converse":
        name, value = "toolConfig", b'{"tools":%b}' % many
    gateway, _ = direct(down)
    got = await asked(gateway, "POST", place(route, MODEL), with_field(route, name, value))
    assert got.status in REFUSALS
