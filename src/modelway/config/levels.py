"""The hierarchy: deployment over model over provider over defaults, each value with its origin."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from modelway.call import Backoff, Deployment, Limits, Target, Timeouts
from modelway.config.places import moved
from modelway.config.reading import Level, Setting
from modelway.config.schema import BACKOFF, SAMPLING, TIMEOUTS
from modelway.config.settings import ConfiguredProvider

S = TypeVar("S", bound=Struct)

_NESTED = ("timeouts", "backoff", "headers", "query", "extra")
LOCAL_TIMEOUTS = Timeouts(first_byte_s=600.0, idle_s=300.0, total_s=3600.0)
"""A local engine may load a model, or read a long prompt on a CPU, before its first byte."""


def flat(level: Level) -> Level:
    """A level's knobs by one name each: ``timeouts.idle_s``, ``backoff.base_s``, ``headers.x``."""
    found: Level = {}
    for name, setting in level.items():
        if name in _NESTED:
            found.update({f"{name}.{part}": inner for part, inner in setting.value.items()})
        elif name == "retries":
            found["backoff.attempts"] = Setting(setting.value + 1, setting.origin)
        elif name in SAMPLING or name == "supports_streaming":
            found[name] = setting
    if timeout := level.get("timeout_s"):
        for name, setting in _timeouts(timeout).items():
            found.setdefault(name, setting)
    return found


def _timeouts(timeout: Setting) -> Level:
    """``timeout_s`` bounds every wait for the provider's next byte; a longer one lifts the total."""
    timeout_s: float = timeout.value
    found = {
        "timeouts.first_byte_s": timeout,
        "timeouts.idle_s": timeout,
        "timeouts.connect_s": Setting(min(timeout_s, Timeouts().connect_s), timeout.origin),
    }
    if timeout_s > Timeouts().total_s:
        found["timeouts.total_s"] = timeout
    return found


def over(upper: Level, lower: Level) -> Level:
    """Two flat levels as one."""
    return {**lower, **upper}


def part(level: Level, name: str) -> dict[str, Any]:
    """The settings of a flat level that begin with ``name.``, by what follows."""
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): setting.value
        for key, setting in level.items()
        if key.startswith(prefix)
    }


def sampling(level: Level) -> dict[str, Any]:
    """The ChatRequest fields of a flat level."""
    return {name: setting.value for name, setting in level.items() if name in SAMPLING}


def updated(value: S, level: Level, name: str, fields: tuple[str, ...]) -> S:
    """A struct with what a flat level says of it."""
    said = {key: item for key, item in part(level, name).items() if key in fields}
    return replace(value, **said) if said else value


def deployments(
    provider: ConfiguredProvider,
    model: str,
    *,
    level: Level | None = None,
    weight: float = 1.0,
    priority: int = 0,
    base_url: str | None = None,
    dialect: str | None = None,
    max_output_tokens: int | None = None,
    base_model: str | None = None,
    own_limits: Limits | None = None,
) -> tuple[Deployment, ...]:
    """A deployment for each of the provider's credentials, which share the weight.

    None where the provider's own place is not complete, and no other is said.
    """
    if provider.problem and not base_url:
        return ()
    level = level or {}
    spoken = dialect
    dialect = dialect or provider.dialect
    if dialect == provider.dialect:
        usual = provider.base_url
    else:
        usual = provider.row.base_urls.get(dialect, provider.row.base_url)
    also = {} if base_url or spoken else provider.also
    if base_url:
        there = moved(provider.row, base_url)
        base_url = there.base_urls.get(dialect, there.base_url)
    base_url = base_url or usual
    elsewhere = "" if base_url in (usual, provider.base_url) else f"@{base_url}"
    name = f"{provider.name}/{model}{elsewhere}"
    return tuple(
        [
            Deployment(
                id=name if number == 1 else f"{name}#{number}",
                provider=provider.row,
                dialect=dialect,
                target=Target(
                    model=model,
                    quirks=provider.row.quirks,
                    max_output_tokens=max_output_tokens,
                    places=provider.places,
                    body={**provider.body, **part(level, "extra")},
                ),
                credential=credential,
                base_model=base_model,
                base_url=base_url,
                headers={**provider.headers, **part(level, "headers")},
                query={**provider.query, **part(level, "query")},
                timeouts=updated(provider.timeouts, level, "timeouts", tuple(TIMEOUTS)),
                backoff=updated(provider.backoff, level, "backoff", ("attempts", *BACKOFF)),
                weight=weight / len(provider.credentials),
                priority=priority,
                supports_streaming=level["supports_streaming"].value
                if "supports_streaming" in level
                else provider.supports_streaming,
                limits=own_limits,
                defaults={**provider.defaults, **sampling(level)},
                also=also,
            )
            for number, credential in enumerate(provider.credentials, 1)
        ]
    )


def limits(level: Level, name: str = "limits") -> Limits | None:
    """The limits that a level says, where it says any."""
    said = level[name].value if name in level else {}
    return Limits(**{field: setting.value for field, setting in said.items()}) if said else None


def backoff(level: Level) -> Backoff:
    """The backoff of a flat level."""
    return updated(Backoff(), level, "backoff", ("attempts", *BACKOFF))
