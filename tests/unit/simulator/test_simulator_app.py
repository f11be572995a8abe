"""What is answered, refused and played out, without sockets."""

import json
import math

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.magic import MAGIC
from modelway.simulator.playing import Cut
from modelway.simulator.script import (
    Fault,
    ListedModel,
    Match,
    Pace,
    RateLimit,
    Reply,
    Rule,
    Script,
    ScriptedCall,
    ScriptedError,
    ScriptedUsage,
)

VERSION = ((b"anthropic-version", b"2023-06-01"),)
TOOL = {
    "name": "get_weather",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def say(simulator, text="Hello", wire="openai", headers=(), **fields):
    """(response, steps) for one user message."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **fields}
    if wire == "anthropic":
        body = {"max_tokens": 1000, **body}
    return send(simulator, body, wire, headers)


def send(simulator, body, wire="openai", headers=()):
    target = "/v1/messages" if wire == "anthropic" else "/v1/chat/completions"
    pairs = VERSION + tuple(headers)
    response = simulator.handle("POST", target, pairs, json.dumps(body).encode())
    return response, list(response.steps)


def whole(simulator, *args, **fields):
    response, steps = say(simulator, *args, **fields)
    assert response.status == 200, steps
    return json.loads(b"".join(steps))


def events(simulator, *args, **fields):
    response, steps = say(simulator, *args, stream=True, **fields)
    assert response.status == 200, steps
    blocks = b"".join([step for step in steps if isinstance(step, bytes)]).split(b"\n\n")
    data = [block.split(b"data: ")[1] for block in blocks if block]
    return [json.loads(each) for each in data if each != b"[DONE]"]


def refusal(simulator, *args, **fields):
    response, steps = say(simulator, *args, **fields)
    assert response.status >= 400, steps
    return response.status, json.loads(b"".join(steps))["error"]


def rule(reply, **match):
    return Script(rules=(Rule(match=Match(**match), reply=reply),))


def header(response, name):
    return dict(response.headers).get(name.encode(), b"").decode()


# ---------------------------------------------------------------- the demo model


def test_it_says_what_it_is_and_repeats_the_question():
    text = whole(Simulator(), "What is 6 times 7?")["choices"][0]["message"]["content"]
    assert "simulator" in text
    assert "not a real model" in text
    assert "What is 6 times 7?" in text
    assert whole(Simulator(), "What is 6 times 7?", "anthropic")["content"][0]["text"] == text


def test_a_tool_is_called_when_it_seems_wanted_and_not_otherwise():
    tools = [{"name": TOOL["name"], "input_schema": TOOL["schema"]}]
    wanted = whole(Simulator(), "How is the weather in Paris?", "anthropic", tools=tools)
    assert wanted["stop_reason"] == "tool_use"
    assert wanted["content"][0]["input"] == {"city": "Paris"}
    unwanted = whole(Simulator(), "Tell me a joke.", "anthropic", tools=tools)
    assert unwanted["stop_reason"] == "end_turn"
    forced = whole(
        Simulator(), "Tell me a joke.", "anthropic", tools=tools, tool_choice={"type": "any"}
    )
    assert forced["content"][0]["name"] == "get_weather"
    never = whole(
        Simulator(), "Weather in Paris?", "anthropic", tools=tools, tool_choice={"type": "none"}
    )
    assert never["stop_reason"] == "end_turn"


def test_a_structured_answer_is_valid_under_its_schema():
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": schema, "strict": True}}
    text = whole(Simulator(), "Meet Ada, 36.", response_format=form)["choices"][0]["message"][
        "content"
    ]
    assert json.loads(text) == {"name": "Ada", "age": 36}
    form = {"format": {"type": "json_schema", "schema": schema}}
    text = whole(Simulator(), "Meet Ada, 36.", "anthropic", output_config=form)["content"][0][
        "text"
    ]
    assert json.loads(text) == {"name": "Ada", "age": 36}


def test_stop_sequences_and_output_caps_end_the_answer():
    echo = rule(Reply(text="{question}"))
    stopped = whole(Simulator(echo), "one STOP two", "anthropic", stop_sequences=["STOP"])
    assert (stopped["content"][0]["text"], stopped["stop_reason"]) == ("one ", "stop_sequence")
    assert stopped["stop_sequence"] == "STOP"
    capped = whole(Simulator(echo), "one two three four", max_tokens=2)
    assert capped["choices"][0]["message"]["content"] == "one two"
    assert capped["choices"][0]["finish_reason"] == "length"
    assert capped["usage"]["completion_tokens"] == 2


def test_thinking_is_shown_signed_and_must_come_back_unchanged():
    simulator = Simulator()
    thinking = {"type": "enabled", "budget_tokens": 1024}
    tools = [{"name": TOOL["name"], "input_schema": TOOL["schema"]}]
    fields = {"max_tokens": 2000, "thinking": thinking, "tools": tools, "model": "m"}
    asked = {"role": "user", "content": "Weather in Paris?"}
    content = send(simulator, {**fields, "messages": [asked]}, "anthropic")[1][0]
    content = json.loads(content)["content"]
    assert [block["type"] for block in content] == ["thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "sunny"}

    def follow_up(blocks):
        turns = [
            asked,
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": [result]},
        ]
        response, steps = send(simulator, {**fields, "messages": turns}, "anthropic")
        return response.status, b"".join(steps).decode()

    status, body = follow_up(content)
    assert status == 200
    assert "sunny" in body
    assert "Expected `thinking`" in follow_up(content[1:])[1]
    changed = [{**content[0], "thinking": "something else"}, content[1]]
    assert "Invalid `signature`" in follow_up(changed)[1]


def test_reasoning_is_hidden_on_the_openai_wire_unless_scripted():
    message = whole(Simulator(), reasoning_effort="high")
    assert "reasoning_content" not in message["choices"][0]["message"]
    assert message["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    scripted = rule(Reply(text="42", reasoning="six sevens"))
    assert whole(Simulator(scripted))["choices"][0]["message"]["reasoning_content"] == "six sevens"
    deltas = [each["choices"][0]["delta"] for each in events(Simulator(scripted))]
    assert "".join([d.get("reasoning_content", "") for d in deltas]) == "six sevens"


# ---------------------------------------------------------------- streams equal whole answers


@pytest.mark.parametrize(
    "reply",
    [
        Reply(),
        Reply(text="Several words, and\n\nlines — ünïcode 🎉."),
        Reply(reasoning="Let me think.", text="Done."),
        Reply(refusal="No."),
        Reply(
            text="Calling",
            tool_calls=(ScriptedCall(name="a", arguments={"x": [1, "ü"]}), ScriptedCall(name="b")),
        ),
        Reply(text="x", usage=ScriptedUsage(input_tokens=100, cached_tokens=60, output_tokens=7)),
    ],
)
def test_a_stream_says_what_the_whole_answer_says(reply):
    script = rule(reply)
    answer = whole(Simulator(script), n=2)
    chunks = events(Simulator(script), n=2, stream_options={"include_usage": True})
    for index, choice in enumerate(answer["choices"]):
        mine = [
            c["choices"][0] for c in chunks if c["choices"] and c["choices"][0]["index"] == index
        ]
        message = choice["message"]
        for field in ("content", "refusal", "reasoning_content"):
            assert "".join([each["delta"].get(field) or "" for each in mine]) == (
                message.get(field) or ""
            )
        calls = {}
        for each in mine:
            for call in each["delta"].get("tool_calls", ()):
                calls.setdefault(call["index"], []).append(call)
        said = [
            (
                parts[0]["function"]["name"],
                "".join([part["function"]["arguments"] for part in parts]),
            )
            for parts in calls.values()
        ]
        wanted = [call["function"] for call in message.get("tool_calls", ())]
        assert said == [(each["name"], each["arguments"]) for each in wanted]
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
    assert chunks[-1]["usage"] == answer["usage"]

    answer = whole(Simulator(script), wire="anthropic")
    told = events(Simulator(script), wire="anthropic")
    blocks = {}
    for each in told:
        if each["type"] == "content_block_start":
            blocks[each["index"]] = [each["content_block"]["type"], ""]
        if each["type"] == "content_block_delta":
            delta = each["delta"]
            text = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
            blocks[each["index"]][1] += text
    for kind, text, block in [(*blocks[at], block) for at, block in enumerate(answer["content"])]:
        assert kind == block["type"]
        if kind == "tool_use":
            assert json.loads(text or "{}") == block["input"]
        else:
            assert text == block[kind]
    assert told[-2]["delta"]["stop_reason"] == answer["stop_reason"]
    final = told[-2]["usage"]
    assert final == {name: answer["usage"][name] for name in final}
    assert told[0]["message"]["usage"]["input_tokens"] == answer["usage"]["input_tokens"]


def test_the_order_of_anthropics_events():
    told = [each["type"] for each in events(Simulator(rule(Reply(text="Hi"))), wire="anthropic")]
    assert told == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_usage_is_only_streamed_when_asked_for():
    assert all("usage" not in each for each in events(Simulator()))
    chunks = events(Simulator(), stream_options={"include_usage": True})
    assert [each["usage"] for each in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"] == []


def test_cached_tokens_are_split_as_each_wire_does():
    script = rule(
        Reply(usage=ScriptedUsage(input_tokens=100, cached_tokens=60, cache_write_tokens=30))
    )
    usage = whole(Simulator(script))["usage"]
    assert (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (100, 60)
    usage = whole(Simulator(script), wire="anthropic")["usage"]
    assert usage["input_tokens"] == 10
    assert usage["cache_read_input_tokens"] == 60
    assert usage["cache_creation_input_tokens"] == 30


def test_logprobs_are_of_the_text():
    choice = whole(Simulator(), logprobs=True, top_logprobs=2)["choices"][0]
    tokens = choice["logprobs"]["content"]
    assert "".join([each["token"] for each in tokens]) == choice["message"]["content"]
    assert all(len(each["top_logprobs"]) == 2 for each in tokens)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.[0].content", None),
        (
            {"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]},
            "messages.[0].role",
            None,
        ),
        ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        (
            {"max_tokens": 5, "max_completion_tokens": 5},
            "max_tokens",
            "invalid_parameter_combination",
        ),
        ({"top_k": 5}, "top_k", "unknown_parameter"),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
        ({"response_format": {"type": "json_object"}}, "messages", None),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"type": "string"}},
                    }
                ]
            },
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "strict": True, "parameters": {"type": "object"}},
                    }
                ]
            },
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
    ],
)
def test_openai_refuses(fields, param, code):
    status, error = refusal(Simulator(), **fields)
    assert status == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


def test_openai_refuses_calls_without_results():
    function = {"name": "f", "arguments": "{}"}
    call = {"id": "call_1", "type": "function", "function": function}
    asked = {"role": "user", "content": "x"}
    called = {"role": "assistant", "content": None, "tool_calls": [call]}
    answered = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}
    _, error = refusal(Simulator(), messages=[asked, called, asked])
    assert "did not have response messages: call_1" in error["message"]
    assert whole(Simulator(), messages=[asked, called, answered])["choices"]
    function["arguments"] = {}
    _, error = refusal(Simulator(), messages=[asked, called, answered])
    assert error["param"] == "messages[1].tool_calls[0].function.arguments"


USER = {"role": "user", "content": "x"}
CALLED = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}],
}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"messages": []}, "at least one message is required"),
        ({"messages": [{"role": "system", "content": "x"}]}, "top-level `system` parameter"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "must have non-empty content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "Input tag 'image_url'",
        ),
        ({"messages": [USER, CALLED, USER]}, "without `tool_result` blocks immediately after: t1"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t9"}]}
                ]
            },
            "unexpected `tool_use_id`",
        ),
        ({"messages": [{**USER, "name": "bob"}]}, "messages.0.name: Extra inputs"),
        ({"messages": [USER, {"role": "assistant", "content": "So "}]}, "trailing whitespace"),
        ({"temperature": 1.5}, "temperature: range: 0..1"),
        ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer"),
        ({"n": 2}, "n: Extra inputs are not permitted"),
        ({"tool_choice": {"type": "auto"}}, "only be specified while providing tools"),
        ({"tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"name": "f", "input_schema": {"type": "array"}}]}, "should be 'object'"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "match pattern"),
        ({"stop_sequences": [" "]}, "non-whitespace"),
        ({"metadata": {"team": "x"}}, "metadata.team"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "must be greater than"),
        (
            {
                "thinking": {"type": "enabled", "budget_tokens": 1024},
                "max_tokens": 2000,
                "temperature": 0,
            },
            "only be set to 1",
        ),
        (
            {
                "system": [
                    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
                    for _ in "12345"
                ]
            },
            "Found 5",
        ),
    ],
)
def test_anthropic_refuses(fields, told):
    status, error = refusal(Simulator(), wire="anthropic", **fields)
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert told in error["message"]


def test_anthropic_wants_max_tokens_and_a_version():
    body = {"model": "m", "messages": [USER]}
    response, steps = send(Simulator(), body, "anthropic")
    assert response.status == 400
    assert b"max_tokens: Field required" in steps[0]
    response = Simulator().handle("POST", "/v1/messages", (), b"{}")
    assert b"anthropic-version: header is required" in next(response.steps)


def test_windows_and_caps_of_listed_models_are_enforced():
    listed = ListedModel(id="m", context_tokens=50, max_output_tokens=20)
    script = Script(models=(listed,), only_listed_models=True)
    assert refusal(Simulator(script), "word " * 100)[1]["code"] == "context_length_exceeded"
    assert "too large: 21" in refusal(Simulator(script), max_tokens=21)[1]["message"]
    _, error = refusal(Simulator(script), "word " * 100, "anthropic", max_tokens=5)
    assert error["message"].startswith("prompt is too long: ")
    assert "21 > 20" in refusal(Simulator(script), wire="anthropic", max_tokens=21)[1]["message"]
    assert refusal(Simulator(script), model="other")[1]["code"] == "model_not_found"
    assert refusal(Simulator(script), wire="anthropic", model="other") == (
        404,
        {"type": "not_found_error", "message": "model: other"},
    )


def test_keys_are_checked_when_some_are_given():
    script = Script(api_keys=("good",))
    status, error = refusal(Simulator(script), headers=((b"authorization", b"Bearer bad"),))
    assert (status, error["code"]) == (401, "invalid_api_key")
    assert "bad" not in json.dumps(error)
    assert refusal(Simulator(script), wire="anthropic")[1]["type"] == "authentication_error"
    assert whole(Simulator(script), headers=((b"authorization", b"Bearer good"),))
    assert whole(Simulator(script), wire="anthropic", headers=((b"x-api-key", b"good"),))


# ---------------------------------------------------------------- rules


def test_the_first_rule_that_matches_answers():
    script = Script(
        rules=(
            Rule(match=Match(dialect="anthropic"), reply=Reply(text="anthropic")),
            Rule(match=Match(headers={"x-team": "s*"}), reply=Reply(text="team")),
            Rule(match=Match(model="gpt-*", contains="BLUE"), reply=Reply(text="blue")),
        )
    )
    simulator = Simulator(script)

    def text(*args, **fields):
        return whole(simulator, *args, **fields)["choices"][0]["message"]["content"]

    assert whole(simulator, wire="anthropic")["content"][0]["text"] == "anthropic"
    assert text(headers=((b"x-team", b"search"),)) == "team"
    assert text("a blue moon", model="gpt-4o") == "blue"
    assert "simulator" in text("a red moon", model="gpt-4o")


def test_an_echo_is_word_for_word():
    text = "what is {tool_result} in {question}?"
    message = whole(Simulator(), text, model="sim-echo")["choices"][0]["message"]
    assert message["content"] == text


def test_replies_come_in_turn():
    replies = (Reply(text="1"), Reply(text="2"))
    last = Simulator(Script(rules=(Rule(reply=replies),)))
    cycle = Simulator(Script(rules=(Rule(reply=replies, repeat="cycle"),)))

    def said(simulator):
        return [whole(simulator)["choices"][0]["message"]["content"] for _ in range(4)]

    assert said(last) == ["1", "2", "2", "2"]
    assert said(cycle) == ["1", "2", "1", "2"]


def test_errors_for_so_many_times_then_the_answer():
    error = ScriptedError(status=529, retry_after_s=0.25)
    simulator = Simulator(rule(Reply(text="ok", error=error, fail_times=2)))
    for _ in range(2):
        response, _ = say(simulator)
        assert response.status == 529
        assert (header(response, "retry-after"), header(response, "retry-after-ms")) == ("1", "250")
    assert whole(simulator)["choices"][0]["message"]["content"] == "ok"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 418, 429, 500, 503, 529])
def test_any_status_by_model_name(status):
    got, error = refusal(Simulator(), model=f"sim-{status}")
    assert got == status
    assert set(error) == {"message", "type", "param", "code"}
    got, error = refusal(Simulator(), wire="anthropic", model=f"sim-{status}")
    assert got == status
    assert error["type"].endswith("_error") or error["type"] == "request_too_large"


def test_rate_limits_are_counted_told_and_enforced():
    now = [100.0]
    script = Script(rate_limit=RateLimit(requests=2, tokens=10_000, window_s=60))
    simulator = Simulator(script, clock=lambda: now[0])
    response, _ = say(simulator)
    assert header(response, "x-ratelimit-limit-requests") == "2"
    assert header(response, "x-ratelimit-remaining-requests") == "1"
    assert header(response, "x-ratelimit-reset-requests") == "1m0s"
    response, _ = say(simulator, wire="anthropic")
    assert header(response, "anthropic-ratelimit-requests-remaining") == "0"
    assert header(response, "anthropic-ratelimit-tokens-reset").endswith("Z")
    now[0] += 20
    response, _ = say(simulator)
    assert response.status == 429
    assert header(response, "retry-after") == "40"
    now[0] += 40
    assert say(simulator)[0].status == 200


# ---------------------------------------------------------------- pace and faults


def test_pace_is_the_same_streamed_or_whole():
    pace = Pace(latency_s=1, time_to_first_token_s=2, tokens_per_s=2)
    simulator = Simulator(rule(Reply(text="one two three", pace=pace)))
    response, steps = say(simulator, stream=True)
    assert response.delay_s == 1
    assert [step for step in steps if isinstance(step, float | int)] == [2, 0.5, 0.5, 0.5, 0.5][:4]
    response, _ = say(simulator)
    assert response.delay_s == 4.5


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_faults_of_streams(wire):
    def steps(**fault):
        script = rule(Reply(fault=Fault(**fault)))
        return say(Simulator(script), wire=wire, stream=True)[1]

    cut = steps(cut_after_chunks=2)
    assert len(cut) == 3
    assert isinstance(cut[2], Cut)
    assert cut[2].torn
    assert not cut[2].torn.endswith(b"\n\n")
    assert steps(stall_after_chunks=2)[2:] == [math.inf]
    failed = steps(error_after_chunks=2)
    assert len(failed) == 3
    assert b'"error"' in failed[2]
    assert b"[DONE]" not in failed[2]
    broken = steps(half_json=True)
    with pytest.raises(ValueError):
        json.loads(broken[1].split(b"data: ")[1])


def test_faults_of_whole_answers():
    def play(**fault):
        return say(Simulator(rule(Reply(fault=Fault(**fault)))))

    response, steps = play(cut_after_chunks=2)
    assert isinstance(steps[0], Cut)
    assert len(steps[0].torn) < response.length
    response, steps = play(half_json=True)
    assert len(steps[0]) == response.length
    assert play(stall_after_chunks=1)[1][1] == math.inf
    response, steps = play(html_body=True)
    assert response.status == 200
    assert header(response, "content-type") == "text/html"
    assert play(empty_body=True)[0].length == 0
    assert play(hang=True)[0].delay_s == math.inf
    assert play(drop=True)[0].dropped
    assert play(error_after_chunks=1)[0].status == 529


def test_every_magic_name_is_listed_described_and_does_something():
    plain = whole(Simulator())["choices"][0]["message"]["content"]
    for name, each in MAGIC.items():
        assert each.what
        tools = [{"type": "function", "function": {"name": "f"}}]
        response, steps = say(Simulator(), "word " * 60, model=name, tools=tools, stream=True)
        if name != "sim-demo":
            sound = b"".join([step for step in steps if isinstance(step, bytes)])
            odd = response.status != 200 or response.delay_s or response.dropped
            assert odd or plain.encode() not in sound
    listing = Simulator().handle("GET", "/v1/models", (), b"")
    ids = [each["id"] for each in json.loads(next(listing.steps))["data"]]
    assert ids == list(MAGIC)


# ---------------------------------------------------------------- the rest


def test_requests_are_recorded_and_bounded():
    simulator = Simulator(keep=2)
    for text in ("a", "b", "c"):
        say(simulator, text, headers=((b"x-team", b"red"),))
    assert [each.json["messages"][0]["content"] for each in simulator.requests] == ["b", "c"]
    last = simulator.requests[-1]
    assert (last.method, last.path, last.header("X-Team")) == (
        "POST",
        "/v1/chat/completions",
        "red",
    )


def test_ids_repeat_with_a_seed_only():
    assert whole(Simulator(Script(seed=1)))["id"] == whole(Simulator(Script(seed=1)))["id"]
    assert whole(Simulator())["id"] != whole(Simulator())["id"]


def test_counting_equals_what_is_billed():
    simulator = Simulator()
    body = {"model": "m", "system": "Be brief.", "messages": [USER]}
    pairs = VERSION
    counted = simulator.handle(
        "POST", "/v1/messages/count_tokens", pairs, json.dumps(body).encode()
    )
    _, steps = send(simulator, {**body, "max_tokens": 9}, "anthropic")
    assert json.loads(next(counted.steps)) == {
        "input_tokens": json.loads(steps[0])["usage"]["input_tokens"]
    }


def test_models_are_listed_in_pages_of_anthropics_form():
    script = Script(models=tuple([ListedModel(id=f"m{n}") for n in range(5)]))
    simulator = Simulator(script)

    def page(query):
        listing = simulator.handle("GET", f"/v1/models?{query}", VERSION, b"")
        told = json.loads(next(listing.steps))
        return [each["id"] for each in told["data"]], told["has_more"]

    assert page("limit=2") == (["m0", "m1"], True)
    assert page("limit=2&after_id=m3") == (["m4"], False)
    assert page("limit=2&before_id=m4") == (["m2", "m3"], True)
    one = simulator.handle("GET", "/v1/models/m3", (), b"")
    assert json.loads(next(one.steps))["id"] == "m3"
    assert simulator.handle("GET", "/v1/models/m9", (), b"").status == 404


def test_unknown_routes_and_methods():
    assert Simulator().handle("POST", "/v1/embedding", (), b"").status == 404
    assert Simulator().handle("GET", "/v1/chat/completions", (), b"").status == 405
    assert b"simulator" in next(Simulator().handle("GET", "/", (), b"").steps)


def test_unknown_fields_are_accepted_when_told_to():
    script = Script(unknown_fields="accept")
    assert whole(Simulator(script), top_k=3)
    assert whole(Simulator(script), wire="anthropic", n=3)
