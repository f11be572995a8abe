"""The answer: choices, usage as billed, and what else a provider tells."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from modelway.types.parts import JSON, Message, Reasoning, Text, ToolCall

FinishReason: TypeAlias = Literal[
    "stop", "length", "tool_calls", "content_filter", "pause", "error", "other"
]
"""Why generation ended. ``pause``: a hosted tool needs another turn; ``other``: see the raw reason."""


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens as billed. ``None`` means not said; it is never a guessed 0.

    Subsets are counted in their total: cached and cache-write tokens in ``input_tokens``, reasoning
    tokens in ``output_tokens``, audio tokens in their side's total.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Input read from the provider's prompt cache."""
    cache_write_tokens: int | None = None
    """Input written to the provider's prompt cache, all lifetimes together."""
    cache_write_1h_tokens: int | None = None
    """The part of ``cache_write_tokens`` kept for one hour."""
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    search_units: int | None = None
    """What reranking is billed by, where it is not tokens."""
    reported_cost_usd: float | None = None
    """What the provider itself says that the call cost."""
    raw: JSON = {}
    """The provider's own usage object, whole."""


class TokenLogprob(Struct, frozen=True, kw_only=True):
    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()


class CallWarning(Struct, frozen=True, kw_only=True):
    """Something asked for that was not sent as asked: which setting, and what became of it."""

    setting: str
    message: str


class Choice(Struct, frozen=True, kw_only=True):
    message: Message
    finish_reason: FinishReason
    raw_finish_reason: str | None = None
    stop_sequence: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try at one deployment that failed, or was not made, for the trace of a reply."""

    deployment: str
    provider: str
    model: str
    error: str
    """The error's class."""
    status: int | None = None
    reason: str = ""
    """Why it was passed over, where it was not asked: a circuit, a limit, a filter."""
    took_s: float = 0.0


class Trace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an answer came about. It names no host and no key."""

    call: str
    """The call's id, by which its answer may be scored."""
    strategy: str
    """By which the one that answered was chosen."""
    deployment: str
    took_s: float
    """Of its attempt: to the answer, or to the first event of its stream."""
    waited_s: float = 0.0
    """In a queue, because of limits."""
    before: tuple[Attempt, ...] = ()
    """What failed or was passed over before it, in this order."""
    experiment: str = ""
    arm: str = ""


class ChatResponse(Struct, frozen=True, kw_only=True):
    """The normalised answer."""

    id: str = ""
    model: str = ""
    """The model that answered, in the provider's words."""
    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    created: int | None = None
    """Unix time in seconds."""
    provider: str | None = None
    deployment: str | None = None
    request_id: str | None = None
    """The provider's id for the HTTP exchange."""
    cost_pico_usd: int | None = None
    """What the call cost, in 10⁻¹² USD; ``None`` when the price is not known."""
    latency_s: float | None = None
    time_to_first_token_s: float | None = None
    warnings: tuple[CallWarning, ...] = ()
    trace: Trace | None = None
    """How it came about, where the call's options ask for it."""

    @property
    def message(self) -> Message:
        """The first choice's message."""
        return self.choices[0].message

    @property
    def text(self) -> str:
        """The first choice's text parts, joined."""
        return "".join([part.text for part in self.message.parts if isinstance(part, Text)])

    @property
    def reasoning(self) -> str:
        """The first choice's readable reasoning, joined."""
        return "".join([part.text for part in self.message.parts if isinstance(part, Reasoning)])

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The first choice's tool calls, in order."""
        return tuple([part for part in self.message.parts if isinstance(part, ToolCall)])

    @property
    def finish_reason(self) -> FinishReason:
        """The first choice's unified finish reason."""
        return self.choices[0].finish_reason


class ModelListing(Struct, frozen=True, kw_only=True):
    """A model as a provider lists it. What the provider does not say is ``None``."""

    id: str
    provider: str | None = None
    name: str | None = None
    owner: str | None = None
    created: int | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    size_bytes: int | None = None
    quantization: str | None = None


class TokenCount(Struct, frozen=True, kw_only=True):
    """How many input tokens a request has. ``estimated`` when no tokenizer of the model was asked."""

    input_tokens: int
    estimated: bool = False
