"""Folding events and unfolding answers are inverse to each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelway.fold import Fold, fold, unfold
from modelway.types import (
    ChatResponse,
    Choice,
    Citation,
    CitationDelta,
    Finish,
    Message,
    Reasoning,
    ReasoningDelta,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from support.strategies import responses


@given(responses())
def test_an_answer_unfolded_and_folded_is_the_same(response):
    assert fold(unfold(response)) == response


@given(responses())
def test_the_first_event_is_the_start_and_the_last_has_the_usage(response):
    events = unfold(response)
    assert isinstance(events[0], Start)
    assert sum(isinstance(event, Start) for event in events) == 1
    assert isinstance(events[-1], Finish)
    assert events[-1].usage == response.usage


@given(responses(), st.data())
def test_texts_and_arguments_may_come_in_any_pieces(response, data):
    events = []
    for event in unfold(response):
        field = {TextDelta: "text", ToolCallDelta: "arguments"}.get(type(event))
        value = getattr(event, field) if field else ""
        if len(value) < 2 or getattr(event, "logprobs", ()):
            events.append(event)
            continue
        at = data.draw(st.integers(1, len(value) - 1))
        if isinstance(event, TextDelta):
            events += [
                TextDelta(text=text, index=event.index, choice=event.choice)
                for text in (value[:at], value[at:])
            ]
        else:
            events += [
                ToolCallDelta(
                    index=event.index,
                    choice=event.choice,
                    id=event.id,
                    name=event.name,
                    arguments=value[:at],
                    signature=event.signature,
                ),
                ToolCallDelta(index=event.index, choice=event.choice, arguments=value[at:]),
            ]
    assert fold(events) == response


def test_a_cut_stream_has_what_had_arrived():
    folding = Fold()
    folding.add(Start(id="1", model="m", usage=Usage(input_tokens=3)))
    folding.add(TextDelta(text="Hel"))
    answer = folding.response()
    assert answer.text == "Hel"
    assert answer.finish_reason == "other"
    assert answer.usage.input_tokens == 3


def test_nothing_at_all_is_an_empty_answer():
    assert fold([]) == ChatResponse(
        choices=(Choice(message=Message(role="assistant"), finish_reason="other"),)
    )


def test_parts_are_ordered_by_index_not_by_arrival():
    answer = fold(
        [
            Start(),
            ToolCallDelta(index=7, id="b", name="g"),
            ToolCallDelta(index=3, id="a", name="f"),
            ToolCallDelta(index=7, arguments="{}"),
            ReasoningDelta(index=0, text="so", signature="x"),
            ReasoningDelta(index=0, signature="y"),
            ToolCallDelta(index=3, arguments='{"q":1}'),
            TextDelta(index=1, text="Well"),
            CitationDelta(index=1, citation=Citation(url="u")),
            Finish(reason="tool_calls"),
        ]
    )
    assert answer.message.parts == (
        Reasoning(text="so", signature="xy"),
        Text(text="Well", citations=(Citation(url="u"),)),
        ToolCall(id="a", name="f", arguments='{"q":1}'),
        ToolCall(id="b", name="g", arguments="{}"),
    )


def test_choices_are_kept_apart():
    answer = fold(
        [
            Start(),
            TextDelta(text="b", choice=1),
            TextDelta(text="a", choice=0),
            Finish(reason="length", choice=1),
            Finish(reason="stop", choice=0, usage=Usage(output_tokens=2)),
        ]
    )
    assert [(c.message.parts[0].text, c.finish_reason) for c in answer.choices] == [
        ("a", "stop"),
        ("b", "length"),
    ]
    assert answer.usage == Usage(output_tokens=2)
