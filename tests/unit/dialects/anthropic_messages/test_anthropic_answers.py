"""Whole answers of Anthropic's Messages API, read from a provider and written for a client."""

from __future__ import annotations

import json

import msgspec
import pytest

from modelway.dialects import carried
from modelway.dialects.anthropic_messages import DIALECT
from modelway.errors import OverloadedError, ResponseError
from modelway.framing.fields import split
from modelway.types import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
    File,
    Image,
    Inline,
    Message,
    ModelListing,
    Opaque,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    TokenCount,
    ToolCall,
    Usage,
)

NAME = "anthropic-messages"


def answer(*content, **fields):
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
        **fields,
    }
    return json.dumps(body).encode()


def read(body):
    return DIALECT.upstream["chat"].decode(body)


def written(*parts, **choice):
    choice.setdefault("finish_reason", "stop")
    response = ChatResponse(
        id="x",
        model="m",
        choices=(Choice(message=Message(role="assistant", parts=parts), **choice),),
        usage=Usage(input_tokens=1, output_tokens=2),
    )
    return json.loads(DIALECT.downstream["chat"].encode(response))


BLOCKS = [
    ({"type": "text", "text": "hi"}, Text(text="hi")),
    ({"type": "text", "text": "hi", "citations": None}, Text(text="hi")),
    (
        {
            "type": "text",
            "text": "hi",
            "citations": [{"type": "char_location", "cited_text": "q", "document_title": "d"}],
        },
        Text(
            text="hi",
            citations=(
                Citation(
                    title="d",
                    quote="q",
                    dialect=NAME,
                    raw={"type": "char_location", "cited_text": "q", "document_title": "d"},
                ),
            ),
        ),
    ),
    (
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        Reasoning(text="hm", signature="s"),
    ),
    ({"type": "thinking", "thinking": "hm", "signature": ""}, Reasoning(text="hm")),
    ({"type": "redacted_thinking", "data": "zz"}, Reasoning(encrypted="zz")),
    (
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
        ToolCall(id="t", name="f"),
    ),
    (
        {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"q": 1}},
        Opaque(
            dialect=NAME,
            kind="server_tool_use",
            data={"type": "server_tool_use", "id": "t", "name": "web_search", "input": {"q": 1}},
        ),
    ),
]


@pytest.mark.parametrize(("block", "part"), BLOCKS)
def test_a_block_is_read(block, part):
    assert read(answer(block)).message.parts == (part,)


def test_a_block_that_says_nothing_is_no_part():
    nothing = {"type": "text", "text": ""}
    silence = {"type": "thinking", "thinking": "", "signature": ""}
    assert read(answer(nothing, silence)).message.parts == ()


@pytest.mark.parametrize(
    ("stop_reason", "unified"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "content_filter"),
        ("something_new", "other"),
        (None, "other"),
    ],
)
def test_stop_reasons_are_unified_and_kept(stop_reason, unified):
    choice = read(answer(stop_reason=stop_reason, stop_sequence="END")).choices[0]
    assert (choice.finish_reason, choice.raw_finish_reason) == (unified, stop_reason)
    assert choice.stop_sequence == "END"


def test_usage_is_the_whole_input_and_nothing_is_guessed():
    raw = {
        "input_tokens": 10,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 15},
        "server_tool_use": {"web_search_requests": 1},
    }
    expected = Usage(
        input_tokens=60,
        cached_tokens=20,
        cache_write_tokens=30,
        cache_write_1h_tokens=20,
        output_tokens=40,
        reasoning_tokens=15,
        raw=raw,
    )
    body = answer(usage=raw)
    assert read(body).usage == expected
    assert DIALECT.upstream["chat"].usage(body) == expected


@pytest.mark.parametrize("usage", [None, {}])
def test_usage_that_is_not_said_is_none(usage):
    assert read(answer(usage=usage)).usage == Usage()
    assert DIALECT.upstream["chat"].usage(answer(usage=usage)) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"usage": 3}'])
def test_what_is_no_answer_is_not_passed_on_as_one(body):
    with pytest.raises(ResponseError):
        DIALECT.upstream["chat"].usage(body)


