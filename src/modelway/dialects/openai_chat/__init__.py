"""OpenAI's Chat Completions, which most hosts and engines copy: us to them, and clients to us."""

from __future__ import annotations

from modelway.call import Target
from modelway.dialects.openai_chat import decoder, downstream, upstream, usage
from modelway.dialects.openai_chat.encoder import ChunkEncoder
from modelway.dialects.openai_chat.relay import ChunkRelay
from modelway.dialects.openai_chat.splice import splice
from modelway.dialects.openai_chat.wire import NAME, read_plain
from modelway.dialects.openai_wire import faults, models
from modelway.dialects.openai_wire.body import SUBSET
from modelway.framing.fields import Fields
from modelway.ports import Codec, Dialect, Encoded, Face
from modelway.types import Usage


def _usage(body: bytes) -> Usage | None:
    """The usage of a whole answer; raises what ``decode`` raises for an answer that is none."""
    plain = read_plain(body)
    if plain is not None:
        return usage.plain(plain)
    said = decoder.decode(body).usage
    return said if said != Usage() else None


def _chat_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the same for all
    return "/chat/completions"


def _models_path(model: str, stream: bool) -> str:  # noqa: ARG001 - the same for all
    return "/models"


def _models_question(request: object, target: Target, stream: bool) -> Encoded:  # noqa: ARG001 - a GET
    return Encoded(b"")


def _models_asked(fields: Fields) -> None:
    """A GET asks nothing."""


DIALECT = Dialect(
    name=NAME,
    upstream={
        "chat": Codec(
            _chat_path,
            upstream.encode,
            decoder.decode,
            decoder.ChunkDecoder,
            relay=ChunkRelay,
            usage=_usage,
        ),
        "models": Codec(_models_path, _models_question, models.decode),
    },
    downstream={
        "chat": Face(downstream.decode, downstream.encode, ChunkEncoder),
        "models": Face(_models_asked, models.encode),
    },
    splice=splice,
    error=faults.error,
    refuse=faults.refuse,
    # Features and traces; organisation and project belong to the operator's own account.
    passed_headers=frozenset({b"openai-beta", b"x-client-request-id"}),
    schema_subset=SUBSET,
)
