"""What is sent ahead of what is new stays as it was, so that providers' prompt caches keep hitting."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from modelway.call import Target
from modelway.catalog.rows import Quirks
from modelway.dialects import dialect
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.testing.crossing import CLIENTS, PROVIDERS
from modelway.testing.subjects import QUESTIONS as SUBJECTS
from modelway.types import ChatRequest, Text
from support.every_value import QUESTIONS
from support.examples import few

HOST = Quirks(cache_control=True, developer_role=True)
CONVERSATIONS = ("messages", "contents", "input")
MARKS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")
"""Where a cache ends is no part of what is kept, and moves from turn to turn."""


def blocks(body: bytes) -> tuple[dict[str, object], list[str]]:
    """The fields beside the conversation, and the conversation block by block, in order."""
    fields = {name: json.loads(bytes(raw)) for name, raw in split(body).items()}
    name = next(name for name in CONVERSATIONS if name in fields)
    if isinstance(fields.get("system"), str):
        fields["system"] = [{"type": "text", "text": fields["system"]}]
    found = []
    for message in fields.pop(name):
        role = message.pop("role", None)
        for content in ("content", "parts"):
            held = message.pop(content, None)
            if isinstance(held, str):
                held = [{"text": held, "type": "text"}]
            kept = [bare(each) for each in held or ()]  # a mark alone leaves nothing
            found += [json.dumps([role, untyped(each)], sort_keys=True) for each in kept if each]
        if message:
            found.append(json.dumps([role, bare(message)]))
    return fields, [one for one in found if '"cachePoint"' not in one]


def untyped(block):
    """A text block without its kind: a string says the same."""
    if isinstance(block, dict) and block.get("type") in ("text", "input_text", "output_text"):
        return {name: value for name, value in block.items() if name != "type"}
    return block


def bare(value):
    match value:
        case dict():
            return {name: bare(inner) for name, inner in value.items() if name not in MARKS}
        case list():
            return [
                bare(inner)
                for inner in value
                if not (isinstance(inner, dict) and "cachePoint" in inner)
            ]
    return value


def crossed(request: ChatRequest, client: str, provider: str, model: str) -> bytes | None:
    """A client's request as the gateway sends it; None for one that it refuses."""
    try:
        written = (
            dialect(client).upstream["chat"].encode(request, Target(model="m", quirks=HOST), False)
        )
        read = dialect(client).downstream["chat"].decode(split(written.body))
        target = Target(model=model, quirks=HOST, max_output_tokens=64_000)
        return dialect(provider).upstream["chat"].encode(read, target, False).body
    except (UnsupportedError, BadRequestError):
        return None


@pytest.mark.parametrize("client", CLIENTS)
@few
@given(data=st.data(), provider=st.sampled_from(PROVIDERS))
def test_a_conversation_that_grows_keeps_its_beginning(client, data, provider):
    first = data.draw(QUESTIONS[client])
    if client == "cohere":  # its documents belong to the whole request: to the question now asked
        messages = [
            replace(one, parts=tuple([part for part in one.parts if isinstance(part, Text)]))
            if one.role == "user"
            else one
            for one in first.messages
        ]
        first = replace(first, messages=tuple(messages))
    said = [
        message
        for message in data.draw(QUESTIONS[client]).messages
        if message.role not in ("system", "developer")
    ]
    grown = replace(first, messages=(*first.messages, *said))
    before = crossed(first, client, provider.dialect, provider.model)
    after = crossed(grown, client, provider.dialect, provider.model)
    if before is None or after is None:
        return
    beside, begun = blocks(before)
    beside_later, longer = blocks(after)
    documents, later = beside.pop("documents", []), beside_later.pop("documents", [])
    assert later[: len(documents)] == documents  # Cohere's stand beside the conversation
    assert bare(beside_later) == bare(beside)
    assert longer[: len(begun)] == begun


@pytest.mark.parametrize("name", CLIENTS)
@few
@given(data=st.data())
def test_a_client_s_own_bytes_are_sent_as_they_are(name, data):
    written = (
        dialect(name)
        .upstream["chat"]
        .encode(data.draw(QUESTIONS[name]), Target(model="m", quirks=HOST), False)
    )
    fields = split(written.body)
    sent = dialect(name).splice(fields, Target(model="other"), "chat").body
    conversation = next(one for one in CONVERSATIONS if one in fields)
    assert bytes(fields[conversation]) in sent
    assert list(split(sent)) == list(fields), "the order of the fields"


def digest() -> str:
    """Of everything that is sent for every subject by every pair."""
    found = hashlib.sha256()
    for client in CLIENTS:
        for provider in PROVIDERS:
            for subject in SUBJECTS.values():
                body = crossed(subject.request, client, provider.dialect, provider.model)
                found.update(body or b"refused")
    return found.hexdigest()


def test_the_same_question_is_the_same_bytes_in_every_process():
    """Neither the time, chance nor the order of a set is in them."""
    script = "from test_crossing_prefixes import digest; print(digest())"
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent)])
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {digest()}
