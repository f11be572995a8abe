"""How many recordings each law was checked on, by provider, for the report at the end of a run."""

from __future__ import annotations

from collections import Counter, defaultdict

COUNTS: defaultdict[str, Counter[str]] = defaultdict(Counter)


def count(law: str, provider: str, checks: int = 1) -> None:
    COUNTS[law][provider] += checks


def report() -> list[str]:
    lines = []
    for law in sorted(COUNTS):
        of = COUNTS[law]
        each = ", ".join(f"{provider} {number}" for provider, number in sorted(of.items()))
        lines.append(f"{law}: {sum(of.values())} ({each})")
    return lines
