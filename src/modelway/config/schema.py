"""The one configuration schema, as tables of readers. Every other shape is rewritten into it."""

from __future__ import annotations

from modelway import dialects
from modelway.catalog.rows import Quirks
from modelway.config.measuring import LEDGER, METRICS, TELEMETRY
from modelway.config.nodes import Node
from modelway.config.problems import nearest, shown
from modelway.config.reading import (
    Context,
    Level,
    Read,
    Setting,
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
from modelway.policies.limits.values import PRESETS
from modelway.policies.routing import canonical, spellings
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
    """A strategy's canonical form, by any of its spellings; a list is filters and then a ranking."""
    parts = [text(item, context) for item in node.items] if node.items else [text(node, context)]
    written = " | ".join(parts)
    found = canonical(written)
    if found is None:
        near = nearest(written, spellings())
        raise WrongError(node, f"unknown strategy {shown(written)}", near[0] if near else None)
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


def limits(node: Node, context: Context) -> Level:
    """Limits one by one, or the name of a preset."""
    if not isinstance(node.value, str):
        return read_table(node, LIMITS, context)
    written = text(node, context)
    preset = PRESETS.get(written)
    if preset is None:
        near = nearest(written, PRESETS)
        known = ", ".join(PRESETS)
        raise WrongError(node, f"there is no preset {shown(written)}; there are {known}", *near[:1])
    said = {name: getattr(preset, name) for name in LIMITS}
    origin = f"preset {written} ({node.origin})"
    return {name: Setting(value, origin) for name, value in said.items() if value is not None}


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
    "limits": limits,
    "key_limits": limits,
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
    "limits": limits,
}

SPECIAL_FALLBACKS: Table = {
    "context_length": list_of(line_of_text),
    "content_filter": list_of(line_of_text),
}
"""Kind of refusal → what to ask instead."""

MODEL: Table = {
    **KNOBS,
    "strategy": strategy,
    "deployments": raw,
    "fallback": list_of(line_of_text),
    "fallback_on": table(SPECIAL_FALLBACKS),
}

GATEWAY: Table = {
    "host": line_of_text,
    "port": integer(0, 65535),
    "keys": raw,
    "max_body_bytes": integer(1024, 2**32),
    "drain_s": number(0, 3600),
    "responses_life_s": number(0, 1e9),
    "trace": flag,
    "watch": flag,
}

CALLER: Table = {
    "key": raw,
    "name": line_of_text,
    "tenant": line_of_text,
    "limits": limits,
    "team": line_of_text,
    "user": line_of_text,
    "tags": list_of(line_of_text),
    "may_say": list_of(one_of("user", "tags")),
    "admin": flag,
    "priority": integer(-1000, 1000),
}
"""One of ``gateway.keys``, where more is said of it than the key."""

QUEUE: Table = {
    "on_limit": one_of("wait", "refuse"),
    "max_wait_s": number(0, 3600),
    "size": integer(0, 1_000_000),
}

BREAKER: Table = {
    "failures": integer(1, 1000),
    "open_s": number(0.01, 86400),
    "probe_s": number(0.01, 3600),
    "counted": list_of(
        one_of(
            *_RETRYABLE,
            "StreamInterruptedError",
            "ResponseError",
            "CredentialError",
            "NotFoundError",
        )
    ),
}

HEALTH: Table = {
    "active": flag,
    "interval_s": number(0.05, 86400),
    "first_s": number(0, 3600),
    "timeout_s": number(0.01, 3600),
    "jitter": number(0, 1),
    "down_after": integer(1, 1000),
    "up_after": integer(1, 1000),
    "degraded_over_s": number(0.001, 3600),
}

HEDGING: Table = {
    "enabled": flag,
    "after_s": number(0.001, 3600),
    "share": number(0, 1),
}

STORE: Table = {
    "url": line_of_text,
    "when_down": one_of("open", "closed"),
    "timeout_s": number(0.01, 60),
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
    "tenants": raw,
    "queue": table(QUEUE),
    "breaker": table(BREAKER),
    "health": table(HEALTH),
    "hedging": table(HEDGING),
    "single_flight": flag,
    "store": raw,
    "experiments": raw,
    "scores": raw,
    "tasks": raw,
    "task_model": line_of_text,
    "budgets": raw,
    "ledger": table(LEDGER),
    "cache": raw,
    "metrics": table(METRICS),
    "telemetry": table(TELEMETRY),
    "gateway": table(GATEWAY),
    "transport": table(TRANSPORT),
}
