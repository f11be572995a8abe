"""The parts of a host's address that every account has its own of: a region, a project, a resource.

Each is one label of a host or segment of a path, so that none can lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from modelway.catalog.rows import PlaceName, Provider
from modelway.config.nodes import Node
from modelway.config.reading import Context, Level
from modelway.errors import BadRequestError
from modelway.transport.url import check_label

_NAMES = frozenset({"region", "project", "location", "resource", "api_version"})


class Places(NamedTuple):
    """What was found, where each came from, and what is missing."""

    values: dict[str, str]
    origins: dict[str, str]
    problem: str | None = None


def find(node: Node, level: Level, row: Provider, context: Context) -> Places:
    """A provider's places: as configured, else from the row's variables, else the row's default."""
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    missing: list[str] = []
    for name, place in row.places.items():
        written = level[name].value if name in level else ""
        variable = next((one for one in place.env if context.environment.get(one, "").strip()), "")
        value = written or context.environment.get(variable, "").strip() or place.default
        if not value:
            if not _needed(name, row):
                continue
            how = f"set {' or '.join(place.env)}, or " if place.env else ""
            missing.append(f"{name} is not set: {how}write `{name}:`")
            continue
        try:
            values[name] = check_label(value, name)
        except BadRequestError as error:
            context.error(node.fields.get(name, node), error.message)
            continue
        origins[name] = (
            level[name].origin if written else f"environment {variable}" if variable else "row"
        )
    for unused in _NAMES - row.places.keys():
        if unused in level:
            context.notice(node.fields[unused], f"has no effect: {row.name} has no {unused}")
    return Places(values, origins, "; ".join(missing) or None)


def _needed(name: PlaceName, row: Provider) -> bool:
    """Whether it stands in an address, or the hosting or the signer wants it."""
    urls = (row.base_url, *row.base_urls.values(), *row.base_url_at.values())
    if any("{" + name + "}" in url for url in urls):
        return True
    return bool(row.signer == "aws" if name == "region" else row.hostings and name != "resource")


def placed(row: Provider, values: Mapping[str, str]) -> Provider:
    """The row with its places in its URLs."""
    at = next((row.base_url_at[one] for one in values.values() if one in row.base_url_at), None)
    return replace(
        row,
        base_url=_filled(at or row.base_url, values),
        base_urls={name: _filled(url, values) for name, url in row.base_urls.items()},
    )


def moved(row: Provider, base_url: str) -> Provider:
    """The row where a configuration says that it is.

    A local server has all its dialects at one place, each below a path of its own, so they go along
    whichever of them is named. Of a host elsewhere only the named place is known.
    """
    if base_url == row.base_url:
        return row
    if not (row.local and row.base_urls):
        kept = tuple([one for one in row.dialects if one not in row.base_urls]) or row.dialects
        return replace(row, base_url=base_url, base_urls={}, base_url_at={}, dialects=kept)
    urls = {"": row.base_url, **row.base_urls}
    paths = {name: urlsplit(url).path for name, url in urls.items()}
    named = max([path for path in paths.values() if base_url.endswith(path)], key=len, default="")
    root = base_url.removesuffix(named)
    at = {name: root + path for name, path in paths.items()}
    return replace(row, base_url=at.pop(""), base_urls=at)


def completed(base_url: str, row_url: str) -> str:
    """A base URL without a path gets the row's: a local server is often named by its port alone."""
    trimmed = base_url.rstrip("/")
    return trimmed if urlsplit(trimmed).path else trimmed + urlsplit(row_url).path


def same_host(url: str, template: str) -> bool:
    """Whether a URL leads to the host of a row, whatever its places are there."""
    host = re.escape(urlsplit(template).netloc).replace(r"\{", "{").replace(r"\}", "}")
    pattern = re.sub(r"\{[a-z_]+\}", "[A-Za-z0-9_-]+", host)
    return bool(host) and re.fullmatch(pattern, urlsplit(url).netloc) is not None


def _filled(url: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        url = url.replace("{" + name + "}", value)
    return url
