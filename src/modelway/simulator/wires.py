"""The two dialects as one record of functions each, so that the simulator needs no ladder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from modelway.simulator import anthropic_read, anthropic_write, openai_read, openai_write
from modelway.simulator.question import Envelope, Question, WireError
from modelway.simulator.script import DialectName, ListedModel, Script, ScriptedError


class Wire(NamedTuple):
    name: DialectName
    request_id_header: bytes
    request_id_prefix: str
    answer_id_prefix: str
    call_id_prefix: str
    read: Callable[[bytes, Script, Mapping[str, ListedModel]], Question]
    whole: Callable[[Envelope], bytes]
    events: Callable[[Envelope], Iterator[tuple[bytes, int]]]
    error: Callable[[ScriptedError, str], bytes]
    error_event: Callable[[ScriptedError, str], bytes]
    models: Callable[[list[ListedModel], dict[str, str]], bytes]
    model: Callable[[ListedModel], bytes]
    unknown_model: Callable[[str], WireError]


OPENAI = Wire(
    name="openai",
    request_id_header=b"x-request-id",
    request_id_prefix="req_",
    answer_id_prefix="chatcmpl-",
    call_id_prefix="call_",
    read=openai_read.read,
    whole=openai_write.whole,
    events=openai_write.events,
    error=openai_write.error,
    error_event=openai_write.error_event,
    models=openai_write.models,
    model=openai_write.model,
    unknown_model=openai_read.unknown_model,
)

ANTHROPIC = Wire(
    name="anthropic",
    request_id_header=b"request-id",
    request_id_prefix="req_01",
    answer_id_prefix="msg_01",
    call_id_prefix="toolu_01",
    read=anthropic_read.read,
    whole=anthropic_write.whole,
    events=anthropic_write.events,
    error=anthropic_write.error,
    error_event=anthropic_write.error_event,
    models=anthropic_write.models,
    model=anthropic_write.model,
    unknown_model=anthropic_read.unknown_model,
)
