"""The tool loop on scripted models: what is run, what goes back, and how it ends."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import modelway
from modelway.simulator.mock import MockTransport
from modelway.simulator.script import Match, Reply, Rule, Script, ScriptedCall


def add(one: int, two: int = 1) -> int:
    """Add."""
    return one + two


async def shout(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


def fail(text: str) -> str:
    raise ValueError(f"not {text}")


async def hang() -> str:
    await asyncio.Event().wait()
    return "never"


def call(name, **arguments):
    return ScriptedCall(name=name, arguments=arguments)


def asks(*calls, **more):
    return Reply(tool_calls=calls, **more)


DONE = Reply(text="done: {tool_result}")


def client(*replies, dialect="openai-chat", kind=modelway.Client):
    config = {
        "providers": {
            "sim": {"like": "simulator", "base_url": "http://127.0.0.1:1/v1", "dialect": dialect}
        },
        "models": {"m": "sim/m"},
    }
    transport = MockTransport(Script(rules=(Rule(match=Match(), reply=replies),)))
    return kind(config, environment={}, transport=transport)


def results(messages):
    return [
        (part.name, "".join([each.text for each in part.parts]), part.is_error)
        for message in messages
        for part in message.parts
        if isinstance(part, modelway.ToolResult)
    ]


TOOLS = [add, shout, fail]


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic-messages"])
async def test_steps_go_on_until_the_model_answers(dialect):
    first = asks(call("add", one=1, two=2), call("shout", text="hi"), reasoning="hm", signature="s")
    async with client(first, asks(call("add", one=3)), DONE, dialect=dialect) as asked:
        run = await asked.run("go", tools=TOOLS, model="m")
    assert [message.role for message in run.messages] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [said for _, said, _ in results(run.messages)] == ["3", "HI", "4"]
    assert run.text.startswith("done: ")
    assert run.messages[1] == run.responses[0].message
    assert run.pending == ()
    assert run.usage.input_tokens == sum(each.usage.input_tokens for each in run.responses)
    if dialect == "anthropic-messages":
        assert any(isinstance(part, modelway.Reasoning) for part in run.messages[1].parts)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (call("fail", text="so"), "ValueError: not so"),
        (call("nope"), "there is no tool 'nope'; there are: add, shout, fail, hang"),
        (
            call("add", one="1"),
            "the arguments are not valid: Expected `int`, got `str` - at `$.one`",
        ),
        (
            call("add", one=1, three=3),
            "the arguments are not valid: Object contains unknown field `three`",
        ),
        (call("add"), "the arguments are not valid: Object missing required field `one`"),
        (
            ScriptedCall(name="add", arguments="{broken"),
            "the arguments are not valid: JSON is malformed",
        ),
        (
            ScriptedCall(name="add", arguments="[1]"),
            "the arguments are not valid: Expected `object`",
        ),
        (call("hang"), "the tool did not end within 0.01 s"),
    ],
)
async def test_what_goes_wrong_is_told_to_the_model(made, told):
    async with client(asks(made), DONE) as asked:
        run = await asked.run("go", tools=[*TOOLS, hang], model="m", tool_timeout_s=0.01)
    ((name, said, is_error),) = results(run.messages)
    assert (name, is_error) == (made.name, True)
    assert said.startswith(told)
    assert "Traceback" not in said


async def test_errors_are_raised_where_asked():
    async with client(asks(call("fail", text="so"), call("hang")), DONE) as asked:
        with pytest.raises(ValueError, match="not so"):
            await asked.run("go", tools=[fail, hang], model="m", raise_errors=True)


async def test_a_tool_has_a_timeout_of_its_own():
    slow = modelway.tool(timeout_s=0.01)(hang)
    async with client(asks(call("hang")), DONE) as asked:
        run = await asked.run("go", tools=[slow], model="m")
    assert results(run.messages) == [("hang", "the tool did not end within 0.01 s", True)]


async def test_calls_run_side_by_side_up_to_a_bound():
    running, most = 0, 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return number

    calls = [call("work", number=number) for number in range(6)]
    async with client(asks(*calls), DONE) as asked:
        run = await asked.run("go", tools=[work], model="m", parallel=3)
    assert most == 3
    assert [said for _, said, _ in results(run.messages)] == ["0", "1", "2", "3", "4", "5"]


async def test_sync_functions_run_side_by_side_on_threads():
    meeting = threading.Barrier(2, timeout=5)

    def meet() -> str:
        meeting.wait()
        return threading.current_thread().name

    async with client(asks(call("meet"), call("meet")), DONE) as asked:
        run = await asked.run("go", tools=[meet], model="m")
    assert threading.current_thread().name not in {said for _, said, _ in results(run.messages)}
    assert not any(is_error for *_, is_error in results(run.messages))


async def test_the_last_step_is_an_error_that_keeps_what_was_done():
    async with client(asks(call("add", one=1))) as asked:
        with pytest.raises(modelway.StepLimitError, match="add after 3 steps") as caught:
            await asked.run("go", tools=TOOLS, model="m", max_steps=3)
    error = caught.value
    assert len(error.responses) == 3
    assert [message.role for message in error.messages].count("tool") == 2
    assert error.messages[-1].role == "assistant"


async def test_the_last_step_may_be_an_answer_without_tools():
    async with client(asks(call("add", one=1)), asks(call("add", one=1)), DONE) as asked:
        run = await asked.run("go", tools=TOOLS, model="m", max_steps=2, at_limit="answer")
    assert len(run.responses) == 3
    assert run.text.startswith("done")


async def test_a_forced_choice_is_forced_once():
    seen = []
    async with client(asks(call("add", one=1)), DONE) as asked:
        chat = asked.chat

        async def watched(request, **more):
            seen.append(request)
            return await chat(request, **more)

        asked.chat = watched
        await asked.run("go", tools=[add], model="m", tool_choice="required")
    assert [request.tool_choice for request in seen] == ["required", None]
    assert seen[1].tools == seen[0].tools


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_call_may_be_refused(is_async):
    def approve(made):
        return True if made.name == "add" else "ask first"

    async def approve_later(made):
        return made.name == "add"

    async with client(asks(call("add", one=1), call("shout", text="x")), DONE) as asked:
        run = await asked.run(
            "go", tools=TOOLS, model="m", approve=approve_later if is_async else approve
        )
    why = "this call was not allowed" if is_async else "ask first"
    assert results(run.messages) == [("add", "2", None), ("shout", why, True)]


async def test_a_described_tool_is_the_callers_to_answer():
    described = modelway.Tool(name="ask_human")
    async with client(asks(call("ask_human")), DONE) as asked:
        run = await asked.run("go", tools=[add, described], model="m")
    assert [made.name for made in run.pending] == ["ask_human"]


async def test_a_stream_tells_of_everything_in_order():
    first = Reply(text="hm", tool_calls=(call("add", one=1), call("nope")))
    async with (
        client(first, DONE) as asked,
        asked.run_stream("go", tools=TOOLS, model="m") as stream,
    ):
        events = [event async for event in stream]
        run = await stream.collect()
    names = [type(event).__name__ for event in events if not type(event).__name__.endswith("Delta")]
    assert names == [
        *["StepStarted", "Start", "Finish", "StepEnded"],
        *["ToolStarted", "ToolStarted", "ToolEnded", "ToolEnded"],
        *["StepStarted", "Start", "Finish", "StepEnded"],
    ]
    ended = [event for event in events if isinstance(event, modelway.ToolEnded)]
    assert {event.call.name: event.result.is_error for event in ended} == {
        "add": None,
        "nope": True,
    }
    assert all(event.duration_s >= 0 for event in ended)
    assert len(run.responses) == 2
    assert run.text.startswith("done")


@pytest.mark.parametrize("streamed", [False, True])
async def test_cancelling_cancels_the_functions(streamed):
    started, ended = asyncio.Event(), []

    async def wait() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return "never"

    async with client(asks(call("wait"), call("wait")), DONE) as asked:
        if streamed:
            going = asked.run_stream("go", tools=[wait], model="m").collect()
        else:
            going = asked.run("go", tools=[wait], model="m")
        task = asyncio.create_task(going)
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ended == [True, True]


async def test_leaving_a_stream_cancels_the_functions():
    ended = []

    async def wait() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return "never"

    async with client(asks(call("wait"), call("add", one=1)), DONE) as asked:
        async with asked.run_stream("go", tools=[wait, add], model="m") as stream:
            async for event in stream:
                if isinstance(event, modelway.ToolEnded):
                    break
        assert ended == [True]
        with pytest.raises(modelway.StreamInterruptedError):
            await stream.collect()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text", ["text"]),
        (None, ["null"]),
        ({"a": [1, 2.5]}, ['{"a":[1,2.5]}']),
        (time.struct_time((2026, 1, 1, 0, 0, 0, 0, 0, 0)), ["[2026,1,1,0,0,0,0,0,0]"]),
        (modelway.Text(text="a"), ["a"]),
        ([modelway.Text(text="a"), modelway.Text(text="b")], ["a", "b"]),
        (object, ["\"<class 'object'>\""]),
    ],
)
async def test_what_a_function_may_return(value, said):
    def give():
        return value

    async with client(asks(call("give")), DONE) as asked:
        run = await asked.run("go", tools=[give], model="m")
    (result,) = run.messages[2].parts
    assert [part.text for part in result.parts] == said


@pytest.mark.parametrize(
    ("loop", "kind"),
    [
        ({"max_steps": 0}, modelway.BadRequestError),
        ({"parallel": 0}, modelway.BadRequestError),
        ({"tools": [add, add]}, modelway.ConfigError),
        ({"max_stepz": 1}, TypeError),
    ],
)
async def test_a_loop_that_cannot_be_is_refused(loop, kind):
    async with client(DONE) as asked:
        with pytest.raises(kind):
            await asked.run("go", **{"tools": [add], "model": "m", **loop})
        assert asked.stats().total_requests == 0


def test_the_sync_client_runs_and_streams():
    with client(
        asks(call("add", one=1), call("shout", text="a")), DONE, kind=modelway.SyncClient
    ) as asked:
        run = asked.run("go", tools=TOOLS, model="m")
        assert [said for _, said, _ in results(run.messages)] == ["2", "A"]
    with (
        client(asks(call("add", one=1)), DONE, kind=modelway.SyncClient) as asked,
        asked.run_stream("go", tools=TOOLS, model="m") as stream,
    ):
        names = {type(event).__name__ for event in stream}
        assert {"ToolEnded", "StepEnded", "TextDelta"} <= names
        assert stream.collect().text.startswith("done")
    with client(Reply(text='{"value": [1]}'), kind=modelway.SyncClient) as asked:
        assert asked.parse("q", into=list[int], model="m").value == [1]
        with asked.parse_stream("q", into=list[int], model="m") as growing:
            assert list(growing)[-1] == [1]
            assert growing.collect().value == [1]


def test_leaving_a_sync_stream_ends_it():
    with client(asks(call("hang"), call("add", one=1)), DONE, kind=modelway.SyncClient) as asked:
        stream = asked.run_stream("go", tools=[hang, add], model="m")
        for event in stream:
            if isinstance(event, modelway.ToolEnded):
                break
        stream.close()
        with pytest.raises(modelway.StreamInterruptedError):
            stream.collect()


async def test_the_fluent_form_runs_and_parses():
    config = {"providers": {"sim": {"like": "simulator", "base_url": "http://127.0.0.1:1/v1"}}}

    def begin(*replies):
        transport = MockTransport(Script(rules=(Rule(match=Match(), reply=replies),)))
        modelway.init(config, environment={}, transport=transport)
        return modelway.model("sim/m").prompt("go")

    question = begin(asks(call("add", one=1)), DONE).tools(add)
    assert [tool.name for tool in question.request.tools] == ["add"]
    run = await asyncio.to_thread(question.run, max_steps=3)
    assert results(run.messages) == [("add", "2", None)]
    run = await begin(asks(call("add", one=1)), DONE).using(tools=[add]).arun()
    assert results(run.messages) == [("add", "2", None)]
    question = begin(Reply(text='{"value": 3}'))
    assert (await asyncio.to_thread(question.parse, int)).value == 3
    assert (await question.aparse(int)).value == 3
    modelway.init()
