"""The health of providers, and breakers, as people read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from modelway.cli import output
from modelway.health import HealthStatus
from modelway.policies.breaker import BreakerStatus, Failure

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_PROVIDERS = ("PROVIDER", "STATE", "FOR", "TIME", "MEDIAN", "")
_BREAKERS = ("DEPLOYMENT", "BREAKER", "FOR", "FAILURES", "NEXT PROBE", "")
_COLOURS = {
    "healthy": "green",
    "closed": "green",
    "degraded": "yellow",
    "half_open": "yellow",
    "down": "red",
    "open": "red",
}


class Snapshot(Struct, frozen=True):
    """What a gateway answers, or is seen from here."""

    providers: tuple[HealthStatus, ...] = ()
    breakers: tuple[BreakerStatus, ...] = ()
    trouble: str = ""
    """Why it is not of this moment."""

    def of(self, provider: str | None) -> Snapshot:
        """What is of one provider."""
        if provider is None:
            return self
        return Snapshot(
            tuple([one for one in self.providers if one.provider == provider]),
            tuple([one for one in self.breakers if one.deployment.startswith(f"{provider}/")]),
            self.trouble,
        )

    @property
    def well(self) -> bool:
        return not any(one.state == "down" for one in self.providers) and not any(
            one.state != "closed" for one in self.breakers
        )

    def named(self) -> list[tuple[str, HealthStatus | BreakerStatus]]:
        """Each with the name that people know it by; a credential is told where there are several."""
        several = Counter([one.provider for one in self.providers])
        providers = [
            (
                f"{one.provider} ({one.credential})" if several[one.provider] > 1 else one.provider,
                one,
            )
            for one in self.providers
        ]
        return [*providers, *[(one.deployment, one) for one in self.breakers]]


def why(status: HealthStatus | BreakerStatus) -> str:
    """What stands behind a state, where it is not well; else what is to be known of it."""
    if isinstance(status, BreakerStatus):
        return "" if status.state == "closed" else _said(status.last_failure)
    if status.state in ("healthy", "unconfigured", "unknown"):
        return status.note
    return _said(status.last_failure)


def show(snapshot: Snapshot) -> None:
    """Once, as a table."""
    output.table(_PROVIDERS, _providers(snapshot))
    if rows := _breakers(snapshot):
        print()
        output.table(_BREAKERS, rows)


def drawn(snapshot: Snapshot) -> Group:
    """The same, for a terminal that is drawn anew."""
    from rich.console import Group  # noqa: PLC0415  # 0.1 s, for terminals alone
    from rich.text import Text  # noqa: PLC0415

    parts: list[Table | Text] = [_drawn(_PROVIDERS, _providers(snapshot))]
    if rows := _breakers(snapshot):
        parts.append(_drawn(_BREAKERS, rows))
    if snapshot.trouble:
        parts.append(Text(output.plain(snapshot.trouble), "yellow"))
    return Group(*parts)


def _drawn(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*[Text(output.plain(cell), _COLOURS.get(cell, "")) for cell in row])
    return table


def _providers(snapshot: Snapshot) -> list[tuple[str, ...]]:
    return [
        (
            name,
            one.state,
            _time(one.since_s),
            output.duration(one.last_s),
            output.duration(one.p50_s),
            why(one),
        )
        for name, one in snapshot.named()
        if isinstance(one, HealthStatus)
    ]


def _breakers(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """Those that have something to tell."""
    return [
        (
            one.deployment,
            one.state,
            _time(one.opened_s),
            str(one.failures),
            _time(one.retry_in_s),
            _said(one.last_failure),
        )
        for one in snapshot.breakers
        if one.failures or one.state != "closed"
    ]


def _said(failure: Failure | None) -> str:
    if failure is None:
        return ""
    status = "" if failure.status is None else f" {failure.status}"
    return f"{failure.error}{status}: {failure.message}"


def _time(seconds: float | None) -> str:
    """To the unit that tells enough."""
    if seconds is None:
        return "-"
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
