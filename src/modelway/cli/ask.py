"""``modelway ask``: one question, one answer."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from modelway.call import Options
from modelway.cli import output
from modelway.cli.answering import Printer
from modelway.cli.options import Config, Flag, Json, MaxTokens, Model, Quiet, System, Temperature
from modelway.client import Client
from modelway.errors import ConfigError
from modelway.question import Parameters
from modelway.types import ChatResponse

_WAITING_S = 1.0
"""After this long without a word on standard input, a person is told what is waited for."""


def ask(
    *prompt: str,
    model: Model = None,
    system: System = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    config: Config = None,
    stream: bool | None = None,
    json: Json = False,
    quiet: Quiet = False,
    timeout: float | None = None,
    offline: Flag = False,
) -> int:
    """Ask a model one question. The answer streams to standard output as it comes.

    The question is the words given, standard input, or both: the words first,
    then the input. Without --model the configured default answers, else a
    provider whose key is set, else a server on this machine, else a simulator
    that says so.

    For example:
        modelway ask "Why is the sky blue?"
        modelway ask -m anthropic/claude-sonnet-4-5 -s "In French." "Who are you?"
        git diff | modelway ask "Write a commit message for this."
        modelway ask --json "Three colours" | jq -r .text

    Parameters
    ----------
    prompt
        The question.
    stream
        --no-stream waits for the whole answer. With --json the default is to wait, and --stream
        gives one line of JSON an event.
    timeout
        The longest to wait, in seconds, all attempts together.
    offline
        Answer from what is kept, recorded or run in this process; open no connection.
    """
    question = _question(prompt)
    parameters = Parameters()
    if temperature is not None:
        parameters["temperature"] = temperature
    if max_tokens is not None:
        parameters["max_tokens"] = max_tokens
    asking = _Asking(model, system, parameters, json=json, quiet=quiet)
    streaming = not json if stream is None else stream
    client = Client(
        config,
        embedded="if_nothing_else",
        options=Options(timeout_s=_seconds(timeout)),
        offline=offline,
    )
    try:
        asyncio.run(asking.run(client, question, stream=streaming))
    except KeyboardInterrupt:
        output.aside("interrupted")
        raise
    return 0


class _Asking:
    def __init__(
        self,
        model: str | None,
        system: str | None,
        parameters: Parameters,
        *,
        json: bool,
        quiet: bool,
    ) -> None:
        self._model = model
        self._system = system
        self._parameters = parameters
        self._json = json
        self._printer = Printer(quiet=quiet or json)

    async def run(self, client: Client, question: str, *, stream: bool) -> None:
        async with client:
            output.tell(await client.notices(), self._model)
            if stream:
                await self._stream(client, question)
                return
            response = await client.chat(
                question, model=self._model, system=self._system, **self._parameters
            )
            if self._json:
                output.show_json(as_json(response))
            else:
                self._printer.whole(response)

    async def _stream(self, client: Client, question: str) -> None:
        stream = client.stream(question, model=self._model, system=self._system, **self._parameters)
        if not self._json:
            await self._printer.stream(stream)
            return
        async with stream:
            self._printer.warn(stream.warnings)
            async for event in stream:
                output.show_json(event)


def as_json(response: ChatResponse) -> dict[str, Any]:
    """What ``--json`` prints of an answer."""
    shown: dict[str, Any] = {
        "text": response.text,
        "model": response.model,
        "provider": response.provider,
        "deployment": response.deployment,
        "finish_reason": response.finish_reason,
        "usage": response.usage,
        "latency_s": response.latency_s,
        "id": response.id,
        "request_id": response.request_id,
    }
    if response.reasoning:
        shown["reasoning"] = response.reasoning
    if response.tool_calls:
        shown["tool_calls"] = response.tool_calls
    if response.warnings:
        shown["warnings"] = response.warnings
    return shown


def _question(words: tuple[str, ...]) -> str:
    pieces = [" ".join(words)]
    if sys.stdin is not None and not sys.stdin.isatty():
        pieces.append(_standard_input())
    question = "\n\n".join([piece for piece in pieces if piece.strip()])
    if not question:
        raise ConfigError(
            "nothing is asked: give a question, as in modelway ask 'Why is the sky blue?', "
            "or pipe one into it"
        )
    try:
        question.encode()
    except UnicodeEncodeError:
        raise ConfigError("the question is not UTF-8") from None
    return question


def _standard_input() -> str:
    waiting = threading.Timer(
        _WAITING_S, output.note, ["waiting for the end of standard input; </dev/null gives it none"]
    )
    waiting.daemon = True
    waiting.start()
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"standard input is not UTF-8 text: bad byte at {error.start}; convert it first"
        ) from None
    finally:
        waiting.cancel()


def _seconds(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ConfigError("--timeout is a number of seconds above 0")
    return timeout
