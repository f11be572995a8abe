"""A question in one breath: ``modelway.model("gpt-4o").prompt("…").execute()``.

It asks through one client for the whole program, set up by ``init`` or, without it, from what the
environment offers. A program with more than one configuration uses ``Client``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from modelway import messages
from modelway.call import Options
from modelway.chat_stream import ChatStream
from modelway.client import Client
from modelway.config.load import load
from modelway.config.problems import InvalidConfigError, Problem
from modelway.functions import AnyTool, definition_of, function_tool
from modelway.opening import Config, Embedded
from modelway.ports import Observer, Transport
from modelway.question import Parameters, chat_request
from modelway.structured import Parsed
from modelway.sync import ChatStream as SyncChatStream
from modelway.sync import Client as SyncClient
from modelway.tools import Loop, RunParameters, ToolRun
from modelway.types import (
    ChatRequest,
    ChatResponse,
    Message,
    ModelListing,
    Part,
)

T = TypeVar("T")


class ClientSettings(TypedDict, total=False):
    """What both clients take beside a configuration."""

    environment: Mapping[str, str] | None
    observers: Sequence[Observer]
    transport: Transport | None
    options: Options
    embedded: Embedded


class Question(Struct, frozen=True, kw_only=True):
    """A question being put together. Every step gives a new one, so a half-made one can be shared."""

    request: ChatRequest
    call_options: Options | None = None
    observers: tuple[Any, ...] = ()
    functions: tuple[Any, ...] = ()
    """The functions among the tools."""

    # ------------------------------------------------------------ what is asked

    def prompt(self, *parts: str | Part) -> Question:
        """Say this as the user, after what was said before."""
        return self.say(messages.user(*parts))

    def system(self, text: str) -> Question:
        """Instruct the model, above the conversation."""
        return self._with(messages=(messages.system(text), *self.request.messages))

    def say(self, *said: Message) -> Question:
        """Add whole messages."""
        return self._with(messages=(*self.request.messages, *said))

    # ------------------------------------------------------------ how it is answered

    def temperature(self, value: float) -> Question:
        return self._with(temperature=value)

    def max_tokens(self, count: int) -> Question:
        return self._with(max_tokens=count)

    def stop(self, *sequences: str) -> Question:
        return self._with(stop=sequences)

    def tools(self, *tools: AnyTool) -> Question:
        """Offer these too. Functions among them are run by ``run``."""
        described = tuple([definition_of(tool) for tool in tools])
        return replace(
            self,
            request=replace(self.request, tools=self.request.tools + described),
            functions=(*self.functions, *filter(callable, tools)),
        )

    def using(self, **parameters: Unpack[Parameters]) -> Question:
        """Any other of the request's fields."""
        tools = parameters.get("tools")
        return replace(
            self,
            request=chat_request(self.request, None, None, parameters),
            functions=self.functions if tools is None else tuple(filter(callable, tools)),
        )

    # ------------------------------------------------------------ how it is sent

    def options(self, options: Options) -> Question:
        """Timeout, retries, fallbacks, strictness."""
        return replace(self, call_options=options)

    def observe(self, *observers: Observer) -> Question:
        """Tell these of what happens to the call."""
        return replace(self, observers=(*self.observers, *observers))

    def _with(self, **fields: Any) -> Question:
        return replace(self, request=replace(self.request, **fields))

    # ------------------------------------------------------------ asking

    def execute(self) -> ChatResponse:
        """Ask, and wait for the whole answer."""
        return _program.session.blocking.chat(
            self.request, options=self.call_options, observers=self.observers
        )

    def stream(self) -> SyncChatStream:
        """Ask, and read the answer as it is made."""
        return _program.session.blocking.stream(
            self.request, options=self.call_options, observers=self.observers
        )

    def parse(self, into: type[T], *, repairs: int = 1) -> Parsed[T]:
        """Ask for a value of this type, validated; ``into`` may be a JSON Schema as well."""
        return _program.session.blocking.parse(
            self.request,
            into=into,
            repairs=repairs,
            options=self.call_options,
            observers=self.observers,
        )

    def run(self, **loop: Unpack[Loop]) -> ToolRun:
        """Ask, run the functions that the model calls, and tell it, until it answers."""
        return _program.session.blocking.run(
            self.request, options=self.call_options, observers=self.observers, **self._loop(loop)
        )

    async def aparse(self, into: type[T], *, repairs: int = 1) -> Parsed[T]:
        """``parse``, in an event loop."""
        return await _program.session.here().parse(
            self.request,
            into=into,
            repairs=repairs,
            options=self.call_options,
            observers=self.observers,
        )

    async def arun(self, **loop: Unpack[Loop]) -> ToolRun:
        """``run``, in an event loop."""
        return await _program.session.here().run(
            self.request, options=self.call_options, observers=self.observers, **self._loop(loop)
        )

    def _loop(self, loop: Loop) -> RunParameters:
        named = {function_tool(each).definition.name: each for each in self.functions}
        described = [tool for tool in self.request.tools if getattr(tool, "name", "") not in named]
        asked: RunParameters = {"tools": [*described, *named.values()]}
        asked.update(loop)  # type: ignore[typeddict-item]  # its other half
        return asked

    async def aexecute(self) -> ChatResponse:
        """``execute``, in an event loop."""
        return await _program.session.here().chat(
            self.request, options=self.call_options, observers=self.observers
        )

    def astream(self) -> ChatStream:
        """``stream``, in an event loop."""
        return _program.session.here().stream(
            self.request, options=self.call_options, observers=self.observers
        )


