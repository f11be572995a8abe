"""The own schema's nodes → ``Settings``: providers first, then the routes over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from modelway.call import Timeouts
from modelway.catalog import load as catalogue
from modelway.catalog.models_overrides import Overrides
from modelway.catalog.rows import Provider, Quirks
from modelway.config import (
    budgeting,
    callers,
    choosing,
    experimenting,
    keys,
    levels,
    measuring,
    places,
    prices,
    signing,
    storing,
)
from modelway.config.masking import masked, without
from modelway.config.nodes import Node, join, with_fields
from modelway.config.places import completed, same_host
from modelway.config.problems import nearest, shown
from modelway.config.reading import Context, Level, Setting, read_table
from modelway.config.references import providers_named
from modelway.config.routes import Routes
from modelway.config.schema import BACKOFF, PROVIDER, TIMEOUTS, TOP
from modelway.config.settings import (
    ConfiguredProvider,
    GatewaySettings,
    HealthSettings,
    HedgingSettings,
    Origin,
    Settings,
    StoreSettings,
    TransportSettings,
)
from modelway.errors import ConfigError
from modelway.ledger.values import LedgerSettings
from modelway.local.settings import BASE_URL, LocalSettings
from modelway.observe.settings import MetricsSettings, TelemetrySettings
from modelway.policies.breaker.values import BreakerSettings
from modelway.policies.limits.values import Queueing

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")

_NO_PRIORITY = "accepted, but without effect on a provider: give it to the deployments of a model"


class Builder:
    """One configuration on its way; ``context`` collects what is wrong with it."""

    def __init__(
        self, root: Node, context: Context, source: str, directory: Path | None = None
    ) -> None:
        self.root = root
        self.context = context
        self.source = source
        self._directory = directory
        self.providers: dict[str, ConfiguredProvider] = {}
        self.disabled: set[str] = set()
        self.levels: dict[str, Level] = {}
        self._origins: list[Origin] = []
        self._secrets: list[str] = []

    def build(self) -> Settings:
        kept = {name: node for name, node in self.root.fields.items() if not name.startswith("x-")}
        self.root = with_fields(self.root, kept)  # x-… is room for a YAML file's anchors
        top = self.context.read(self.root, lambda node, ctx: read_table(node, TOP, ctx)) or {}
        self.defaults = levels.flat(top["defaults"].value) if "defaults" in top else {}
        for name, setting in self.defaults.items():
            self._note(f"defaults.{name}", setting.value, setting.origin)
        self._read_providers()
        routes = Routes(self, top)
        routes.read(self.root.fields.get("models"))
        self._check_names(top)
        gateway = self._gateway(top)
        return Settings(
            providers=self.providers,
            routes=routes.routes,
            default_model=self._top(top, "default_model"),
            default_provider=self._provider_name(top),
            fallback_providers=tuple(
                [
                    name
                    for name in self._top(top, "fallback_providers") or ()
                    if name in self.providers
                ]
            ),
            strategy=routes.strategy,
            defaults=levels.sampling(self.defaults),
            tenants=callers.tenants(top, self.context),
            queue=self._struct(top, "queue", Queueing),
            breaker=self._struct(top, "breaker", BreakerSettings),
            health=self._struct(top, "health", HealthSettings),
            hedging=self._struct(top, "hedging", HedgingSettings),
            single_flight=bool(self._top(top, "single_flight")),
            store=self._store(top),
            experiments=experimenting.read(top, set(routes.routes), self.context),
            scores=choosing.scores(top, self.context),
            tasks=choosing.tasks(top, routes.routes, self.context),
            task_model=self._top(top, "task_model"),
            budgets=budgeting.read(top, self.context, self._note),
            ledger=self._ledger(top),
            cache=measuring.cache(top, self.context, self._note),
            metrics=self._struct(top, "metrics", MetricsSettings),
            telemetry=self._telemetry(top),
            overrides=self._overrides(top),
            price_file=self._price_file(top),
            gateway=gateway,
            transport=self._struct(top, "transport", TransportSettings),
            notices=tuple([p for p in self.context.problems if p.severity == "notice"]),
            origins=tuple(
                [replace(row, value=without(self._secrets, row.value)) for row in self._origins]
            ),
            source=self.source,
        )

    # ------------------------------------------------------------ providers

    def _read_providers(self) -> None:
        written = self.root.fields.get("providers")
        nodes = dict(written.fields) if written else {}
        if written and not isinstance(written.value, dict | None):
            self.context.error(written, "must be a mapping of provider names to settings")
        for name, node in providers_named(self.root, nodes).items():
            row = catalogue.provider(name)
            if name not in nodes and row:
                nodes[name] = Node(value={}, path=join("providers", name), origin=node.origin)
        for name, node in nodes.items():
            self._read_provider(name, node)

    def _read_provider(self, name: str, node: Node) -> None:
        context = self.context
        if not name or set(name) - _NAME_CHARACTERS:
            context.error(node, "a provider's name is made of letters, digits, '.', '_' and '-'")
            return
        if node.value is None:
            node = replace(node, value={})
        level = context.read(node, lambda item, ctx: read_table(item, PROVIDER, ctx))
        if level is None:
            return
        if "enabled" in level and not level["enabled"].value:
            self.disabled.add(name)
            return
        row = self._row(name, node, level)
        if row is None:
            return
        where = places.find(node, level, row, context)
        row = places.placed(row, where.values)
        knobs = levels.over(levels.flat(level), self.defaults)
        self.levels[name] = knobs
        found = keys.find(name, level, row, context)
        self._secrets += [
            credential.secret for credential in found.credentials if credential.secret
        ]
        self._secrets += signing.secrets(level)
        provider = self._provider(node, name, level, row, knobs=knobs, found=found, where=where)
        self.providers[name] = provider
        self._note_provider(provider, level, found)
        for place, origin_ in where.origins.items():
            self._note(f"providers.{name}.{place}", where.values[place], origin_)
        if "priority" in level:
            context.notice(node.fields["priority"], _NO_PRIORITY)
        for field in ("models_dir", "engine"):
            if field in level and not row.in_process:
                context.error(node.fields[field], "only for a provider that is `like: local`")
        if provider.problem:
            context.notice(node, f"cannot be used now: {provider.problem}")

    def _row(self, name: str, node: Node, level: Level) -> Provider | None:
        """The catalogue's row under this configuration's name, with the user's changes to it."""
        like: str = level["like"].value if "like" in level else name
        try:
            row = catalogue.provider(like)
        except ConfigError as error:  # of the installed package that adds it
            self.context.error(node.fields.get("like", node), error.message)
            return None
        if "base_url" in node.fields and (
            row.in_process if row else "like" not in level
        ):  # a server that somebody calls `local`
            row = catalogue.provider("openai-compatible")
        if row is None:
            place = node.fields.get("like", node)
            near = nearest(
                like, [n for r in catalogue.providers().values() for n in catalogue.names(r)]
            )
            hint = "" if "like" in level else "; give it a base_url, or say which it is `like`"
            self.context.error(
                place, f"unknown provider {shown(like)}{hint}", near[0] if near else None
            )
            return None
        here = "base_url" in node.fields or row.base_url or self._environment_url(row)
        if not here:
            self.context.error(node, f"a provider like {row.name} needs a base_url")
            return None
        changes: dict[str, Any] = {"name": name}
        for field in ("auth", "models", "operations"):
            if field in level:
                changes[field] = level[field].value
        if "auth" in level:
            changes["auths"] = {}
        if "quirks" in level:
            said = {field: setting.value for field, setting in level["quirks"].value.items()}
            changes["quirks"] = replace(row.quirks, **said) if said else Quirks()
        if row.in_process:
            return replace(row, **changes, base_url=f"{BASE_URL}/{name}/v1")
        base_url, _ = self._base_url(level, row)
        if same_host(base_url, row.base_url):
            changes["like"] = row.name
        return replace(places.moved(row, base_url), **changes)

    def _environment_url(self, row: Provider) -> tuple[str, str] | None:
        for variable in row.base_url_env:
            if value := self.context.environment.get(variable, "").strip():
                return variable, value
        return None

    def _provider(
        self,
        node: Node,
        name: str,
        level: Level,
        row: Provider,
        *,
        knobs: Level,
        found: keys.Keys,
        where: places.Places,
    ) -> ConfiguredProvider:
        timeouts = levels.LOCAL_TIMEOUTS if row.local else Timeouts()
        dialect = level["dialect"].value if "dialect" in level else row.dialects[0]
        return ConfiguredProvider(
            name=name,
            row=row,
            base_url=row.base_urls.get(dialect, row.base_url),
            dialect=dialect,
            also={}
            if "dialect" in level
            else {
                each: row.base_urls.get(each, row.base_url)
                for each in row.dialects
                if each != dialect
            },
            places=where.values,
            signing=signing.find(node, level, row, where.values, self.context)
            if found.credentials and not found.credentials[0].secret
            else None,
            credentials=found.credentials,
            headers=levels.part(knobs, "headers"),
            query=levels.part(knobs, "query"),
            body=levels.part(knobs, "extra"),
            timeouts=levels.updated(timeouts, knobs, "timeouts", tuple(TIMEOUTS)),
            backoff=levels.backoff(knobs),
            limits=levels.limits(level),
            key_limits=levels.limits(level, "key_limits"),
            priority=level["priority"].value if "priority" in level else 0,
            default_model=level["default_model"].value
            if "default_model" in level
            else row.default_model,
            embedding_model=level["embedding_model"].value if "embedding_model" in level else None,
            supports_streaming=knobs["supports_streaming"].value
            if "supports_streaming" in knobs
            else True,
            defaults=levels.sampling(knobs),
            local=self._local(level) if row.in_process else None,
            problem=found.problem or where.problem,
        )

    def _base_url(self, level: Level, row: Provider) -> tuple[str, str]:
        if "base_url" in level:
            return completed(level["base_url"].value, row.base_url), level["base_url"].origin
        if found := self._environment_url(row):
            return completed(found[1], row.base_url), f"environment {found[0]}"
        return row.base_url, _row_origin(level, row.name)

    def _local(self, level: Level) -> LocalSettings:
        said: Level = dict(level["engine"].value) if "engine" in level else {}
        if "models_dir" in level:
            said["models_dir"] = level["models_dir"]
        return LocalSettings(**{name: setting.value for name, setting in said.items()})

    # ------------------------------------------------------------ names

    def _top(self, top: Level, name: str) -> Any:
        if name not in top:
            return None
        self._note(name, top[name].value, top[name].origin)
        return top[name].value

    def _provider_name(self, top: Level) -> str | None:
        name = self._top(top, "default_provider")
        return name if name in self.providers else None

    def _check_names(self, top: Level) -> None:
        for field in ("default_provider", "fallback_providers"):
            node = self.root.fields.get(field)
            if node is None or field not in top:
                continue
            items = node.items or [node]
            for name, item in zip(_names(top[field].value), items, strict=False):
                if self.known_provider(name, item) and not self.providers[name].default_model:
                    self.context.notice(
                        item,
                        f"{name} has no default_model, so nothing is sent to it by this setting",
                    )

    def known_provider(self, name: str, node: Node) -> bool:
        """Whether a provider of this name is configured and on; otherwise a problem or a notice."""
        if name in self.providers:
            return True
        if name in self.disabled:
            self.context.notice(node, f"{name} is switched off (enabled: false): left out")
            return False
        near = nearest(name, [*self.providers, *catalogue.providers()])
        self.context.error(node, f"unknown provider {shown(name)}", near[0] if near else None)
        return False

    # ------------------------------------------------------------ sections

    def _overrides(self, top: Level) -> Overrides:
        if "catalogue" not in top:
            return Overrides()
        return prices.overrides(top["catalogue"].value, self.context, self._directory)

    def _price_file(self, top: Level) -> Path | None:
        if "catalogue" not in top:
            return None
        return prices.file(top["catalogue"].value, self.context, self._directory)

    def _struct(self, top: Level, name: str, kind: type[Any]) -> Any:
        said: Level = top[name].value if name in top else {}
        known = {field: setting.value for field, setting in said.items()}
        made = kind(**known)
        for field in kind.__struct_fields__:
            value = getattr(made, field)
            if value is not None and value != ():
                self._note(
                    f"{name}.{field}", value, said[field].origin if field in said else "default"
                )
        return made

    def _gateway(self, top: Level) -> GatewaySettings:
        said: Level = dict(top["gateway"].value) if "gateway" in top else {}
        node: Setting | None = said.pop("keys", None)
        found = callers.read(node.value, self.context) if node else []
        for number, caller in enumerate(found):
            self._secrets.append(caller.credential.secret)
            self._note(f"gateway.keys[{number}]", "(hidden)", node.origin if node else "")
        made: GatewaySettings = self._struct(
            {"gateway": Setting(said, "")}, "gateway", GatewaySettings
        )
        return replace(made, keys=tuple(found))

    def _store(self, top: Level) -> StoreSettings:
        if "store" not in top:
            return StoreSettings()
        found, level = storing.read(top["store"].value, self.context)
        for name, setting in level.items():
            self._note(f"store.{name}", storing.shown(setting.value), setting.origin)
        if "@" in found.url:
            self._secrets.append(found.url)
        return found

    def _ledger(self, top: Level) -> LedgerSettings:
        made: LedgerSettings = self._struct(top, "ledger", LedgerSettings)
        if made.url is not None and "@" in made.url:
            self._secrets.append(made.url)
        return made

    def _telemetry(self, top: Level) -> TelemetrySettings:
        made: TelemetrySettings = self._struct(top, "telemetry", TelemetrySettings)
        self._secrets += made.headers.values()
        said: Level = top["telemetry"].value if "telemetry" in top else {}
        if said and "enabled" not in said:
            node = replace(self.root.fields["telemetry"], path="telemetry.enabled")
            self.context.notice(node, "is not said, so nothing is told: say true, or false")
        return made

    # ------------------------------------------------------------ origins

    def _note_provider(self, provider: ConfiguredProvider, level: Level, found: keys.Keys) -> None:
        path = f"providers.{provider.name}"
        _, where = self._base_url(level, provider.row)
        self._note(f"{path}.base_url", provider.base_url, where)
        for number, place in enumerate(found.origins):
            name = "api_key" if len(found.origins) == 1 else f"api_keys[{number}]"
            self._note(f"{path}.{name}", "(hidden)", place)
        if found.problem:
            self._note(f"{path}.problem", found.problem, "check")
        for name in LocalSettings.__struct_fields__ if provider.local else ():
            set_in: Level = {**level, **level["engine"].value} if "engine" in level else level
            if name in set_in:
                where = "" if name == "models_dir" else "engine."
                self._note(f"{path}.{where}{name}", set_in[name].value, set_in[name].origin)
        if provider.default_model:
            told = level.get("default_model")
            place = told.origin if told else _row_origin(level, provider.name)
            self._note(f"{path}.default_model", provider.default_model, place)
        self.note_knobs(path, provider, self.levels[provider.name])
        for field in ("limits", "key_limits"):
            for name, setting in (level[field].value if field in level else {}).items():
                self._note(f"{path}.{field}.{name}", setting.value, setting.origin)

    def note_knobs(self, path: str, provider: ConfiguredProvider, level: Level) -> None:
        """Every knob in force at a provider or deployment."""
        for struct, name, fields in (
            (provider.timeouts, "timeouts", TIMEOUTS),
            (provider.backoff, "backoff", {"attempts": None, **BACKOFF}),
        ):
            for field in fields:
                if f"{name}.{field}" not in level:
                    self._note(f"{path}.{name}.{field}", getattr(struct, field), "default")
        for name, setting in level.items():
            self._note(f"{path}.{name}", setting.value, setting.origin)

    def note_level(self, path: str, level: Level) -> None:
        """Every knob that somebody set."""
        for name, setting in level.items():
            self._note(f"{path}.{name}", setting.value, setting.origin)

    def _note(self, path: str, value: object, place: str) -> None:
        shown_value = masked(path, value, place)
        self._origins.append(Origin(path=path, value=shown_value, origin=place))


def _row_origin(level: Level, name: str) -> str:
    like = level["like"].value if "like" in level else name
    row = catalogue.provider(like)
    return f"provider row {row.name if row else like}"


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def build(root: Node, context: Context, source: str, directory: Path | None = None) -> Settings:
    """What the nodes mean. Problems are in ``context``; with an error, the result is not to be used.

    ``directory`` is where files are that it names.
    """
    return Builder(root, context, source, directory).build()
