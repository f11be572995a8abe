"""Requests to Gemini's API and from its clients: bodies, paths, warnings and refusals."""

from __future__ import annotations

import json

import pytest

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects.gemini import DIALECT
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.types import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    Citation,
    File,
    HostedTool,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Remote,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

CHAT, FACE = DIALECT.upstream["chat"], DIALECT.downstream["chat"]
ASKED = Message(role="user", parts=(Text(text="?"),))
CALL = ToolCall(id="c1", name="f", arguments='{"a":1.50}')


def ask(*messages, model="gemini-2.5-flash", quirks=None, body=None, **settings):
    target = Target(model=model, quirks=quirks or Quirks(), body=body or {})
    return CHAT.encode(ChatRequest(messages=messages or (ASKED,), **settings), target, False)


def sent(*messages, **settings):
    return json.loads(ask(*messages, **settings).body)


def parts(*said, role="user", model="gemini-2.5-flash"):
    encoded = ask(Message(role=role, parts=said), ASKED, model=model)
    warned = {warning.setting for warning in encoded.warnings}
    return json.loads(encoded.body)["contents"][0]["parts"], warned


def decoded(**body):
    contents = {"contents": [{"parts": [{"text": "?"}]}]}
    return FACE.decode(split(json.dumps(contents | body).encode()))


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("tunedModels/mine-1", "/tunedModels/mine-1"),
        ("publishers/google/models/x@001", "/publishers/google/models/x%40001"),
        ("vendor/x", "/models/vendor%2Fx"),
        ("a:b?c#d&e", "/models/a%3Ab%3Fc%23d%26e"),
        ("é", "/models/%C3%A9"),
    ],
)
def test_a_model_is_part_of_the_path_and_cannot_leave_it(model, path):
    assert CHAT.path(model, False) == f"{path}:generateContent"
    assert CHAT.path(model, True) == f"{path}:streamGenerateContent?alt=sse"
    assert DIALECT.upstream["count_tokens"].path(model, False) == f"{path}:countTokens"
    assert DIALECT.upstream["embed"].path(model, False) == f"{path}:batchEmbedContents"
    assert DIALECT.upstream["model"].path(model, False) == path


@pytest.mark.parametrize(
    "model", ["", "a//b", "../x", "a/../b", "models/..", "models/", "a\n", "\ud800"]
)
def test_a_name_that_would_leave_its_place_is_refused(model):
    with pytest.raises(BadRequestError) as caught:
        CHAT.path(model, False)
    assert caught.value.param == "model"


# ---------------------------------------------------------------- contents


def test_a_conversation_as_the_api_wants_it():
    body = sent(
        Message(role="system", parts=(Text(text="Be brief."),)),
        ASKED,
        Message(role="assistant", parts=(Text(text="Hm."), CALL, ToolCall(id="c2", name="g"))),
        Message(role="tool", parts=(ToolResult(call_id="c1", parts=(Text(text="rain"),)),)),
        Message(role="tool", parts=(ToolResult(call_id="c2", parts=()),)),
        Message(role="user", parts=(Text(text="Thanks."),)),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "?"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Hm."},
                    {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1.5}}},
                    {"functionCall": {"id": "c2", "name": "g", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "c1",
                            "name": "f",
                            "response": {"output": "rain"},
                        }
                    },
                    {"functionResponse": {"id": "c2", "name": "g", "response": {}}},
                ],
            },
            {"role": "user", "parts": [{"text": "Thanks."}]},
        ],
    }


def test_arguments_keep_their_digits():
    assert b'"args":{"a":1.50}' in ask(Message(role="assistant", parts=(CALL,))).body


