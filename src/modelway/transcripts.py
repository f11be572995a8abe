"""What was said, kept in files that survive a restart: a directory, one file a conversation.

A file holds the SHA-256 of its content, against damage and edits made elsewhere. It is no
signature: who may write the file may forge it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from modelway.errors import ConfigError
from modelway.filelock import locked
from modelway.types import Message

_FORMAT = "modelway-conversation"
_VERSION = 1
_MOST_BYTES = 256 * 1024 * 1024
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class ConversationError(ConfigError):
    """A kept conversation cannot be read, or went on somewhere else in the meantime."""


class Transcript(Struct, frozen=True, kw_only=True):
    """A conversation as it is kept."""

    id: str
    """The session's name, and its file's."""
    created: float
    """Unix time in seconds."""
    model: str = ""
    """Who is asked; empty: whoever is the default then."""
    metadata: dict[str, str] = {}
    messages: tuple[Message, ...] = ()
    revision: int = 0
    """How often it has been kept."""


class _File(Struct, frozen=True, kw_only=True):
    format: str
    version: int
    sha256: str
    conversation: msgspec.Raw


class Transcripts:
    """A directory of transcripts. Any number of processes may use it at once."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory).expanduser()

    def read(self, id: str) -> Transcript:
        """ConversationError when there is none, or when its file is damaged."""
        return _read(self._path(id))

    def keep(self, transcript: Transcript) -> Transcript:
        """Write it whole or not at all; gives it back with its new revision.

        ConversationError, and nothing written, when it was kept by somebody else since it was read.
        """
        path = self._path(transcript.id)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.directory / ".lock"):
            kept = _read(path).revision if path.exists() else 0
            if kept != transcript.revision:
                raise ConversationError(
                    f"the conversation {transcript.id!r} went on elsewhere (revision {kept}, here "
                    f"{transcript.revision}): resume it anew and say it again"
                    if transcript.revision
                    else f"there is already a conversation {transcript.id!r}: resume it"
                )
            transcript = replace(transcript, revision=kept + 1)
            _write(path, transcript)
        return transcript

    def list(self) -> tuple[Transcript, ...]:
        """All of them, the oldest first. A damaged one raises ConversationError."""
        found = [_read(path) for path in self.directory.glob("[!.]*.json")]
        return tuple(sorted(found, key=lambda transcript: (transcript.created, transcript.id)))

    def delete(self, id: str) -> None:
        """Forget it, damaged or not. No error when there is none."""
        self._path(id).unlink(missing_ok=True)

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id):
            raise ConversationError(
                "a conversation's id has letters, digits, '.', '_' and '-', at most 128, "
                "and begins with a letter, a digit or '_'"
            )
        return self.directory / f"{id}.json"


def _read(path: Path) -> Transcript:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _damaged(path, f"is larger than {_MOST_BYTES} bytes")
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConversationError(
            f"there is no conversation {path.stem!r} in {path.parent}"
        ) from None
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from None
    try:
        file = msgspec.json.decode(content, type=_File)
        if file.format != _FORMAT or file.version != _VERSION:
            raise _damaged(path, f"has the form {file.format} {file.version}, not {_VERSION}")
        if hashlib.sha256(file.conversation).hexdigest() != file.sha256:
            raise _damaged(path, "was changed after it was kept: its checksum does not match")
        transcript = msgspec.json.decode(file.conversation, type=Transcript)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _damaged(path, f"is not a kept conversation: {error}") from None
    if transcript.id != path.stem:
        raise _damaged(path, f"holds the conversation {transcript.id!r}")
    return transcript


def _write(path: Path, transcript: Transcript) -> None:
    conversation = msgspec.json.encode(transcript)
    checksum = hashlib.sha256(conversation).hexdigest()
    file = _File(
        format=_FORMAT, version=_VERSION, sha256=checksum, conversation=msgspec.Raw(conversation)
    )
    # what a killed writer left is overwritten: writers come one at a time
    draft = path.with_name(f".{path.stem}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(msgspec.json.encode(file))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """So that the new name survives a power cut; Windows cannot, and need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _damaged(path: Path, what: str) -> ConversationError:
    return ConversationError(
        f"{path} {what}; restore it from a backup, or delete it to begin the conversation anew"
    )
