"""A client's own bytes, edited for a provider of the same dialect."""

from __future__ import annotations

import json

from modelway.call import Target
from modelway.dialects.anthropic_messages import DIALECT
from modelway.framing.fields import split

BODY = (
    b'{"model":"mine","max_tokens":1,"messages":[{"role":"user","content":"\\u00e9 1.10"}],'
    b'"brand_new":{"x":1.0e2},"temperature":1.50}'
)


def spliced(written=BODY, operation="chat", **target):
    target.setdefault("model", "theirs")
    return DIALECT.splice(split(written), Target(**target), operation)


def test_only_the_model_is_replaced():
    assert spliced().body == BODY.replace(b'"mine"', b'"theirs"')
    assert spliced().hide_usage is False


def test_a_body_without_model_gets_one():
    body = spliced(b'{"messages":[],"max_tokens":1}').body
    assert json.loads(body) == {"messages": [], "max_tokens": 1, "model": "theirs"}


def test_the_operators_fields_are_set():
    body = spliced(body={"temperature": 0.2, "k": [1], "model": "no", "messages": [], "stream": 1})
    sent = json.loads(body.body)
    assert (sent["temperature"], sent["k"], sent["model"]) == (0.2, [1], "theirs")
    assert sent["messages"][0]["content"] == "é 1.10"
    assert "stream" not in sent
    assert b'"brand_new":{"x":1.0e2}' in body.body


def test_counting_takes_only_what_is_counted():
    body = spliced(operation="count_tokens", body={"service_tier": "auto", "speed": "fast"}).body
    assert "service_tier" not in json.loads(body)
    assert json.loads(body)["speed"] == "fast"


def test_the_bytes_of_the_client_are_not_changed_in_place():
    fields = split(BODY)
    DIALECT.splice(fields, Target(model="theirs", body={"k": 1}), "chat")
    assert bytes(fields["model"]) == b'"mine"'
    assert "k" not in fields
