"""The one configuration schema, as tables of readers. Every other shape is rewritten into it."""

from __future__ import annotations

from modelway import dialects
from modelway.catalog.rows import Quirks
from modelway.config.nodes import Node
from modelway.config.problems import nearest, shown
from modelway.config.reading import (
    Context,
    Level,
    Read,
    Table,
    WrongError,
    base_url,
    body,
    flag,
    headers,
    integer,
    line_of_text,
    list_of,
    number,
    one_of,
    query,
    raw,
    read_table,
    text,
    variable_name,
)
from modelway.config.signing import AWS, ENTRA, GOOGLE
from modelway.errors import ConfigError
from modelway.policies.routing import canonical, lacking, spellings
from modelway.schema.subsets import SUBSETS


def dialect_name(node: Node, context: Context) -> str:
    """A dialect's name, of ours or of an installed package."""
    written = text(node, context)
    if written in dialects.NAMES:
        return written
    if written in dialects.names():
        try:
            return dialects.dialect(written).name
        except ConfigError as error:
            raise WrongError(node, error.message) from None
    near = nearest(written, dialects.names())
    raise WrongError(
        node,
        f"unknown dialect {shown(written)}; there are {', '.join(dialects.names())}",
        near[0] if near else None,
    )


def strategy(node: Node, context: Context) -> str:
    """A strategy's canonical name, by any of its spellings."""
    written = text(node, context)
    found = canonical(written)
    if found is None:
        near = nearest(written, spellings())
        raise WrongError(node, f"unknown strategy {shown(written)}", near[0] if near else None)
    if data := lacking(written):
        context.notice(
            node,
            f"the strategy {written} needs {data}, which are not there yet: it orders as priority",
        )
    return found


def table(rows: Table) -> Read:
    """A mapping with these fields."""

    def read(node: Node, context: Context) -> Level:
        return read_table(node, rows, context)

    return read


_RETRYABLE = (
    "UnavailableError",
    "RateLimitError",
    "OverloadedError",
    "APITimeoutError",
    "APIConnectionError",
)

TIMEOUTS: Table = {
    "connect_s": number(0.001, 3600),
    "first_byte_s": number(0.001, 86400),
    "idle_s": number(0.001, 86400),
    "total_s": number(0.001, 86400),
}

BACKOFF: Table = {
    "base_s": number(0, 3600),
    "cap_s": number(0, 3600),
    "factor": number(1, 100),
    "jitter": one_of("full", "none"),
    "retry_on": list_of(one_of(*_RETRYABLE)),
}

SAMPLING: Table = {
    "max_tokens": integer(1),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "top_k": integer(0),
    "frequency_penalty": number(-2, 2),
    "presence_penalty": number(-2, 2),
    "stop": list_of(text),
    "seed": integer(-(2**63), 2**63 - 1),
}
"""Fields of ChatRequest that a configuration may set for requests that do not."""

KNOBS: Table = {
    **SAMPLING,
    "timeout_s": number(0.001, 86400),
    "timeouts": table(TIMEOUTS),
    "retries": integer(0, 100),
    "backoff": table(BACKOFF),
    "supports_streaming": flag,
    "headers": headers,
    "query": query,
    "extra": body,
}
"""What may be set at every level: deployment over model over provider over defaults."""

LIMITS: Table = {
    "requests_per_minute": integer(1),
    "tokens_per_minute": integer(1),
    "requests_per_day": integer(1),
    "concurrent": integer(1),
}


def _renames(node: Node, context: Context) -> dict[str, str]:
    if not isinstance(node.value, dict):
        raise WrongError(node, "must be a mapping of field names to field names")
    found = {name: context.read(item, line_of_text) for name, item in node.fields.items()}
    return {name: value for name, value in found.items() if value is not None}


QUIRKS: Table = {
    "rename": _renames,
    "drop": list_of(line_of_text),
    "stream_usage": flag,
    "reasoning_field": one_of("reasoning_content", "reasoning", "reasoning_details", "none"),
    "reasoning_switch": one_of("none", "thinking", "enable_thinking"),
    "json_schema": flag,
    "schema_ignored_in": list_of(line_of_text),
    "schema_subset": one_of(*SUBSETS),
    "max_stop": integer(0),
    "developer_role": flag,
    "cache_control": flag,
}
assert set(QUIRKS) == set(Quirks.__struct_fields__)  # noqa: S101 - the two lists stay one

ENGINE: Table = {
    "context_tokens": integer(16, 2**24),
    "gpu_layers": integer(0, 10_000),
    "threads": integer(1, 1024),
    "slots": integer(1, 256),
    "loaded_models": integer(1, 64),
}
"""How a provider that runs in this process does so."""

PROVIDER: Table = {
    **KNOBS,
    "like": line_of_text,
    "enabled": flag,
    "base_url": base_url,
    "dialect": dialect_name,
    "auth": one_of("bearer", "x-api-key", "api-key", "x-goog-api-key", "none"),
    "operations": list_of(
        one_of("chat", "models", "model", "complete", "embed", "rerank", "count_tokens")
    ),
    "aws": table(AWS),
    "google": table(GOOGLE),
    "entra": table(ENTRA),
    "region": line_of_text,
    "project": line_of_text,
    "location": line_of_text,
    "resource": line_of_text,
    "api_version": line_of_text,
    "api_key": raw,
    "api_keys": raw,
    "api_key_env": list_of(variable_name),
    "limits": table(LIMITS),
    "priority": integer(0),
    "default_model": line_of_text,
    "embedding_model": line_of_text,
    "models_dir": line_of_text,
    "engine": table(ENGINE),
    "models": list_of(line_of_text),
    "quirks": table(QUIRKS),
}

DEPLOYMENT: Table = {
    **KNOBS,
    "provider": line_of_text,
    "model": line_of_text,
    "base_url": base_url,
    "dialect": dialect_name,
    "weight": number(0, 1e6),
    "priority": integer(0),
    "max_output_tokens": integer(1),
    "base_model": line_of_text,
}

MODEL: Table = {
    **KNOBS,
    "strategy": strategy,
    "deployments": raw,
    "fallback": list_of(line_of_text),
}

GATEWAY: Table = {
    "host": line_of_text,
    "port": integer(0, 65535),
    "keys": raw,
    "max_body_bytes": integer(1024, 2**32),
    "drain_s": number(0, 3600),
    "responses_life_s": number(0, 1e9),
}

TRANSPORT: Table = {
    "idle_connections_per_host": integer(0, 10_000),
    "idle_s": number(0, 3600),
    "ca_file": line_of_text,
    "client_certificate": line_of_text,
    "client_key": line_of_text,
    "fetch_max_bytes": integer(1, 2**32),
    "fetch_trusted": list_of(base_url),
}

TOP: Table = {
    "providers": raw,
    "models": raw,
    "defaults": table(KNOBS),
    "default_model": line_of_text,
    "default_provider": line_of_text,
    "fallback_providers": list_of(line_of_text),
    "strategy": strategy,
    "catalogue": raw,
    "gateway": table(GATEWAY),
    "transport": table(TRANSPORT),
}
