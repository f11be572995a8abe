"""What a configuration gives strategies to choose by, and what becomes of a call that none may answer."""

import json

import pytest

from modelway.call import Call
from modelway.errors import LLMError, NoCandidateError
from modelway.explaining import explain
from modelway.messages import user
from modelway.types import ChatRequest
from support.scripted import OK, Scripted, call, engine

SECRET = "My patient Anna Petrova, born 3.4.1981, has diabetes. Her card is 4000 0000 0000 0002."


def asking(text, model="m", **fields):
    return Call(id="1", model=model, request=ChatRequest(messages=(user(text),)), **fields)


async def test_a_table_of_tasks_sends_each_to_its_model():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        config={
            "tasks": [
                {"categories": ["translation"], "primary": "y", "reason": "it speaks more"},
                {"primary": "x", "reason": "everything else"},
            ]
        },
        m={"strategy": "task_table", "deployments": ["a/x", "b/y"]},
    )
    await running.handle(asking("Translate into French: good morning, my friends"))
    await running.handle(asking("Write a Python function that sorts a list of tuples"))
    assert transport.hosts == ["b", "a"]


async def test_the_operator_s_scores_choose():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        config={
            "scores": {
                "x": {"coding": 0.1, "reasoning": 0.1},
                "y": {"coding": 0.9, "reasoning": 0.9},
            }
        },
        m={
            "strategy": "capability",
            "deployments": [{"model": "a/x", "priority": 0}, {"model": "b/y", "priority": 0}],
        },
    )
    await running.handle(asking("Refactor this module to use dataclasses"))
    assert transport.hosts == ["b"]


async def test_what_nobody_may_answer_is_refused_with_every_reason():
    running = engine(
        Scripted(a=[OK], b=[OK]),
        m={"strategy": ["local_if_sensitive", "ordered"], "deployments": ["a/x", "b/y"]},
    )
    with pytest.raises(NoCandidateError) as refused:
        await running.handle(asking(SECRET))
    assert "a/x: " in refused.value.message
    assert "b/y: " in refused.value.message
    told = await explain(running, asking(SECRET))
    assert {one.verdict for one in told.candidates} == {"skip"}
    assert told.deployment is None


async def test_the_default_model_answers_where_the_same_filters_let_it():
    transport = Scripted(a=[OK], b=[OK])
    running = engine(
        transport,
        config={"default_model": "home", "providers": {"b": {"like": "vllm", "api_key": None}}},
        m={"strategy": ["local_if_sensitive", "ordered"], "deployments": ["a/x"]},
        home="b/y",
    )
    await running.handle(asking(SECRET))
    assert transport.hosts == ["b"]


def answer(text):
    message = {"role": "assistant", "content": text}
    said = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    return 200, json.dumps(said).encode()


TABLE = [
    {"categories": ["translation"], "primary": "y", "reason": "it speaks more"},
    {"primary": "x", "reason": "everything else"},
]


@pytest.mark.parametrize(
    ("label", "hosts"),
    [
        (
            '{"category":"translation","difficulty":"simple","sensitive":false,"confidence":0.9}',
            ["c", "b"],
        ),
        ("I would rather not say.", ["c", "a"]),
    ],
)
async def test_a_small_model_says_what_the_task_is_or_the_rules_do(label, hosts):
    transport = Scripted(a=[OK], b=[OK], c=[answer(label)])
    running = engine(
        transport,
        config={"task_model": "c/small", "tasks": TABLE},
        m={"strategy": "task_table", "deployments": ["a/x", "b/y"]},
    )
    await running.handle(asking("Write a Python function that sorts a list"))
    assert transport.hosts == hosts
    question = json.loads(transport.sent[0].body)
    assert question["response_format"]["type"] == "json_schema"
    assert running.stats().total_requests == 2, "it is a call like others, and is counted"


async def test_a_small_model_that_fails_is_not_waited_for():
    transport = Scripted(a=[OK], b=[OK], c=[(500, b"{}")])
    running = engine(
        transport,
        config={"task_model": "c/small", "tasks": TABLE},
        m={"strategy": "task_table", "deployments": ["a/x", "b/y"]},
    )
    await running.handle(call())
    assert transport.hosts == ["c", "a"]


async def test_what_must_stay_at_home_does_not_leave_by_a_fallback():
    transport = Scripted(a=[(500, b"{}")], b=[OK])
    running = engine(
        transport,
        config={
            "providers": {"a": {"like": "vllm", "api_key": None}},
            "defaults": {"retries": 0},
            "fallback_providers": [],
        },
        m={
            "strategy": ["local_if_sensitive", "ordered"],
            "deployments": ["a/x"],
            "fallback": ["n"],
        },
        n="b/y",
    )
    told = await explain(running, asking(SECRET))
    assert [(one.deployment, one.verdict) for one in told.candidates] == [
        ("a/x", "ask"),
        ("b/y", "skip"),
    ]
    with pytest.raises(LLMError):
        await running.handle(asking(SECRET))
    await running.handle(asking("What is a monad?"))
    assert transport.hosts == ["a", "a", "b"]
