"""What is said to a model and what it answers: frozen values, the same for every dialect.

Values carry no behaviour but reading: nothing here encodes, sends or validates against a provider.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason: TypeAlias = Literal[
    "stop", "length", "tool_calls", "content_filter", "pause", "error", "other"
]
"""Why generation ended. ``pause``: a hosted tool needs another turn; ``other``: see the raw reason."""

CacheTTL: TypeAlias = Literal["5m", "1h"]
"""How long a provider is asked to keep the prompt prefix that ends at this part."""

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

JSON: TypeAlias = dict[str, Any]
"""A JSON object."""


# ---------------------------------------------------------------- where bytes of a part come from


class Remote(Struct, frozen=True, kw_only=True, tag="remote"):
    """Content that the provider fetches. ``media_type`` where the caller knows it."""

    url: str
    media_type: str | None = None


class Inline(Struct, frozen=True, kw_only=True, tag="inline"):
    """Content sent along. ``data`` is base64, without a ``data:`` prefix."""

    media_type: str
    data: str


class Stored(Struct, frozen=True, kw_only=True, tag="stored"):
    """Content uploaded to the provider before, by the provider's file id (or URI)."""

    id: str
    media_type: str | None = None


Source: TypeAlias = Remote | Inline | Stored


# ---------------------------------------------------------------- parts


class Citation(Struct, frozen=True, kw_only=True):
    """A source that a text leans on. ``raw`` is the provider's own object, in ``dialect``."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    """First character of the cited span in the text, from 0."""
    end: int | None = None
    """One past the last character of the span."""
    dialect: str | None = None
    raw: JSON = {}


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    text: str
    citations: tuple[Citation, ...] = ()
    cache: CacheTTL | None = None


class Image(Struct, frozen=True, kw_only=True, tag="image"):
    source: Source
    detail: str | None = None
    cache: CacheTTL | None = None


class Audio(Struct, frozen=True, kw_only=True, tag="audio"):
    """Sound in a question, or spoken by a model (then with ``id`` and ``transcript``)."""

    source: Source
    id: str | None = None
    transcript: str | None = None
    cache: CacheTTL | None = None


class File(Struct, frozen=True, kw_only=True, tag="file"):
    """A document. ``citations`` asks the provider to cite it."""

    source: Source
    name: str | None = None
    context: str | None = None
    citations: bool | None = None
    cache: CacheTTL | None = None


class Reasoning(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """What a model thought. ``signature`` or ``encrypted`` state must go back unchanged in a tool loop."""

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    format: str | None = None
    """Whose signature or state it is, where the provider says."""


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """A model's own words for not answering, where a dialect keeps them apart from text."""

    text: str


class ToolCall(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """A call that the model asks for. ``arguments`` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str = "{}"
    signature: str | None = None
    """Opaque reasoning state bound to this call, where a provider attaches one."""
    cache: CacheTTL | None = None


class ToolResult(Struct, frozen=True, kw_only=True, tag="tool_result"):
    """What a call returned. Decoders put one result in one message of role ``tool``."""

    call_id: str
    parts: tuple[Text | Image | File | Opaque, ...] = ()
    name: str | None = None
    is_error: bool | None = None
    cache: CacheTTL | None = None


class Opaque(Struct, frozen=True, kw_only=True, tag="opaque"):
    """A part that only its own dialect understands, kept whole; another dialect refuses or warns."""

    dialect: str
    kind: str
    data: JSON


Part: TypeAlias = Text | Image | Audio | File | Reasoning | Refusal | ToolCall | ToolResult | Opaque


class Message(Struct, frozen=True, kw_only=True):
    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None


# ---------------------------------------------------------------- the question


class Tool(Struct, frozen=True, kw_only=True, tag="function"):
    """A function that the model may ask for; ``parameters`` is a JSON Schema of type object."""

    name: str
    description: str | None = None
    parameters: JSON = field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None
    cache: CacheTTL | None = None


class HostedTool(Struct, frozen=True, kw_only=True, tag="hosted"):
    """A tool that the provider runs itself; ``definition`` is in the provider's own words."""

    dialect: str
    definition: JSON


class NamedTool(Struct, frozen=True, kw_only=True):
    """Tool choice: this one."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | NamedTool


class JsonObject(Struct, frozen=True, kw_only=True, tag="json_object"):
    """Answer with some JSON object."""


class JsonSchema(Struct, frozen=True, kw_only=True, tag="json_schema"):
    """Answer with JSON valid under ``schema``."""

    schema: JSON
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


ResponseFormat: TypeAlias = JsonObject | JsonSchema


class Thinking(Struct, frozen=True, kw_only=True):
    """How much to reason. ``None`` is not said; ``budget_tokens`` caps reasoning where a provider can."""

    mode: Literal["enabled", "adaptive", "disabled"] | None = None
    effort: Effort | None = None
    budget_tokens: int | None = None


class ChatRequest(Struct, frozen=True, kw_only=True):
    """The normalised question. What is ``None`` or empty is not said, and no default is injected."""

    model: str = ""
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    """Cap on generated tokens, reasoning included."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: tuple[Tool | HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    thinking: Thinking | None = None
    user: str | None = None
    """The caller's own id for its end user."""
    metadata: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    """Labels for accounting and routing; never sent to a provider."""
    extra: JSON = {}
    """Body fields that modelway does not model, by their wire names."""
    extra_dialect: str | None = None
    """Whose wire names ``extra`` uses; ``None``: those of whichever provider answers."""


# ---------------------------------------------------------------- the answer


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


# ---------------------------------------------------------------- the answer, as it arrives


class Start(Struct, frozen=True, kw_only=True, tag="start"):
    """Always the first event, once. ``usage`` is what is said early; ``Finish`` repeats it whole."""

    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage | None = None


class TextDelta(Struct, frozen=True, kw_only=True, tag="text_delta"):
    text: str
    index: int = 0
    """Which part of the message this belongs to; parts are ordered by it, gaps mean nothing."""
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


class ReasoningDelta(Struct, frozen=True, kw_only=True, tag="reasoning_delta"):
    """Pieces of one ``Reasoning``: texts and signatures are appended, the other fields set once."""

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    id: str | None = None
    format: str | None = None
    index: int = 0
    choice: int = 0


class RefusalDelta(Struct, frozen=True, kw_only=True, tag="refusal_delta"):
    text: str
    index: int = 0
    choice: int = 0


class ToolCallDelta(Struct, frozen=True, kw_only=True, tag="tool_call_delta"):
    """Pieces of one ``ToolCall``: ``id`` and ``name`` come with its first delta, arguments are appended."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None
    choice: int = 0


class CitationDelta(Struct, frozen=True, kw_only=True, tag="citation_delta"):
    """A citation of the text part at ``index``."""

    citation: Citation
    index: int = 0
    choice: int = 0


class PartDelta(Struct, frozen=True, kw_only=True, tag="part_delta"):
    """A part that is delivered whole: an image, a sound, or an opaque part."""

    part: Image | Audio | File | Opaque
    index: int = 0
    choice: int = 0


class Finish(Struct, frozen=True, kw_only=True, tag="finish"):
    """Once a choice, after all its deltas; the stream's last event, which carries the usage, is one."""

    reason: FinishReason
    raw_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    choice: int = 0


StreamEvent: TypeAlias = (
    Start
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | CitationDelta
    | PartDelta
    | Finish
)
