"""Which calls belong together: they stay at one deployment, or its prompt cache never hits."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import msgspec

from modelway.call import Call
from modelway.framing.fields import Fields
from modelway.types import ChatRequest, Message

LEAST_BYTES = 4096
"""Prompts below are cached nowhere: the shortest that is has 1,024 tokens.

Source: https://platform.openai.com/docs/guides/prompt-caching, 2026-11-21.
"""
_MOST_HASHED = 64 * 1024
_LISTS = ("messages", "contents", "input")
_BEFORE = ("system", "instructions", "systemInstruction", "system_instruction")

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def affinity(call: Call) -> bytes | None:
    """A name for what this call goes on with, or ``None``: it may be answered anywhere.

    A session that the caller names; else the beginning of a long conversation, up to its first
    question: what all its turns have in common, and other conversations do not.
    """
    if call.options.session is not None:
        return _hashed(call, [b"session", call.options.session.encode()])
    if call.operation != "chat":
        return None
    if call.body is not None:
        short = call.body.size_bytes < LEAST_BYTES
        return None if short else _of_fields(call, call.body.fields)
    if isinstance(call.request, ChatRequest):
        return _of_request(call, call.request)
    return None


def _of_fields(call: Call, fields: Fields) -> bytes | None:
    for name in _LISTS:
        said = fields.get(name)
        if said is None:
            continue
        try:
            messages = _items(said)
        except msgspec.DecodeError:  # one text, not a list of turns
            return None
        return _hashed(
            call,
            [
                *[bytes(fields[other]) for other in _BEFORE if other in fields],
                *_first_turns([bytes(one) for one in messages]),
            ],
        )
    return None


def _first_turns(messages: Sequence[bytes]) -> list[bytes]:
    """Up to the first message of the user's, by the role as every dialect writes it."""
    for number, message in enumerate(messages):
        if b'"user"' in message:
            return list(messages[: number + 1])
    return list(messages[:1])


def _of_request(call: Call, request: ChatRequest) -> bytes | None:
    first: list[Message] = []
    for message in request.messages:
        first.append(message)
        if message.role == "user":
            break
    said = [_encode(message) for message in first]
    rest = sum([len(_encode(message)) for message in request.messages[len(first) :]])
    if sum([len(one) for one in said]) + rest < LEAST_BYTES:
        return None
    return _hashed(call, said)


def _hashed(call: Call, said: Sequence[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(call.tenant.encode())
    digest.update(call.model.encode())
    left = _MOST_HASHED
    for one in said:
        digest.update(len(one).to_bytes(8))
        digest.update(one[:left])
        left = max(0, left - len(one))
    return digest.digest()


def chance_of(key: bytes) -> random.Random:
    """Chance that falls the same way for a key in every process, so that replicas choose alike."""
    return random.Random(int.from_bytes(key))  # noqa: S311 - spreads load, guards nothing
