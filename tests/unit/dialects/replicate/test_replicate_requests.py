"""What is asked of Replicate's language models: their inputs by family, and what is told of the rest."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, UnsupportedError
from modelway.types import (
    Audio,
    ChatRequest,
    Image,
    Inline,
    JsonObject,
    Message,
    Reasoning,
    Remote,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from support.every_value import QUESTIONS
from support.examples import few

REPLICATE = dialect("replicate")
LLAMA, CLAUDE = "meta/meta-llama-3-70b-instruct", "anthropic/claude-sonnet-5"
GPT, O4, GEMINI = "openai/gpt-5.1", "openai/o4-mini", "google/gemini-2.5-flash"
VERSION = "02e509c789964a7ea8736978a43525956ef40397be9033abf9fd2badfe68c9e3"


def say(role, *parts):
    told = tuple([Text(text=part) if isinstance(part, str) else part for part in parts])
    return Message(role=role, parts=told)


HELLO = say("user", "Hello")
TURNS = (say("user", "Hello"), say("assistant", "Hi."), say("user", "Bye"))


def written(*messages, model=LLAMA, stream=False, target=None, **settings):
    """The body, and the settings that warnings are about."""
    request = ChatRequest(messages=messages or (HELLO,), **settings)
    encoded = REPLICATE.upstream["chat"].encode(request, target or Target(model=model), stream)
    return json.loads(encoded.body), [warning.setting for warning in encoded.warnings]


def test_one_question_goes_as_it_is():
    assert written() == ({"input": {"prompt": "Hello"}}, [])
    body, told = written(say("system", "Be brief."), say("user", "A", "B"), stream=True)
    assert body == {"input": {"system_prompt": "Be brief.", "prompt": "A\n\nB"}, "stream": True}
    assert told == []


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        (LLAMA, f"/models/{LLAMA}/predictions", None),
        (f"meta/llama:{VERSION}", "/predictions", VERSION),
        (VERSION, "/predictions", VERSION),
        ("deployments/acme/chat", "/deployments/acme/chat/predictions", None),
    ],
)
def test_where_a_model_is_asked(model, path, version):
    assert REPLICATE.upstream["chat"].path(model, False) == path
    assert written(model=model)[0].get("version") == version


@pytest.mark.parametrize("model", ["llama", "a/b/c", "a/", "../b", "a/..", "a b/c", "a/b?c"])
def test_what_is_no_model_has_no_path(model):
    for operation in ("chat", "model"):
        with pytest.raises(BadRequestError, match="owner/name"):
            REPLICATE.upstream[operation].path(model, False)


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (LLAMA, {"system_prompt": "S", "prompt": "Hello", "max_tokens": 9, "temperature": 0.5}),
        (CLAUDE, {"system_prompt": "S", "prompt": "Hello", "max_tokens": 9}),
        (GPT, {"system_prompt": "S", "prompt": "Hello", "max_completion_tokens": 9}),
        (
            GEMINI,
            {
                "system_instruction": "S",
                "prompt": "Hello",
                "max_output_tokens": 9,
                "temperature": 0.5,
            },
        ),
        ("deepseek-ai/deepseek-r1", {"prompt": "S\n\nHello", "max_tokens": 9, "temperature": 0.5}),
        (
            "meta/llama-2-70b-chat",
            {"system_prompt": "S", "prompt": "Hello", "max_new_tokens": 9, "temperature": 0.5},
        ),
        (
            "acme/new",
            {"system_prompt": "S", "prompt": "Hello", "max_tokens": 9, "temperature": 0.5},
        ),
    ],
)
def test_inputs_have_the_names_of_their_family(model, inputs):
    body, told = written(say("system", "S"), HELLO, model=model, max_tokens=9, temperature=0.5)
    assert body["input"] == inputs
    assert ("temperature" in told) == ("temperature" not in inputs)
    assert ("messages.system" in told) == inputs["prompt"].startswith("S")


def test_turns_are_a_transcript_where_there_is_one_prompt():
    body, told = written(say("system", "S"), *TURNS)
    assert body["input"] == {
        "system_prompt": "S",
        "prompt": "User: Hello\n\nAssistant: Hi.\n\nUser: Bye\n\nAssistant:",
    }
    assert told == ["messages"]
    assert written(*TURNS[:2])[0]["input"]["prompt"].endswith("Assistant: Hi.")


def test_turns_are_messages_where_those_are_taken():
    body, told = written(say("developer", "S"), *TURNS, model=GPT)
    assert told == []
    assert body["input"]["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Bye"},
    ]
    assert "prompt" in written(*TURNS, model=O4)[0]["input"]


NEAR = Image(source=Inline(media_type="image/png", data="YWJj"))
FAR = Image(source=Remote(url="https://x.org/a.png"))
URI = "data:image/png;base64,YWJj"


@pytest.mark.parametrize(
    ("model", "images", "inputs"),
    [
        (CLAUDE, (NEAR,), {"image": URI}),
        (GPT, (NEAR, FAR), {"image_input": [URI, "https://x.org/a.png"]}),
        (GEMINI, (FAR,), {"images": ["https://x.org/a.png"]}),
    ],
)
def test_images_stand_beside_the_prompt(model, images, inputs):
    body, told = written(say("user", "What?", *images), model=model)
    assert (body["input"], told) == ({"prompt": "What?", **inputs}, [])


@pytest.mark.parametrize(
    ("messages", "model"),
    [
        ((say("user", NEAR, FAR),), CLAUDE),
        ((say("user", NEAR),), LLAMA),
        ((say("user", Image(source=Stored(id="f"))),), GPT),
        ((say("user", Audio(source=Inline(media_type="audio/wav", data="YQ=="))),), GPT),
        ((HELLO, say("assistant", ToolCall(id="1", name="f"))), GPT),
        ((say("tool", ToolResult(call_id="1")),), GPT),
    ],
)
def test_what_cannot_be_carried_is_refused(messages, model):
    with pytest.raises(UnsupportedError, match=model.partition("/")[0]):
        written(*messages, model=model)


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"tools": (Tool(name="f"),)}, "functions"), ({"n": 2}, "ask 2 times")],
)
def test_functions_and_several_answers_are_refused(settings, match):
    with pytest.raises(UnsupportedError, match=match):
        written(**settings)


def test_nothing_to_answer():
    for messages in ((say("system", "S"),), (say("user", ""),)):
        with pytest.raises(BadRequestError) as caught:
            written(*messages)
        assert caught.value.param == "messages"


def test_settings():
    body, told = written(
        top_p=0.9, top_k=5, seed=3, presence_penalty=0.1, frequency_penalty=0.2, stop=("a", "b")
    )
    assert told == []
    assert body["input"] == {
        "prompt": "Hello",
        "top_p": 0.9,
        "top_k": 5,
        "seed": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "stop_sequences": "a,b",
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"user": "u"}, ["user"]),
        ({"metadata": {"a": "b"}}, ["metadata"]),
        ({"logprobs": True, "top_logprobs": 2}, ["logprobs", "top_logprobs"]),
        ({"response_format": JsonObject()}, ["response_format"]),
        (
            {"tool_choice": "none", "parallel_tool_calls": True},
            ["tool_choice", "parallel_tool_calls"],
        ),
        ({"stop": ("a,b", "c", "")}, ["stop"]),
        ({"thinking": Thinking(effort="low")}, ["thinking"]),
        ({"extra": {"top_a": 1}, "extra_dialect": "openai-chat"}, ["top_a"]),
        ({"extra": {"prompt": "x"}}, ["prompt"]),
        ({"model": GPT, "stop": ("a",)}, ["stop"]),
        ({"model": GPT, "thinking": Thinking(effort="low")}, []),
        ({"model": GPT, "thinking": Thinking(effort="low", budget_tokens=9)}, ["thinking"]),
    ],
)
def test_what_has_no_input_is_told(settings, told):
    body, warned = written(**settings)
    assert warned == told
    assert body["input"]["prompt"] == "Hello"
    assert body["input"].get("stop_sequences") in (None, "c")
    assert body["input"].get("reasoning_effort") == (
        "low" if "thinking" in settings and "model" in settings else None
    )


def test_earlier_thoughts_are_left_out():
    body, told = written(HELLO, say("assistant", Reasoning(text="Hm"), "Hi."), HELLO)
    assert "Hm" not in body["input"]["prompt"]
    assert told == ["messages.1.0", "messages"]


def test_extras_are_inputs_but_for_those_of_the_prediction():
    target = Target(
        model=LLAMA,
        quirks=Quirks(drop=("seed",), rename={"max_tokens": "max_new_tokens"}),
        body={"prompt_template": "{prompt}", "prompt": "no"},
    )
    extra = {"min_tokens": 3, "webhook": "https://x.org/done"}
    body, told = written(target=target, seed=1, max_tokens=7, extra=extra)
    assert body == {
        "input": {
            "prompt": "Hello",
            "min_tokens": 3,
            "max_new_tokens": 7,
            "prompt_template": "{prompt}",
        },
        "webhook": "https://x.org/done",
    }
    assert told == ["seed"]


@pytest.mark.parametrize("client", sorted(QUESTIONS))
def test_any_client_s_question_is_written_or_refused(client):
    @few
    @given(QUESTIONS[client])
    def check(request):
        try:
            encoded = REPLICATE.upstream["chat"].encode(request, Target(model=GPT), False)
        except (UnsupportedError, BadRequestError) as error:
            if isinstance(error, BadRequestError) and error.param != "messages":
                raise  # nothing visible to answer; anything else is a fault of ours
            return
        inputs = json.loads(encoded.body)["input"]
        assert "prompt" in inputs or inputs["messages"]
        told = {warning.setting.partition(".")[0] for warning in encoded.warnings}
        for name in ("temperature", "top_p", "top_k", "seed", "stop", "user", "response_format"):
            assert getattr(request, name) in (None, ()) or name in told

    check()
