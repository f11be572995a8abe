"""What is printed, and how it is cut."""

import io

import pytest

from modelway.cli import output
from modelway.cli.answering import Printer, summary
from modelway.cli.bench_run import Figures
from modelway.cli.demo_screen import Screen
from modelway.errors import OverloadedError
from modelway.types import ChatResponse, Choice, Message, Reasoning, Text, Usage


class Terminal(io.StringIO):
    def isatty(self):
        return True


def answer(*parts, **fields):
    message = Message(role="assistant", parts=parts)
    return ChatResponse(choices=(Choice(message=message, finish_reason="stop"),), **fields)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[2J\x1b]0;title\x07gone", "[2J]0;titlegone"),
        ("\x9b31m", "31m"),
        ("right\u202eleft", "rightleft"),
        ("a\rb", "ab"),
        ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
    ],
)
def test_a_terminal_is_never_steered(text, shown, monkeypatch):
    assert output.plain(text) == shown
    monkeypatch.setattr("sys.stdout", Terminal())
    output.say(text)
    import sys

    assert sys.stdout.getvalue() == shown


def test_a_pipe_gets_an_answer_unchanged(capsys):
    output.say("\x1b[1m")
    assert capsys.readouterr().out == "\x1b[1m"


def test_an_error_comes_after_those_before_it(capsys):
    error = OverloadedError("too much\x1b[2J", provider="second", model="m", status=503)
    down = OverloadedError("down", provider="first", model="m")
    again = OverloadedError("too much\x1b[2J", provider="second", model="m", status=503)
    error.earlier = (down, down, again)
    output.complain(error)
    assert capsys.readouterr().err.splitlines() == [
        "note: before that: first/m: down",
        "error: second/m: too much[2J (status 503); 2 attempts",
    ]


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_colours_only_where_they_are_wanted(variable, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.dim("x", Terminal()) == "\x1b[2mx\x1b[0m"
    assert output.dim("x", io.StringIO()) == "x"
    monkeypatch.setenv(variable, "dumb")
    assert output.dim("x", Terminal()) == "x"


def test_reasoning_does_not_stand_in_the_answer(capsys):
    said = answer(Reasoning(text="hm"), Text(text="yes"), model="m", usage=Usage(output_tokens=3))
    Printer().whole(said)
    out, err = capsys.readouterr()
    assert out == "yes\n"
    assert err.splitlines() == ["hm", "m · - → 3 tokens"]
    Printer(quiet=True).whole(said)
    assert capsys.readouterr() == ("yes\n", "")


def test_the_summary_says_only_what_is_known():
    usage = Usage(input_tokens=1200, output_tokens=5, cached_tokens=1000, reported_cost_usd=0.25)
    assert summary(answer(model="m")) == "m"
    assert summary(
        answer(deployment="p/m", usage=usage, latency_s=1.5, time_to_first_token_s=0.25)
    ) == ("p/m · 1,200 (1,000 cached) → 5 tokens · 1.50 s (first after 250 ms) · $0.250000")


def test_an_empty_answer_is_noticed(capsys):
    Printer(quiet=True).whole(answer(model="m"))
    assert capsys.readouterr() == ("", "note: the answer is empty\n")


def test_notices_are_for_those_who_named_no_model(capsys):
    output.tell(("a simulator answers",), None)
    output.tell(("a simulator answers",), "openai/gpt-4o")
    assert capsys.readouterr().err == "note: a simulator answers\n"


def test_a_table_is_as_wide_as_it_needs(capsys):
    output.table(("A", "BB"), [("long", "x"), ("y", "")])
    assert capsys.readouterr().out == "A     BB\nlong  x\ny\n"


@pytest.mark.parametrize(
    ("part", "expected"), [(0.5, 2.0), (0.95, 4.0), (0.99, 4.0), (1.0, 4.0), (0.25, 1.0)]
)
def test_shares_are_of_the_nearest_rank(part, expected):
    assert Figures.share([4.0, 1.0, 3.0, 2.0], part) == expected
    assert Figures.share([], part) is None


def test_a_growing_line_breaks_between_words(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    screen.begin("label")
    text = "one two two three four five sixteen seven\neight nine anticipated ten x " + "y" * 50
    for at in range(0, len(text), 3):
        screen.grow(text[at : at + 3])
    screen.end()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    words = " ".join([line.strip() for line in lines]).split()
    said = ["label", *text.split()[:-1]]
    assert words[: len(said)] == said
    assert "".join(words[len(said) :]) == "y" * 50
