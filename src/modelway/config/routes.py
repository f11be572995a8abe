"""The ``models`` section → routes: a name, its deployments, and what they fall back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from modelway.call import Deployment
from modelway.catalog.load import serves
from modelway.config import levels
from modelway.config.nodes import Node, join
from modelway.config.problems import nearest, shown
from modelway.config.reading import Level, Setting, read_table, text
from modelway.config.references import fallbacks
from modelway.config.schema import DEPLOYMENT, MODEL
from modelway.config.settings import Route

if TYPE_CHECKING:
    from modelway.config.build import Builder

_INLINE = {**DEPLOYMENT, **MODEL}


class Routes:
    """Reads routes over a builder's providers; ``routes`` is what came of it."""

    def __init__(self, builder: Builder, top: Level) -> None:
        self._builder = builder
        self._context = builder.context
        self._said = top.get("strategy")
        self.strategy: str = self._said.value if self._said else "ordered"
        self.routes: dict[str, Route] = {}

    def read(self, models: Node | None) -> None:
        if models is None or models.value is None:
            return
        if not isinstance(models.value, dict):
            self._context.error(models, "must be a mapping of model names to routes")
            return
        aliases: dict[str, tuple[str, Node]] = {}
        for name, node in models.fields.items():
            if not name or not name.isprintable() or "#" in name or name != name.strip():
                self._context.error(node, "a model's name is printable text without '#'")
            elif isinstance(node.value, str):
                written = self._context.read(node, text)
                if written in models.fields and written != name:
                    aliases[name] = (written, node)
                elif written is not None:
                    self._read_route(name, replace(node, value=[node]))
            else:
                self._read_route(name, node)
        self._add_aliases(aliases)
        for name, node in models.fields.items():
            for item in fallbacks(node):
                self._check_fallback(name, item, models)

    def _add_aliases(self, aliases: dict[str, tuple[str, Node]]) -> None:
        for name, (target, node) in aliases.items():
            seen = {name}
            end = target
            while end in aliases and end not in seen:
                seen.add(end)
                end = aliases[end][0]
            if end in self.routes:
                self.routes[name] = replace(self.routes[end], name=name)
            elif end in seen:
                self._context.error(node, "these names only stand for each other")

    # ------------------------------------------------------------ one route

    def _read_route(self, name: str, node: Node) -> None:
        context = self._context
        if isinstance(node.value, list):
            level, items = {}, node.items
        elif "deployments" in node.fields:
            level = context.read(node, lambda item, ctx: read_table(item, MODEL, ctx)) or {}
            below = node.fields["deployments"]
            if not isinstance(below.value, list):
                context.error(below, "must be a list of deployments")
                return
            items = below.items
        else:
            inline = context.read(node, lambda item, ctx: read_table(item, _INLINE, ctx))
            if inline is None:
                return
            level = {key: setting for key, setting in inline.items() if key in MODEL}
            inner = {
                key: item
                for key, item in node.fields.items()
                if key in DEPLOYMENT and key not in MODEL
            }
            inner.setdefault("model", replace(node, value=name))
            items = [replace(node, value=inner)]
        if not items:
            context.error(node, "a route needs at least one deployment")
            return
        self._finish(name, node, level, items)

    def _finish(self, name: str, node: Node, level: Level, items: list[Node]) -> None:
        read = [self._read_item(item) for item in items]
        weighted = any("weight" in settings for settings in read if settings)
        said = level.get("strategy", self._said)
        strategy: str = said.value if said else ("weighted" if weighted else "ordered")
        knobs = levels.flat(level)
        found: list[Deployment] = []
        problems: list[str] = []
        for position, (item, settings) in enumerate(zip(items, read, strict=True)):
            if settings is None:
                continue
            default = position if strategy.rsplit(" | ", maxsplit=1)[-1] == "ordered" else 0
            path = join(f"models.{name}.deployments", position)
            made, problem = self._deploy(path, item, settings, knobs, default)
            if problem:
                problems.append(problem)
            if {deployment.id for deployment in made} & {deployment.id for deployment in found}:
                self._context.error(
                    item,
                    "this deployment stands in the route already; give that one a weight instead",
                )
            found += made
        fallback = level.get("fallback")
        special: Level = level["fallback_on"].value if "fallback_on" in level else {}
        self.routes[name] = Route(
            name=name,
            strategy=strategy,
            deployments=tuple(found),
            fallbacks=fallback.value if fallback else (),
            inherits_fallbacks=fallback is None,
            on_context_length=special["context_length"].value
            if "context_length" in special
            else (),
            on_content_filter=special["content_filter"].value
            if "content_filter" in special
            else (),
            problem=None
            if found
            else "; ".join(dict.fromkeys(problems)) or "all its providers are off",
        )
        if not found and problems:
            self._context.notice(node, f"cannot be used now: {self.routes[name].problem}")

    def _read_item(self, item: Node) -> Level | None:
        """A deployment's settings, its provider and model told apart."""
        context = self._context
        if isinstance(item.value, str):
            written = context.read(item, text)
            if written is None:
                return None
            level: Level = {"model": Setting(written, item.origin)}
        else:
            told = context.read(item, lambda node, ctx: read_table(node, DEPLOYMENT, ctx))
            if told is None:
                return None
            level = told
        if "provider" in level:
            return level
        if "model" not in level:
            context.error(item, "a deployment needs a provider and a model")
            return None
        written = level["model"].value
        provider, slash, model = written.partition("/")
        if not slash and written not in self._known():
            providers = self._builder.providers.values()
            serving = [known.name for known in providers if serves(known.row, written)]
            if len(serving) == 1:
                return {**level, "provider": Setting(serving[0], level["model"].origin)}
            hint = nearest(written, self._known())
            context.error(
                item.fields.get("model", item),
                f"{shown(written)} does not say which provider serves it; write provider/model",
                hint[0] if hint else None,
            )
            return None
        place = level["model"].origin
        level = {**level, "provider": Setting(provider, place)}
        if slash:
            return {**level, "model": Setting(model, place)}
        del level["model"]
        return level

    def _known(self) -> set[str]:
        return {*self._builder.providers, *self._builder.disabled}

    def _deploy(
        self, path: str, item: Node, settings: Level, knobs: Level, priority: int
    ) -> tuple[tuple[Deployment, ...], str | None]:
        builder = self._builder
        name: str = settings["provider"].value
        if not builder.known_provider(name, item.fields.get("provider", item)):
            return (), None
        provider = builder.providers[name]
        model = settings["model"].value if "model" in settings else provider.default_model
        if model is None:
            self._context.error(item, f"name a model: the provider {name} has no default_model")
            return (), None
        level = levels.over(levels.flat(settings), knobs)
        builder.note_level(path, {**levels.over(level, builder.levels[name])})
        made = levels.deployments(
            provider,
            model,
            level=level,
            **{
                key: settings[key].value
                for key in ("weight", "base_url", "dialect", "max_output_tokens", "base_model")
                if key in settings
            },
            priority=settings["priority"].value if "priority" in settings else priority,
            own_limits=levels.limits(settings),
        )
        return made, provider.problem and f"{name}: {provider.problem}"

    # ------------------------------------------------------------ fallbacks

    def _check_fallback(self, route: str, node: Node, models: Node) -> None:
        name = self._context.read(node, text)
        if name is None or name in models.fields:
            if name == route:
                self._context.error(node, "a route cannot fall back to itself")
            return
        provider, _, _ = name.partition("/")
        if provider in self._known():
            return
        providers = self._builder.providers.values()
        if not any(serves(known.row, name) for known in providers):
            near = nearest(name, [*models.fields, *self._builder.providers])
            self._context.error(
                node,
                f"no route, provider or provider/model is called {shown(name)}",
                near[0] if near else None,
            )
