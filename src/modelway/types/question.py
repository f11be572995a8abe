"""The question: messages, tools, and how it is to be answered."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct, field

from modelway.types.parts import JSON, CacheTTL, Message

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


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
