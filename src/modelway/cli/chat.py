"""``modelway chat``: a conversation at the terminal, kept so that it can go on another day."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from modelway.cli import output
from modelway.cli.chat_commands import Commands
from modelway.cli.chat_turns import Chat
from modelway.cli.options import Config, Flag, MaxTokens, Model, Quiet, System, Temperature
from modelway.client import Client
from modelway.conversations import Conversation, Conversations, Transcript, new_transcript
from modelway.errors import ConfigError, LLMError
from modelway.installation import state_directory
from modelway.question import Parameters
from modelway.transcripts import Transcripts


def chat(
    *,
    session: Annotated[str | None, Parameter(name=["--session", "-S"])] = None,
    last: Annotated[
        bool, Parameter(name=["--last", "-l"], negative="", show_default=False)
    ] = False,
    sessions: Flag = False,
    model: Model = None,
    system: System = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    config: Config = None,
    quiet: Quiet = False,
    offline: Flag = False,
) -> int:
    """Talk with a model. What is said is kept, and goes on under its session's name.

    Ctrl-C stops an answer and keeps what has come of it; Ctrl-D ends. /help lists
    the commands. A line that ends with a backslash goes on in the next one.
    Standard input may be a file or a pipe: each line is then said in turn.

    For example:
        modelway chat
        modelway chat -m ollama/llama3.2 -s "You are a patient teacher."
        modelway chat --last
        modelway chat --session trip-to-lisbon

    Parameters
    ----------
    session
        Go on with the conversation of this name, or begin it.
    last
        Go on with the last conversation.
    sessions
        List the conversations that are kept, and end.
    offline
        Answer from what is kept, recorded or run in this process; open no connection.
    """
    directory = state_directory() / "conversations"
    if sessions:
        return _list(directory)
    conversation = _conversation(directory, session, last=last)
    transcript = conversation.transcript
    conversation.transcript = replace(transcript, model=model or transcript.model)
    parameters = Parameters()
    if temperature is not None:
        parameters["temperature"] = temperature
    if max_tokens is not None:
        parameters["max_tokens"] = max_tokens
    client = Client(config, embedded="if_nothing_else", offline=offline)
    with asyncio.Runner() as runner:
        talk = Chat(client, runner, conversation, parameters, quiet=quiet)
        if system is not None:
            talk.instruct(system)
        try:
            talk.open()
            return _talk(talk, Commands(talk, directory))
        finally:
            runner.run(client.aclose())


def _talk(chat: Chat, commands: Commands) -> int:
    """Say line after line; the exit code is that of the last question where nobody is there."""
    attended = sys.stdin.isatty()
    if attended:
        _introduce(chat)
    failed = False
    while True:
        try:
            said = _line(attended=attended)
            if said is None:
                break
            if said.startswith("/") and not said.startswith("//"):
                if commands.run(said) == "end":
                    break
            elif said.strip():
                failed = not chat.say(said.removeprefix("/") if said.startswith("//") else said)
        except KeyboardInterrupt:
            if not attended:
                raise
            output.aside("\n(Ctrl-D ends the chat, /help lists the commands)")
        except LLMError as error:
            failed = True
            output.complain(error)
    if attended:
        chat.farewell()
    return 1 if failed and not attended else 0


def _line(*, attended: bool) -> str | None:
    """A line, with those that it goes on in; ``None`` at the end of the input."""
    lines: list[str] = []
    while True:
        try:
            line = _prompted("… " if lines else "> ") if attended else _read()
        except EOFError:
            return "\n".join(lines) or None
        if not line.endswith("\\"):
            return "\n".join([*lines, line])
        lines.append(line[:-1])


def _prompted(prompt: str) -> str:
    sys.stdout.flush()
    return input(prompt)


def _read() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def _introduce(chat: Chat) -> None:
    with contextlib.suppress(ImportError):  # line editing, where the platform has it
        import readline  # noqa: F401, PLC0415
    count = len(chat.conversation.messages)
    begun = f"going on after {count} messages" if count else "new"
    output.aside(f"{chat.model()} · session {chat.conversation.id} ({begun}) · /help, Ctrl-D ends")


# ---------------------------------------------------------------- which conversation


def _conversation(directory: Path, session: str | None, *, last: bool) -> Conversation:
    kept = Conversations(directory)
    if session is not None and last:
        raise ConfigError("--session and --last exclude each other")
    if last:
        found = kept.list()
        if not found:
            raise ConfigError("no conversation is kept yet: modelway chat begins one")
        return kept.resume(max(found, key=lambda one: _when(directory, one)).id)
    if session is not None:
        there = (directory / f"{session}.json").exists()
        return kept.resume(session) if there else kept.start(id=session)
    # kept with the first question, so that one which says nothing leaves nothing
    name = time.strftime("%Y%m%d-%H%M%S")
    return Conversation(new_transcript(id=name), Transcripts(directory))


def _when(directory: Path, one: Transcript) -> float:
    return (directory / f"{one.id}.json").stat().st_mtime


def _list(directory: Path) -> int:
    found = Conversations(directory).list()
    if not found:
        output.note("no conversation is kept yet: modelway chat begins one")
        return 0
    output.table(
        ("SESSION", "BEGUN", "MESSAGES", "MODEL", "FIRST WORDS"),
        [
            (
                one.id,
                time.strftime("%Y-%m-%d %H:%M", time.localtime(one.created)),
                str(len(one.messages)),
                one.model or "(default)",
                _first_words(one),
            )
            for one in found
        ],
    )
    return 0


def _first_words(one: Transcript) -> str:
    from modelway.types import Text  # noqa: PLC0415  # for this list alone

    said = [message for message in one.messages if message.role == "user"]
    texts = [part.text for part in said[0].parts if isinstance(part, Text)] if said else []
    words = " ".join(" ".join(texts).split())
    return words if len(words) <= 50 else words[:49] + "…"
