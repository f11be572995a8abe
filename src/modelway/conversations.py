"""Conversations: say something, get an answer, say more; in memory, or kept in a directory."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, Unpack, overload

from msgspec.structs import replace

from modelway import messages
from modelway.client import Client as AsyncClient
from modelway.question import Parameters, chat_request
from modelway.sync import Client as SyncClient
from modelway.transcripts import ConversationError, Transcript, Transcripts
from modelway.types import ChatRequest, ChatResponse, Message

__all__ = ["Conversation", "ConversationError", "Conversations", "Transcript"]

Said: TypeAlias = str | Message | Sequence[Message]
"""A text said by the user, a message, or several (results of tools)."""


class Conversation:
    """A transcript that grows. Not for two callers at once: each question waits for its answer.

    ``say`` does all of it. For a stream: ``client.stream(conversation.asking("…"))``, and at its
    end ``conversation.answered(await stream.collect())``.
    """

    def __init__(
        self, transcript: Transcript | None = None, kept_in: Transcripts | None = None
    ) -> None:
        self.transcript = transcript or new_transcript()
        self._kept_in = kept_in
        self._asking = threading.Lock()

    def __repr__(self) -> str:
        return f"<Conversation {self.id}: {len(self.messages)} messages>"

    @property
    def id(self) -> str:
        return self.transcript.id

    @property
    def created(self) -> float:
        """Unix time in seconds."""
        return self.transcript.created

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.transcript.metadata

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.transcript.messages

    @property
    def pending(self) -> bool:
        """Whether the last word is not the model's: a question that a crash left unanswered."""
        return bool(self.messages) and self.messages[-1].role in {"user", "tool"}

    # ------------------------------------------------------------ one turn

    @overload
    def say(
        self, client: AsyncClient, said: Said | None = None, **parameters: Unpack[Parameters]
    ) -> Coroutine[Any, Any, ChatResponse]: ...

    @overload
    def say(
        self, client: SyncClient, said: Said | None = None, **parameters: Unpack[Parameters]
    ) -> ChatResponse: ...

    def say(
        self,
        client: AsyncClient | SyncClient,
        said: Said | None = None,
        **parameters: Unpack[Parameters],
    ) -> ChatResponse | Coroutine[Any, Any, ChatResponse]:
        """Ask, and keep question and answer. Without ``said``: answer what is pending.

        The question is kept before it is sent, so a crash leaves it pending. When the call fails
        it is taken back: say it again.
        """
        if isinstance(client, AsyncClient):
            return self._say(client, said, parameters)
        before = self.transcript
        request = self.asking(said, **parameters)
        try:
            response = client.chat(request)
        except BaseException:
            self._take_back(before)
            raise
        self.answered(response)
        return response

    async def _say(
        self, client: AsyncClient, said: Said | None, parameters: Parameters
    ) -> ChatResponse:
        before = self.transcript
        request = await asyncio.to_thread(self.asking, said, **parameters)
        try:
            response = await client.chat(request)
        except BaseException:
            self._take_back(before)
            raise
        await asyncio.to_thread(self.answered, response)
        return response

    def asking(self, said: Said | None = None, **parameters: Unpack[Parameters]) -> ChatRequest:
        """Keep what is said, and give the whole conversation as the next request."""
        with self._asking:
            if said is None:
                if not self.pending:
                    raise ConversationError(
                        "nothing is pending in this conversation: say something"
                    )
            elif self.pending:
                raise ConversationError(
                    "the last question has no answer yet: say(client) asks it again, "
                    "take_back() forgets it"
                )
            else:
                self._add(_messages(said))
        return chat_request(self.messages, self.transcript.model or None, None, parameters)

    def answered(self, response: ChatResponse) -> None:
        """Keep the model's answer."""
        self._add((response.message,))

    def take_back(self) -> None:
        """Forget a pending question, up to the model's last word."""
        said = list(self.messages)
        while said and said[-1].role in {"user", "tool"}:
            said.pop()
        self._keep(replace(self.transcript, messages=tuple(said)))

    # ------------------------------------------------------------ keeping

    def _take_back(self, before: Transcript) -> None:
        if self.transcript.messages != before.messages:
            self._keep(replace(self.transcript, messages=before.messages))

    def _add(self, said: tuple[Message, ...]) -> None:
        self._keep(replace(self.transcript, messages=(*self.messages, *said)))

    def _keep(self, transcript: Transcript) -> None:
        self.transcript = self._kept_in.keep(transcript) if self._kept_in else transcript


class Conversations:
    """A directory of conversations, which any number of processes may use at once."""

    def __init__(self, directory: str | Path) -> None:
        self._kept_in = Transcripts(directory)

    def start(
        self,
        *,
        id: str | None = None,
        model: str = "",
        system: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Conversation:
        """A new one, kept at once. ConversationError when there is one of this id."""
        fresh = new_transcript(id=id, model=model, system=system, metadata=metadata)
        return Conversation(self._kept_in.keep(fresh), self._kept_in)

    def resume(self, id: str) -> Conversation:
        """One that was kept, as it was left. ConversationError when there is none, or it is damaged."""
        return Conversation(self._kept_in.read(id), self._kept_in)

    def list(self) -> tuple[Transcript, ...]:
        """All that are kept, the oldest first."""
        return self._kept_in.list()

    def delete(self, id: str) -> None:
        """Forget one. No error when there is none."""
        self._kept_in.delete(id)


def new_transcript(
    *,
    id: str | None = None,
    model: str = "",
    system: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Transcript:
    """The beginning of a conversation, kept nowhere yet."""
    return Transcript(
        id=uuid.uuid4().hex if id is None else id,
        created=time.time(),
        model=model,
        metadata=dict(metadata or {}),
        messages=() if system is None else (messages.system(system),),
    )


def _messages(said: Said) -> tuple[Message, ...]:
    if isinstance(said, str):
        return (messages.user(said),)
    return (said,) if isinstance(said, Message) else tuple(said)
