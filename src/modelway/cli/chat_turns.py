"""The turns of a chat: what is said goes out with everything before it, the answer is kept."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from modelway import messages
from modelway.chat_stream import ChatStream
from modelway.cli import output
from modelway.cli.answering import Printer
from modelway.client import Client
from modelway.config.resolve import default_model, resolve
from modelway.conversations import Conversation
from modelway.errors import StreamInterruptedError
from modelway.question import Parameters
from modelway.types import ChatRequest, ChatResponse


class Chat:
    """One conversation, its client, and the event loop between whose runs a person types."""

    def __init__(
        self,
        client: Client,
        runner: asyncio.Runner,
        conversation: Conversation,
        parameters: Parameters,
        *,
        quiet: bool,
    ) -> None:
        self.client = client
        self.conversation = conversation
        self._runner = runner
        self._parameters = parameters
        self._quiet = quiet
        self._stream: ChatStream | None = None

    def open(self) -> None:
        """Connect nothing yet, but learn now whether the model can be asked at all."""
        notices = self._runner.run(self.client.notices())
        output.tell(notices, self.conversation.transcript.model or None)
        settings = self._runner.run(self.client.settings())
        resolve(settings, self.conversation.transcript.model)
        if self.conversation.pending:
            output.note("the last question has no answer: /retry asks it again, /undo forgets it")

    def model(self) -> str:
        """Who answers."""
        named = self.conversation.transcript.model
        return named or default_model(self._runner.run(self.client.settings())) or "no model"

    def use(self, model: str) -> None:
        """Ask this model from now on. UnknownModelError when there is none."""
        resolve(self._runner.run(self.client.settings()), model)
        self.conversation.transcript = replace(self.conversation.transcript, model=model)

    def instruct(self, text: str) -> None:
        """Set, or with no text remove, the instructions above the conversation."""
        said = [one for one in self.conversation.messages if one.role != "system"]
        above = [messages.system(text)] if text else []
        self.conversation.transcript = replace(
            self.conversation.transcript, messages=(*above, *said)
        )

    def say(self, text: str) -> bool:
        """Say it, and print the answer as it comes; false when Ctrl-C ended it."""
        if self.conversation.pending:
            self.conversation.take_back()
        return self._turn(self.conversation.asking(text, **self._parameters))

    def again(self) -> bool:
        """Ask the last question again, in place of its answer."""
        said = list(self.conversation.messages)
        while said and said[-1].role == "assistant":
            said.pop()
        self.conversation.transcript = replace(self.conversation.transcript, messages=tuple(said))
        return self._turn(self.conversation.asking(None, **self._parameters))

    def undo(self) -> None:
        """Forget the last question and its answer."""
        said = list(self.conversation.messages)
        while said and said[-1].role == "assistant":
            said.pop()
        self.conversation.transcript = replace(self.conversation.transcript, messages=tuple(said))
        self.conversation.take_back()

    def farewell(self) -> None:
        """Say how to come back."""
        if self.conversation.transcript.revision:
            output.aside(f"\ngo on with: modelway chat --session {self.conversation.id}")
        else:
            output.aside("")

    # ------------------------------------------------------------ one turn

    def _turn(self, request: ChatRequest) -> bool:
        printer = Printer(quiet=self._quiet)
        self._stream = self.client.stream(request)
        try:
            response = self._runner.run(printer.stream(self._stream))
        except KeyboardInterrupt:
            output.aside("(stopped)")
            self._keep_part()
            return False
        except BaseException:
            self._keep_part()
            raise
        self.conversation.answered(response)
        return True

    def _keep_part(self) -> None:
        """Of an answer that did not end, keep what was read; without any, forget the question."""
        part = self._runner.run(self._part())
        if part is not None and part.text:
            self.conversation.answered(part)
        else:
            self.conversation.take_back()

    async def _part(self) -> ChatResponse | None:
        stream = self._stream
        if stream is None:
            return None
        await stream.aclose()
        try:
            return await stream.collect()
        except StreamInterruptedError as error:
            return error.partial
