"""What only the Responses API has: kept responses, items, and reasoning that comes back."""

import json

import pytest

from modelway.simulator.app import Simulator
from modelway.simulator.script import Fault, Reply, Rule, Script

TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def send(simulator, path, body=None, method="POST"):
    response = simulator.handle(method, path, (), json.dumps(body).encode() if body else b"")
    return response.status, json.loads(b"".join(response.steps))


def create(simulator, **fields):
    return send(simulator, "/v1/responses", {"model": "m", "input": "Hello", **fields})


def events(simulator, **fields):
    body = {"model": "m", "input": "Hello", "stream": True, **fields}
    response = simulator.handle("POST", "/v1/responses", (), json.dumps(body).encode())
    blocks = b"".join(response.steps).split(b"\n\n")
    return [json.loads(block.partition(b"data: ")[2]) for block in blocks if block]


def test_a_response_is_kept_continued_and_forgotten():
    simulator = Simulator()
    _, first = create(simulator, metadata={"a": "b"})
    assert send(simulator, f"/v1/responses/{first['id']}", method="GET") == (200, first)
    status, second = create(simulator, previous_response_id=first["id"])
    assert status == 200
    assert second["previous_response_id"] == first["id"]
    assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]
    _, page = send(simulator, f"/v1/responses/{second['id']}/input_items", method="GET")
    assert [item.get("role") for item in page["data"]] == ["user", "assistant", "user"]
    status, gone = send(simulator, f"/v1/responses/{first['id']}", method="DELETE")
    assert (status, gone["deleted"]) == (200, True)
    assert send(simulator, f"/v1/responses/{first['id']}", method="GET")[0] == 404
    status, error = create(simulator, previous_response_id=first["id"])
    assert (status, error["error"]["code"]) == (400, "previous_response_not_found")


def test_a_response_that_is_not_to_be_stored_is_not():
    simulator = Simulator()
    _, answer = create(simulator, store=False)
    assert send(simulator, f"/v1/responses/{answer['id']}", method="GET")[0] == 404


def test_events_are_numbered_and_their_last_is_the_whole_response():
    told = events(Simulator(Script(seed=1)))
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    assert told[-1]["type"] == "response.completed"
    whole = create(Simulator(Script(seed=1)))[1]
    told[-1]["response"]["created_at"] = whole["created_at"]
    told[-1]["response"]["completed_at"] = whole["completed_at"]
    assert told[-1]["response"] == whole


def test_reasoning_goes_round_encrypted_and_must_be_whole():
    simulator = Simulator()
    how = {"include": ["reasoning.encrypted_content"], "store": False, "tools": [TOOL]}
    asked = {"role": "user", "content": "Weather in Paris?"}
    _, answer = create(
        simulator, **{**how, "reasoning": {"effort": "low", "summary": "auto"}}, input=[asked]
    )
    thought, call = answer["output"]
    assert thought["summary"][0]["text"].startswith("The user said")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    status, answer = create(simulator, **how, input=[asked, thought, call, output])
    assert status == 200
    assert "sunny" in answer["output"][0]["content"][0]["text"]
    broken = {**thought, "encrypted_content": thought["encrypted_content"][:-4] + "AAAA"}
    status, error = create(simulator, **how, input=[asked, broken, call, output])
    assert (status, error["error"]["code"]) == (400, "invalid_encrypted_content")
    bare = {"type": "reasoning", "id": thought["id"], "summary": []}
    assert create(simulator, **how, input=[asked, bare, call, output])[0] == 404


def test_reasoning_without_a_wish_for_a_summary_is_counted_and_not_shown():
    _, answer = create(Simulator(), reasoning={"effort": "high"})
    assert answer["output"][0]["summary"] == []
    assert answer["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([{"type": "function_call_output", "call_id": "c", "output": "x"}], "No tool call found"),
        (
            [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}],
            "No tool output found for function call c.",
        ),
        ([{"type": "message", "role": "bot", "content": "x"}], "Invalid value: 'bot'"),
        ([{"role": "user", "content": [{"type": "output_text", "text": "x"}]}], "'output_text'"),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "image_url"),
        ([{"type": "surprise"}], "'surprise'"),
        (3, "expected one of a string or array"),
    ],
)
def test_wrong_input_is_refused(items, said):
    status, error = create(Simulator(), input=items)
    assert status == 400
    assert said in error["error"]["message"]


def test_an_answer_that_is_cut_is_incomplete():
    reply = Reply(text="Once upon a time there was", finish="length")
    simulator = Simulator(Script(rules=(Rule(reply=reply),)))
    _, answer = create(simulator)
    assert answer["status"] == "incomplete"
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
    assert events(simulator)[-1]["type"] == "response.incomplete"


def test_an_error_in_a_stream_has_the_next_number():
    reply = Reply(text="Once upon a time", fault=Fault(error_after_chunks=3))
    told = events(Simulator(Script(rules=(Rule(reply=reply),))))
    assert [event["sequence_number"] for event in told] == [0, 1, 2, 3]
    assert told[-1]["error"]["type"] == "server_error"


def test_input_tokens_are_counted_as_they_are_answered():
    status, counted = send(
        Simulator(), "/v1/responses/input_tokens", {"model": "m", "input": "Hello"}
    )
    assert status == 200
    assert counted["input_tokens"] == create(Simulator())[1]["usage"]["input_tokens"]