@pytest.mark.parametrize(
    ("said", "is_error", "response"),
    [
        ((), None, {}),
        (("rain",), None, {"output": "rain"}),
        (("rain",), False, {"output": "rain"}),
        (("rain", "sun"), None, {"output": ["rain", "sun"]}),
        (('{"rain":true}',), None, {"rain": True}),
        (("{}",), None, {"output": "{}"}),
        (('{"output":"x"}',), None, {"output": '{"output":"x"}'}),
        (('{"output":{"x":1}}',), None, {"output": {"x": 1}}),
        ((' {"rain":true}',), None, {"output": ' {"rain":true}'}),
        (('{"rain":NaN}',), None, {"output": '{"rain":NaN}'}),
        (("no",), True, {"error": "no"}),
        (('{"a":1}',), True, {"error": '{"a":1}'}),
        ((), True, {"error": []}),
    ],
)
def test_what_a_function_returned_is_an_object_and_comes_back(said, is_error, response):
    texts = tuple([Text(text=text) for text in said])
    result = ToolResult(call_id="c1", parts=texts, is_error=is_error)
    history = (Message(role="assistant", parts=(CALL,)), Message(role="tool", parts=(result,)))
    encoded = ask(*history)
    body = json.loads(encoded.body)
    assert body["contents"][1]["parts"][0]["functionResponse"]["response"] == response
    again = FACE.decode(split(encoded.body)).messages[1].parts[0]
    assert again.parts == texts
    assert bool(again.is_error) == bool(is_error)


def test_a_result_without_its_call_is_sent_by_its_id_and_told():
    lone = Message(role="tool", parts=(ToolResult(call_id="c9", parts=(Text(text="x"),)),))
    encoded = ask(lone)
    told = json.loads(encoded.body)["contents"][0]["parts"][0]["functionResponse"]
    assert (told["id"], told["name"]) == ("c9", "c9")
    assert [warning.setting for warning in encoded.warnings] == ["messages.0.0.name"]


def test_images_stand_beside_what_a_function_said():
    pixel = Image(source=Inline(media_type="image/png", data="aGk="))
    result = ToolResult(call_id="c1", parts=(Text(text="here"), pixel))
    body = sent(Message(role="assistant", parts=(CALL,)), Message(role="tool", parts=(result,)))
    told = body["contents"][1]["parts"][0]["functionResponse"]
    assert told["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (
            Audio(source=Inline(media_type="audio/wav", data="aGk=")),
            {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
        ),
        (
            File(source=Stored(id="gs://b/a.pdf", media_type="application/pdf")),
            {"fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"}},
        ),
        (
            Image(source=Remote(url="https://e.org/a", media_type="image/png")),
            {"fileData": {"fileUri": "https://e.org/a", "mimeType": "image/png"}},
        ),
    ],
)
def test_media_by_bytes_and_by_address(part, written):
    assert parts(part) == ([written], set())
    [message] = FACE.decode(split(ask(Message(role="user", parts=(part,))).body)).messages
    assert message.parts == (part,)


@pytest.mark.parametrize(
    "uri",
    [
        "gs://bucket/a",
        "https://generativelanguage.googleapis.com/v1beta/files/abc",
        "https://www.youtube.com/watch?v=x",
        "files/abc",
    ],
)
def test_what_is_already_google_s_is_stored(uri):
    part = {"fileData": {"fileUri": uri, "mimeType": "video/mp4"}}
    request = decoded(contents=[{"parts": [part]}])
    assert request.messages[0].parts == (File(source=Stored(id=uri, media_type="video/mp4")),)


@pytest.mark.parametrize(
    ("part", "warned"),
    [
        (Refusal(text="no"), {"messages.0.0"}),
        (Text(text="a", citations=(Citation(url="https://e.org"),)), {"messages.0.0.citations"}),
        (Text(text="a", cache="5m"), {"messages.cache"}),
        (Reasoning(text="hm", signature="s", format="openai"), {"messages.0.0.signature"}),
        (Reasoning(encrypted="x"), {"messages.0.0.signature", "messages.0"}),
        (Opaque(dialect="anthropic-messages", kind="x", data={}), {"messages.0.0", "messages.0"}),
        (
            Image(source=Inline(media_type="image/png", data=""), detail="low"),
            {"messages.0.0.detail"},
        ),
        (Image(source=Stored(id="files/a")), {"messages.0.0.source.media_type"}),
    ],
)
def test_what_is_left_out_is_told(part, warned):
    assert parts(part, role="assistant")[1] == warned


