"""What is this installation's own: the directory of its state, and its secret."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from modelway.errors import ConfigError
from modelway.filelock import locked

_FILE = "secret.key"
_BYTES = 32
_LEAST = 16


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """``MODELWAY_STATE``, or the XDG state directory."""
    named = environment.get("MODELWAY_STATE")
    if named:
        return Path(named)
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "modelway"


def secret(directory: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """32 bytes that nobody else knows: of ``MODELWAY_SECRET``, which several machines may have in
    common, or of a file that is made at the first need, for its owner's eyes only.

    ConfigError where neither can be had.
    """
    named = environment.get("MODELWAY_SECRET")
    if named is not None:
        if len(named) < _LEAST:
            raise ConfigError(f"MODELWAY_SECRET is shorter than {_LEAST} characters")
        return hashlib.sha256(named.encode()).digest()
    path = directory / _FILE
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path):
            found = path.read_bytes()
            if not found:
                found = os.urandom(_BYTES)
                _write(path, found)
            path.chmod(0o600)
    except OSError as error:
        raise ConfigError(
            f"the secret of this installation in {path} cannot be kept: {error.strerror}"
        ) from error
    if len(found) != _BYTES:
        raise ConfigError(
            f"the secret of this installation in {path} has {len(found)} bytes in place of {_BYTES}: "
            "put back a copy, or remove it; what was sealed with it is then not believed"
        )
    return found


def _write(path: Path, found: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, found)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
