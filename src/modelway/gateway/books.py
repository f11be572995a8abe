"""What is asked of the gateway's books: its figures, budgets, costs, and the answers that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from modelway.clock import SystemClock
from modelway.engine import Engine
from modelway.errors import BadRequestError, NotFoundError
from modelway.gateway import egress
from modelway.gateway.authorise import Identity
from modelway.gateway.egress import Send
from modelway.ledger.values import LedgerStore
from modelway.observe.prometheus import OPENMETRICS_TYPE, wants_openmetrics
from modelway.observe.sharing import Shared

_FIGURES = b"text/plain; version=0.0.4; charset=utf-8"
_MOST_PARAMETERS = 64


class Books:
    """Of whatever engine is at work. ``shared`` are the figures of all workers together."""

    def __init__(self, engine: Callable[[], Engine], shared: Shared | None = None) -> None:
        self._engine = engine
        self._shared = shared

    async def answer(
        self, action: str, scope: Mapping[str, Any], identity: Identity, send: Send
    ) -> None:
        """Answer one of their routes. Who is no administrator sees what its own key has spent."""
        said = _parameters(scope["query_string"])
        match action:
            case "metrics":
                accepted = b",".join(
                    [value for name, value in scope["headers"] if name == b"accept"]
                )
                await self._metrics(send, openmetrics=wants_openmetrics(accepted))
            case "budgets":
                await egress.json(send, await self._budgets())
            case "costs":
                from modelway.ledger.report import costs  # noqa: PLC0415  # at their first use

                only = {} if identity.admin else {"tenant": identity.tenant, "key": identity.key}
                await egress.json(send, await costs(await self._ledger(), said, only=only))
            case "export_costs":
                await self._export(said, send)
            case _:
                await egress.json(send, await self._forget(said))

    async def _metrics(self, send: Send, *, openmetrics: bool) -> None:
        shared = self._shared
        if shared is None:
            metrics = self._engine().state.metrics
            if metrics is None:
                raise NotFoundError("no figures are kept here: set `metrics: {enabled: true}`")
            shared = Shared(metrics, None, SystemClock())
        body = await shared.text(openmetrics=openmetrics)
        headers = [
            (b"content-type", OPENMETRICS_TYPE if openmetrics else _FIGURES),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _budgets(self) -> bytes:
        budgets = self._engine().state.budgets
        found = () if budgets is None else await budgets.statuses()
        return msgspec.json.encode({"budgets": found})

    async def _ledger(self) -> LedgerStore:
        ledger = self._engine().state.ledger
        if ledger is None:
            raise NotFoundError("no ledger is kept here: set `ledger: {enabled: true}`")
        await ledger.flush()
        return ledger.store

    async def _export(self, said: Mapping[str, str], send: Send) -> None:
        from modelway.ledger.export import MEDIA_TYPES, exported  # noqa: PLC0415  # at its first use

        pieces = await exported(await self._ledger(), said)
        kind = MEDIA_TYPES[said.get("format", "csv")].encode()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
        )
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _forget(self, said: Mapping[str, str]) -> bytes:
        unknown = sorted(said.keys() - {"tenant"})
        if unknown:
            raise BadRequestError(f"there is no parameter {unknown[0]!r}", param=unknown[0])
        state = self._engine().state
        if state.kept is None:
            raise NotFoundError("no answers are kept here: set `cache: {enabled: true}`")
        tenant = said.get("tenant")
        forgotten = await state.kept.clear(tenant)
        if state.meant is not None:
            forgotten += await state.meant.clear(tenant)
        return msgspec.json.encode({"forgotten": forgotten})


def _parameters(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_PARAMETERS,
            errors="strict",
        )
    except ValueError:
        raise BadRequestError("the query cannot be read", param="query") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise BadRequestError(f"{name} is given twice", param=name)
        found[name] = value
    return found
