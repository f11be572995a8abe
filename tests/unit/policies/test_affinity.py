"""Which calls belong together, by what is sent and who sends it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Body, Call, Options
from modelway.framing.fields import split
from modelway.messages import assistant, system, user
from modelway.policies.affinity import LEAST_BYTES, affinity, chance_of
from modelway.types import ChatRequest

LONG = "x" * LEAST_BYTES


def said(*messages, dialect="openai-chat", tenant="t", **more):
    data = json.dumps({"model": "m", "messages": list(messages), **more}).encode()
    body = Body(dialect=dialect, fields=split(data), size_bytes=len(data))
    return Call(id="1", model="m", body=body, tenant=tenant)


def turn(role, text):
    return {"role": role, "content": text}


FIRST = turn("user", "What is " + LONG)


def test_the_turns_of_a_long_conversation_belong_together():
    begun = affinity(said(FIRST))
    gone_on = affinity(said(FIRST, turn("assistant", "So."), turn("user", "And then?")))
    assert begun is not None
    assert begun == gone_on
    assert affinity(said(turn("user", "Something else " + LONG))) != begun


def test_a_system_prompt_that_all_have_in_common_does_not_bring_all_to_one_place():
    common = turn("system", LONG)
    keys = {affinity(said(common, turn("user", f"question {n}"))) for n in range(5)}
    assert len(keys) == 5


def test_short_prompts_may_be_answered_anywhere():
    assert affinity(said(turn("user", "hi"))) is None
    assert affinity(Call(id="1", model="m", request=ChatRequest(messages=(user("hi"),)))) is None


def test_tenants_and_models_are_apart():
    assert affinity(said(FIRST)) != affinity(said(FIRST, tenant="other"))
    other = said(FIRST)
    assert affinity(other) != affinity(
        Call(id="1", model="n", body=other.body, tenant=other.tenant)
    )


def test_a_session_counts_whatever_is_said():
    def of(session, text):
        return affinity(
            Call(
                id="1",
                model="m",
                request=ChatRequest(messages=(user(text),)),
                options=Options(session=session),
            )
        )

    assert of("s", "a") == of("s", "b")
    assert of("s", "a") != of("r", "a")


def test_typed_questions_are_told_apart_like_bodies():
    def of(*messages):
        return affinity(Call(id="1", model="m", request=ChatRequest(messages=messages)))

    first = (system("be brief"), user(LONG))
    assert of(*first) == of(*first, assistant("yes"), user("go on"))
    assert of(*first) != of(system("be long"), user(LONG))


@given(st.binary(min_size=16, max_size=16))
def test_chance_falls_the_same_way_for_a_key(key):
    assert chance_of(key).random() == chance_of(key).random()
