"""Which keys a provider is used with, and why there is none. A key stands in no message."""

from __future__ import annotations

from typing import NamedTuple

from modelway.call import Credential
from modelway.catalog.rows import Provider
from modelway.config.nodes import Node
from modelway.config.reading import Context, Level, expanded_text


class Keys(NamedTuple):
    """The credentials found, where each came from, and otherwise the provider's problem."""

    credentials: tuple[Credential, ...]
    origins: tuple[str, ...]
    problem: str | None = None


class _Key(NamedTuple):
    name: str
    origin: str
    secret: str = ""
    missing: str = ""


def find(name: str, level: Level, row: Provider, context: Context) -> Keys:
    """Keys as configured: ``api_key`` and ``api_keys``, else ``api_key_env``, else the row's variables."""
    if row.auth == "none":
        return Keys((Credential(name="none"),), ())
    nodes = [*_nodes(level, "api_key"), *_nodes(level, "api_keys")]
    found = [_written(name, node, number, context) for number, node in enumerate(nodes, 1)]
    asked = bool(nodes) or "api_key_env" in level
    variables: tuple[str, ...] = row.api_key_env
    if "api_key_env" in level:
        variables = level["api_key_env"].value
    if not any(key.secret for key in found) and (not nodes or "api_key_env" in level):
        found += [_from_variables(variables, context)] if variables else []
    keys = {key.secret: key for key in found if key.secret}
    if keys:
        if row.key_prefix and "base_url" not in level:
            place = nodes[0] if nodes else Node(value=None, path=f"providers.{name}.api_key")
            _check_form(place, list(keys), row, context)
        return Keys(
            tuple([Credential(name=key.name, secret=secret) for secret, key in keys.items()]),
            tuple([key.origin for key in keys.values()]),
        )
    if asked or row.key_required:
        missing = next((key.missing for key in found if key.missing), "")
        problem = f"{missing} is not set" if missing else "it has no api_key"
        return Keys((), (), problem)
    return Keys((Credential(name="none"),), ())


def written(node: Node, context: Context) -> str:
    """The text of one key, empty when its variable is missing or it cannot be a key."""
    return _written("", node, 1, context).secret


def _nodes(level: Level, name: str) -> list[Node]:
    if name not in level:
        return []
    node: Node = level[name].value
    return node.items or ([] if node.value == [] else [node])


def _written(provider: str, node: Node, number: int, context: Context) -> _Key:
    label = f"{provider} key {number}"
    expanded = context.read(node, expanded_text)
    if expanded is None:
        return _Key(label, node.origin)
    secret = expanded.text.strip()
    if expanded.missing or (expanded.used and not secret):
        return _Key(label, node.origin, missing=(expanded.missing or expanded.used)[0])
    if not _carriable(secret):
        context.error(node, "holds characters that no HTTP header can carry")
        return _Key(label, node.origin)
    if expanded.used:
        return _Key(
            expanded.used[0], f"environment {expanded.used[0]} ({node.origin})", secret=secret
        )
    if secret and context.in_file and "${" not in str(node.value):
        context.notice(
            node,
            "a key stands here in the clear; export it and write "
            f"{node.path.rpartition('.')[2]}: ${{YOUR_VARIABLE}}, or api_key_env: YOUR_VARIABLE",
        )
    return _Key(label, node.origin, secret=secret)


def _from_variables(variables: tuple[str, ...], context: Context) -> _Key:
    for variable in variables:
        secret = context.environment.get(variable, "").strip()
        if secret and _carriable(secret):
            return _Key(variable, f"environment {variable}", secret=secret)
    return _Key(variables[0], f"environment {variables[0]}", missing=" or ".join(variables))


def _carriable(secret: str) -> bool:
    return secret.isascii() and secret.isprintable()


def _check_form(place: Node, secrets: list[str], row: Provider, context: Context) -> None:
    """A notice on keys that do not begin as the provider's keys do."""
    prefix = row.key_prefix or ""
    if any(not secret.startswith(prefix) for secret in secrets):
        context.notice(place, f"does not look like a key of {row.title}: those begin with {prefix}")
