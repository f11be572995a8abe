"""The async client: one object for every provider, opened when it is first used."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from msgspec.structs import replace

from modelway import question, structured, tools
from modelway.call import Options, Reply
from modelway.chat_stream import ChatStream
from modelway.config.resolve import embedding_model
from modelway.embedding import Coalescer, embed_request
from modelway.errors import BadRequestError
from modelway.knowing import Knowing
from modelway.opening import NO_TOKENS, Config, Embedded, TokenCallback
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
from modelway.session import Session
from modelway.structured import AskParameters, Parsed, ParsedStream, ParseParameters
from modelway.tools import RunParameters, RunStream, ToolRun
from modelway.types import JSON, ChatResponse, TokenCount

T = TypeVar("T")

_DEFAULT = Options()


class Client(Knowing):
    """Asks any configured provider. It belongs to the event loop that first uses it.

    ``config`` is a file's path, a mapping, loaded settings, or ``None`` for what the environment
    and the local servers offer. ``tokens``: a provider's name → a function, sync or async, that gives
    its bearer token when a request needs one. ``ledger``: write down what calls cost, unless the
    configuration says otherwise; ``offline``: open no socket.
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
        ledger: bool = False,
        offline: bool = False,
        tokens: Mapping[str, TokenCallback] = NO_TOKENS,
    ) -> None:
        self._session = Session(
            config,
            environment=environment,
            observers=observers,
            transport=transport,
            options=options,
            embedded=embedded,
            ledger=ledger,
            offline=offline,
            tokens=tokens,
        )
        self._coalescer = Coalescer()

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
        engine = await self._session.engine()
        started = time.monotonic()
        call = self._session.call(engine, request, options)
        reply = await (engine.watch(call, observers) if observers else engine.handle(call))
        latency_s = time.monotonic() - started
        answer: ChatResponse = replace(reply.value, latency_s=latency_s, trace=reply.trace)
        return engine.facts.told(answer, reply)

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
            engine = await self._session.engine()
            call = self._session.call(engine, request, options, stream=True)
            return await (engine.watch(call, observers) if observers else engine.handle(call))

        return ChatStream(ask, self._session.priced)

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
        engine = await self._session.engine()
        # another model would count otherwise
        alone = replace(options or self._session.options, fallbacks=())
        reply = await engine.handle(
            self._session.call(engine, request, alone, operation="count_tokens")
        )
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
        engine = await self._session.engine()
        if not request.model:
            request = replace(request, model=embedding_model(engine.settings))

        async def ask(asked: EmbedRequest) -> EmbedResponse:
            started = time.monotonic()
            reply = await engine.handle(
                self._session.call(engine, asked, options, operation="embed")
            )
            answer: EmbedResponse = replace(reply.value, latency_s=time.monotonic() - started)
            return engine.facts.told(answer, reply)

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
        engine = await self._session.engine()
        started = time.monotonic()
        reply = await engine.handle(
            self._session.call(engine, request, options, operation="rerank")
        )
        answer: RerankResponse = replace(reply.value, latency_s=time.monotonic() - started)
        return engine.facts.told(answer, reply)

    # ------------------------------------------------------------ opening and closing

    async def __aenter__(self) -> Self:
        await self._session.engine()
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
        await self._session.aclose()
