"""Answers of Gemini's API, whole and streamed, and the same written for its clients."""

from __future__ import annotations

import json

import pytest

from modelway.dialects.carried import NOTHING, sealed
from modelway.dialects.gemini import DIALECT
from modelway.errors import (
    APITimeoutError,
    OverloadedError,
    RateLimitError,
    ResponseError,
    StreamInterruptedError,
)
from modelway.fold import fold, unfold
from modelway.framing.fields import split
from modelway.framing.sse import parse
from modelway.types import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
    Finish,
    Image,
    Inline,
    Message,
    Opaque,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Start,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)

CHAT, FACE = DIALECT.upstream["chat"], DIALECT.downstream["chat"]
FORMAT = "google-gemini-v1"


def chunk(*parts, finish=None, index=None, **more):
    candidate = {"content": {"parts": list(parts), "role": "model"}}
    candidate |= {} if finish is None else {"finishReason": finish}
    candidate |= {} if index is None else {"index": index}
    candidate |= more.pop("candidate", {})
    return {"candidates": [candidate], "responseId": "r-1", "modelVersion": "m", **more}


def whole(*parts, finish="STOP", **more):
    return CHAT.decode(json.dumps(chunk(*parts, finish=finish, **more)).encode())


def decoded(*chunks):
    decoder = CHAT.decoder()
    data = b"".join([b"data: %b\r\n\r\n" % json.dumps(one).encode() for one in chunks])
    events = decoder.feed(data)
    events += decoder.close()
    return events, decoder.error


def streamed(*chunks):
    events, error = decoded(*chunks)
    assert error is None
    return fold(events)


# ---------------------------------------------------------------- parts

PARTS = [
    ([{"text": "a"}, {"text": "b"}], (Text(text="ab"),)),
    (
        [{"text": "t", "thought": True}, {"text": "u", "thought": True}, {"text": "a"}],
        (Reasoning(text="tu"), Text(text="a")),
    ),
    (
        [{"text": "t", "thought": True}, {"text": "", "thought": True, "thoughtSignature": "s"}],
        (Reasoning(text="t", signature="s", format=FORMAT),),
    ),
    (
        [{"text": "a", "thoughtSignature": "s"}, {"text": "b"}],
        (Text(text="a"), Reasoning(signature="s", format=FORMAT), Text(text="b")),
    ),
    (
        [{"text": "a"}, {"text": "", "thoughtSignature": "s"}],
        (Text(text="a"), Reasoning(signature="s", format=FORMAT)),
    ),
    (
        [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}],
        (ToolCall(id="call_r-1_1", name="f", arguments='{"a": 1}', signature="s"),),
    ),
    (
        [
            {"functionCall": {"name": "f"}},
            {"functionCall": {"name": "f", "id": "own", "args": None}},
        ],
        (ToolCall(id="call_r-1_1", name="f"), ToolCall(id="own", name="f")),
    ),
    (
        [{"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "s"}],
        (
            Image(source=Inline(media_type="image/png", data="aGk=")),
            Reasoning(signature="s", format=FORMAT),
        ),
    ),
    (
        [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "aGk="}}],
        (Audio(source=Inline(media_type="audio/L16;rate=24000", data="aGk=")),),
    ),
    (
        [{"executableCode": {"code": "1"}, "thoughtSignature": "s"}],
        (
            Opaque(
                dialect="gemini",
                kind="executableCode",
                data={"executableCode": {"code": "1"}, "thoughtSignature": "s"},
            ),
        ),
    ),
    ([{"text": ""}], ()),
]


@pytest.mark.parametrize(("parts", "read"), PARTS)
def test_parts_whole_and_one_by_one(parts, read):
    assert whole(*parts).message.parts == read
    pieces = [chunk(part) for part in parts]
    assert streamed(*pieces, chunk(finish="STOP")).message.parts == read


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", "stop"),
        (1, "stop"),
        ("MAX_TOKENS", "length"),
        (2, "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("TOO_MANY_TOOL_CALLS", "error"),
        ("OTHER", "other"),
        ("NO_IMAGE", "other"),
        ("SOMETHING_NEW", "other"),
        (77, "other"),
    ],
)
def test_finish_reasons(raw, reason):
    response = whole({"text": "a"}, finish=raw)
    assert response.finish_reason == reason
    assert response.text == "a"
    again = CHAT.decode(FACE.encode(response))
    assert again.finish_reason == (reason if reason != "error" or isinstance(raw, str) else "other")