def test_an_error_in_a_200_is_that_error():
    body = b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}'
    with pytest.raises(OverloadedError):
        DIALECT.upstream["chat"].usage(body)


def test_odd_counts_are_not_said():
    usage = read(answer(usage={"input_tokens": "3", "output_tokens": True})).usage
    assert (usage.input_tokens, usage.output_tokens) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>oops</html>",
        b'{"id": "msg_1", "con',
        b"{}",
        b"[]",
        answer({"type": "text"}),
        answer({"text": "x"}),
        answer({"type": "tool_use", "name": "f"}),
    ],
)
def test_an_unreadable_answer_is_a_response_error(body):
    with pytest.raises(ResponseError):
        read(body)


@pytest.mark.parametrize("torn", [b"hi\\ud83d", b"hi\xff"])
def test_half_a_character_is_replaced_and_not_fatal(torn):
    body = answer({"type": "text", "text": "hi?"}).replace(b"hi?", torn)
    assert read(body).text in ("hi?", "hi\ufffd")


def test_characters_beyond_ascii_are_kept():
    body = json.dumps(json.loads(answer({"type": "text", "text": "Grüße"})), ensure_ascii=False)
    assert read(body.encode()).text == "Grüße"


def test_half_a_character_does_not_hide_another_fault():
    with pytest.raises(ResponseError, match="content"):
        read(b'{"id": "\\ud83d", "content": 7}')


def test_an_error_behind_status_200_is_that_error():
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'
    with pytest.raises(OverloadedError, match="busy"):
        read(body)


def test_an_answer_survives_the_way_to_a_client_and_back():
    blocks = [block for block, _ in BLOCKS]
    response = read(answer(*blocks, stop_reason="tool_use"))
    again = read(DIALECT.downstream["chat"].encode(response))
    [choice] = response.choices
    assert carried.restored(again.message.parts) == choice.message.parts
    assert msgspec.structs.replace(again.choices[0], message=choice.message) == choice
    assert msgspec.structs.replace(again.usage, raw={}) == msgspec.structs.replace(
        response.usage, raw={}
    )


@pytest.mark.parametrize(
    ("part", "blocks"),
    [
        (Refusal(text="no"), [{"type": "text", "text": "no"}]),
        (
            Reasoning(text="hm", encrypted="zz"),
            [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "redacted_thinking", "data": "zz"},
            ],
        ),
        (
            ToolCall(id="a", name="f", arguments='{"a": '),
            [
                {
                    "type": "tool_use",
                    "id": "a",
                    "name": "f",
                    "input": {"unparsed_arguments": '{"a": '},
                }
            ],
        ),
        (
            ToolCall(id="a", name="f", arguments=""),
            [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
        ),
        (
            Text(text="x", citations=(Citation(url="u", title="t"),)),
            [
                {
                    "type": "text",
                    "text": "x",
                    "citations": [
                        {
                            "type": "web_search_result_location",
                            "cited_text": "",
                            "encrypted_index": "",
                            "title": "t",
                            "url": "u",
                        }
                    ],
                }
            ],
        ),
        (
            Image(source=Remote(url="u")),
            [{"type": "image", "source": {"type": "url", "url": "u"}}],
        ),
        (
            Audio(source=Inline(media_type="audio/wav", data=""), transcript="said"),
            [{"type": "text", "text": "said"}],
        ),
        (
            File(source=Stored(id="f"), name="n"),
            [{"type": "document", "source": {"type": "file", "file_id": "f"}, "title": "n"}],
        ),
        (
            Image(source=Inline(media_type="image/png", data="aGk=")),
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
                }
            ],
        ),
        (Opaque(dialect="gemini", kind="x", data={}), []),
    ],
)
def test_another_providers_part_is_written_for_a_client(part, blocks):
    assert written(part)["content"] == blocks


def test_another_providers_citation_comes_back_as_it_was():
    part = Text(text="x", citations=(Citation(url="u", title="t"),))
    response = ChatResponse(
        choices=(Choice(message=Message(role="assistant", parts=(part,)), finish_reason="stop"),)
    )
    assert read(DIALECT.downstream["chat"].encode(response)).message.parts == (part,)


