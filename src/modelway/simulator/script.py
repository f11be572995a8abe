"""What a simulator is told to do: rules of (match → reply), read from YAML or JSON.

Everything has a default, so ``Script()`` is a friendly offline model that says what it is.
"""

from __future__ import annotations

from os import PathLike
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from modelway.errors import ConfigError

DialectName: TypeAlias = Literal[
    "openai",
    "responses",
    "completions",
    "anthropic",
    "gemini",
    "bedrock",
    "cohere",
    "ollama",
    "replicate",
]


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a rule is for; what is not given matches all. Patterns may hold ``*`` and ``?``."""

    model: str = "*"
    contains: str | None = None
    """Words in the last user turn, in any case."""
    headers: dict[str, str] = {}
    """Header name → pattern of its value."""
    dialect: DialectName | None = None


class ScriptedCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool call to answer with. Without ``arguments`` they are made up from the tool's schema."""

    name: str
    arguments: dict[str, Any] | str | None = None
    """An object, or JSON text to send exactly as it stands, broken or not."""
    id: str | None = None


class ScriptedError(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error to answer with, in the dialect's own form; what is not given is as usual for it."""

    status: int = 500
    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    retry_after_s: float | None = None


class ScriptedUsage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Token counts to report instead of those counted. Cached and written are part of the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How slow. A whole answer takes as long as its stream would."""

    latency_s: float = 0.0
    """Before the response's head."""
    time_to_first_token_s: float = 0.0
    """Between the head and the first event of a stream."""
    tokens_per_s: float | None = None


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to misbehave. Chunks are events of a stream.

    A whole answer is cut, or falls silent, in its middle, and errs at once.
    """

    cut_after_chunks: int | None = None
    """Close the socket in the middle of the chunk that follows."""
    error_after_chunks: int | None = None
    """End a 200 stream with an error event (``Reply.error``, or overloaded)."""
    stall_after_chunks: int | None = None
    """Fall silent and keep the socket open."""
    drop: bool = False
    """Close the socket instead of answering."""
    hang: bool = False
    """Never answer."""
    html_body: bool = False
    """A proxy's HTML page, with the status of ``Reply.error`` or 200."""
    half_json: bool = False
    """Half of the JSON, correctly framed: of the body, or of a stream's second event."""
    empty_body: bool = False


class Reply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to answer. Without content the simulator's own answer is used, with the rest applied."""

    text: str | None = None
    """``{question}`` and ``{tool_result}`` stand for the request's."""
    tool_calls: tuple[ScriptedCall, ...] = ()
    reasoning: str | None = None
    signature: str | None = None
    """Of the reasoning, on the Anthropic wire."""
    refusal: str | None = None
    finish: str | None = None
    """stop, length, tool_calls, content_filter, pause, or a dialect's own word."""
    usage: ScriptedUsage = ScriptedUsage()
    error: ScriptedError | None = None
    fault: Fault | None = None
    fail_times: int | None = None
    """``error`` and ``fault`` apply to the first so many requests only; ``None``: to all."""
    pace: Pace | None = None
    headers: dict[str, str] = {}
    """Extra response headers."""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first rule that matches answers. Of several replies the nth request gets the nth."""

    match: Match = Match()
    reply: Reply | tuple[Reply, ...] = Reply()
    repeat: Literal["last", "cycle"] = "last"
    """Which of several replies comes when all have been given."""


class ListedModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model in the listing. Bounds that are given are enforced as the provider would."""

    id: str
    owner: str = "modelway-simulator"
    created: int = 1_763_683_200
    context_tokens: int | None = None
    max_output_tokens: int | None = None


class RateLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An allowance per window, enforced with 429 and told in the dialect's headers."""

    requests: int | None = None
    tokens: int | None = None
    window_s: float = 60.0


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: tuple[Rule, ...] = ()
    models: tuple[ListedModel, ...] = ()
    """Listed by ``GET /v1/models``; empty: the built-in names (``sim-echo``, ``sim-429`` …)."""
    only_listed_models: bool = False
    """Answer 404 for a model that is not listed; else any name is answered."""
    api_keys: tuple[str, ...] = ()
    """Keys to accept; empty: any, or none."""
    unknown_fields: Literal["refuse", "accept"] = "refuse"
    """What to do with body fields that the provider does not document. Providers refuse them."""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """Where a scripted reasoning goes on the OpenAI wire, as its compatible hosts do."""
    pace: Pace = Pace()
    rate_limit: RateLimit | None = None
    seed: int | None = None
    """Makes ids repeatable."""


def load_script(path: str | PathLike[str]) -> Script:
    """A script from a ``.json``, ``.yaml`` or ``.yml`` file; ConfigError says what is wrong where."""
    from pathlib import Path  # noqa: PLC0415  not needed by a script made in code

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the script {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the script {path} is not UTF-8: bad byte at {error.start}") from None
    return parse_script(text, str(path))


def parse_script(text: str, name: str = "script") -> Script:
    """A script from YAML or JSON text; ``name`` is used in errors."""
    import yaml  # noqa: PLC0415  not needed by a script made in code

    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is neither YAML nor JSON: {error}") from None
    try:
        return msgspec.convert({} if tree is None else tree, Script)
    except msgspec.ValidationError as error:
        fields = ", ".join(Script.__struct_fields__)
        raise ConfigError(f"{name}: {error}. A script's fields are: {fields}") from None