def test_a_foreign_part_that_a_user_sends_is_refused():
    with pytest.raises(UnsupportedError, match="only cohere understands"):
        ask(Message(role="user", parts=(Opaque(dialect="cohere", kind="x", data={}),)))


def test_arguments_that_are_no_object_are_refused():
    with pytest.raises(BadRequestError) as caught:
        ask(Message(role="assistant", parts=(ToolCall(id="c", name="f", arguments="[1"),)))
    assert caught.value.param == "messages.0.0.arguments"


# ---------------------------------------------------------------- signatures

OWN = {"format": "google-gemini-v1"}


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            (Text(text="a"), Reasoning(signature="s", **OWN)),
            [{"text": "a", "thoughtSignature": "s"}],
        ),
        ((Reasoning(signature="s", **OWN),), [{"text": "", "thoughtSignature": "s"}]),
        (
            (Reasoning(text="t", signature="s", **OWN), Text(text="a")),
            [{"text": "t", "thought": True, "thoughtSignature": "s"}, {"text": "a"}],
        ),
        ((Reasoning(text="t"), Text(text="a")), [{"text": "t", "thought": True}, {"text": "a"}]),
        (
            (ToolCall(id="c", name="f", signature="s"), Reasoning(signature="z", **OWN)),
            [
                {
                    "functionCall": {"id": "c", "name": "f", "args": {}},
                    "thoughtSignature": "s",
                },
                {"text": "", "thoughtSignature": "z"},
            ],
        ),
    ],
)
def test_signatures_go_back_in_their_parts(said, written):
    assert parts(*said, role="assistant") == (written, set())
    body = ask(Message(role="assistant", parts=said), ASKED).body
    assert FACE.decode(split(body)).messages[0].parts == said


@pytest.mark.parametrize(
    ("model", "signed"),
    [("gemini-3-pro-preview", True), ("models/gemini-4.1-flash", True), ("gemini-2.5-pro", False)],
)
def test_a_call_that_gemini_did_not_make_is_marked_as_such(model, signed):
    written, warned = parts(CALL, ToolCall(id="c2", name="g"), role="assistant", model=model)
    marks = ["skip_thought_signature_validator", None] if signed else [None, None]
    assert [part.get("thoughtSignature") for part in written] == marks
    assert warned == ({"messages.0.signature"} if signed else set())


def test_the_mark_is_no_signature():
    part = {
        "functionCall": {"name": "f"},
        "thoughtSignature": "skip_thought_signature_validator",
    }
    request = decoded(contents=[{"role": "model", "parts": [part]}])
    assert request.messages[0].parts[0].signature is None


# ---------------------------------------------------------------- calls without ids


def test_calls_without_ids_are_told_apart_and_answered_in_their_order():
    call = {"functionCall": {"name": "f", "args": {}}}
    other = {"function_call": {"name": "g"}}
    contents = [
        {"role": "model", "parts": [call, call, other]},
        {
            "role": "function",
            "parts": [
                {"functionResponse": {"name": "g", "response": {"output": "3"}}},
                {"functionResponse": {"name": "f", "response": {"output": "1"}}},
                {"function_response": {"name": "f", "response": {"output": "2"}}},
            ],
        },
    ]
    said, *results = decoded(contents=contents).messages
    ids = [part.id for part in said.parts]
    assert len(set(ids)) == 3
    answered = {result.parts[0].call_id: result.parts[0].parts[0].text for result in results}
    assert answered == dict(zip(ids, "123", strict=True))
    assert all(result.parts[0].name is None for result in results)
    assert decoded(contents=contents) == decoded(contents=contents)


# ---------------------------------------------------------------- settings