@pytest.mark.parametrize(
    ("reason", "raw", "sequence", "expected"),
    [
        ("stop", "stop", None, "end_turn"),
        ("stop", None, "END", "stop_sequence"),
        ("length", "length", None, "max_tokens"),
        ("length", "model_context_window_exceeded", None, "model_context_window_exceeded"),
        ("tool_calls", "tool_calls", None, "tool_use"),
        ("content_filter", None, None, "refusal"),
        ("pause", None, None, "pause_turn"),
        ("error", None, None, "end_turn"),
        ("other", "eos", None, "end_turn"),
    ],
)
def test_a_client_is_told_anthropics_word(reason, raw, sequence, expected):
    body = written(finish_reason=reason, raw_finish_reason=raw, stop_sequence=sequence)
    assert (body["stop_reason"], body["stop_sequence"]) == (expected, sequence)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(), {"input_tokens": 0, "output_tokens": 0}),
        (
            Usage(input_tokens=60, cached_tokens=20, cache_write_tokens=30, output_tokens=4),
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 20,
                "cache_creation_input_tokens": 30,
                "output_tokens": 4,
            },
        ),
        (
            Usage(
                input_tokens=60,
                cache_write_tokens=30,
                cache_write_1h_tokens=10,
                output_tokens=4,
                reasoning_tokens=2,
            ),
            {
                "input_tokens": 30,
                "cache_creation_input_tokens": 30,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 20,
                    "ephemeral_1h_input_tokens": 10,
                },
                "output_tokens": 4,
                "output_tokens_details": {"thinking_tokens": 2},
            },
        ),
        (
            Usage(input_tokens=1, cached_tokens=20, output_tokens=4),
            {"input_tokens": 0, "cache_read_input_tokens": 20, "output_tokens": 4},
        ),
    ],
)
def test_a_client_is_told_the_usage_in_anthropics_parts(usage, expected):
    response = ChatResponse(
        choices=(Choice(message=Message(role="assistant"), finish_reason="stop"),), usage=usage
    )
    assert json.loads(DIALECT.downstream["chat"].encode(response))["usage"] == expected


def test_token_counts():
    assert DIALECT.upstream["count_tokens"].decode(b'{"input_tokens": 14}') == TokenCount(
        input_tokens=14
    )
    assert DIALECT.downstream["count_tokens"].encode(
        TokenCount(input_tokens=3, estimated=True)
    ) == (b'{"input_tokens":3}')
    with pytest.raises(ResponseError):
        DIALECT.upstream["count_tokens"].decode(b'{"totalTokens": 3}')


def test_models_are_listed_both_ways():
    listed = {
        "data": [
            {
                "type": "model",
                "id": "claude-a",
                "display_name": "Claude A",
                "created_at": "2025-02-19T00:00:00Z",
                "max_input_tokens": 200000,
                "max_tokens": 64000,
            },
            {"type": "model", "id": "b", "display_name": "b", "created_at": "1970-01-01T00:00:00Z"},
        ],
        "first_id": "claude-a",
        "has_more": False,
        "last_id": "b",
    }
    models = DIALECT.upstream["models"].decode(json.dumps(listed).encode())
    assert models == (
        ModelListing(
            id="claude-a",
            name="Claude A",
            created=1739923200,
            context_tokens=200000,
            max_output_tokens=64000,
        ),
        ModelListing(id="b", name="b"),
    )
    assert json.loads(DIALECT.downstream["models"].encode(models)) == listed
    assert json.loads(DIALECT.downstream["models"].encode(()))["data"] == []
    assert DIALECT.downstream["models"].decode(split(b"{}")) is None


def test_a_model_list_in_openais_form_is_read():
    models = DIALECT.upstream["models"].decode(b'{"object":"list","data":[{"id":"a","created":5}]}')
    assert models == (ModelListing(id="a", created=5),)


def test_a_date_that_is_none_is_not_said():
    body = b'{"data":[{"id":"a","created_at":"soon"}]}'
    assert DIALECT.upstream["models"].decode(body) == (ModelListing(id="a"),)
