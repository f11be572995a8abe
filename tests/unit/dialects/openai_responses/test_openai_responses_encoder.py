"""The stream and the answer that a client of the Responses API is given."""

from __future__ import annotations

import json

import pytest

from modelway.call import Target
from modelway.dialects.openai_responses import DIALECT
from modelway.errors import OverloadedError
from modelway.fold import fold
from modelway.framing.fields import split
from modelway.framing.sse import parse
from modelway.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    CitationDelta,
    Finish,
    Image,
    Inline,
    Message,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

NAME = "openai-responses"
STATE = "openai-responses-v1"
FACE = DIALECT.downstream["chat"]
CODEC = DIALECT.upstream["chat"]
START = Start(id="resp_1", model="m", created=7)
FINISH = Finish(reason="stop", usage=Usage(input_tokens=1, output_tokens=2))


def encode(*events, body=b"{}"):
    encoder = FACE.encoder(split(body))
    sent = b"".join([encoder.feed([event]) for event in events]) + encoder.close()
    told = [(event.name, json.loads(event.data)) for event in parse(sent)]
    assert all(name == payload["type"] for name, payload in told)
    assert [payload["sequence_number"] for _, payload in told] == list(range(len(told)))
    return [payload for _, payload in told]


def kinds(events):
    return [event["type"].removeprefix("response.") for event in events]


def output(*events, reason="stop"):
    """The items of the final response, which each event's item must be."""
    told = encode(START, *events, Finish(reason=reason, usage=FINISH.usage))
    final = told[-1]["response"]
    done = {e["output_index"]: e["item"] for e in told if e["type"].endswith("output_item.done")}
    assert [done[index] for index in sorted(done)] == final["output"]
    added = {e["output_index"]: e["item"] for e in told if e["type"].endswith("item.added")}
    assert [added[i]["id"] for i in sorted(added)] == [item["id"] for item in final["output"]]
    return final["output"]


def test_the_order_of_events():
    told = encode(START, TextDelta(text="Hel"), TextDelta(text="lo"), FINISH)
    assert kinds(told) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    final = told[-1]["response"]
    assert final["output"][0]["content"][0]["text"] == "Hello"
    assert final["usage"] == {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 3,
    }
    assert (final["id"], final["model"], final["created_at"]) == ("resp_1", "m", 7)


def test_a_response_repeats_its_request():
    body = b'{"instructions":"Be brief.","temperature":0.50,"tools":[{"type":"x"}],"stream":true}'
    created = encode(START, FINISH, body=body)[0]["response"]
    assert created["instructions"] == "Be brief."
    assert created["tools"] == [{"type": "x"}]
    assert created["tool_choice"] == "auto"
    response = ChatResponse(
        choices=(Choice(message=Message(role="assistant"), finish_reason="stop"),)
    )
    whole = json.loads(FACE.answer(response, split(body)))
    assert whole["instructions"] == "Be brief."
    assert whole["usage"] is None


def test_half_a_character_is_mended_beside_what_is_repeated():
    told = encode(START, TextDelta(text="a\ud83d"), FINISH, body=b'{"instructions":"Be brief."}')
    final = told[-1]["response"]
    assert final["output"][0]["content"][0]["text"] == "a?"
    assert final["instructions"] == "Be brief."


def test_calls_whose_pieces_are_interleaved():
    first, second = output(
        ToolCallDelta(index=1, id="a", name="x", arguments='{"p"'),
        ToolCallDelta(index=2, id="b", name="y", arguments='{"q"'),
        ToolCallDelta(index=1, arguments=":1}"),
        ToolCallDelta(index=2, arguments=":2}"),
    )
    assert (first["call_id"], first["name"], first["arguments"]) == ("a", "x", '{"p":1}')
    assert (second["call_id"], second["name"], second["arguments"]) == ("b", "y", '{"q":2}')
    assert first["id"] != second["id"]
    assert first["status"] == "completed"


def test_a_text_that_goes_on_behind_a_call_is_not_lost():
    items = output(
        TextDelta(text="a", index=0),
        ToolCallDelta(index=5, id="c", name="x", arguments="{}"),
        TextDelta(text="b", index=0),
    )
    assert [item["type"] for item in items] == ["message", "function_call", "message"]


def test_what_is_cut_off_is_incomplete():
    told = encode(START, TextDelta(text="Hel"), Finish(reason="length"))
    assert kinds(told)[-1] == "incomplete"
    final = told[-1]["response"]
    assert final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert final["output"][0]["status"] == "incomplete"
    assert encode(START, Finish(reason="content_filter"))[-1]["response"]["incomplete_details"] == {
        "reason": "content_filter"
    }


def test_an_answer_that_failed():
    final = encode(START, TextDelta(text="Hel"), Finish(reason="error"))[-1]
    assert final["type"] == "response.failed"
    assert final["response"]["error"]["code"] == "server_error"
    assert final["response"]["output"][0]["content"][0]["text"] == "Hel"


def test_openai_s_own_reasoning_is_a_summary_with_its_state():
    [item] = output(
        ReasoningDelta(text="Hm", id="rs_1", format=STATE),
        ReasoningDelta(text="m.", encrypted="gAAA"),
    )
    assert item == {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hmm."}],
        "encrypted_content": "gAAA",
    }


