"""The async client: one object for every provider, opened when it is first used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

import msgspec

from modelway import inquiry, question, structured, tools
from modelway.call import Call, Deployment, Operation, Options, Question, Reply
from modelway.chat_stream import ChatStream
from modelway.config.resolve import default_model, embedding_model
from modelway.config.settings import Settings
from modelway.embedding import Coalescer, embed_request
from modelway.engine import Engine
from modelway.errors import BadRequestError, ConfigError
from modelway.inquiry import Capabilities, CostEstimate, PlannedDeployment, ProviderHealth
from modelway.observe.stats import Stats
from modelway.opening import NO_TOKENS, Config, Embedded, Opened, TokenCallback, open_engine
from modelway.ports import Observer, Transport
from modelway.question import Parameters, Prompt
from modelway.retrieval import (
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
    InputType,
    RerankRequest,
    RerankResponse,
)
from modelway.structured import AskParameters, Parsed, ParsedStream, ParseParameters
from modelway.tools import RunParameters, RunStream, ToolRun
from modelway.types import JSON, ChatRequest, ChatResponse, ModelListing, TokenCount

T = TypeVar("T")

_DEFAULT = Options()


class Client:
    """Asks any configured provider. It belongs to the event loop that first uses it.

    ``config`` is a file's path, a mapping, loaded settings, or ``None`` for what the environment
    and the local servers offer. ``tokens``: a provider's name → a function, sync or async, that gives
    its bearer token when a request needs one.
    """

    def __init__(
        self,
        config: Config = None,
        *,
        environment: Mapping[str, str] | None = None,
        observers: Sequence[Observer] = (),
        transport: Transport | None = None,
        options: Options = _DEFAULT,
        embedded: Embedded = "never",
        tokens: Mapping[str, TokenCallback] = NO_TOKENS,
    ) -> None:
        self._config = config
        self._environment = environment
        self._observers = tuple(observers)
        self._transport = transport
        self._options = options
        self._embedded = embedded
        self._tokens = tokens
        self._opened: Opened | None = None
        self._opening = asyncio.Lock()
        self._coalescer = Coalescer()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._default_model: str | None = None
        self._last_stats = Stats()

    # ------------------------------------------------------------ asking

    async def chat(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        observers: Sequence[Observer] = (),
        **parameters: Unpack[Parameters],
    ) -> ChatResponse:
        """Ask, and wait for the whole answer. ``observers`` are told of this call."""
        request = question.chat_request(prompt, model, system, parameters)
        engine = await self._engine()
        started = time.monotonic()
        call = self._call(engine, request, options)
        reply = await (engine.watch(call, observers) if observers else engine.handle(call))
        answer: ChatResponse = engine.priced(reply.value, reply.deployment)
        return msgspec.structs.replace(answer, latency_s=time.monotonic() - started)

    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        observers: Sequence[Observer] = (),
        **parameters: Unpack[Parameters],
    ) -> ChatStream:
        """Ask for an answer as it is being made. Nothing is sent until the stream is entered or read."""
        request = question.chat_request(prompt, model, system, parameters)

        async def ask() -> Reply:
            engine = await self._engine()
            call = self._call(engine, request, options, stream=True)
            return await (engine.watch(call, observers) if observers else engine.handle(call))

        return ChatStream(ask, self._priced)

    @overload
    async def parse(
        self, prompt: Prompt, *, into: type[T], **asked: Unpack[ParseParameters]
    ) -> Parsed[T]: ...

    @overload
    async def parse(
        self, prompt: Prompt, *, into: Any, **asked: Unpack[ParseParameters]
    ) -> Parsed[Any]: ...

    async def parse(
        self,
        prompt: Prompt,
        *,
        into: Any,
        repairs: int = 1,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        observers: Sequence[Observer] = (),
        **parameters: Unpack[Parameters],
    ) -> Parsed[Any]:
        """Ask for a value: of a type that has a schema, of a pydantic model, or of a JSON Schema.

        An invalid answer goes back with its faults, at most ``repairs`` times; InvalidAnswerError after.
        """
        form = structured.form_of(into)
        request = question.chat_request(prompt, model, system, parameters)
        ask = partial(self.chat, options=options, observers=observers)
        return await structured.parse(ask, request, form, repairs)

    @overload
    def parse_stream(
        self, prompt: Prompt, *, into: type[T], **asked: Unpack[AskParameters]
    ) -> ParsedStream[T]: ...

    @overload
    def parse_stream(
        self, prompt: Prompt, *, into: Any, **asked: Unpack[AskParameters]
    ) -> ParsedStream[Any]: ...

    def parse_stream(
        self,
        prompt: Prompt,
        *,
        into: Any,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        observers: Sequence[Observer] = (),
        **parameters: Unpack[Parameters],
    ) -> ParsedStream[Any]:
        """Ask for a value, and see it grow; ``collect`` gives it whole and validated."""
        form = structured.form_of(into)
        request = question.chat_request(prompt, model, system, parameters)
        asked = structured.asking(request, form)
        return ParsedStream(self.stream(asked, options=options, observers=observers), form)

    async def run(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        observers: Sequence[Observer] = (),
        **parameters: Unpack[RunParameters],
    ) -> ToolRun:
        """Ask, run the functions among ``tools`` that the model calls, tell it, until it answers."""
        plan = tools.planned(prompt, model, system, parameters)
        ask = partial(self.chat, options=options, observers=observers)
        return await tools.run(plan, ask)

    def run_stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        observers: Sequence[Observer] = (),
        **parameters: Unpack[RunParameters],
    ) -> RunStream:
        """``run``, told of as it goes: each answer's events, and the steps and calls between them."""
        plan = tools.planned(prompt, model, system, parameters)
        return RunStream(plan, partial(self.stream, options=options, observers=observers))

    async def count_tokens(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        options: Options | None = None,
        **parameters: Unpack[Parameters],
    ) -> TokenCount:
        """How many input tokens the request has: by the provider where it can say, else estimated."""
        request = question.chat_request(prompt, model, system, parameters)
        engine = await self._engine()
        # another model would count otherwise
        alone = msgspec.structs.replace(options or self._options, fallbacks=())
        reply = await engine.handle(self._call(engine, request, alone, operation="count_tokens"))
        counted: TokenCount = reply.value
        return counted

    # ------------------------------------------------------------ vectors and ranks

    async def embed(
        self,
        inputs: EmbedInput | Sequence[EmbedInput],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        input_type: InputType | None = None,
        truncate: bool | None = None,
        extra: JSON | None = None,
        coalesce_s: float | None = None,
        options: Options | None = None,
    ) -> EmbedResponse:
        """A vector for each text. What is more than a host takes at once goes in several requests.

        With ``coalesce_s``, calls that ask the same model within so many seconds are sent as one.
        """
        request = embed_request(
            inputs,
            model=model,
            dimensions=dimensions,
            input_type=input_type,
            truncate=truncate,
            extra=extra,
        )
        engine = await self._engine()
        if not request.model:
            request = msgspec.structs.replace(request, model=embedding_model(engine.settings))

        async def ask(asked: EmbedRequest) -> EmbedResponse:
            started = time.monotonic()
            reply = await engine.handle(self._call(engine, asked, options, operation="embed"))
            answer: EmbedResponse = engine.priced(reply.value, reply.deployment)
            return msgspec.structs.replace(answer, latency_s=time.monotonic() - started)

        if coalesce_s is None:
            return await ask(request)
        return await self._coalescer.embed(request, ask, window_s=coalesce_s, key=options)

    async def rerank(
        self,
        query: str,
        documents: Sequence[str | JSON],
        *,
        model: str,
        top_n: int | None = None,
        return_documents: bool | None = None,
        extra: JSON | None = None,
        options: Options | None = None,
    ) -> RerankResponse:
        """The documents in the order of their relevance to the query, the most relevant first."""
        if not documents:
            raise BadRequestError("there are no documents to rank", param="documents")
        request = RerankRequest(
            model=model,
            query=query,
            documents=tuple(documents),
            top_n=top_n,
            return_documents=return_documents,
            extra=extra or {},
        )
        engine = await self._engine()
        started = time.monotonic()
        reply = await engine.handle(self._call(engine, request, options, operation="rerank"))
        answer: RerankResponse = engine.priced(reply.value, reply.deployment)
        return msgspec.structs.replace(answer, latency_s=time.monotonic() - started)

    # ------------------------------------------------------------ knowing

    async def list_models(self, provider: str | None = None) -> tuple[ModelListing, ...]:
        """What a provider serves, or all usable ones together, asked now.

        Of all, those that do not answer are left out; if none does, the first one's error is raised.
        """
        return await inquiry.list_models(await self._engine(), provider, self._options)

    async def is_model_available(self, model: str) -> bool:
        """Whether this model could answer now: configured, with a key, and listed by its provider."""
        return await inquiry.is_model_available(await self._engine(), model, self._options)

    async def capabilities(self, model: str | None = None) -> Capabilities:
        """What is known of a model without asking it."""
        engine = await self._engine()
        return inquiry.capabilities(engine, model or self._model(engine))

    async def estimate_cost(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        **parameters: Unpack[Parameters],
    ) -> CostEstimate:
        """The most that this chat would cost, without asking anybody."""
        engine = await self._engine()
        request = question.chat_request(prompt, model, system, parameters)
        return inquiry.estimate_cost(engine, self._call(engine, request, None))

    async def health_check(self, provider: str | None = None) -> tuple[ProviderHealth, ...]:
        """Ask every configured provider, or one, for its models: all at once, 10 s at most."""
        return await inquiry.health_check(await self._engine(), provider)

    async def plan(
        self,
        model: str | None = None,
        *,
        prompt: Prompt = "",
        options: Options | None = None,
        **parameters: Unpack[Parameters],
    ) -> tuple[PlannedDeployment, ...]:
        """Who would be asked, in which order, without asking anybody."""
        engine = await self._engine()
        request = question.chat_request(prompt, model, None, parameters)
        return inquiry.planned(engine.plan(self._call(engine, request, options)))

    async def settings(self) -> Settings:
        """The configuration in force."""
        return (await self._engine()).settings

    async def notices(self) -> tuple[str, ...]:
        """What a person should know of how this client was set up."""
        await self._engine()
        return self._opened.notices if self._opened else ()

    def stats(self) -> Stats:
        """What this client has done since it was last opened."""
        return self._opened.engine.stats() if self._opened else self._last_stats

    # ------------------------------------------------------------ opening and closing

    async def __aenter__(self) -> Self:
        await self._engine()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. The client may be used again, and then opens anew."""
        opened, self._opened = self._opened, None
        self._loop = None
        self._opening = asyncio.Lock()
        if opened is not None:
            self._last_stats = opened.engine.stats()
            await opened.aclose()

    async def _engine(self) -> Engine:
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
                        tokens=self._tokens,
                        any_file=True,
                    )
                    self._loop = loop
                    self._default_model = None
        if self._loop is not loop:
            raise ConfigError(
                "this client belongs to another event loop: make one Client in each, "
                "or use modelway.sync.Client, which works from every thread"
            )
        return self._opened.engine

    def _call(
        self,
        engine: Engine,
        request: Question,
        options: Options | None,
        *,
        operation: Operation = "chat",
        stream: bool = False,
    ) -> Call:
        if isinstance(request, ChatRequest) and not request.messages:
            raise BadRequestError("nothing is asked: the request has no messages", param="messages")
        return Call(
            id=engine.new_id(),
            operation=operation,
            model=request.model or self._model(engine),
            stream=stream,
            request=request,
            options=options or self._options,
        )

    def _priced(self, answer: ChatResponse, deployment: Deployment) -> ChatResponse:
        return self._opened.engine.priced(answer, deployment) if self._opened else answer

    def _model(self, engine: Engine) -> str:
        if self._default_model is None:
            # resolving nothing says what to configure
            self._default_model = default_model(engine.settings) or ""
        return self._default_model
