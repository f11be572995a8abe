"""Where the rows of a ledger are kept, by URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from modelway.errors import ConfigError
from modelway.ledger.values import LedgerStore

_SCHEMES = ("sqlite:///absolute/path", "sqlite:relative/path", "postgresql://user@host/database")


async def open_ledger_store(
    url: str | None, *, default: Path, timeout_s: float = 10.0
) -> LedgerStore:
    """The store that a URL names, or a file of its own where there is none.

    ConfigError for what an operator must change; it does not show the URL, which may hold a password.
    """
    if url is None:
        return await _sqlite(default, timeout_s)
    scheme, colon, rest = url.partition(":")
    if scheme.lower() == "sqlite" and colon:
        path = unquote(rest[2:] if rest.startswith("///") else rest)
        if path not in {"", "/", ":memory:"} and not path.startswith("//") and "\x00" not in path:
            return await _sqlite(Path(path), timeout_s)
    if scheme.lower() in {"postgres", "postgresql"} and rest.startswith("//"):
        return await _postgres(url, timeout_s)
    raise ConfigError(f"a ledger's URL is one of {', '.join(_SCHEMES)}; this one is not")


async def _sqlite(path: Path, timeout_s: float) -> LedgerStore:
    from modelway.ledger.store.sqlite import open_sqlite_ledger  # noqa: PLC0415 - only what is asked for

    return await open_sqlite_ledger(path, timeout_s=timeout_s)


async def _postgres(url: str, timeout_s: float) -> LedgerStore:
    try:
        from modelway.ledger.store.postgres import open_postgres_ledger  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("modelway"):
            raise
        raise ConfigError(
            f"this ledger needs {error.name}, which is not installed: pip install 'modelway[postgres]'"
        ) from error
    return await open_postgres_ledger(url, timeout_s=timeout_s)
