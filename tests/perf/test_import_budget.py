"""What an import may bring along: counted in modules, never in time."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    *("aiohttp", "anthropic", "anyio", "cryptography", "cyclopts", "httpx", "jinja2", "numpy"),
    *("openai", "opentelemetry", "pydantic", "pygments", "redis", "requests", "rich", "starlette"),
    *("uvicorn", "uvloop", "xllamacpp"),
}


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


def test_a_client_needs_nothing_of_the_gateway_or_the_command_line():
    modules = imported("from modelway import Client; Client({'providers': {}})")
    assert not {name.partition(".")[0] for name in modules} & (HEAVY)
    assert not {name for name in modules if name.split(".")[1:2] in (["gateway"], ["cli"])}
    assert len(modules) <= 390, len(modules)  # limits, breakers and strategies are 55, money 20


def test_the_gateway_needs_nothing_of_the_other_transport_or_of_other_libraries():
    modules = imported("import modelway.gateway.serve")
    roots = {name.partition(".")[0] for name in modules}
    assert not roots & (HEAVY - {"uvicorn", "uvloop", "anyio"})
