"""The file of LiteLLM's proxy: ``model_list`` becomes providers and routes.

Source: https://docs.litellm.ai/docs/proxy/config_settings, 2026-11-21. What has no counterpart here
is a notice at its line, so that nothing is dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from modelway.catalog import load as catalogue
from modelway.config.nodes import Node, with_fields
from modelway.config.reading import Context
from modelway.config.shapes import litellm_names as names
from modelway.config.shapes.synonyms import put

_SECTIONS = ("model_list", "litellm_settings", "router_settings", "general_settings")
_ENVIRONMENT = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


def normalise(root: Node, context: Context) -> Node:
    """LiteLLM's sections in the own schema; the file's other fields stay."""
    if "model_list" not in root.fields:
        return root
    fields = {name: item for name, item in root.fields.items() if name not in _SECTIONS}
    shape = _Shape(fields, context)
    for item in root.fields["model_list"].items:
        shape.add_model(item)
    for section in ("litellm_settings", "router_settings"):
        if section in root.fields:
            shape.add_settings(root.fields[section])
    if "general_settings" in root.fields:
        shape.add_general(root.fields["general_settings"])
    if not shape.routes and not shape.accounts:
        context.error(root.fields["model_list"], "no model of the list can be used")
    for name, deployments in shape.routes.items():
        first = deployments[0]
        route = {"deployments": replace(first, value=deployments)}
        for field in names.FALLBACKS.values():
            if (name, field) in shape.fallbacks:
                put(route, field, shape.fallbacks.pop((name, field)))
        _name(fields, "models", name, with_fields(first, route))
    for (name, _), node in shape.fallbacks.items():
        context.error(node, f"a fallback is given for {name!r}, which is not in the model_list")
    return with_fields(root, fields)


class _Shape:
    """What has been read of one file."""

    def __init__(self, fields: dict[str, Node], context: Context) -> None:
        self._fields = fields
        self._context = context
        self.accounts: dict[tuple[str, ...], str] = {}
        """What tells accounts apart → the provider's name here."""
        self.routes: dict[str, list[Node]] = {}
        self.fallbacks: dict[tuple[str, str], Node] = {}
        """By the model's name and its field."""

    # ------------------------------------------------------------ the list

    def add_model(self, item: Node) -> None:
        """One entry: a deployment of the route that its ``model_name`` is."""
        name = self._text(item, "model_name")
        told = item.fields.get("litellm_params")
        model = None if told is None else self._text(told, "model")
        if name is None or told is None or model is None:
            self._context.error(item, "an entry needs model_name and litellm_params.model")
            return
        place = told.fields["model"]
        found = self._provider(model, told)
        if found is None:
            self._context.error(place, f"no provider here is what LiteLLM calls {model!r}")
            return
        row, bare = found
        provider = self._account(row, told)
        for field, value in item.fields.items():
            if field not in ("model_name", "litellm_params", "model_info"):
                self._context.notice(value, f"{field}: has no counterpart here, and no effect")
        if bare == "*":
            self._add_wildcard(name, row, provider, item)
            return
        if "*" in name or "*" in bare:
            self._context.error(
                item, "a pattern stands for all of a provider's models, or for none"
            )
            return
        deployment = {
            "provider": replace(place, value=provider),
            "model": replace(place, value=bare),
        }
        for field, value in told.fields.items():
            if field in names.KNOBS:
                put(deployment, names.KNOBS[field], _referring(value))
        info = item.fields.get("model_info")
        if info is not None and "base_model" in info.fields:
            deployment["base_model"] = info.fields["base_model"]
        self.routes.setdefault(name, []).append(with_fields(item, deployment))

    def _add_wildcard(self, name: str, row: str, provider: str, item: Node) -> None:
        """``openai/*`` is the provider itself, by its name."""
        prefix = name.removesuffix("*").rstrip("/")
        if prefix and catalogue.provider(prefix) is not catalogue.provider(row):
            self._context.notice(item, f"ask for its models as {provider}/…, not as {name}")

    def _provider(self, model: str, told: Node) -> tuple[str, str] | None:
        """The row and the bare name of a model string: a prefix, else whoever serves the name."""
        said = self._text(told, "custom_llm_provider")
        prefix, slash, rest = model.partition("/")
        if said is not None:
            row = names.row(said, rest or model)
            return None if row is None else (row, model.removeprefix(f"{said}/"))
        if slash:
            row = names.row(prefix, rest)
            if row is not None:
                return self._hosted(row, told), names.bare(prefix, rest)
        if model == "*":
            return None
        serving = [
            row.name for row in catalogue.providers().values() if catalogue.serves(row, model)
        ]
        return (serving[0], model) if serving else None

    def _hosted(self, row: str, told: Node) -> str:
        """``openai/`` at another place is any server with that wire."""
        elsewhere = told.fields.keys() & {"api_base", "base_url"}
        return "openai-compatible" if row == "openai" and elsewhere else row

    def _account(self, row: str, told: Node) -> str:
        """The provider for an entry's account, made when it is first seen."""
        settings: dict[str, Node] = {}
        for field, value in told.fields.items():
            if field in names.ACCOUNT:
                put(settings, names.ACCOUNT[field], _referring(value))
            elif field not in names.KNOBS and field not in names.READ:
                self._context.notice(value, f"{field}: has no counterpart here, and no effect")
        key = (row, *[f"{name}={node.value!r}" for name, node in sorted(_flat(settings))])
        if key in self.accounts:
            return self.accounts[key]
        taken = list(self.accounts.values())
        name, number = row, 1
        while name in taken:
            number += 1
            name = f"{row}-{number}"
        self.accounts[key] = name
        if name != row:
            settings["like"] = replace(told, value=row)
        _name(self._fields, "providers", name, with_fields(told, settings))
        return name

    # ------------------------------------------------------------ settings

    def add_settings(self, section: Node) -> None:
        for field, value in section.fields.items():
            if field in names.SETTINGS:
                put(self._fields, names.SETTINGS[field], _referring(value))
            elif field == "routing_strategy":
                self._add_strategy(value)
            elif field in names.FALLBACKS:
                self._add_fallbacks(names.FALLBACKS[field], value)
            elif field == "default_fallbacks":
                put(self._fields, "fallback_providers", value)
            elif field == "model_group_alias":
                for alias, group in value.fields.items():
                    target = group.fields.get("model", group)
                    self.routes.setdefault(
                        alias,
                        self.routes.get(str(target.value), [with_fields(group, {"model": target})]),
                    )
            elif field not in names.QUIET:
                self._context.notice(value, f"{field}: has no counterpart here, and no effect")

    def _add_strategy(self, value: Node) -> None:
        own = names.STRATEGIES.get(str(value.value))
        if own is None:
            known = ", ".join(names.STRATEGIES)
            self._context.error(value, f"LiteLLM has no such routing_strategy; it has {known}")
        else:
            put(self._fields, "strategy", replace(value, value=own))

    def _add_fallbacks(self, field: str, value: Node) -> None:
        """``[{"smart": ["fast"]}]``: several lists for one model follow each other."""
        for item in value.items:
            for name, models in item.fields.items():
                before = self.fallbacks.get((name, field))
                items = [*(before.items if before else []), *(models.items or [models])]
                self.fallbacks[name, field] = replace(models, value=items)

    def add_general(self, section: Node) -> None:
        for field, value in section.fields.items():
            if field == "master_key":
                said = {"key": _referring(value), "admin": replace(value, value=True)}
                put(self._fields, "gateway.keys", replace(value, value=[with_fields(value, said)]))
            elif field not in names.QUIET:
                self._context.notice(value, f"{field}: has no counterpart here, and no effect")

    def _text(self, node: Node, field: str) -> str | None:
        value = node.fields.get(field)
        return value.value if value is not None and isinstance(value.value, str) else None


def _flat(settings: dict[str, Node], before: str = "") -> Iterable[tuple[str, Node]]:
    for name, node in settings.items():
        if isinstance(node.value, dict):
            yield from _flat(node.value, f"{before}{name}.")
        else:
            yield f"{before}{name}", node


def _name(fields: dict[str, Node], section: str, name: str, node: Node) -> None:
    above = fields.get(section) or Node(value={}, path=section, origin=node.origin)
    fields[section] = with_fields(above, {**above.fields, name: node})


def _referring(node: Node) -> Node:
    """``os.environ/NAME`` as ``${NAME}``, at any depth."""
    if isinstance(node.value, str):
        found = _ENVIRONMENT.fullmatch(node.value)
        return replace(node, value="${" + found[1] + "}") if found else node
    if isinstance(node.value, dict):
        return with_fields(node, {name: _referring(item) for name, item in node.fields.items()})
    return node
