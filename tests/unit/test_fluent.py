"""The fluent form: every step a new question, asked through the program's own client."""

from __future__ import annotations

import asyncio

import pytest

import modelway
from modelway import fluent
from modelway.fluent import Question
from modelway.simulator.mock import MockTransport
from modelway.simulator.script import Match, Reply, Rule, Script
from modelway.types import ChatRequest, JsonObject

SCRIPT = Script(
    rules=(Rule(match=Match(model="echo"), reply=Reply(text="You said {question}")),),
)
TOOL = modelway.Tool(name="look")


@pytest.fixture
def transport(monkeypatch):
    """A program's client of its own, asked through this transport."""
    monkeypatch.setattr(fluent, "_program", fluent._Program())
    asked = MockTransport(SCRIPT)
    modelway.init(
        {"providers": {"sim": {"like": "simulator", "default_model": "echo"}}},
        environment={},
        transport=asked,
        options=modelway.Options(retries=0),
    )
    yield asked
    if fluent._program._session is not None:
        fluent._program.session.blocking.close()


def test_every_step_says_one_thing():
    question = (
        modelway.model("gpt-4o")
        .prompt("Hi")
        .system("Be brief.")
        .temperature(0.7)
        .max_tokens(100)
        .stop("END")
        .tools(TOOL)
        .using(seed=7, response_format=JsonObject())
        .say(modelway.assistant("Yes?"))
        .prompt("And?")
    )
    assert question.request == ChatRequest(
        model="gpt-4o",
        messages=(
            modelway.system("Be brief."),
            modelway.user("Hi"),
            modelway.assistant("Yes?"),
            modelway.user("And?"),
        ),
        temperature=0.7,
        max_tokens=100,
        stop=("END",),
        tools=(TOOL,),
        seed=7,
        response_format=JsonObject(),
    )


def test_a_step_leaves_the_question_before_it_alone():
    half = modelway.model("m").system("Be brief.")
    first, second = half.prompt("one"), half.prompt("two")
    assert half.request.messages == (modelway.system("Be brief."),)
    assert first.request.messages[-1] == modelway.user("one")
    assert second.request.messages[-1] == modelway.user("two")
    with pytest.raises(AttributeError):
        half.request = first.request


def test_asking_in_the_four_ways(transport):
    question = modelway.model("sim/echo").prompt("one.")
    assert question.execute().text == "You said one."
    assert "".join(question.stream().text()) == "You said one."

    async def ask():
        answer = await question.aexecute()
        async with question.astream() as stream:
            return answer.text, (await stream.collect()).text

    assert asyncio.run(ask()) == ("You said one.", "You said one.")
    assert asyncio.run(ask()) == ("You said one.", "You said one.")


def test_no_model_is_the_default(transport):
    assert modelway.model().prompt("one.").execute().text == "You said one."


def test_nothing_asked_is_refused(transport):
    with pytest.raises(modelway.BadRequestError, match="nothing is asked"):
        modelway.model("sim/echo").execute()


def test_observers_and_options_go_with_the_question(transport):
    seen = []

    class Observer:
        def observe(self, events):
            seen.extend(events)

    question = modelway.model("sim/sim-500").prompt("one.").observe(Observer())
    with pytest.raises(modelway.OverloadedError):
        question.execute()
    fluent._program.session.blocking.close()
    assert [event.name for event in seen] == ["llm.request.start", "llm.request.error"]
    strict = Question(request=question.request).options(modelway.Options(strict=True))
    assert strict.call_options == modelway.Options(strict=True)


def test_the_loops_client_is_closed_with_its_loop(transport):
    async def ask():
        await modelway.model("sim/echo").prompt("one.").aexecute()
        assert not transport.closed

    asyncio.run(ask())
    assert transport.closed


def test_available_models(transport):
    assert "sim-demo" in {model.id for model in modelway.available_models()}


def test_init_reads_the_file_at_once(transport, tmp_path):
    path = tmp_path / "modelway.yaml"
    path.write_text("providers: {sim: {like: simulator, default_mode: echo}}")
    with pytest.raises(modelway.ConfigError, match="default_mode"):
        modelway.init(path, environment={})
    assert modelway.model().prompt("one.").execute().text == "You said one."


def test_validate_config(tmp_path):
    path = tmp_path / "modelway.yaml"
    path.write_text("providers: {sim: {like: simulator}}")
    assert modelway.validate_config(path) == ()
    path.write_text("providers:\n  sim: {like: simulater}\nmodels: 3\n")
    problems = modelway.validate_config(str(path))
    assert [problem.severity for problem in problems] == ["error", "error"]
    assert {problem.line for problem in problems} == {2, 3}