def test_another_s_signature_goes_to_the_client_and_comes_back():
    told = [
        ReasoningDelta(text="Hm", index=0),
        ReasoningDelta(text="m.", index=0),
        ReasoningDelta(signature="sig", format="anthropic-messages", index=0),
        ReasoningDelta(encrypted="redacted", index=1),
        TextDelta(text="Hi", index=2),
    ]
    items = output(*told)
    assert items[0]["content"] == [{"type": "reasoning_text", "text": "Hmm."}]
    body = json.dumps({"model": "m", "input": [*items, {"role": "user", "content": "?"}]})
    [said, _] = FACE.decode(split(body.encode())).messages
    assert said.parts == (
        Reasoning(text="Hmm.", signature="sig", format="anthropic-messages"),
        Reasoning(encrypted="redacted"),
        Text(text="Hi"),
    )


@pytest.mark.parametrize("late", [False, True])
def test_a_call_s_signature_goes_to_the_client_and_comes_back(late):
    """Gemini refuses a call that comes back without it."""
    first = ToolCallDelta(
        index=0, id="c", name="x", arguments="{}", signature=None if late else "s"
    )
    items = output(first, *([ToolCallDelta(index=0, signature="s")] if late else []))
    assert sorted([item["type"] for item in items]) == ["function_call", "reasoning"]
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    body = json.dumps({"model": "m", "input": [{"role": "user", "content": "?"}, *items, result]})
    messages = FACE.decode(split(body.encode())).messages
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    call = ToolCall(id="c", name="x", arguments="{}", signature="s")
    assert messages[1].parts == (call,)
    whole = json.dumps({"id": "r", "status": "completed", "output": items}).encode()
    # A modelway that asks this one gives the item back as it was.
    asked = ChatRequest(messages=(Message(role="user"), CODEC.decode(whole).message))
    again = CODEC.encode(asked, Target(model="m"), False).body
    assert FACE.decode(split(again)).messages[1].parts == (call,)


def test_an_envelope_that_is_not_ours_is_a_provider_s_own_state():
    body = {"type": "reasoning", "summary": [], "encrypted_content": "bW9kZWx3YXk6%%%"}
    fields = split(json.dumps({"model": "m", "input": [body]}).encode())
    [message] = FACE.decode(fields).messages
    assert message.parts == (Reasoning(encrypted="bW9kZWx3YXk6%%%", format=STATE),)


def test_citations_refusals_and_phases():
    [message] = output(
        PartDelta(part=Opaque(dialect=NAME, kind="phase", data={"phase": "commentary"})),
        TextDelta(text="Hi", index=1),
        CitationDelta(citation=Citation(url="https://x", title="X", start=0, end=2), index=1),
        CitationDelta(citation=Citation(quote="no form for this"), index=1),
        RefusalDelta(text="No.", index=2),
    )
    assert message["phase"] == "commentary"
    text, refusal = message["content"]
    assert text["annotations"] == [
        {
            "type": "url_citation",
            "url": "https://x",
            "title": "X",
            "start_index": 0,
            "end_index": 2,
        }
    ]
    assert refusal == {"type": "refusal", "refusal": "No."}


def test_parts_that_come_whole():
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    items = output(
        PartDelta(part=Opaque(dialect=NAME, kind="web_search_call", data=search), index=0),
        PartDelta(part=Image(source=Inline(media_type="image/png", data="AA==")), index=1),
        PartDelta(
            part=Audio(source=Inline(media_type="audio/wav", data="AA=="), transcript="Hi"),
            index=2,
        ),
        PartDelta(part=Opaque(dialect="gemini", kind="x", data={}), index=3),
    )
    assert items[0] == search
    assert (items[1]["type"], items[1]["result"]) == ("image_generation_call", "AA==")
    assert items[2]["content"][0]["text"] == "Hi"
    assert len(items) == 3


def test_ids_are_the_same_at_every_writing():
    events = [TextDelta(text="a"), ToolCallDelta(index=1, id="c", name="x", arguments="{}")]
    ids = [item["id"] for item in output(*events)]
    assert [item["id"] for item in output(*events)] == ids
    response = fold([START, *events, Finish(reason="tool_calls")])
    assert [item["id"] for item in json.loads(FACE.encode(response))["output"]] == ids


def test_an_error_leaves_in_both_forms():
    encoder = FACE.encoder(split(b"{}"))
    sent = encoder.feed([START]) + encoder.fail(OverloadedError("What happened."))
    told = json.loads(parse(sent)[-1].data)
    assert told["type"] == "error"
    assert told["message"] == told["error"]["message"] == "What happened."
    assert told["sequence_number"] == 2
    assert encoder.close() == b""
    assert FACE.encoder(split(b"{}")).close().startswith(b"event: error\n")


def test_of_several_choices_the_first_is_told():
    told = encode(
        START,
        TextDelta(text="a"),
        TextDelta(text="b", choice=1),
        FINISH,
        Finish(reason="stop", choice=1),
    )
    assert told[-1]["response"]["output"][0]["content"][0]["text"] == "a"
