"""The text of a first configuration file, from a person's answers. No key is ever written in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from modelway.catalog import load as catalogue
from modelway.errors import ConfigError


class Answers(Struct, frozen=True, kw_only=True):
    """What ``modelway config init`` asks for."""

    providers: Sequence[str]
    """Names of rows, the first of which answers by default."""
    base_urls: Mapping[str, str] = {}
    """For servers that are not at their usual place, by the row's name."""
    default_models: Mapping[str, str] = {}
    fallback: bool = True
    """Whether the providers after the first step in for it."""
    port: int = 4000


_HEAD = """\
# modelway's configuration. `modelway config check` reads it, `modelway config show` explains it.
# Keys stay in the environment: export {variables} before the start.
"""
_LOCAL_HEAD = """\
# modelway's configuration. `modelway config check` reads it, `modelway config show` explains it.
"""


def first_file(answers: Answers) -> str:
    """YAML that ``load`` reads. ConfigError for a provider that is not in the catalogue."""
    if not answers.providers:
        raise ConfigError("name at least one provider")
    lines = ["providers:"]
    variables: list[str] = []
    names: list[str] = []
    for written in answers.providers:
        row = catalogue.provider(written)
        if row is None:
            raise ConfigError(f"there is no provider {written!r}; `modelway providers` lists them")
        if row.name in names:
            continue
        names.append(row.name)
        fields: list[str] = []
        if row.key_required:
            variables.append(row.api_key_env[0])
            fields.append(f'api_key: "${{{row.api_key_env[0]}}}"')
        url = answers.base_urls.get(written) or answers.base_urls.get(row.name)
        if url or not row.base_url or row.local:
            fields.append(f"base_url: {_quoted(url or row.base_url or 'http://localhost:8000/v1')}")
        model = answers.default_models.get(written) or row.default_model
        if model:
            fields.append(f"default_model: {_quoted(model)}")
        lines.append(f"  {row.name}:")
        lines += [f"    {field}" for field in fields] or ["    enabled: true"]
    lines += ["", f"default_provider: {names[0]}"]
    if answers.fallback and names[1:]:
        lines.append(f"fallback_providers: [{', '.join(names[1:])}]")
    lines += ["", "defaults:", "  timeout_s: 60", "  retries: 2"]
    lines += ["", "gateway:", "  host: 127.0.0.1", f"  port: {answers.port}", ""]
    head = _HEAD.format(variables=", ".join(variables)) if variables else _LOCAL_HEAD
    return head + "\n".join(lines)


def _quoted(text: str) -> str:
    """A YAML double-quoted text of one line."""
    if not text.isprintable():
        raise ConfigError("an answer holds control characters")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${")
    return f'"{escaped}"'
