"""A model's name → the route that answers to it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from modelway.catalog import load as catalogue
from modelway.config.levels import deployments
from modelway.config.problems import nearest
from modelway.config.settings import ConfiguredProvider, Route, Settings
from modelway.errors import ConfigError, MissingKeyError, UnknownModelError

_MAX_NAME = 512


def resolve(settings: Settings, model: str) -> Route:
    """The route of a name: a route's, ``provider/model``, a provider's, or a model's served by one.

    Fallbacks are complete (those of fallbacks included, each once) and usable. Raises
    UnknownModelError with the nearest names, MissingKeyError with the variable to set.
    """
    route = _find(settings, model)
    fallbacks = tuple(_fallbacks(settings, route))
    if not route.deployments and not fallbacks:
        raise MissingKeyError(
            f"the model {model!r} cannot be used: {route.problem}", model=model, code="missing_key"
        )
    return replace(route, fallbacks=fallbacks)


def default_model(settings: Settings) -> str | None:
    """What is used when no model is named: as configured, else what can be used at once.

    In this order: ``default_model``; the default provider's own; the first route; OpenAI's; that of
    the first provider that has one.
    """
    if settings.default_model:
        return settings.default_model
    if settings.default_provider:
        named = settings.providers[settings.default_provider]
        return f"{named.name}/{named.default_model}" if named.default_model else None
    if settings.routes:
        usable = [name for name, route in settings.routes.items() if route.deployments]
        return usable[0] if usable else next(iter(settings.routes))
    ready = [
        provider
        for provider in settings.providers.values()
        if provider.default_model and not provider.problem
    ]
    ready.sort(key=lambda provider: provider.name != "openai")
    return f"{ready[0].name}/{ready[0].default_model}" if ready else None


def embedding_model(settings: Settings) -> str:
    """What embeds when no model is named: the default provider's ``embedding_model``, else the first.

    UnknownModelError where no provider has one.
    """
    providers = sorted(
        settings.providers.values(), key=lambda provider: provider.name != settings.default_provider
    )
    for provider in providers:
        if provider.embedding_model and not provider.problem:
            return f"{provider.name}/{provider.embedding_model}"
    raise UnknownModelError(
        "no model is named to embed with: give one, or set a provider's `embedding_model`"
    )


def model_names(settings: Settings) -> list[str]:
    """Names that resolve, for suggestions and lists: routes, and providers' known models."""
    names = list(settings.routes)
    for provider in settings.providers.values():
        known = [model for model in provider.row.models if not model.endswith("*")]
        default = [provider.default_model] if provider.default_model else []
        names += [f"{provider.name}/{model}" for model in dict.fromkeys([*default, *known])]
    return list(dict.fromkeys(names))


def _find(settings: Settings, model: str) -> Route:
    if route := settings.routes.get(model):
        return route
    if not model:
        default = default_model(settings)
        if default is None:
            raise UnknownModelError(
                "no model is named, and there is no default: "
                + (settings.not_found or _how(settings))
            )
        return _find(settings, default)
    if len(model) > _MAX_NAME or not model.isprintable() or "#" in model:
        raise UnknownModelError("a model's name is printable text without '#'")
    name, slash, rest = model.partition("/")
    provider = _provider(settings, name)
    if provider and slash and rest:
        return _route(model, provider, rest)
    if provider and not slash:
        if provider.default_model is None:
            raise UnknownModelError(
                f"name a model, as {provider.name}/…: {provider.name} has no default_model",
                model=model,
            )
        return _route(model, provider, provider.default_model)
    serving = [known for known in settings.providers.values() if _serves(known, model)]
    usable = [known for known in serving if not known.problem] or serving
    if len(usable) == 1:
        return _route(model, usable[0], model)
    if usable:
        choices = " or ".join([f"{known.name}/{model}" for known in usable])
        raise UnknownModelError(f"several providers serve {model!r}: say {choices}", model=model)
    raise _unknown(settings, model)


def _provider(settings: Settings, name: str) -> ConfiguredProvider | None:
    """A configured provider by its name, or by another spelling of its row's."""
    if found := settings.providers.get(name):
        return found
    row = catalogue.shipped(name)  # of an installed package there is one spelling
    return settings.providers.get(row.name) if row else None


def _serves(provider: ConfiguredProvider, model: str) -> bool:
    return model == provider.default_model or catalogue.serves(provider.row, model)


def _route(name: str, provider: ConfiguredProvider, model: str) -> Route:
    problem = provider.problem and f"{provider.name}: {provider.problem}"
    return Route(name=name, deployments=deployments(provider, model), problem=problem)


def _fallbacks(settings: Settings, route: Route) -> Iterable[str]:
    """Usable fallbacks, each once, those of fallbacks after it, the general ones at the end."""
    seen = {route.name}
    for name in route.fallbacks:
        yield from _followed(settings, name, seen)
    if not route.inherits_fallbacks:
        return
    used = {deployment.provider.name for deployment in route.deployments}
    for name in settings.fallback_providers:
        provider = settings.providers[name]
        if name not in used and provider.default_model and not provider.problem:
            full = f"{name}/{provider.default_model}"
            if full not in seen:
                seen.add(full)
                yield full


def _followed(settings: Settings, name: str, seen: set[str]) -> Iterable[str]:
    if name in seen:
        return
    seen.add(name)
    try:
        route = _find(settings, name)
    except ConfigError:
        return
    if route.deployments:
        yield name
    for below in route.fallbacks:
        yield from _followed(settings, below, seen)


def _unknown(settings: Settings, model: str) -> ConfigError:
    name, slash, _ = model.partition("/")
    row = catalogue.provider(name) or next(
        (row for row in catalogue.providers().values() if catalogue.serves(row, model)), None
    )
    near = nearest(model, model_names(settings), count=3)
    if row is not None and row.name not in settings.providers:
        return _unconfigured(settings, model, row.name, row.api_key_env)
    if slash and not near:
        near = [f"{name}/…" for name in nearest(name, settings.providers, count=3)]
    hint = f"did you mean {', '.join(near)}?" if near else _how(settings)
    return UnknownModelError(f"no model is called {model!r}: {hint}", model=model)


def _unconfigured(
    settings: Settings, model: str, provider: str, variables: tuple[str, ...]
) -> ConfigError:
    if settings.source == "environment" and provider not in catalogue.providers():
        key = f" and {' or '.join(variables)}" if variables else ""
        return UnknownModelError(
            f"the model {model!r} is {provider}'s, of an installed package: set "
            f"LLM_PROVIDER={provider}{key}, or configure it in a modelway.yaml",
            model=model,
        )
    if settings.source == "environment" and variables:
        return MissingKeyError(
            f"the model {model!r} needs {provider}'s key: set {' or '.join(variables)}",
            model=model,
            provider=provider,
            code="missing_key",
        )
    return UnknownModelError(
        f"the model {model!r} is {provider}'s, which is not configured: add `{provider}: {{}}` "
        f"below `providers` in {settings.source}",
        model=model,
    )


def _how(settings: Settings) -> str:
    names = model_names(settings)
    if names:
        return f"there are {', '.join(names[:5])}" + (" …" if len(names) > 5 else "")
    return "set a provider's key, such as OPENAI_API_KEY, or write a modelway.yaml"
