"""An engine on loan to a client: opened when it is first needed, closed, and opened anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from modelway.call import NO_PAYER, Call, Operation, Options, Payer, Question, Reply
from modelway.config.resolve import default_model
from modelway.engine import Engine
from modelway.errors import BadRequestError, ConfigError
from modelway.observe.stats import Stats
from modelway.opening import Config, Embedded, Opened, TokenCallback, open_engine
from modelway.ports import Observer, Transport
from modelway.types import ChatRequest, ChatResponse


class Session:
    """What a client was made with, and the engine that it has while it is open.

    It belongs to the event loop that first uses it.
    """

    def __init__(
        self,
        config: Config,
        *,
        environment: Mapping[str, str] | None,
        observers: Sequence[Observer],
        transport: Transport | None,
        options: Options,
        embedded: Embedded,
        ledger: bool,
        offline: bool,
        tokens: Mapping[str, TokenCallback],
    ) -> None:
        self.options = options
        self._config = config
        self._environment = environment
        self._observers = tuple(observers)
        self._transport = transport
        self._embedded = embedded
        self._ledger = ledger
        self._offline = offline
        self._tokens = tokens
        self._opened: Opened | None = None
        self._opening = asyncio.Lock()
        self._around = AsyncExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._default_model: str | None = None
        self._last_stats = Stats()

    async def engine(self) -> Engine:
        """The engine; ConfigError on another event loop than the one that opened it."""
        loop = asyncio.get_running_loop()
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await open_engine(
                        self._config,
                        environment=self._environment,
                        observers=self._observers,
                        transport=self._transport,
                        embedded=self._embedded,
                        ledger=self._ledger,
                        offline=self._offline,
                        tokens=self._tokens,
                        any_file=True,
                    )
                    self._loop = loop
                    self._default_model = None
                    await self._look_after(self._opened)
        if self._loop is not loop:
            raise ConfigError(
                "this client belongs to another event loop: make one Client in each, "
                "or use modelway.sync.Client, which works from every thread"
            )
        return self._opened.engine

    async def _look_after(self, opened: Opened) -> None:
        """Ask providers how they are, where the configuration has a client do so."""
        if opened.engine.settings.health.active:
            from modelway.health.watching import watched_over  # noqa: PLC0415  # few clients do

            await self._around.enter_async_context(watched_over(opened, unless_told=False))

    def call(
        self,
        engine: Engine,
        request: Question,
        options: Options | None,
        *,
        operation: Operation = "chat",
        stream: bool = False,
    ) -> Call:
        """The envelope of a question, for the default model where it names none."""
        if isinstance(request, ChatRequest) and not request.messages:
            raise BadRequestError("nothing is asked: the request has no messages", param="messages")
        payer = NO_PAYER
        if isinstance(request, ChatRequest) and (request.user or request.tags):
            payer = Payer(user=request.user or "", tags=request.tags)
        return Call(
            payer=payer,
            id=engine.new_id(),
            operation=operation,
            model=request.model or self.model(engine),
            stream=stream,
            request=request,
            options=options or self.options,
        )

    def model(self, engine: Engine) -> str:
        """The default model; ``""`` where there is none, whose resolving says what to configure."""
        if self._default_model is None:
            self._default_model = default_model(engine.settings) or ""
        return self._default_model

    def priced(self, answer: ChatResponse, reply: Reply) -> ChatResponse:
        """The answer with its cost, while the engine that knows the prices is there."""
        return self._opened.engine.facts.told(answer, reply) if self._opened else answer

    async def reload(self, config: Config = None) -> None:
        """Go on by a changed configuration; calls under way end as they began."""
        await self.engine()
        if self._opened is not None:
            engine = await self._opened.reload(config)
            self._default_model = None
            if engine.state.monitor is not None:
                from modelway.health.watching import watching  # noqa: PLC0415  # few clients do

                engine.state.monitor.use(
                    engine, watching(engine.settings, self._opened, unless_told=False)
                )

    async def notices(self) -> tuple[str, ...]:
        """What a person should know of how the engine was set up."""
        await self.engine()
        return self._opened.notices if self._opened else ()

    def stats(self) -> Stats:
        """What the engine has done since it was last opened."""
        return self._opened.engine.stats() if self._opened else self._last_stats

    async def aclose(self) -> None:
        """Close every connection; safe to repeat."""
        opened, self._opened = self._opened, None
        self._loop = None
        self._opening = asyncio.Lock()
        await self._around.aclose()
        if opened is not None:
            self._last_stats = opened.engine.stats()
            await opened.aclose()