def test_a_stop_with_calls_is_a_stop_for_them():
    response = whole({"functionCall": {"name": "f"}})
    choice = response.choices[0]
    assert (choice.finish_reason, choice.raw_finish_reason) == ("tool_calls", "STOP")
    assert json.loads(FACE.encode(response))["candidates"][0]["finishReason"] == "STOP"


def test_a_blocked_prompt_is_a_typed_result_that_keeps_its_usage():
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
    }
    for response in (CHAT.decode(json.dumps(blocked).encode()), streamed(blocked)):
        [choice] = response.choices
        assert choice.finish_reason == "content_filter"
        assert choice.raw_finish_reason == "SAFETY"
        assert choice.message.parts == (Refusal(text="No."),)
        assert (response.usage.input_tokens, response.usage.output_tokens) == (9, 0)
    assert CHAT.usage(json.dumps(blocked).encode()).input_tokens == 9
    relay = CHAT.relay(False)
    relay.feed(b"data: %b\n\n" % json.dumps(blocked).encode())
    relay.close()
    assert (relay.error, relay.finish) == (None, "content_filter")


def test_what_a_filter_said_is_kept():
    response = whole({"text": "a"}, finish="SAFETY", candidate={"finishMessage": "Cut."})
    assert response.message.parts == (Text(text="a"), Refusal(text="Cut."))


@pytest.mark.parametrize(
    "body", [b'{"candidates":[]}', b'{"usageMetadata":{}}', b"[]", b'[{"candidates":[]}]']
)
def test_no_candidates_are_no_answer(body):
    with pytest.raises(ResponseError):
        CHAT.decode(body)


def test_several_candidates():
    first = chunk({"text": "a"}, index=0)
    second = chunk({"text": "b"}, index=1, finish="STOP")
    last = chunk({"text": "c"}, index=0, finish="MAX_TOKENS", usageMetadata={"totalTokenCount": 3})
    response = streamed(first, second, last)
    assert [(one.message.parts[0].text, one.finish_reason) for one in response.choices] == [
        ("ac", "length"),
        ("b", "stop"),
    ]
    _, error = decoded(first, second)
    assert isinstance(error, StreamInterruptedError)
    encoder = FACE.encoder(split(b"{}"))
    sent = b"".join([encoder.feed([event]) for event in unfold(response)]) + encoder.close()
    decoder = CHAT.decoder()
    assert fold([*decoder.feed(sent), *decoder.close()]).choices == response.choices


# ---------------------------------------------------------------- calls in pieces


def piece(path, value, kind="stringValue", *, more=True, ends=False):
    said = {"jsonPath": path, kind: value} | ({"willContinue": True} if more else {})
    call = {"partialArgs": [said]} | ({} if ends else {"willContinue": True})
    return chunk({"functionCall": call})


def test_arguments_in_pieces_with_paths():
    response = streamed(
        chunk({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "s"}),
        piece("$.city", "Ber"),
        piece("$.city", "lin"),
        piece("$.city", "", more=False),
        piece("$.days[1].n", 2, "numberValue"),
        piece("$.days[0]", True, "boolValue"),
        piece("$['odd key']", None, "nullValue"),
        chunk({"functionCall": {}}),
        chunk({"functionCall": {"name": "g", "willContinue": True}}),
        chunk({"functionCall": {"name": "h", "args": {"x": 1}}}),
        chunk(finish="STOP"),
    )
    f, g, h = response.tool_calls
    assert json.loads(f.arguments) == {
        "city": "Berlin",
        "days": [True, {"n": 2}],
        "odd key": None,
    }
    assert (f.name, f.signature) == ("f", "s")
    assert (g.name, g.arguments) == ("g", "{}")
    assert (h.name, json.loads(h.arguments)) == ("h", {"x": 1})
    assert len({f.id, g.id, h.id}) == 3


@pytest.mark.parametrize("path", ["", "$", "$.a[999999999].b", "$.a.b", "$[0]"])
def test_paths_that_lead_nowhere_do_no_harm(path):
    response = streamed(
        chunk({"functionCall": {"name": "f", "willContinue": True}}),
        piece("$.a", "x"),
        piece(path, "y", ends=True),
        chunk(finish="STOP"),
    )
    assert json.loads(response.tool_calls[0].arguments) == {"a": "x"}


