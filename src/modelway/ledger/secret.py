"""The secret by which this installation knows its own journals."""

from __future__ import annotations

import os
from pathlib import Path

from modelway.errors import ConfigError
from modelway.filelock import locked

FILE = "journal.key"
_BYTES = 32


def journal_secret(state: Path) -> bytes:
    """Read it, or make it where there is none, for its owner's eyes only. Raises ConfigError."""
    path = state / FILE
    try:
        state.mkdir(parents=True, exist_ok=True)
        with locked(path):
            secret = path.read_bytes()
            if not secret:
                secret = os.urandom(_BYTES)
                _write(path, secret)
            path.chmod(0o600)
    except OSError as error:
        raise ConfigError(
            f"the secret of the ledger's journals in {path} cannot be kept: {error.strerror}"
        ) from error
    if len(secret) != _BYTES:
        raise ConfigError(
            f"the secret of the ledger's journals in {path} has {len(secret)} bytes in place of "
            f"{_BYTES}: put back a copy, or remove it; journals that wait are then set aside"
        )
    return secret


def _write(path: Path, secret: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, secret)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
