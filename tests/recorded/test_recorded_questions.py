"""Recorded requests: read as a client's, written for a provider, and still the same question."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from msgspec.structs import replace

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from support import corpus
from support.checks import Skipped, check_all, same
from support.counts import count
from support.essence import question, tools

ANY_HOST = Quirks(cache_control=True, developer_role=True, schema_subset="any")
DETAILS_HOST = replace(ANY_HOST, reasoning_field="reasoning_details")
"""Hosts that take all that the dialect can say, with reasoning in either of its two forms."""

WARNED = {"2bcc66ea9dce2345": "its system prompt is an empty text, which is left out"}
"""Requests that are not sent as they were, with a warning."""

PART_DEFAULTS = {"is_error": False, "caller": {"type": "direct"}}
"""What a content block means when it does not say so."""


def as_json(value) -> bytes:
    return json.dumps(value).encode()


def canonical(body, name):
    """The body without differences that mean nothing. Each rule is one documented equivalence."""
    body = json.loads(json.dumps(body))
    body.pop("anthropic_version", None)  # Vertex's own; the header of the same meaning here
    if not body.get("stream"):
        body.pop("stream", None)
    for message in body.get("messages") or ():
        _canonical_message(message)
    if "system" in body:  # a system prompt is written as a message's content is
        system = {"content": body["system"]}
        _canonical_message(system)
        body["system"] = system["content"]
    if "output_format" in body:  # the beta's name of output_config.format
        body.setdefault("output_config", {})["format"] = body.pop("output_format")
    for tool in body.get("tools") or ():
        function = tool.get("function")
        if name == "openai-responses" and function:  # Chat Completions' form of a function
            tool.update(tool.pop("function"))
            tool.setdefault("parameters", {"type": "object", "properties": {}})
        elif isinstance(function, dict):
            tool.setdefault("type", "function")
            function.pop("type", None)  # written twice by one client
            function.setdefault("parameters", {"type": "object", "properties": {}})
        if tool.get("type") == "custom":  # Anthropic's default kind
            tool.pop("type")
    if "max_completion_tokens" in body:  # the newer name; a row renames it for hosts that insist
        body["max_tokens"] = body.pop("max_completion_tokens")
    if body.get("response_format") == {"type": "text"}:  # the default
        body.pop("response_format")
    schema = (body.get("response_format") or {}).get("json_schema")
    if isinstance(schema, dict):
        schema.setdefault("name", "response")  # required by OpenAI, not by Perplexity
    if body.get("tool_choice") == "any":  # Mistral's older word
        body["tool_choice"] = "required"
    if isinstance(body.get("tool_choice"), dict) and "function" in body["tool_choice"]:
        body["tool_choice"].setdefault("type", "function")
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if name == "anthropic-messages":
        body["messages"] = _joined_turns(body["messages"])
    if name == "openai-responses":
        _canonical_items(body)
    return _without_empty(body)


def _canonical_message(message):
    content = message.get("content")
    if isinstance(content, str):  # a string is one text part
        message["content"] = [{"type": "text", "text": content}] if content else []
    if isinstance(message.get("content"), list):  # an empty text says nothing
        message["content"] = [
            part
            for part in message["content"]
            if not (part.get("type") == "text" and not part.get("text"))
        ]
    if message.get("prefix") is False:  # Mistral's default
        message.pop("prefix")
    for part in message.get("content") or ():
        if isinstance(part.get("image_url"), str):  # Mistral's shorter form
            part["image_url"] = {"url": part["image_url"]}
        if isinstance(part.get("content"), str):  # so also in a tool result
            part["content"] = [{"type": "text", "text": part["content"]}]
        if (part.get("cache_control") or {}).get("ttl") == "5m":  # the default lifetime
            part["cache_control"].pop("ttl")
        for field, value in PART_DEFAULTS.items():
            if field in part and part[field] == value:
                part.pop(field)
    for call in message.get("tool_calls") or ():
        call.setdefault("type", "function")
        call.pop("index", None)  # its place in the list, copied from a stream
        call["function"]["arguments"] = _value(call["function"].get("arguments") or "{}")
    if "reasoning" in message:  # two hosts' names of one field
        message.setdefault("reasoning_content", message.pop("reasoning"))
    if "reasoning_details" in message:  # the same text once more
        message.pop("reasoning_content", None)


def _canonical_items(body):
    """``input`` as a list of typed items, without the ids and states that an answer gave them."""
    items = body.get("input")
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    if body.get("instructions"):  # a system message before all others
        items = [{"role": "system", "content": body.pop("instructions")}, *items]
    joined = []
    for item in items:
        item.setdefault("type", "message")
        if item["type"] in ("message", "function_call", "function_call_output", "reasoning"):
            item.pop("status", None)
        if item["type"] in ("message", "function_call", "function_call_output"):
            item.pop("id", None)
        for field in ("content", "output"):
            if isinstance(item.get(field), str):  # a string is one text part
                kind = "output_text" if item.get("role") == "assistant" else "input_text"
                item[field] = [{"type": kind, "text": item[field]}]
        if "content" in item:  # an empty text says nothing
            said = [p for p in item["content"] if p.get("text") != ""]
            item["content"] = said
        for part in item.get("content") or ():
            part.pop("logprobs", None)
        if "arguments" in item:
            item["arguments"] = _value(item["arguments"])
        last = joined[-1] if joined else {}
        said = [one.get("role") == "assistant" and "phase" not in one for one in (last, item)]
        if all(said):
            last["content"] = last["content"] + item["content"]
        else:
            joined.append(item)
    body["input"] = joined
    if (body.get("text") or {}).get("format") == {"type": "text"}:  # the default
        body["text"].pop("format")
        if not body["text"]:
            body.pop("text")


def _value(text):
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _joined_turns(messages):
    """Anthropic reads turns of one role that follow each other as one."""
    joined = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = joined[-1] | {"content": joined[-1]["content"] + message["content"]}
        else:
            joined.append(message)
    return joined


def _without_empty(value):
    """Null, and empty lists at a field, are the same as not said."""
    if isinstance(value, dict):
        cleaned = {k: _without_empty(v) for k, v in value.items()}
        return {k: v for k, v in cleaned.items() if v not in (None, [], "")}
    if isinstance(value, list):
        return [_without_empty(v) for v in value]
    return value


def host_of(body) -> Quirks:
    details = any("reasoning_details" in message for message in body.get("messages") or ())
    return DETAILS_HOST if details or ("reasoning" in body and "input" not in body) else ANY_HOST


def again(one, body):
    found = dialect(one.dialect)
    request = found.downstream["chat"].decode(split(as_json(body)))
    target = Target(model=body["model"], quirks=host_of(body))
    return request, found.upstream["chat"].encode(request, target, bool(body.get("stream")))


def test_what_is_refused_here_is_refused_with_its_path(exchanges):
    def check(one):
        with pytest.raises(BadRequestError) as caught:
            dialect(one.dialect).downstream["chat"].decode(split(as_json(one.request)))
        assert caught.value.param

    odd = [one for one in exchanges if one.id in corpus.REFUSED_HERE]
    check_all("law 1, requests refused here", odd, check, at_least=len(corpus.REFUSED_HERE))


def with_model(one):
    return one.request if "model" in one.request else one.request | {"model": "m"}


def test_a_question_read_and_written_is_the_same(questions):
    exact = Counter()

    def check(one):
        if one.dialect == "gemini":
            raise Skipped  # so many spellings have a test of their own
        body = with_model(one)
        _, encoded = again(one, body)
        got = json.loads(encoded.body)
        exact[one.provider] += got == body
        got, expected = canonical(got, one.dialect), canonical(body, one.dialect)
        if "stream_options" not in expected and got.get("stream"):
            got.pop("stream_options", None)  # usage is asked for, on purpose
        differ = {
            key: (expected.get(key), got.get(key))
            for key in expected.keys() | got.keys()
            if expected.get(key) != got.get(key)
        }
        if one.id in corpus.NOT_MODELLED:
            assert differ.keys() == {"messages"}, "the table NOT_MODELLED is out of date"
            return
        assert not differ, json.dumps(differ)[:500]
        if one.id not in WARNED:
            assert not encoded.warnings, encoded.warnings

    check_all("law 1, recorded requests", questions, check, at_least=900)
    for provider, number in exact.items():
        count("law 1, recorded requests equal without any normalising", provider, number)


def test_a_question_decoded_encoded_and_decoded_is_equal(questions):
    def check(one):
        body = with_model(one)
        request, encoded = again(one, body)
        once = dialect(one.dialect).downstream["chat"].decode(split(encoded.body))
        target = Target(model=body["model"], quirks=host_of(body))
        twice = dialect(one.dialect).upstream["chat"].encode(once, target, bool(body.get("stream")))
        same(json.loads(twice.body), json.loads(encoded.body))
        same(question(once), question(request))

    check_all("law 1, recorded requests, twice", questions, check, at_least=900)


def test_a_same_dialect_splice_changes_the_model_and_nothing_else(questions):
    def check(one):
        body = with_model(one)
        fields = split(json.dumps(body, indent=1).encode())
        spliced = dialect(one.dialect).splice(fields, Target(model="other"), "chat")
        after = split(spliced.body)
        same(bytes(after["model"]), b'"models/other"' if one.dialect == "gemini" else b'"other"')
        asked = "stream_options" if spliced.hide_usage else None
        for name in fields.keys() | after.keys():
            if name not in ("model", asked):
                same(bytes(after[name]), bytes(fields[name]), name)

    check_all("law 1, spliced bytes", questions, check, at_least=900)


@pytest.mark.parametrize(
    "target", ["openai-chat", "openai-responses", "anthropic-messages", "gemini"]
)
def test_a_question_reaches_any_provider(questions, target):
    refused = Counter()

    def check(one):
        if one.dialect == target:
            return
        request = dialect(one.dialect).downstream["chat"].decode(split(as_json(with_model(one))))
        there = dialect(target)
        to = Target(model="m", quirks=ANY_HOST, max_output_tokens=1000)
        try:
            encoded = there.upstream["chat"].encode(request, to, False)
        except UnsupportedError as error:
            refused[one.provider] += bool(str(error))
            return
        except BadRequestError as error:
            if error.param != "thinking.budget_tokens":  # which others have other ranges for
                same(question(request), [], "only a conversation without content is refused")
            return
        got = there.downstream["chat"].decode(split(encoded.body))
        dropped = {warning.setting for warning in encoded.warnings}
        if not any(setting.startswith(("messages", "system")) for setting in dropped):
            same(question(got), question(request))
        if not any(setting.startswith("tools") for setting in dropped):
            same(tools(got), tools(request))

    others = [one for one in questions if one.dialect != target]
    check_all(f"law 6, questions to {target}", others, check, at_least=100)
    for provider, number in refused.items():
        count(f"law 6, questions to {target}, refused as unsupported", provider, number)
