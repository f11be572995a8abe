"""The catalogue's own gate: ``python -m modelway.catalog.check``."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from modelway.catalog.check_models import model_faults
from modelway.catalog.load import names, providers
from modelway.catalog.models_load import model_file, shipped
from modelway.catalog.rows import Provider

_DIALECTS = {
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "bedrock-converse",
    "gemini",
    "ollama",
    "cohere",
    "replicate",
}


_HOSTINGS = {
    "azure-openai": {"api_version"},
    "bedrock-invoke": set[str](),
    "vertex-anthropic": {"project", "location"},
    "vertex-gemini": {"project", "location"},
}
"""The hostings, and the places that each needs."""
_BRACED = re.compile(r"\{([^}]*)\}")


def faults(rows: Iterable[Provider]) -> list[str]:
    """What is wrong with the rows, one line each."""
    rows = list(rows)
    found = [f"{row.name}: {fault}" for row in rows for fault in _faults(row)]
    spelled = Counter(["".join(n.casefold().split("-")) for row in rows for n in names(row)])
    found += [
        f"the name {name} stands for two rows" for name, count in spelled.items() if count > 1
    ]
    return found


def _faults(row: Provider) -> Iterable[str]:
    if not row.title:
        yield "no title"
    if urlsplit(row.docs).scheme != "https":
        yield "docs must be an https link"
    try:
        checked = dt.date.fromisoformat(row.checked)
    except ValueError:
        yield "checked must be a date, YYYY-MM-DD"
    else:
        if checked > dt.datetime.now(dt.UTC).date():
            yield "checked lies in the future"
    if not row.dialects or set(row.dialects) - _DIALECTS:
        yield f"dialects must be of {', '.join(sorted(_DIALECTS))}"
    if set(row.auths) - set(row.dialects):
        yield "auths names a dialect that the row does not have"
    if set(row.base_urls) - set(row.dialects):
        yield "base_urls names a dialect that the row does not have"
    yield from _address_faults(row)
    for url in (row.base_url, *row.base_urls.values(), *row.base_url_at.values()):
        scheme = urlsplit(url).scheme
        if url and (scheme not in {"http", "https"} or url.endswith("/")):
            yield f"the base URL {url} must be http(s) and not end in /"
        if url and scheme == "http" and not row.local:
            yield f"{url}: only local servers go without TLS"
    if row.key_required and not row.api_key_env:
        yield "a required key needs a variable"
    if "anthropic-messages" in row.dialects and "max_tokens" in row.quirks.rename:
        yield "renames max_tokens, which its other dialect requires"


def _address_faults(row: Provider) -> Iterable[str]:
    """Places in the URLs are the row's own, and what hostings need of them is there."""
    if set(row.hostings) - set(row.dialects):
        yield "hostings names a dialect that the row does not have"
    for name in set(row.hostings.values()) - _HOSTINGS.keys():
        yield f"there is no hosting {name}; there are {', '.join(sorted(_HOSTINGS))}"
    used = {
        name
        for url in (row.base_url, *row.base_urls.values(), *row.base_url_at.values())
        for name in _BRACED.findall(url)
    }
    needed = {place for name in row.hostings.values() for place in _HOSTINGS.get(name, ())}
    for name in sorted((used | needed) - row.places.keys()):
        yield f"{name} is needed, and is none of its places"
    for name in sorted(row.places.keys() - used - needed):
        yield f"the place {name} is in no URL, and no hosting needs it"


def main() -> int:
    rows = providers()
    found = faults(rows.values())
    for name in shipped():
        if name not in rows:
            found.append(f"model_rows/{name}.json: no provider has this name")
        found += model_faults(name, model_file(name))
    for line in found:
        print(line, file=sys.stderr)  # noqa: T201 - a command
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
