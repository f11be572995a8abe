"""What credentials are looked for in, and how their endpoints and files are asked.

No answer of an endpoint and no content of a file is in an error: either may hold a secret.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from modelway.call import Timeouts
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigError,
    MissingKeyError,
    OverloadedError,
    ResponseError,
)
from modelway.ports import Clock, Headers, Origin, Transport, WireRequest
from modelway.transport.url import check_name

TOKEN_TIMEOUTS = Timeouts(connect_s=10.0, first_byte_s=30.0, idle_s=10.0, total_s=60.0)
METADATA_TIMEOUTS = Timeouts(connect_s=2.0, first_byte_s=10.0, idle_s=5.0, total_s=15.0)
"""Where there is no metadata service, nothing answers at its address."""

FORM: Headers = (
    (b"content-type", b"application/x-www-form-urlencoded"),
    (b"accept", b"application/json"),
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
_MAX_FILE_BYTES = 1024 * 1024


class Surroundings(NamedTuple):
    """The world, as a signer sees it. Nothing is read from the process's own environment."""

    transport: Transport
    clock: Clock
    environment: Mapping[str, str]
    metadata_transport: Transport | None = None
    """For endpoints of this machine, which no proxy may stand before; else ``transport``."""

    def named(self, *names: str) -> str:
        """The first of these variables that is set and not empty, else ``""``."""
        return next((v for name in names if (v := self.environment.get(name, "").strip())), "")

    def home(self) -> Path:
        return Path(self.named("HOME", "USERPROFILE") or "/")


class Answer(NamedTuple):
    status: int
    body: bytes


def named_part(value: str, what: str, check: Callable[[str, str], str] = check_name) -> str:
    """A name of the operator's that becomes part of an address; ConfigError unless it is safe."""
    try:
        return check(value, what)
    except BadRequestError as error:
        raise ConfigError(error.message, param=what) from None


async def post_form(
    around: Surroundings, origin: Origin, target: str, fields: Mapping[str, str], who: str
) -> bytes:
    """What a token endpoint answers to a form; its refusal is raised."""
    body = urlencode(fields).encode()
    request = WireRequest("POST", origin, target, FORM, body, TOKEN_TIMEOUTS)
    return accepted(await sent(around.transport, request), who)


async def ask_metadata(
    around: Surroundings,
    origin: Origin,
    target: str,
    headers: Headers = (),
    *,
    who: str,
    method: str = "GET",
) -> Answer:
    """What an endpoint of this machine answers; MissingKeyError where there is none."""
    request = WireRequest(method, origin, target, headers, b"", METADATA_TIMEOUTS)
    try:
        return await sent(around.metadata_transport or around.transport, request)
    except (APIConnectionError, APITimeoutError):
        raise MissingKeyError(
            f"no credential is configured, and {who} does not answer at {origin.host}"
        ) from None


async def sent(transport: Transport, request: WireRequest) -> Answer:
    response = await transport.send(request)
    try:
        return Answer(response.status, await response.read())
    finally:
        await response.aclose()


def accepted(answer: Answer, who: str) -> bytes:
    """The body of an answer that is a success; AuthenticationError or OverloadedError else."""
    if answer.status == 200:
        return answer.body
    code = _code(answer.body)
    if answer.status >= 500 or answer.status == 429:
        raise OverloadedError(f"{who} cannot answer now", status=answer.status, code=code)
    raise AuthenticationError(
        f"{who} refused our credential; check that it is valid and may be used here",
        status=answer.status,
        code=code,
    )


def _code(body: bytes) -> str | None:
    """The machine's word for a refusal; sentences are left out."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    numbers = said.get("error_codes")
    if isinstance(numbers, list) and numbers and isinstance(numbers[0], int):
        return f"AADSTS{numbers[0]}"
    code = said.get("error") or said.get("code") or said.get("Code")
    return code if isinstance(code, str) and _WORD.fullmatch(code) else None


def decoded(body: bytes, form: type[Any], who: str) -> Any:
    """A JSON answer as this struct; ResponseError that quotes nothing."""
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ResponseError(f"the answer of {who} is not of the documented form") from None


async def read_file(path: Path, what: str) -> bytes:
    """A file's content; ConfigError where it cannot be read."""
    try:
        return await asyncio.to_thread(_read, path)
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be read: {path}: {error.strerror}; check that it exists and is readable"
        ) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_FILE_BYTES)


def is_local(host: str) -> bool:
    """Whether a host is this machine or on its own link, where credential endpoints of hosts are."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local


def seconds_of(written: str, who: str) -> float:
    """A time like ``2026-11-21T14:00:00Z`` in seconds since 1970."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ResponseError(f"the answer of {who} has an expiry that is no time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
