"""How attacks on the books ask a gateway, and read what it has written down of them."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from support.serving import KEY


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str,
    path: str,
    body: Any = None,
    *,
    key: str = KEY,
    method: str = "",
    headers: dict[str, str] | None = None,
) -> Said:
    """One request by a connection of its own; ``body`` is a value, or the bytes themselves."""
    with asking(url) as connection:
        return connection.ask(path, body, key=key, method=method, headers=headers)


class Asking:
    """A connection for requests one after the other."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        assert place.hostname is not None
        self._connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        key: str = KEY,
        method: str = "",
        headers: dict[str, str] | None = None,
    ) -> Said:
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", **(headers or {})}
        if key:
            told["authorization"] = f"Bearer {key}"
        method = method or ("GET" if body is None else "POST")
        self._connection.request(method, path, sent, told)
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Said(response.status, found, response.read())

    def close(self) -> None:
        self._connection.close()


def asking(url: str) -> contextlib.closing[Asking]:
    """A connection, closed at the end of the block."""
    return contextlib.closing(Asking(url))


def rows(url: str, **query: str) -> list[dict[str, Any]]:
    """The ledger's rows, oldest first."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    said = ask(url, f"/v1/costs/export?format=json&{asked}")
    assert said.status == 200, said.body
    found: list[dict[str, Any]] = sorted(said.json, key=lambda row: row["time"])
    return found


def spent(url: str) -> int:
    """What a gateway says all has cost, in pico-dollars."""
    said = ask(url, "/v1/costs?by=")
    assert said.status == 200, said.body
    return sum(group["cost_pico_usd"] for group in said.json["groups"])


def budget(url: str, name: str) -> dict[str, Any]:
    """How a budget stands, the one that is of this name."""
    said = ask(url, "/v1/budgets")
    (found,) = [one for one in said.json["budgets"] if one["name"] == name]
    return dict(found)
