"""From a question and a scripted reply to an answer: the offline demo model."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import assert_never

import msgspec

from modelway.simulator import tokens
from modelway.simulator.example import example
from modelway.simulator.magic import magic
from modelway.simulator.question import (
    Answer,
    AnswerPart,
    Called,
    Counts,
    OfferedTool,
    Question,
    Refused,
    Thought,
    Words,
)
from modelway.simulator.script import Reply, ScriptedUsage

_PLACES = re.compile(r"\{question\}|\{tool_result\}")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_UNTELLING = (
    "about and any are call current find for from function get given information its let look "
    "makes one per return returns run set some that the their then these this tool use uses using "
    "value values what when where which will with you your"
)
_PLAIN_WORDS = frozenset(_UNTELLING.split())
SIGNATURE_PREFIX = "c2ltdWxhdGVk"
"""How our signatures begin: base64 of "simulated"."""
_WANTED = 2
"""From this score on a tool seems wanted: a word of its name counts 2, of its description 1."""


def compose(
    question: Question, reply: Reply, make_id: Callable[[], str], choice: int = 0
) -> Answer:
    """One choice's answer, cut at stop sequences and the output cap, and counted."""
    scripted = reply.text is not None or reply.refusal is not None or reply.tool_calls
    parts = _scripted(question, reply, make_id) if scripted else _own(question, make_id)
    thought = _thought(question, reply)
    if thought is not None:
        parts = [thought, *parts]
    if choice:
        parts = [
            Words(text=f"{part.text} (choice {choice + 1})") if isinstance(part, Words) else part
            for part in parts
        ]
    parts, stopped = _stop(parts, question.stop)
    parts, cut = _cap(parts, question.max_tokens)
    if reply.finish is not None:
        finish = reply.finish
    elif cut:
        finish, stopped = "length", None
    elif stopped is not None:
        finish = "stop_sequence"
    elif any(isinstance(part, Called) for part in parts):
        finish = "tool_calls"
    elif any(isinstance(part, Refused) for part in parts):
        finish = "refusal"
    else:
        finish = "stop"
    return Answer(
        parts=tuple(parts),
        finish=finish,
        stop_sequence=stopped,
        output_tokens=sum([_size(part) for part in parts]),
        reasoning_tokens=sum([_size(part) for part in parts if isinstance(part, Thought)]),
    )


def tally(question: Question, answers: tuple[Answer, ...], said: ScriptedUsage) -> Counts:
    """The tokens of all choices, with what the script says instead."""
    counted = Counts(
        input_tokens=question.input_tokens,
        output_tokens=sum([each.output_tokens for each in answers]),
        reasoning_tokens=sum([each.reasoning_tokens for each in answers]),
    )
    changes = {
        name: value for name, value in msgspec.structs.asdict(said).items() if value is not None
    }
    return msgspec.structs.replace(counted, **changes)


def sign(text: str) -> str:
    """The signature of a thought, which must come back with it unchanged."""
    return f"{SIGNATURE_PREFIX}{zlib.crc32(text.encode()):08x}"


# ---------------------------------------------------------------- what it says


def _scripted(question: Question, reply: Reply, make_id: Callable[[], str]) -> list[AnswerPart]:
    parts: list[AnswerPart] = []
    if reply.refusal is not None:
        parts.append(Refused(text=reply.refusal))
    elif reply.text is not None:
        said = {"{question}": question.text, "{tool_result}": "; ".join(question.results)}
        parts.append(Words(text=_PLACES.sub(lambda found: said[found[0]], reply.text)))
    schemas = {tool.name: tool.schema for tool in question.tools}
    for call in reply.tool_calls:
        arguments = call.arguments
        if arguments is None:
            arguments = example(schemas.get(call.name, {"type": "object"}), question.text)
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        parts.append(Called(id=call.id or make_id(), name=call.name, arguments=arguments))
    return parts


