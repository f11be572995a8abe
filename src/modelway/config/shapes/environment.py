"""No file at all: keys in the environment make their providers available."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from modelway.catalog import load as catalogue
from modelway.catalog.rows import Provider
from modelway.config.nodes import Node
from modelway.config.problems import nearest, shown
from modelway.config.reading import Context
from modelway.config.shapes.synonyms import put

LOCAL = "local"
"""The name of the server at ``LOCAL_LLM_URL``."""

_DEFAULTS = {"MAX_TOKENS": "defaults.max_tokens", "TEMPERATURE": "defaults.temperature"}


def root(environment: Mapping[str, str], context: Context) -> Node:
    """The own schema's fields that the variables amount to. An empty variable is a missing one."""
    fields: dict[str, Node] = {}
    rows = {row.name: row for row in catalogue.providers().values()}
    if named := catalogue.provider(_value(environment, "LLM_PROVIDER")):
        rows = {named.name: named} | rows
    taken: set[str] = set()
    for row in rows.values():
        variables = row.api_key_env if row.key_required or row.signer else row.base_url_env
        found = next((name for name in variables if _value(environment, name)), None)
        if found is not None and found not in taken:  # a region's twin has the same variable
            taken.add(found)
            here = Node(value={}, path=found, origin=f"environment {found}")
            put(fields, f"providers.{row.name}", here)
            _add_model(fields, row.name, _model_variables(row), environment)
    if _value(environment, "LOCAL_LLM_URL"):
        like = Node(value="openai-compatible", origin="environment LOCAL_LLM_URL")
        put(fields, f"providers.{LOCAL}.like", like)
        node = _node("LOCAL_LLM_URL")
        if not urlsplit(_value(environment, "LOCAL_LLM_URL")).path:
            node = replace(node, value=f"{node.value}/v1")
        put(fields, f"providers.{LOCAL}.base_url", node)
        _add_model(fields, LOCAL, ("LOCAL_LLM_MODEL",), environment)
    if _value(environment, "LLM_PROVIDER"):
        _add_provider(fields, environment, context)
    for variable, name in _DEFAULTS.items():
        if _value(environment, variable):
            put(fields, name, _node(variable))
    return Node(value=fields, origin="environment")


def _add_provider(
    fields: dict[str, Node], environment: Mapping[str, str], context: Context
) -> None:
    written = _value(environment, "LLM_PROVIDER")
    configured = fields["providers"].fields if "providers" in fields else {}
    row = catalogue.provider(written)
    place = Node(value=written, path="LLM_PROVIDER", origin="environment LLM_PROVIDER")
    if written not in configured and row is None:
        near = nearest(written, [*configured, *catalogue.providers()])
        context.error(place, f"unknown provider {shown(written)}", near[0] if near else None)
        return
    name = written if written in configured or row is None else row.name
    if name not in configured:
        put(fields, f"providers.{name}", Node(value={}, path="LLM_PROVIDER", origin=place.origin))
        _add_model(fields, name, _model_variables(row) if row else (), environment)
    put(fields, "default_provider", Node(value=name, path="LLM_PROVIDER", origin=place.origin))


def _add_model(
    fields: dict[str, Node], name: str, variables: Iterable[str], environment: Mapping[str, str]
) -> None:
    for variable in variables:
        if _value(environment, variable):
            put(fields, f"providers.{name}.default_model", _node(variable))
            return


def _model_variables(row: Provider) -> tuple[str, ...]:
    """``LM_STUDIO_MODEL`` beside ``LM_STUDIO_URL``, and the row's name: the first that is set wins."""
    stems = [variable.removesuffix("_URL") for variable in row.base_url_env]
    stems.append(row.name.upper().replace("-", "_"))
    return tuple([f"{stem}_MODEL" for stem in dict.fromkeys(stems)])


def _node(variable: str) -> Node:
    """The variable's value, by reference: read, checked and shown like any other."""
    return Node(value=f"${{{variable}}}", path=variable, origin=f"environment {variable}")


def _value(environment: Mapping[str, str], variable: str) -> str:
    return environment.get(variable, "").strip()