def test_a_cut_call_keeps_the_arguments_that_came():
    events, error = decoded(
        chunk({"functionCall": {"name": "f", "willContinue": True}}), piece("$.a", "x")
    )
    assert isinstance(error, StreamInterruptedError)
    assert json.loads(fold(events).tool_calls[0].arguments) == {"a": "x"}


# ---------------------------------------------------------------- usage, log-probabilities


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 4,
                "cachedContentTokenCount": 2,
                "totalTokenCount": 22,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 4},
                    {"modality": "AUDIO", "tokenCount": 6},
                ],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
            },
            Usage(
                input_tokens=15,
                output_tokens=7,
                cached_tokens=2,
                reasoning_tokens=4,
                input_audio_tokens=6,
                output_audio_tokens=3,
            ),
        ),
        (
            {"promptTokenCount": 10, "totalTokenCount": 10},
            Usage(input_tokens=10, output_tokens=0),
        ),
        (
            {"candidatesTokenCount": 3, "totalTokenCount": 3},
            Usage(input_tokens=0, output_tokens=3),
        ),
        ({"promptTokenCount": 10}, Usage(input_tokens=10)),
        ({"trafficType": "ON_DEMAND"}, Usage()),
    ],
)
def test_usage(said, read):
    got = whole({"text": "a"}, usageMetadata=said).usage
    assert got.raw == said
    fields = [name for name in Usage.__struct_fields__ if name != "raw"]
    assert [getattr(got, name) for name in fields] == [getattr(read, name) for name in fields]


def test_usage_of_a_stream_is_what_was_said_last_and_what_was_said_once():
    response = streamed(
        chunk({"text": "a"}, usageMetadata={"promptTokenCount": 5, "cachedContentTokenCount": 2}),
        chunk(finish="STOP", usageMetadata={"promptTokenCount": 6, "candidatesTokenCount": 1}),
    )
    usage = response.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (6, 2, 1)


def test_log_probabilities():
    result = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5, "tokenId": 7}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1.5}]}],
    }
    response = whole({"text": "a"}, candidate={"logprobsResult": result})
    wanted = TokenLogprob(token="a", logprob=-0.5, top=(TokenLogprob(token="b", logprob=-1.5),))
    assert response.choices[0].logprobs == (wanted,)
    assert response.text == "a"
    assert CHAT.decode(FACE.encode(response)).choices[0].logprobs == (wanted,)


# ---------------------------------------------------------------- citations


def test_grounding_is_cited_in_characters_and_kept_whole():
    grounding = {
        "webSearchQueries": ["q"],
        "groundingChunks": [
            {"web": {"uri": "https://e.org/1", "title": "e.org"}},
            {"retrievedContext": {"text": "words"}},
        ],
        "groundingSupports": [
            {
                "segment": {"startIndex": 3, "endIndex": 5, "text": "ü"},
                "groundingChunkIndices": [0, 9],
            }
        ],
    }
    candidate = {"groundingMetadata": grounding}
    wanted_kept = Opaque(dialect="gemini", kind="groundingMetadata", data=grounding)
    for response in (
        whole({"text": "é ü"}, candidate=candidate),
        streamed(chunk({"text": "é"}), chunk({"text": " ü"}, finish="STOP", candidate=candidate)),
    ):
        text, kept = response.message.parts
        assert kept == wanted_kept
        first, second = text.citations
        assert (first.url, first.title, first.quote) == ("https://e.org/1", "e.org", "ü")
        assert text.text[first.start : first.end] == "ü"
        assert (second.quote, second.start) == ("words", None)
        told = json.loads(FACE.encode(response))["candidates"][0]
        assert told["groundingMetadata"] == grounding
        assert told["content"]["parts"] == [{"text": "é ü"}]
        question = CHAT.encode(_history(response), _target(), False)
        assert b"groundingMetadata" not in question.body


def _history(response):
    from modelway.types import ChatRequest

    return ChatRequest(messages=(Message(role="user", parts=(Text(text="?"),)), response.message))


def _target():
    from modelway.call import Target

    return Target(model="gemini-2.5-flash")