def test_settings_by_their_names():
    config = sent(
        max_tokens=5,
        temperature=0.5,
        top_p=0.25,
        top_k=3,
        frequency_penalty=1.0,
        presence_penalty=-1.0,
        seed=7,
        n=2,
        stop=("a",),
        logprobs=True,
        top_logprobs=4,
    )["generationConfig"]
    assert config == {
        "maxOutputTokens": 5,
        "temperature": 0.5,
        "topP": 0.25,
        "topK": 3,
        "frequencyPenalty": 1.0,
        "presencePenalty": -1.0,
        "seed": 7,
        "candidateCount": 2,
        "stopSequences": ["a"],
        "responseLogprobs": True,
        "logprobs": 4,
    }


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"stop": tuple("abcdef")}, {"stop"}),
        ({"user": "u"}, {"user"}),
        ({"metadata": {"a": "b"}}, {"metadata"}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls"}),
        ({"parallel_tool_calls": True}, set()),
        ({"tools": (Tool(name="f", strict=True),)}, {"tools.0.strict"}),
        (
            {"response_format": JsonSchema(schema={"type": "object"}, name="x")},
            {"response_format.name"},
        ),
        ({"extra": {"x": 1}, "extra_dialect": "openai-chat"}, {"x"}),
        ({"extra": {"contents": []}}, {"contents"}),
    ],
)
def test_settings_that_are_not_sent_as_asked_are_told(settings, warned):
    encoded = ask(**settings)
    assert {warning.setting for warning in encoded.warnings} == warned
    stops = json.loads(encoded.body).get("generationConfig", {}).get("stopSequences", ())
    assert len(stops) == min(len(settings.get("stop", ())), 5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_say_is_refused(value):
    with pytest.raises(BadRequestError) as caught:
        ask(temperature=value)
    assert caught.value.param == "temperature"


def test_functions_are_one_tool_and_hosted_tools_their_own():
    search = HostedTool(dialect="gemini", definition={"googleSearch": {}})
    body = sent(tools=(Tool(name="f", description="d"), search, Tool(name="g")))
    declared, hosted = body["tools"]
    assert [one["name"] for one in declared["functionDeclarations"]] == ["f", "g"]
    assert hosted == {"googleSearch": {}}
    with pytest.raises(UnsupportedError, match="no hosted tool of openai-chat"):
        ask(tools=(HostedTool(dialect="openai-chat", definition={}),))


@pytest.mark.parametrize(
    ("format", "config"),
    [
        (JsonObject(), {"responseMimeType": "application/json"}),
        (
            JsonSchema(schema={"type": "object", "properties": {}}),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object", "properties": {}},
            },
        ),
    ],
)
def test_answers_in_json(format, config):
    assert sent(response_format=format)["generationConfig"] == config


def test_a_schema_that_gemini_does_not_take_whole_is_fitted_and_told():
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}
    encoded = ask(response_format=JsonSchema(schema=schema))
    [warning] = encoded.warnings
    assert warning.setting == "response_format.properties.a.pattern"
    fitted = json.loads(encoded.body)["generationConfig"]["responseJsonSchema"]
    assert "pattern" not in fitted["properties"]["a"]


def test_extras_go_into_the_objects_that_are_there():
    body = sent(
        max_tokens=5,
        extra={"generationConfig": {"responseModalities": ["IMAGE"]}, "cachedContent": "c/1"},
        body={"generationConfig": {"temperature": 0.1}, "contents": [], "labels": {"a": "b"}},
        quirks=Quirks(drop=("maxOutputTokens",)),
    )
    assert body["generationConfig"] == {"responseModalities": ["IMAGE"], "temperature": 0.1}
    assert (body["cachedContent"], body["labels"]) == ("c/1", {"a": "b"})
    assert len(body["contents"]) == 1


def test_a_splice_keeps_a_client_s_bytes_and_adds_what_the_operator_set():
    raw = (
        b'{"contents":[{"parts":[{"text":"\\u00e9"}]}],"generation_config":{"topP":0.50},"new":1.0}'
    )
    same = DIALECT.splice(split(raw), Target(model="m"), "chat")
    assert same.body == raw
    target = Target(model="m", body={"generationConfig": {"temperature": 0.1}, "model": "x"})
    told = DIALECT.splice(split(raw), target, "chat")
    assert json.loads(told.body)["generation_config"] == {"topP": 0.5, "temperature": 0.1}
    counted = b'{"generateContentRequest":{"model":"models/a","contents":[],"n":1.50}}'
    assert DIALECT.splice(split(counted), target, "count_tokens").body == counted.replace(
        b"models/a", b"models/m"
    )


