"""One layer over many LLM providers: a typed SDK, a gateway and a command line, on one engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelway.call import Options
    from modelway.chat_stream import ChatStream
    from modelway.client import Client
    from modelway.conversations import Conversation, Conversations
    from modelway.errors import (
        APIConnectionError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        BudgetExceededError,
        CircuitOpenError,
        ConfigError,
        ContentFilterError,
        ContextLengthError,
        CredentialError,
        InvalidAnswerError,
        LimitExceededError,
        LLMError,
        MissingKeyError,
        ModelRefusalError,
        NoCandidateError,
        NotFoundError,
        OfflineError,
        OverloadedError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        RefusedError,
        RequestError,
        ResponseError,
        StepLimitError,
        StoreDownError,
        StreamInterruptedError,
        TruncatedAnswerError,
        UnavailableError,
        UnknownModelError,
        UnsupportedError,
    )
    from modelway.fluent import available_models, init, model, validate_config
    from modelway.functions import FunctionTool, tool
    from modelway.inquiry import (
        Capabilities,
        CostEstimate,
        PlannedDeployment,
        ProviderHealth,
    )
    from modelway.messages import assistant, system, tool_result, user
    from modelway.observe.events import CallEvent
    from modelway.observe.stats import Stats
    from modelway.structured import Parsed, ParsedStream
    from modelway.sync import Client as SyncClient
    from modelway.tools import RunStream, StepEnded, StepStarted, ToolEnded, ToolRun, ToolStarted
    from modelway.types import (
        Audio,
        CallWarning,
        ChatRequest,
        ChatResponse,
        Choice,
        Citation,
        CitationDelta,
        File,
        Finish,
        HostedTool,
        Image,
        Inline,
        JsonObject,
        JsonSchema,
        Message,
        ModelListing,
        NamedTool,
        Opaque,
        Part,
        PartDelta,
        Reasoning,
        ReasoningDelta,
        Refusal,
        RefusalDelta,
        Remote,
        Start,
        Stored,
        StreamEvent,
        Text,
        TextDelta,
        Thinking,
        TokenCount,
        Tool,
        ToolCall,
        ToolCallDelta,
        ToolResult,
        Trace,
        Usage,
    )

    __version__: str

_HOMES = {
    "modelway.call": "Options",
    "modelway.chat_stream": "ChatStream",
    "modelway.client": "Client",
    "modelway.conversations": "Conversation Conversations",
    "modelway.errors": (
        "APIConnectionError APITimeoutError AuthenticationError BadRequestError BudgetExceededError "
        "CircuitOpenError ConfigError "
        "ContentFilterError ContextLengthError CredentialError InvalidAnswerError LLMError "
        "LimitExceededError NoCandidateError OfflineError StoreDownError "
        "MissingKeyError ModelRefusalError NotFoundError OverloadedError PayloadTooLargeError "
        "PermissionDeniedError RateLimitError RefusedError RequestError ResponseError "
        "StepLimitError StreamInterruptedError TruncatedAnswerError UnavailableError "
        "UnknownModelError UnsupportedError"
    ),
    "modelway.fluent": "available_models init model validate_config",
    "modelway.inquiry": "Capabilities CostEstimate PlannedDeployment ProviderHealth",
    "modelway.observe.events": "CallEvent",
    "modelway.observe.stats": "Stats",
    "modelway.messages": "assistant system tool_result user",
    "modelway.functions": "FunctionTool tool",
    "modelway.structured": "Parsed ParsedStream",
    "modelway.tools": "RunStream StepEnded StepStarted ToolEnded ToolRun ToolStarted",
    "modelway.types": (
        "Audio CallWarning ChatRequest ChatResponse Choice Citation CitationDelta File Finish "
        "HostedTool Image Inline JsonObject JsonSchema Message ModelListing NamedTool Opaque Part "
        "PartDelta Reasoning ReasoningDelta Refusal RefusalDelta Remote Start Stored StreamEvent "
        "Text TextDelta Thinking TokenCount Tool Trace ToolCall ToolCallDelta ToolResult Usage"
    ),
}
"""Module → the names that it gives to the package."""

_FOUND = {name: (home, name) for home, names in _HOMES.items() for name in names.split()}
_FOUND["SyncClient"] = ("modelway.sync", "Client")

__all__ = [
    "APIConnectionError",
    "APITimeoutError",
    "Audio",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "CallEvent",
    "CallWarning",
    "Capabilities",
    "ChatRequest",
    "ChatResponse",
    "ChatStream",
    "Choice",
    "CircuitOpenError",
    "Citation",
    "CitationDelta",
    "Client",
    "ConfigError",
    "ContentFilterError",
    "ContextLengthError",
    "Conversation",
    "Conversations",
    "CostEstimate",
    "CredentialError",
    "File",
    "Finish",
    "FunctionTool",
    "HostedTool",
    "Image",
    "Inline",
    "InvalidAnswerError",
    "JsonObject",
    "JsonSchema",
    "LLMError",
    "LimitExceededError",
    "Message",
    "MissingKeyError",
    "ModelListing",
    "ModelRefusalError",
    "NamedTool",
    "NoCandidateError",
    "NotFoundError",
    "OfflineError",
    "Opaque",
    "Options",
    "OverloadedError",
    "Parsed",
    "ParsedStream",
    "Part",
    "PartDelta",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PlannedDeployment",
    "ProviderHealth",
    "RateLimitError",
    "Reasoning",
    "ReasoningDelta",
    "Refusal",
    "RefusalDelta",
    "RefusedError",
    "Remote",
    "RequestError",
    "ResponseError",
    "RunStream",
    "Start",
    "Stats",
    "StepEnded",
    "StepLimitError",
    "StepStarted",
    "StoreDownError",
    "Stored",
    "StreamEvent",
    "StreamInterruptedError",
    "SyncClient",
    "Text",
    "TextDelta",
    "Thinking",
    "TokenCount",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolEnded",
    "ToolResult",
    "ToolRun",
    "ToolStarted",
    "Trace",
    "TruncatedAnswerError",
    "UnavailableError",
    "UnknownModelError",
    "UnsupportedError",
    "Usage",
    "__version__",
    "assistant",
    "available_models",
    "init",
    "model",
    "system",
    "tool",
    "tool_result",
    "user",
    "validate_config",
]
"""A test holds this, the imports for type checkers above, and the homes to each other."""


def __getattr__(name: str) -> Any:
    """Import a name's home when the name is first used, so that importing modelway costs nothing."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  # 20 ms

        value: Any = version("modelway")
    elif name in _FOUND:
        home, attribute = _FOUND[name]
        value = getattr(import_module(home), attribute)
    else:
        raise AttributeError(f"module 'modelway' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
