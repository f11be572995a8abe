"""What each provider's structured answers take of JSON Schema, as rows.

A keyword that is not in a row is dropped by ``fitted``, or written in another way.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from modelway.errors import ConfigError

Limit: TypeAlias = Literal["depth", "properties", "enum_values", "optional", "unions"]
"""What a provider counts in a whole schema. ``optional``: properties that are not required."""

References: TypeAlias = Literal["kept", "alone", "inlined"]
"""``kept``: ``$ref`` and what stands beside it; ``alone``: nothing beside it; ``inlined``: no ``$ref``."""

_SHAPE = frozenset({"type", "properties", "required", "additionalProperties", "items", "enum"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_ITEMS = frozenset({"minItems", "maxItems"})
_LENGTHS = frozenset({"minLength", "maxLength"})
_DEFINITIONS = frozenset({"$ref", "$defs", "definitions"})
_WORDS = frozenset({"title", "description"})


class Subset(Struct, frozen=True, kw_only=True):
    """What one provider takes."""

    name: str
    keywords: frozenset[str] | None = None
    """``None``: all."""
    formats: frozenset[str] | None = None
    """Values of ``format``; ``None``: all."""
    most_min_items: int | None = None
    """The largest ``minItems`` that is taken."""
    references: References = "kept"
    recursion: bool = True
    """Whether a definition may refer to itself."""
    type_lists: bool = True
    """Whether ``type`` may be a list; otherwise ``anyOf`` is written."""
    nullable: bool = False
    """Null is said by OpenAPI's ``nullable``."""
    enum_of_strings: bool = False
    closed: bool = False
    """Every object must forbid additional properties."""
    all_required: bool = False
    """Every property must be required; an optional one is made nullable."""
    object_root: bool = False
    """The schema must be of an object, and no union of them."""
    limits: dict[Limit, int] = {}
    only_strict: bool = False
    """Holds where ``strict`` is asked for; otherwise any schema is taken, and none enforced."""
    source: str
    checked: str
    """The day on which the row was compared with ``source``, ISO 8601."""


_ANY = Subset(
    name="any", source="https://json-schema.org/draft/2020-12/schema", checked="2026-11-21"
)

_OPENAI = Subset(
    name="openai",
    keywords=_SHAPE
    | _NUMBERS
    | _ITEMS
    | _DEFINITIONS
    | _WORDS
    | {"const", "anyOf", "pattern", "format"},
    formats=frozenset(
        {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
    ),
    references="alone",
    closed=True,
    all_required=True,
    object_root=True,
    limits={"depth": 10, "properties": 5000, "enum_values": 1000},
    only_strict=True,
    source="https://platform.openai.com/docs/guides/structured-outputs#supported-schemas",
    checked="2026-11-21",
)

_ANTHROPIC = Subset(
    name="anthropic",
    keywords=_SHAPE
    | _DEFINITIONS
    | _WORDS
    | {"const", "anyOf", "pattern", "format", "default", "minItems"},
    formats=frozenset(
        {
            "date-time",
            "time",
            "date",
            "duration",
            "email",
            "hostname",
            "uri",
            "ipv4",
            "ipv6",
            "uuid",
        }
    ),
    most_min_items=1,
    references="alone",
    recursion=False,
    closed=True,
    limits={"optional": 24, "unions": 16},
    source="https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
    checked="2026-11-21",
)

_ROWS = (
    _ANY,
    _OPENAI,
    replace(
        _OPENAI,
        name="azure",
        keywords=_SHAPE | _DEFINITIONS | _WORDS | {"const", "anyOf"},
        limits={"depth": 5, "properties": 100, "enum_values": 500},
        source="https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/structured-outputs",
    ),
    replace(
        _OPENAI,
        name="groq",
        source="https://console.groq.com/docs/structured-outputs",
        limits={},
    ),
    replace(
        _OPENAI,
        name="cerebras",
        keywords=_SHAPE | _NUMBERS | _DEFINITIONS | _WORDS | {"const", "anyOf"},
        type_lists=False,
        recursion=False,
        limits={"depth": 10, "properties": 500, "enum_values": 500},
        source="https://inference-docs.cerebras.ai/capabilities/structured-outputs",
    ),
    _ANTHROPIC,
    replace(
        _ANTHROPIC,
        name="bedrock",
        source="https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html",
    ),
    Subset(
        name="gemini",
        keywords=_SHAPE
        | _ITEMS
        | _WORDS
        | {"$id", "$defs", "$ref", "$anchor", "format", "prefixItems", "minimum", "maximum"}
        | {"anyOf", "oneOf", "propertyOrdering"},
        references="alone",
        source="https://ai.google.dev/api/generate-content#FIELDS.response_json_schema",
        checked="2026-11-21",
    ),
    Subset(
        name="gemini-openapi",
        keywords=_SHAPE - {"additionalProperties"}
        | _ITEMS
        | _LENGTHS
        | _WORDS
        | {"format", "nullable", "minProperties", "maxProperties", "pattern", "example", "anyOf"}
        | {"propertyOrdering", "default", "minimum", "maximum"},
        references="inlined",
        recursion=False,
        type_lists=False,
        nullable=True,
        enum_of_strings=True,
        source="https://ai.google.dev/api/caching#Schema",
        checked="2026-11-21",
    ),
    Subset(
        name="cohere",
        keywords=_SHAPE | _DEFINITIONS | _WORDS | {"const", "pattern", "format"},
        formats=frozenset({"date-time", "uuid", "date", "time"}),
        object_root=True,
        source="https://docs.cohere.com/docs/structured-outputs#unsupported-schema-features",
        checked="2026-11-21",
    ),
    Subset(
        name="mistral",
        closed=True,
        only_strict=True,
        source="https://docs.mistral.ai/capabilities/structured_output/custom",
        checked="2026-11-21",
    ),
    Subset(
        name="fireworks",
        keywords=_SHAPE
        | _DEFINITIONS
        | _WORDS
        | {"$id", "$schema", "anyOf", "allOf", "const", "default", "unevaluatedProperties"},
        source="https://docs.fireworks.ai/structured-responses/structured-response-formatting",
        checked="2026-11-21",
    ),
    Subset(
        name="llamacpp",
        keywords=_SHAPE
        | _ITEMS
        | _LENGTHS
        | _DEFINITIONS
        | _WORDS
        | {"const", "anyOf", "oneOf", "allOf", "pattern", "format", "prefixItems", "default"}
        | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
        formats=frozenset({"date", "time", "date-time", "uuid"}),
        source="https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md",
        checked="2026-11-21",
    ),
)

SUBSETS: dict[str, Subset] = {row.name: row for row in _ROWS}


def subset(name: str) -> Subset:
    """The row of this name; ConfigError for one that does not exist."""
    row = SUBSETS.get(name)
    if row is None:
        raise ConfigError(f"unknown schema subset {name!r}; there are {', '.join(SUBSETS)}")
    return row