# ---------------------------------------------------------------- thinking


@pytest.mark.parametrize(
    ("model", "asked", "config", "warned"),
    [
        ("gemini-2.5-flash", Thinking(budget_tokens=500), {"thinkingBudget": 500}, False),
        (
            "gemini-2.5-flash",
            Thinking(mode="enabled", budget_tokens=500),
            {"includeThoughts": True, "thinkingBudget": 500},
            False,
        ),
        (
            "gemini-2.5-flash",
            Thinking(mode="adaptive"),
            {"includeThoughts": True, "thinkingBudget": -1},
            False,
        ),
        ("gemini-2.5-flash", Thinking(mode="disabled"), {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", Thinking(effort="none"), {"thinkingBudget": 0}, False),
        ("gemini-2.5-pro", Thinking(mode="disabled"), {"thinkingBudget": 128}, True),
        ("gemini-2.5-flash", Thinking(effort="medium"), {"thinkingBudget": 8192}, True),
        ("gemini-flash-latest", Thinking(effort="low"), {"thinkingBudget": 1024}, True),
        ("gemini-3-flash-preview", Thinking(effort="medium"), {"thinkingLevel": "medium"}, False),
        ("gemini-3-flash-preview", Thinking(effort="minimal"), {"thinkingLevel": "minimal"}, False),
        ("gemini-3-pro-preview", Thinking(effort="minimal"), {"thinkingLevel": "low"}, True),
        ("gemini-3-pro-preview", Thinking(effort="max"), {"thinkingLevel": "high"}, True),
        ("gemini-3-pro-preview", Thinking(mode="disabled"), {"thinkingLevel": "low"}, True),
        ("gemini-3.8-flash", Thinking(mode="disabled"), {"thinkingLevel": "minimal"}, True),
        (
            "gemini-3-flash-preview",
            Thinking(mode="enabled", effort="low"),
            {"includeThoughts": True, "thinkingLevel": "low"},
            False,
        ),
        (
            "gemini-3-flash-preview",
            Thinking(effort="low", budget_tokens=9),
            {"thinkingBudget": 9},
            True,
        ),
    ],
)
def test_thinking_by_the_generation_of_the_model(model, asked, config, warned):
    encoded = ask(model=model, thinking=asked)
    assert json.loads(encoded.body)["generationConfig"]["thinkingConfig"] == config
    assert bool(encoded.warnings) == warned
    if not warned and asked.effort != "none":
        assert FACE.decode(split(encoded.body)).thinking == asked


@pytest.mark.parametrize(
    "config",
    [
        {"thinkingBudget": -1},
        {"includeThoughts": False},
        {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"},
        {"newField": 1},
    ],
)
def test_thinking_that_is_not_modelled_is_kept(config):
    request = decoded(generationConfig={"thinkingConfig": config, "topK": 40.0})
    assert request.extra == {"generationConfig": {"thinkingConfig": config}}
    assert (request.thinking, request.top_k) == (None, 40)
    encoded = CHAT.encode(request, Target(model="m"), False)
    assert json.loads(encoded.body)["generationConfig"]["thinkingConfig"] == config


# ---------------------------------------------------------------- clients


def test_google_s_schema_is_read_as_json_schema():
    schema = {
        "type": "OBJECT",
        "properties": {
            "a_b": {"type": "STRING", "nullable": True, "enum": ["x"]},
            "type": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
            "c": {"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
        },
        "propertyOrdering": ["a_b"],
    }
    declared = {"name": "f", "parameters": schema}
    [tool] = decoded(tools={"functionDeclarations": declared}).tools
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "a_b": {"type": ["string", "null"], "enum": ["x", None]},
            "type": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "c": {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
        },
        "propertyOrdering": ["a_b"],
    }


def test_what_a_function_returns_is_told_in_words():
    declared = {"name": "f", "description": "d", "response": {"type": "STRING"}}
    [tool] = decoded(tools=[{"functionDeclarations": [declared]}]).tools
    assert tool.description == 'd\n\nReturns: {"type":"string"}'
    [hosted] = decoded(
        tools=[{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}]
    ).tools
    assert isinstance(hosted, HostedTool)


@pytest.mark.parametrize(
    ("config", "choice", "extra"),
    [
        ({"mode": "AUTO"}, "auto", {}),
        ({"mode": "any"}, "required", {}),
        ({"mode": "NONE"}, "none", {}),
        ({}, None, {}),
    ],
)
def test_tool_choice(config, choice, extra):
    request = decoded(toolConfig={"functionCallingConfig": config})
    assert (request.tool_choice, request.extra) == (choice, extra)


@pytest.mark.parametrize(
    "config", [{"mode": "VALIDATED"}, {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}]
)
def test_a_tool_choice_that_is_not_modelled_is_kept(config):
    request = decoded(tool_config={"functionCallingConfig": config})
    assert request.tool_choice is None
    body = json.loads(CHAT.encode(request, Target(model="m"), False).body)
    assert body["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"fileUri": "gs://a"}, "videoMetadata": {"fps": 1}},
        {"executableCode": {"code": "1"}, "thoughtSignature": "s"},
        {"inlineData": {"mimeType": "image/png", "data": "", "displayName": "x"}},
        {"functionCall": {"name": "f", "willContinue": True}},
        {"functionResponse": {"name": "f", "response": {}, "scheduling": "SILENT"}},
    ],
)
def test_parts_that_say_more_than_we_model_are_kept_whole(part):
    request = decoded(contents=[{"role": "user", "parts": [part]}])
    assert isinstance(request.messages[0].parts[0], Opaque)
    body = json.loads(CHAT.encode(request, Target(model="m"), False).body)
    assert body["contents"][0]["parts"] == [part]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": None}, "contents"),
        ({"contents": "x"}, "contents"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents.0.role"),
        ({"contents": [{"parts": [{}]}]}, "contents.0.parts.0"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents.0.parts.0.text"),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f", "args": []}}]}]},
            "contents.0.parts.0.functionCall.args",
        ),
        ({"generationConfig": {"topP": "x"}}, "generationConfig.topP"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools.0.functionDeclarations.0.name"),
    ],
)
def test_a_fault_is_named_by_its_path(body, param):
    with pytest.raises(BadRequestError) as caught:
        decoded(**body)
    assert caught.value.param == param


def test_deep_schemas_are_refused_and_not_followed():
    deep: dict = {}
    for _ in range(300):
        deep = {"type": "ARRAY", "items": deep}
    with pytest.raises(BadRequestError, match="too deeply"):
        decoded(tools=[{"functionDeclarations": [{"name": "f", "parameters": deep}]}])


def test_state_of_other_providers_travels_to_clients_and_back():
    """What Claude signed, or OpenAI encrypted, is inside the thought signature that clients keep."""
    said = (
        Reasoning(text="hm", signature="claude's", format="anthropic-claude-v1"),
        Reasoning(encrypted="gAAA", id="rs_1", format="openai-responses-v1"),
        Reasoning(signature="unnamed"),
        ToolCall(id="c1", name="f"),
    )
    choice = Choice(message=Message(role="assistant", parts=said), finish_reason="tool_calls")
    answer = ChatResponse(choices=(choice,))
    content = json.loads(FACE.encode(answer))["candidates"][0]["content"]
    for part in content["parts"]:  # clients write base64 as they like
        if "thoughtSignature" in part:
            part["thoughtSignature"] = part["thoughtSignature"].replace("+", "-").replace("/", "_")
    assert decoded(contents=[content]).messages[0].parts == said