def test_citations_of_sources_and_of_other_providers():
    cited = {"citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://e.org"}]}
    response = whole({"text": "é!"}, candidate={"citationMetadata": cited})
    [one] = response.message.parts[0].citations
    assert (one.url, one.start, one.end) == ("https://e.org", 0, 1)
    other = Citation(url="https://o.org", title="O", quote="!", start=1, end=2)
    answer = ChatResponse(
        choices=(
            Choice(
                message=Message(role="assistant", parts=(Text(text="é!", citations=(other,)),)),
                finish_reason="stop",
            ),
        )
    )
    [again] = CHAT.decode(FACE.encode(answer)).message.parts[0].citations
    assert (again.url, again.title, again.quote) == ("https://o.org", "O", "!")
    assert (again.start, again.end) == (1, 2)


# ---------------------------------------------------------------- faults in streams


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "message": "Busy.", "status": "UNAVAILABLE"}, OverloadedError),
        ({"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}, RateLimitError),
        ({"code": 504, "message": "Late.", "status": "DEADLINE_EXCEEDED"}, APITimeoutError),
        ("broken", OverloadedError),
    ],
)
def test_an_error_in_a_stream_is_typed_and_keeps_what_came(error, kind):
    events, fault = decoded(chunk({"text": "a"}), {"error": error})
    assert type(fault) is kind
    assert fold(events).text == "a"
    data = b"data: %b\n\n" % json.dumps(chunk({"text": "a"})).encode()
    relay = CHAT.relay(False)
    assert relay.feed(data + b"data: %b\n\n" % json.dumps({"error": error}).encode()) == data
    assert type(relay.error) is kind
    with pytest.raises(kind):
        CHAT.decode(json.dumps({"error": error}).encode())


def test_an_error_that_is_not_framed_is_read_too():
    decoder = CHAT.decoder()
    body = b'{\n "error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow."}\n}'
    for at in range(len(body)):
        assert decoder.feed(body[at : at + 1]) == []
    assert isinstance(decoder.error, RateLimitError)
    assert decoder.close() == []


def test_half_a_character_is_mended():
    data = json.dumps(chunk({"text": "XY"}, finish="STOP"), ensure_ascii=False).encode()
    broken = data.replace(b"XY", b"X\xc3")
    assert CHAT.decode(broken).text == "X\ufffd"
    decoder = CHAT.decoder()
    events = decoder.feed(b"data: " + broken + b"\n\n")
    assert fold([*events, *decoder.close()]).text == "X\ufffd"


# ---------------------------------------------------------------- to clients, streamed


def sent(*events):
    encoder = FACE.encoder(split(b"{}"))
    data = b"".join([encoder.feed([event]) for event in events]) + encoder.close()
    return [json.loads(event.data) for event in parse(data)]


def test_parallel_calls_whose_arguments_interleave_go_out_whole():
    told = sent(
        Start(id="r", model="m"),
        ToolCallDelta(index=0, id="a", name="f", arguments='{"x"'),
        ToolCallDelta(index=1, id="b", name="g", arguments='{"y":'),
        ToolCallDelta(index=0, arguments=":1}"),
        ToolCallDelta(index=1, arguments="2}", signature="s"),
        ToolCallDelta(index=1),
        Finish(reason="tool_calls", usage=Usage(input_tokens=1, output_tokens=2)),
    )
    calls = [part for one in told for part in one["candidates"][0]["content"]["parts"]]
    assert sorted([call["functionCall"]["args"].popitem() for call in calls]) == [
        ("x", 1),
        ("y", 2),
    ]
    assert [call.get("thoughtSignature") for call in calls] == [sealed(NOTHING), "s"]
    assert told[-1]["usageMetadata"]["totalTokenCount"] == 3
    assert {(one["responseId"], one["modelVersion"]) for one in told} == {("r", "m")}


def test_arguments_that_are_no_object_are_told_as_they_are():
    told = sent(
        Start(),
        ToolCallDelta(index=0, id="a", name="f", arguments='{"x'),
        Finish(reason="length"),
    )
    [call] = told[0]["candidates"][0]["content"]["parts"]
    assert call["functionCall"]["args"] == {"unparsed_arguments": '{"x'}


def test_signatures_in_pieces_go_out_once_when_their_part_ends():
    told = sent(
        Start(),
        ReasoningDelta(text="a", index=0),
        ReasoningDelta(signature="s", format=FORMAT, index=0),
        ReasoningDelta(signature="t", index=0),
        TextDelta(text="b", index=1),
        Finish(reason="stop"),
    )
    parts = [part for one in told for part in one["candidates"][0]["content"]["parts"]]
    assert parts == [
        {"text": "a", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "st"},
        {"text": "b"},
    ]
