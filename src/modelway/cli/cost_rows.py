"""Which rows of the ledger commands are about, and where they find them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlencode

import msgspec
from cyclopts import Parameter

from modelway.cli.gateways import Gateway
from modelway.clock import SystemClock
from modelway.config.load import load
from modelway.config.settings import Settings
from modelway.errors import BadRequestError, ConfigError, ResponseError
from modelway.gateway.authorise import state_directory
from modelway.ledger.opening import FILE
from modelway.ledger.query import Query, parse, written
from modelway.ledger.report import CostReport, cost_report
from modelway.ledger.store import open_ledger_store
from modelway.ledger.values import LedgerStore

_FILTERS = ("key", "team", "user", "tag", "tenant", "provider", "model")


def _filter(what: str) -> Parameter:
    return Parameter(negative="", show_default=False, help=f"Only of {what}; may be repeated.")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Options by which rows are chosen."""

    days: Annotated[int | None, Parameter(help="The last so many days, today included.")] = None
    since: Annotated[
        str | None, Parameter(help="From this date or time on, such as 2026-11-21T09:30.")
    ] = None
    until: Annotated[str | None, Parameter(help="Before this date or time.")] = None
    time_zone: Annotated[
        str, Parameter(help="In which days begin, and times are that name no zone.")
    ] = "UTC"
    key: Annotated[tuple[str, ...], _filter("this key")] = ()
    team: Annotated[tuple[str, ...], _filter("this team")] = ()
    user: Annotated[tuple[str, ...], _filter("this user")] = ()
    tag: Annotated[tuple[str, ...], _filter("what has this tag")] = ()
    tenant: Annotated[tuple[str, ...], _filter("this tenant")] = ()
    provider: Annotated[tuple[str, ...], _filter("this provider")] = ()
    model: Annotated[tuple[str, ...], _filter("this model, as its provider calls it")] = ()

    def query(self, **more: str) -> dict[str, str]:
        """The same as parameters of a URL."""
        said = {name: getattr(self, name) for name in ("since", "until", "days")}
        found = {name: str(value) for name, value in said.items() if value is not None}
        if self.time_zone != "UTC":
            found["time_zone"] = self.time_zone
        for name in _FILTERS:
            if values := getattr(self, name):
                found[name] = written(values)
        return found | more


Chosen: TypeAlias = Annotated[Rows, Parameter(name="*")]
"""The options, as parameters of a command."""
ALL = Rows()


@contextlib.contextmanager
def usage() -> Iterator[None]:
    """What is wrong with a parameter is wrong with the option of its name."""
    try:
        yield
    except BadRequestError as error:
        if not error.param:
            raise
        option = error.param.replace("_", "-")
        raise ConfigError(f"--{option}{error.message.removeprefix(error.param)}") from None


def chosen(query: Mapping[str, str], **how: str | None) -> Query:
    """A query, read. ConfigError, with the option, for what is wrong with it."""
    with usage():
        return parse(query, now=SystemClock.time(), **how)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def ledger(settings: Settings) -> AsyncIterator[LedgerStore]:
    """The ledger of a configuration, which must be there already."""
    place = state_directory() / FILE
    if settings.ledger.url is None and not place.exists():
        raise ConfigError(
            f"nothing has been written down yet: there is no {place}. A gateway keeps a ledger, and so "
            "does what has ledger.enabled: true; MODELWAY_STATE says where it keeps its state"
        )
    store = await open_ledger_store(settings.ledger.url, default=place)
    try:
        yield store
    finally:
        await store.aclose()


async def fetched(
    query: Mapping[str, str], config: Path | None, url: str | None, key_variable: str
) -> CostReport:
    """A report, of the local ledger or of a running gateway's."""
    asked = chosen(query)
    if url is None:
        async with ledger(load(config)) as store:
            return await cost_report(store, asked)
    async with Gateway(url, key_variable) as gateway:
        answer = await gateway.ask("GET", f"/v1/costs?{urlencode(query)}")
    try:
        return msgspec.json.decode(answer, type=CostReport)
    except msgspec.MsgspecError:
        raise ResponseError("what answered is no gateway of modelway's") from None
