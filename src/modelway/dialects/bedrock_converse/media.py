"""Formats and sources of images, sounds and documents, both ways.

Source: the enumerations of bedrock-runtime's service model, 2023-09-30, read 2026-11-21.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from modelway.dialects.bedrock_converse.notes import Notes
from modelway.dialects.bedrock_converse.wire import DocumentBlock, MediaSource
from modelway.errors import UnsupportedError
from modelway.types import JSON, File, Inline, Remote, Source, Stored

IMAGES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
SOUNDS = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "ogg": "audio/ogg",
    "mkv": "video/x-matroska",
    "mka": "audio/x-matroska",
    "x-aac": "audio/x-aac",
    "m4a": "audio/x-m4a",
    "pcm": "audio/pcm",
    "webm": "audio/webm",
}
DOCUMENTS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/m4a": "audio/x-m4a",
    "text/x-markdown": "text/markdown",
}
_EXTENSIONS = {"jpg": "jpeg", "htm": "html", "mpga": "mp3", "mpeg": "mp3"}

MAX_NAME_CHARS = 200
_NOT_IN_NAME = re.compile(r"[^\w\s()\[\]-]", re.ASCII)
_SPACES = re.compile(r"\s{2,}")


# ---------------------------------------------------------------- reading


def read_source(source: MediaSource, format: str, formats: Mapping[str, str]) -> Source | None:
    """None for what our vocabulary cannot say whole: such a block is kept as it is."""
    media_type = formats.get(format)
    if media_type is None:
        return None
    match source:
        case MediaSource(bytes=str(data), s3_location=None, text=None):
            return Inline(media_type=media_type, data=data)
        case MediaSource(bytes=None, s3_location=at, text=None) if at is not None:
            return Remote(url=at.uri) if _extension(at.uri, formats) == format else None
        case _:
            return None


def read_document(block: DocumentBlock) -> File | None:
    source: Source | None
    text = block.source.text
    if text is not None and (block.source.bytes, block.source.s3_location) == (None, None):
        media_type = DOCUMENTS.get(block.format or "txt")
        if media_type is None:
            return None
        source = Inline(media_type=media_type, data=base64.b64encode(text.encode()).decode())
    else:
        source = read_source(block.source, block.format or "", DOCUMENTS)
    if source is None:
        return None
    return File(
        source=source,
        name=block.name,
        context=block.context,
        citations=block.citations.enabled if block.citations else None,
    )


# ---------------------------------------------------------------- writing


def write_media(
    source: Source, kind: str, formats: Mapping[str, str], at: str, notes: Notes
) -> JSON:
    """``format`` and ``source`` of an image, a sound or a document."""
    match source:
        case Inline():
            media_type = source.media_type.partition(";")[0].strip().lower()
            media_type = _OTHER_NAMES.get(media_type, media_type)
            for name, known in formats.items():
                if known == media_type:
                    return {"format": name, "source": {"bytes": source.data}}
            what = f"{kind}s of type {source.media_type}"
        case Remote(url=url) if url.startswith("s3://"):
            found = _extension(url, formats)
            if found is not None:
                return {"format": found, "source": {"s3Location": {"uri": url}}}
            what = f"{kind}s of S3 whose name does not end in their format"
        case Remote():
            what = f"{kind}s by address, but for s3://"
        case Stored():
            what = f"{kind}s by the id of a file"
    raise UnsupportedError(
        f"{notes.model} takes no {what} over Bedrock's Converse API ({at}); send bytes of "
        f"{', '.join(formats)}",
        model=notes.model,
        param=at,
    )


def write_document(part: File, at: str, notes: Notes) -> JSON:
    block: JSON = {
        "name": _name(part.name, at, notes),
        **write_media(part.source, "document", DOCUMENTS, at, notes),
    }
    if part.context is not None:
        block["context"] = part.context
    if part.citations is not None:
        block["citations"] = {"enabled": part.citations}
    return block


def _name(name: str | None, at: str, notes: Notes) -> str:
    """A name is required, of letters, digits, single spaces, hyphens, parentheses and brackets, and
    given once in a request. An underscore is taken too, as recorded requests show.

    Source: …/latest/APIReference/API_runtime_DocumentBlock.html; "Messages can't contain duplicate
    document names", the API's own 400 (github.com/maximhq/bifrost issue 7003); both 2026-11-21.
    """
    fit = _SPACES.sub(" ", _NOT_IN_NAME.sub("-", name or ""))[:MAX_NAME_CHARS]
    fit = first = fit if fit.strip() else "Document"
    number = 1
    while fit.lower() in notes.documents:
        number += 1
        ending = f" {number}"
        fit = first[: MAX_NAME_CHARS - len(ending)] + ending
    notes.documents.add(fit.lower())
    if name is None:
        notes.warn(f"{at}.name", f"required by Bedrock, and not given: sent as {fit!r}")
    elif fit != name:
        notes.warn(f"{at}.name", f"Bedrock takes it only as {fit!r}")
    return fit


def _extension(url: str, formats: Mapping[str, str]) -> str | None:
    ending = url.rpartition(".")[2].lower()
    ending = _EXTENSIONS.get(ending, ending)
    return ending if ending in formats else None
