"""What an import may bring along: counted in modules, never in time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = frozenset(
    """aiohttp anthropic anyio cryptography cyclopts httpx jinja2 numpy openai opentelemetry pydantic
    pygments redis requests rich starlette uvicorn uvloop xllamacpp""".split()
)


def imported(code: str) -> set[str]:
    """The modules that this code brings into a fresh interpreter."""
    shown = f"import sys; before = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, timeout=30, check=True
    )
    return set(done.stdout.split())


def test_the_package_alone_is_next_to_nothing():
    modules = imported("import modelway")
    assert not {name.partition(".")[0] for name in modules} & (HEAVY | {"asyncio", "yaml"})
    assert len(modules) <= 40, sorted(modules)
