"""Who may call: the one point that every route passes.

A key is kept only as an HMAC under this installation's pepper. It is made once, shown once, and
cannot be shown again.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from modelway.call import NO_PAYER, Credential, Payer
from modelway.config.settings import Caller
from modelway.errors import ConfigError, UnauthorizedError
from modelway.installation import state_directory as state_directory  # noqa: PLC0414

KEY_PREFIX = "mw-"
_FILE = "keys.json"


class Identity(Struct, frozen=True, kw_only=True):
    """Who a request is from."""

    tenant: str
    key: str
    """The key's public name, never the key."""
    admin: bool = False
    """Whether it may change how the gateway works."""
    payer: Payer = NO_PAYER
    """On whose account its requests are."""
    may_say: tuple[str, ...] = ()
    """What its requests may say of that themselves: ``user``, ``tags``."""
    priority: int = 0
    """The highest that its requests have where they wait."""


class Keys:
    """Known keys. ``identify`` costs one HMAC and one look-up, whether the key is known or not."""

    def __init__(self, pepper: bytes, known: Mapping[bytes, Identity], *, required: bool) -> None:
        self._mac = _mac(pepper)
        self._known = dict(known)
        self.required = required

    def identify(self, token: bytes | None) -> Identity:
        """The caller; UnauthorizedError for an absent or unknown key."""
        if token:
            identity = self._known.get(self._mac(token))
            if identity is not None:
                return identity
        if not self.required:
            return OPEN
        raise UnauthorizedError(
            "this key is not known here"
            if token
            else "no key was given: send it as 'Authorization: Bearer …' or 'x-api-key'"
        )


OPEN = Identity(tenant="local", key="none", admin=True, may_say=("user", "tags"))
"""Everybody, where the operator asked for no keys (loopback only)."""

NOBODY = Identity(tenant="", key="")
"""Who asks for what is open to all."""


def has_keys(directory: Path) -> bool:
    """True when a key was made here before."""
    stored = _read(directory / _FILE)
    return stored is not None and bool(stored["keys"])


def open_keys(directory: Path, configured: Sequence[Caller | str] = ()) -> tuple[Keys, str | None]:
    """The keys of this installation, and the one just made if there was none at all."""
    path = directory / _FILE
    stored = _read(path)
    pepper = bytes.fromhex(stored["pepper"]) if stored else secrets.token_bytes(32)
    hashes: dict[str, str] = dict(stored["keys"]) if stored else {}
    made: str | None = None
    if not hashes and not configured:
        made = KEY_PREFIX + secrets.token_urlsafe(32)
        hashes[_digest(pepper, made)] = "local"
    if stored is None or made:
        said = {"version": 1, "pepper": pepper.hex(), "keys": hashes}
        if not _write(path, said, first=stored is None):
            return open_keys(directory, configured)  # another process has just started here
    known = {
        bytes.fromhex(digest): Identity(tenant="local", key=name, admin=True)
        for digest, name in hashes.items()
    }
    for number, given in enumerate(configured):
        caller = _caller(given, number + 1) if isinstance(given, str) else given
        key = caller.credential.secret
        if len(key) < 16:
            raise ConfigError(f"gateway.keys[{number}] is shorter than 16 characters")
        digest = bytes.fromhex(_digest(pepper, key))
        name = caller.credential.name
        known[digest] = Identity(
            tenant=caller.tenant,
            key=name,
            admin=caller.admin,
            payer=caller.payer,
            may_say=caller.may_say,
            priority=caller.priority,
        )
    return Keys(pepper, known, required=True), made


def _caller(key: str, number: int) -> Caller:
    return Caller(credential=Credential(name=f"configured-{number}", secret=key))


def no_keys(host: str) -> Keys:
    """Everybody may call. Refused anywhere but on loopback."""
    if not is_loopback(host):
        raise ConfigError(
            f"refusing to listen on {host} without keys: remove --no-auth, or listen on 127.0.0.1"
        )
    return Keys(b"", {}, required=False)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _mac(pepper: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 under one key, whose two hash states are made once: a third of the time."""
    block = pepper.ljust(64, b"\0")
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in block]))
    outer = hashlib.sha256(bytes([byte ^ 0x5C for byte in block]))

    def digest(message: bytes) -> bytes:
        hashed = inner.copy()
        hashed.update(message)
        keyed = outer.copy()
        keyed.update(hashed.digest())
        return keyed.digest()

    return digest


def _digest(pepper: bytes, key: str) -> str:
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        stored = json.loads(text)
        bytes.fromhex(stored["pepper"])
        for digest in stored["keys"]:
            bytes.fromhex(digest)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            f"{path} is damaged: restore it, or remove it and every key with it"
        ) from None
    return dict(stored)


def _write(path: Path, stored: dict[str, Any], *, first: bool) -> bool:
    """Whole or not at all, and readable by nobody else. False where another was ``first``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(stored, file)
            file.flush()
            os.fsync(file.fileno())
        if not first:
            beside.replace(path)
            return True
        try:
            os.link(beside, path)
        except FileExistsError:
            return False
        return True
    finally:
        beside.unlink(missing_ok=True)
