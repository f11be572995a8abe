"""A cassette's lines: what stands in them, and how a file is read.

JSON Lines: the header first, then one exchange a line. ``docs/record-and-replay.md`` shows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigError,
    LLMError,
    ResponseError,
)

VERSION = 1
_BEGINS = b'{"modelway_cassette":'


class CassetteError(ConfigError):
    """A cassette cannot be used: it is missing, corrupt, of another version, or none at all."""


class CassetteMissError(CassetteError):
    """Nothing recorded answers this request. ``nearest`` says what comes near, and what differs.

    Another deployment's answer may be there: which one was asked may have been chance.
    """

    may_fall_back = True

    def __init__(self, message: str, *, nearest: tuple[str, ...] = ()) -> None:
        super().__init__("\n  ".join([message, *nearest]), code="not_recorded")
        self.nearest = nearest


class CassetteWriteError(LLMError):
    """Exchanges happened, but could not be written down."""


# ---------------------------------------------------------------- the lines


class Header(Struct, frozen=True, kw_only=True):
    """The first line. Another version is another format."""

    modelway_cassette: int
    recorded_by: str = ""


class Binary(Struct, frozen=True, kw_only=True):
    """Bytes that are not UTF-8."""

    base64: bytes


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request's body: JSON with its keys in order, else text, else the hash of its bytes."""

    json: Any | UnsetType = UNSET
    text: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request without its secrets: what is compared."""

    method: str
    origin: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None


Chunk: TypeAlias = tuple[int, str | Binary]
"""Milliseconds after the request, and what arrived then."""


class Answered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A response: its head came after ``head_ms``. ``chunks`` are decompressed pieces of its body."""

    status: int
    head_ms: int
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[Chunk, ...] = ()


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error of the transport, before the head or after the last chunk."""

    error: Literal["APIConnectionError", "APITimeoutError", "ResponseError"]
    message: str
    code: str | None = None


class Source(Struct, frozen=True, kw_only=True):
    """The provider that was asked, as far as it takes to ask it again without a configuration."""

    name: str
    like: str
    dialect: str
    base_url: str


class Exchange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and what became of it, ``end_ms`` after it was sent."""

    request: Asked
    response: Answered | None = None
    end: Literal["complete", "left", "failed"]
    """``left``: the reader stopped before the answer's end."""
    end_ms: int
    failure: Failure | None = None
    provider: Source | None = None
    recorded_at: str = ""


class Recording(NamedTuple):
    """An exchange and the number of its line."""

    line: int
    exchange: Exchange


class Cassette(NamedTuple):
    """A file that was read. ``notices`` are for whoever uses it."""

    path: Path
    recordings: tuple[Recording, ...] = ()
    notices: tuple[str, ...] = ()


# ---------------------------------------------------------------- values and bytes

_FAILURES: dict[str, type[LLMError]] = {
    kind.__name__: kind for kind in (APIConnectionError, APITimeoutError, ResponseError)
}


def failure_of(error: LLMError) -> Failure | None:
    """What is recorded of an error; ``None`` where it was no outcome of the exchange."""
    name = type(error).__name__
    if name not in _FAILURES:
        return None
    return msgspec.convert(
        {"error": name, "message": error.message, "code": error.code}, type=Failure
    )


def error_of(failure: Failure) -> LLMError:
    return _FAILURES[failure.error](failure.message, code=failure.code)


def chunk_of(offset_ms: int, data: bytes) -> Chunk:
    try:
        return offset_ms, data.decode()
    except UnicodeDecodeError:
        return offset_ms, Binary(base64=data)


def bytes_of(chunk: Chunk) -> bytes:
    data = chunk[1]
    return data.encode() if isinstance(data, str) else data.base64


def header_line(recorded_by: str) -> bytes:
    return msgspec.json.encode(Header(modelway_cassette=VERSION, recorded_by=recorded_by)) + b"\n"


def line_of(exchange: Exchange) -> bytes:
    return msgspec.json.encode(exchange, order="deterministic") + b"\n"


_exchange = msgspec.json.Decoder(Exchange).decode
_header = msgspec.json.Decoder(Header).decode


def read_cassette(path: Path | str) -> Cassette:
    """Every exchange of the file. CassetteError names the file and line at fault.

    A last line that was only half written, by a process that died, is left out with a notice.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CassetteError(
            f"there is no cassette {path}; record one with: modelway record {path}"
        ) from None
    except OSError as error:
        raise CassetteError(f"the cassette {path} cannot be read: {error.strerror}") from None
    first, *lines = content.split(b"\n")
    check_header(path, first)
    recordings: list[Recording] = []
    notices: list[str] = []
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            recordings.append(Recording(number, _exchange(line)))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            if number == len(lines) + 1:
                notices.append(f"{path}:{number}: the last line is only half written: left out")
                continue
            raise CassetteError(
                f"{path}:{number}: this line is not an exchange ({error}); "
                "remove the line, or record the cassette again"
            ) from None
    return Cassette(path, tuple(recordings), tuple(notices))


def check_header(path: Path, line: bytes) -> None:
    """CassetteError unless this is the first line of a cassette of our version."""
    try:
        version = _header(line).modelway_cassette
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        if is_torn_header(line):
            raise CassetteError(
                f"{path}:1: the cassette is empty, or its header only half written: "
                "remove the file and record again"
            ) from None
        raise CassetteError(f"{path} is not a cassette: its first line is no header") from None
    if version != VERSION:
        raise CassetteError(
            f"{path} is a cassette of version {version}, and this modelway reads {VERSION}; "
            "record it again, or use the modelway that wrote it"
        )


def is_torn_header(line: bytes) -> bool:
    """Whether a file that holds only this is a cassette whose writer died at its first bytes."""
    return _BEGINS.startswith(line[: len(_BEGINS)])
