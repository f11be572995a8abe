"""The /commands of a chat."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from modelway.cli import output
from modelway.cli.chat_turns import Chat
from modelway.errors import ConfigError
from modelway.types import Message, Text

Verdict = Literal["go on", "end"]


class Commands:
    """What a line that begins with a slash does. Two slashes say a line that begins with one."""

    def __init__(self, chat: Chat, directory: Path) -> None:
        self._chat = chat
        self._directory = directory
        self._known: dict[str, tuple[Callable[[str], None], str]] = {
            "help": (self._help, "list these commands"),
            "model": (self._model, "[NAME]: say who answers, or ask another model from now on"),
            "system": (self._system, "[TEXT]: set the instructions, or remove them"),
            "retry": (self._retry, "ask the last question again"),
            "undo": (self._undo, "forget the last question and its answer"),
            "history": (self._history, "show what was said"),
            "stats": (self._stats, "show requests and tokens so far"),
        }

    def run(self, line: str) -> Verdict:
        """Run one line. ConfigError when there is no such command."""
        name, _, rest = line[1:].partition(" ")
        if name in {"exit", "quit", "bye"}:
            return "end"
        found = self._known.get(name)
        if found is None:
            near = get_close_matches(name, self._known, n=1)
            hint = f"did you mean /{near[0]}?" if near else "/help lists the commands"
            raise ConfigError(f"there is no command /{name}: {hint}")
        found[0](rest.strip())
        return "go on"

    def _help(self, _: str) -> None:
        for name, (_run, what) in self._known.items():
            output.aside(f"  /{name.ljust(9)} {what}")
        output.aside("  /exit      end; so does Ctrl-D")
        output.aside(f"kept in {self._directory}")

    def _model(self, name: str) -> None:
        if name:
            self._chat.use(name)
        output.aside(self._chat.model())

    def _system(self, text: str) -> None:
        self._chat.instruct(text)
        output.aside("the instructions are set" if text else "there are no instructions")

    def _retry(self, _: str) -> None:
        self._chat.again()

    def _undo(self, _: str) -> None:
        self._chat.undo()
        output.aside(f"{len(self._chat.conversation.messages)} messages are left")

    def _history(self, _: str) -> None:
        for message in self._chat.conversation.messages:
            output.aside(f"{message.role}:")
            output.say(_text(message) + "\n")

    def _stats(self, _: str) -> None:
        stats = self._chat.client.stats()
        output.aside(
            f"{stats.total_requests} requests, {stats.failed_requests} failed, "
            f"{stats.input_tokens} → {stats.output_tokens} tokens"
        )


def _text(message: Message) -> str:
    return "".join([part.text for part in message.parts if isinstance(part, Text)])
