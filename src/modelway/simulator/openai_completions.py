"""OpenAI's legacy completions: a prompt that is continued, whole and streamed.

Source: https://platform.openai.com/docs/api-reference/completions, 2026-11-21; forms as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.openai_read import check_names, check_numbers, parse, read_model
from modelway.simulator.openai_refusals import wrong_type
from modelway.simulator.question import Answer, Asked, Envelope, Question, Refused, Words, refuse

_DOCUMENTED = (
    "best_of echo frequency_penalty logit_bias logprobs max_tokens model n presence_penalty prompt "
    "seed stop stream stream_options suffix temperature top_p user"
)
_FIELDS = frozenset(_DOCUMENTED.split())
_USUAL_MOST_TOKENS = 16
_FINISH = {"stop_sequence": "stop", "refusal": "stop", "pause": "stop", "tool_calls": "stop"}


def read(asked: Asked) -> Question:
    """The prompts in a request's body."""
    fields = parse(asked.body)
    model = read_model(asked, fields)
    check_names(asked, fields, _FIELDS)
    logprobs = fields.get("logprobs")  # a number here, a flag in chat
    check_numbers({**fields, "logprobs": None, "top_logprobs": logprobs})
    prompts = _prompts(fields.get("prompt"))
    stop, options = fields.get("stop") or (), fields.get("stream_options") or {}
    if not isinstance(options, dict):
        raise wrong_type("stream_options", "an object", options)
    stops = list(stop) if isinstance(stop, list | tuple) else [stop]
    if options and not fields.get("stream"):
        raise refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    for each in stops:
        if not isinstance(each, str):
            raise wrong_type("stop", "a string or an array of strings", each)
    most = fields.get("max_tokens")
    return Question(
        dialect="completions",
        model=model,
        text=prompts[-1],
        texts=prompts,
        input_tokens=sum(map(tokens.count, prompts)),
        stream=bool(fields.get("stream")),
        stream_usage=bool(options.get("include_usage")),
        choices=len(prompts) * (fields.get("n") or 1),
        logprobs=logprobs,
        max_tokens=_USUAL_MOST_TOKENS if most is None else most,
        stop=tuple(stops),
        told={"echo": bool(fields.get("echo")), "n": fields.get("n") or 1},
    )


def whole(envelope: Envelope) -> bytes:
    """A ``text_completion``."""
    choices = [
        _choice(index, _echoed(envelope, index) + _text(answer), answer, envelope)
        for index, answer in enumerate(envelope.answers)
    ]
    return msgspec.json.encode({**_head(envelope), "choices": choices, "usage": _usage(envelope)})


def events(envelope: Envelope) -> Iterator[tuple[bytes, int]]:
    """The events of a stream, each with the number of tokens in it."""
    head = _head(envelope)
    usage: dict[str, Any] = {"usage": None} if envelope.question.stream_usage else {}
    for index, answer in enumerate(envelope.answers):
        echoed = _echoed(envelope, index)
        for piece in [*([echoed] if echoed else []), *tokens.pieces(_text(answer))]:
            yield _event({**head, "choices": [_choice(index, piece, None, envelope)], **usage}), 1
        yield _event({**head, "choices": [_choice(index, "", answer, envelope)], **usage}), 0
    if usage:
        yield _event({**head, "choices": [], "usage": _usage(envelope)}), 0
    yield b"data: [DONE]\n\n", 0


def _prompts(given: Any) -> tuple[str, ...]:
    if given is None:
        return ("",)
    each = [given] if isinstance(given, str) else given
    if isinstance(each, list) and each and all(isinstance(token, int) for token in each):
        each = [each]
    if not isinstance(each, list) or not each:
        raise wrong_type("prompt", "one of a string, array of strings or array of tokens", given)
    texts: list[str] = []
    for at, prompt in enumerate(each):
        if isinstance(prompt, list) and all(isinstance(token, int) for token in prompt):
            texts.append(" ".join(map(str, prompt)))
        elif isinstance(prompt, str):
            texts.append(prompt)
        else:
            raise wrong_type(f"prompt[{at}]", "a string", prompt)
    return tuple(texts)


def _head(envelope: Envelope) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "object": "text_completion",
        "created": envelope.created,
        "model": envelope.question.model,
        "system_fingerprint": "fp_simulator",
    }


def _echoed(envelope: Envelope, index: int) -> str:
    asked = envelope.question
    return asked.texts[index // asked.told["n"]] if asked.told["echo"] else ""


def _text(answer: Answer) -> str:
    return "".join([part.text for part in answer.parts if isinstance(part, Words | Refused)])


def _choice(index: int, text: str, ended: Answer | None, envelope: Envelope) -> dict[str, Any]:
    finish = None if ended is None else _FINISH.get(ended.finish, ended.finish)
    return {
        "text": text,
        "index": index,
        "logprobs": _logprobs(text, envelope.question.logprobs),
        "finish_reason": finish,
    }


def _logprobs(text: str, alternatives: int | None) -> dict[str, Any] | None:
    if alternatives is None:
        return None
    pieces = tokens.pieces(text)
    offsets = [len("".join(pieces[:at])) for at in range(len(pieces))]
    tops = [
        {f"{piece}~{rank}" if rank else piece: -0.125 - 2 * rank for rank in range(alternatives)}
        for piece in pieces
    ]
    return {
        "tokens": pieces,
        "token_logprobs": [-0.125] * len(pieces),
        "top_logprobs": tops if alternatives else None,
        "text_offset": offsets,
    }


def _usage(envelope: Envelope) -> dict[str, int]:
    spent, made = envelope.counts.input_tokens, envelope.counts.output_tokens
    return {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