def model(name: str | None = None) -> Question:
    """Begin a question to this model, or to the configured default."""
    return Question(request=ChatRequest(model=name or "", messages=()))


# ---------------------------------------------------------------- the program's own client


class _Here(NamedTuple):
    """An event loop's client, and what closes it with the loop."""

    client: Client
    closing: AsyncGenerator[None, None]


class _Session:
    """One configuration at work: a client for threads, and one for each event loop."""

    def __init__(self, config: Config = None, **settings: Unpack[ClientSettings]) -> None:
        self.blocking = SyncClient(config, **settings)
        self._make: Callable[[], Client] = lambda: Client(config, **settings)
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Here] = WeakKeyDictionary()

    def here(self) -> Client:
        """The running loop's client; it is closed when the loop shuts down."""
        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        if found is None:
            client = self._make()
            found = self._by_loop[loop] = _Here(client, _closed_with_its_loop(client))
            with suppress(StopIteration):
                found.closing.__anext__().send(None)
        return found.client


async def _closed_with_its_loop(client: Client) -> AsyncGenerator[None, None]:
    """Held open until ``loop.shutdown_asyncgens``, which ``asyncio.run`` calls at its end."""
    try:
        yield
    finally:
        await client.aclose()


class _Program:
    """The one place where the module keeps something: the session that ``init`` made last."""

    def __init__(self) -> None:
        self._session: _Session | None = None

    @property
    def session(self) -> _Session:
        if self._session is None:
            self._session = _Session()
        return self._session

    def begin(self, session: _Session) -> None:
        self._session = session


_program = _Program()


def init(config: Config = None, **settings: Unpack[ClientSettings]) -> None:
    """Set up what questions are asked through from now on. Nothing is connected to yet."""
    if not isinstance(config, str | Path):
        _program.begin(_Session(config, **settings))
        return
    loaded = load(config, environment=settings.get("environment"))
    _program.begin(_Session(loaded, **settings))


def available_models(provider: str | None = None) -> tuple[ModelListing, ...]:
    """What one provider, or every usable one, says that it serves."""
    return _program.session.blocking.list_models(provider)


def validate_config(path: str | Path) -> tuple[Problem, ...]:
    """Everything that is wrong with a configuration file, notices included; empty: it is good."""
    try:
        return load(path).notices
    except InvalidConfigError as error:
        return error.problems
