"""A ledger from its settings: its store, its secret, its journal."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from modelway import installation
from modelway.errors import ConfigError
from modelway.ledger.holding import new_owner
from modelway.ledger.journal import Journal
from modelway.ledger.ledger import Ledger
from modelway.ledger.orphans import Orphans
from modelway.ledger.shipping import Backlog
from modelway.ledger.store import open_ledger_store
from modelway.ledger.values import LedgerSettings
from modelway.ports import Clock, Pool, Spent

DIRECTORY = "journal"
FILE = "ledger.db"
"""Their names in the state directory of an installation."""
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
"""What passes: until then intents are refused."""


async def open_ledger(
    settings: LedgerSettings,
    *,
    state: Path,
    clock: Clock,
    node: str,
    secret: bytes | None = None,
    give_back: Callable[[Pool, Sequence[Spent]], Awaitable[None]] | None = None,
) -> Ledger:
    """The ledger of this process. ``give_back`` is told what of the grants of a dead one was used.

    Journals are sealed by ``secret``, the installation's unless another is given.

    ConfigError for what an operator must change: a store that is something else's, a directory that
    cannot be written. A store that is only down is waited for, and its rows wait in the journal.
    """
    directory = Path(settings.journal) if settings.journal else state / DIRECTORY
    if secret is None:
        secret = await asyncio.to_thread(installation.secret, state)
    journal = await asyncio.to_thread(_journal, directory, new_owner(node), secret, node)
    store = await open_ledger_store(settings.url, default=state / FILE)
    orphans = Orphans(directory, secret, store, give_back)
    backlog = Backlog(store, secret, orphans.set_aside)
    return Ledger(settings, store, journal, orphans, backlog, clock=clock)


def _journal(directory: Path, owner: str, secret: bytes, node: str) -> Journal:
    journal = Journal(directory, owner, secret, node=node)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        descriptor, probe = tempfile.mkstemp(dir=directory)
        os.close(descriptor)
        Path(probe).unlink()
    except OSError as error:
        if error.errno not in _FULL:
            raise _cannot(directory, error) from error
    return journal


def _cannot(place: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the ledger's journal in {place} cannot be written: {error.strerror}; free some space, give "
        "this user the right to, or name another directory by ledger.journal"
    )