def _own(question: Question, make_id: Callable[[], str]) -> list[AnswerPart]:
    calls = _wanted(question)
    if calls:
        return [
            Called(
                id=make_id(),
                name=tool.name,
                arguments=msgspec.json.encode(example(tool.schema, question.text)).decode(),
            )
            for tool in calls
        ]
    if question.schema is not None:
        value = example(question.schema, question.text)
        return [Words(text=msgspec.json.encode(value).decode())]
    if question.json:
        value = {"simulated": True, "question": question.text}
        return [Words(text=msgspec.json.encode(value).decode())]
    if question.results:
        result = "; ".join([_short(each) for each in question.results])
        return [
            Words(text=f"The tool answered: {result} (I am modelway's simulator, not a model.)")
        ]
    return [
        Words(
            text="Hello from modelway's simulator: an offline stand-in, not a real model. "
            f'You said: "{_short(question.text)}"'
        )
    ]


def _thought(question: Question, reply: Reply) -> Thought | None:
    if reply.reasoning is not None:
        signature = reply.signature if reply.signature is not None else sign(reply.reasoning)
        hidden = question.thoughts_hidden and question.dialect != "openai"
        return Thought(text=reply.reasoning, signature=signature, hidden=hidden)
    shown = magic(question.model).thinks
    if not question.thinks and not shown:
        return None
    text = f'The user said "{_short(question.text)}". A simulator has nothing to think about that.'
    return Thought(text=text, signature=sign(text), hidden=question.thoughts_hidden and not shown)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 200 else flat[:199] + "…"


def _wanted(question: Question) -> list[OfferedTool]:
    if question.call == "never" or not question.tools:
        return []
    if question.call_name is not None:
        return [tool for tool in question.tools if tool.name == question.call_name]
    if magic(question.model).all_tools and not question.results:
        return list(question.tools)
    said = set(_WORDS.findall(question.text.lower())) - _PLAIN_WORDS
    scores = [_score(tool, said) for tool in question.tools]
    best = max(scores)
    if question.call == "must" or (best >= _WANTED and not question.results):
        return [question.tools[scores.index(best)]]
    return []


def _score(tool: OfferedTool, said: set[str]) -> int:
    name = re.sub(r"([a-z])([A-Z])", r"\1 \2", tool.name).replace("_", " ").lower()
    of_name = set(_WORDS.findall(name)) - _PLAIN_WORDS
    of_description = set(_WORDS.findall(tool.description.lower())) - _PLAIN_WORDS
    return 2 * len(of_name & said) + len(of_description & said - of_name)


# ---------------------------------------------------------------- where it ends


def _stop(parts: list[AnswerPart], stops: tuple[str, ...]) -> tuple[list[AnswerPart], str | None]:
    """The parts up to the first stop sequence in a text, and which it was."""
    for at, part in enumerate(parts):
        if not isinstance(part, Words):
            continue
        found = [(part.text.index(stop), stop) for stop in stops if stop and stop in part.text]
        if found:
            end, stop = min(found)
            return [*parts[:at], Words(text=part.text[:end])], stop
    return parts, None


def _cap(parts: list[AnswerPart], most: int | None) -> tuple[list[AnswerPart], bool]:
    """The parts that fit, and whether something was cut; a call that does not fit is left out."""
    if most is None:
        return parts, False
    kept: list[AnswerPart] = []
    for part in parts:
        size = _size(part)
        if size > most:
            if not isinstance(part, Called) and most > 0:
                text = "".join(tokens.pieces(part.text)[:most])
                kept.append(msgspec.structs.replace(part, text=text))
            return kept, True
        kept.append(part)
        most -= size
    return kept, False


def _size(part: AnswerPart) -> int:
    match part:
        case Thought() | Words() | Refused():
            return tokens.count(part.text)
        case Called():
            return tokens.count(part.name) + tokens.count(part.arguments)
        case _:
            assert_never(part)
