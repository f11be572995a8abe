"""What a call may use at the most, found out once, before it is sent: money is reserved by it.

It is read off the request alone; the caps and prices of a deployment come from ``facts``. What cannot
be bounded by reading a request is said in ``surcharged``, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from modelway.call import Body, Call
from modelway.retrieval import EmbedRequest, RerankRequest
from modelway.spelling import OTHER, SPELLINGS, Spelling
from modelway.types import ChatRequest, HostedTool, Message, Text
from modelway.weighing import Weight, of_value

if TYPE_CHECKING:
    from modelway.catalog.pricing import Class

_FRAME_TOKENS = 32
"""What hosts put around any question: roles, separators, a date."""
_TOOLS_TOKENS = 600
"""What hosts say to a model that has tools, beside their definitions: at most 530 at Anthropic.

Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing, 2026-11-21.
"""
_MOST_CHOICES = 128
_FRAME_BYTES = 24

_THINKING = frozenset(["thinking", "reasoning_effort", "reasoning", "output_config"])
_KNOWN_TIERS = {
    "auto": "standard",
    "default": "standard",
    "standard_only": "standard",
    "on_demand": "standard",
    "reserved": "standard",
}


class _Plain(Struct, forbid_unknown_fields=True):
    """A turn of a chat or a piece of it that is text alone: anything else is looked into."""

    role: str = ""
    text: str = ""
    content: str | list[_Plain] | None = None
    parts: list[_Plain] = []
    type: Literal["message", "text", "input_text", "output_text"] = "text"
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"null")


_plain = msgspec.json.Decoder(str | _Plain | list[str | _Plain]).decode
_number = msgspec.json.Decoder(int).decode
_any = msgspec.json.Decoder().decode


class Bound:
    """The most that one call may use, at any deployment."""

    __slots__ = (
        *("_cap", "_extra_output", "_operation"),
        *("choices", "dialect", "documents", "input_tokens", "kinds", "service", "surcharged"),
        "thinks",
    )

    input_tokens: int
    """Never below what the body's bytes, its images, sounds and documents are by the rules."""
    choices: int
    service: str
    """The terms that the request names; ``standard`` where it names none."""
    surcharged: str
    """What in it is billed beside its own tokens, or by tokens that are not in it; ``""``: nothing."""
    kinds: frozenset[Class]
    """Classes of tokens that it may have beside plain ones."""
    documents: int
    """How many are to be ranked."""
    dialect: str
    """Of a client's own bytes; ``""``: it is a value."""
    thinks: bool
    """Whether it says how much is to be thought."""

    def __init__(self, call: Call) -> None:
        self._cap: int | None = None
        self._extra_output = 0
        self._operation = call.operation
        self.choices = 1
        self.service = "standard"
        self.surcharged = ""
        self.kinds = frozenset()
        self.documents = 0
        self.dialect = ""
        self.thinks = False
        if call.body is not None:
            self._of_body(call.body)
        elif isinstance(call.request, ChatRequest):
            self._of_chat(call.request)
        elif isinstance(call.request, EmbedRequest):
            self._weighed(of_value(msgspec.to_builtins(call.request.inputs)), 0)
        elif isinstance(call.request, RerankRequest):
            self.documents = len(call.request.documents)
            asked = [call.request.query, *call.request.documents]
            self._weighed(of_value(asked), 0)
        else:
            self.input_tokens = 0 if call.passing is None else -(-len(call.passing.body) // 2)

    def output_tokens(self, own_cap: int | None) -> int | None:
        """Of all its choices; ``own_cap`` is the model's, which stands for one that is not said."""
        if self._operation in ("embed", "rerank"):
            return 0
        cap = own_cap if self._cap is None else self._cap
        return None if cap is None else (cap + self._extra_output) * self.choices

    # ------------------------------------------------------------ a client's own bytes

    def _of_body(self, body: Body) -> None:
        fields = body.fields
        self.dialect = body.dialect
        self.thinks = not _THINKING.isdisjoint(fields)
        said = SPELLINGS.get(body.dialect, OTHER)
        for name in said.caps:
            if name in fields:
                self._capped(_count(fields[name]))
        for name in said.choices:
            if name in fields:
                self._chosen(_count(fields[name]))
        for outer, names in said.nested.items():
            if outer in fields:
                self._of_nested(fields[outer], names)
        if not said.surcharged.isdisjoint(fields):
            self._of_surcharged(said, fields)
        plain, ascii_, weight = True, True, Weight()
        for name in said.content:
            if name in fields:
                raw = bytes(fields[name])
                ascii_ = ascii_ and raw.isascii()
                try:
                    _plain(raw)
                except msgspec.ValidationError:
                    plain = False
                    weight += of_value(_any(raw))
        size = body.size_bytes
        if "tools" in fields or "toolConfig" in fields:
            self._of_tools(said, fields)
            size += 3 * _TOOLS_TOKENS
        if plain:
            self.input_tokens = -(-size // (3 if ascii_ else 2)) + _FRAME_TOKENS
        else:
            self._weighed(weight, size, ascii_=ascii_)

    def _of_nested(self, raw: msgspec.Raw, names: Mapping[str, str]) -> None:
        inner = _any(raw)
        if not isinstance(inner, dict):
            return
        for name, meaning in names.items():
            if name not in inner:
                continue
            value = inner[name]
            if meaning == "cap":
                self._capped(value if type(value) is int else -1)
            elif meaning == "choices":
                self._chosen(value if type(value) is int else -1)
            elif meaning == "modalities":
                self._of_modalities(value)
            elif meaning == "thinks":
                self.thinks = True
            elif value:
                self._surcharge(name)

    def _of_surcharged(self, said: Spelling, fields: Mapping[str, msgspec.Raw]) -> None:
        for name in said.surcharged & fields.keys():
            value = _any(fields[name])
            if name in ("service_tier", "serviceTier"):
                self._of_tier(value)
            elif name == "modalities":
                self._of_modalities(value)
            elif name == "cache_control":
                self.kinds |= of_value({name: value}).kinds
            elif name == "prediction":
                self._extra_output += -(-len(bytes(fields[name])) // 2)
            elif value and value not in said.harmless.get(name, ()):
                self._surcharge(name)

    def _of_tier(self, value: Any) -> None:
        if isinstance(value, dict):
            value = value.get("type")
        if isinstance(value, str):
            value = value.lower()
            self.service = _KNOWN_TIERS.get(value, value)[:40]
        elif value is not None:
            self.service = "unknown"

    def _of_modalities(self, value: Any) -> None:
        for one in value if isinstance(value, list) else [value]:
            kind = str(one).lower()
            if kind == "audio":
                self.kinds |= {"output_audio"}
            elif kind != "text":
                self._surcharge(f"output of {kind[:40]}")

    def _of_tools(self, said: Spelling, fields: Mapping[str, msgspec.Raw]) -> None:
        for name in ("tools", "toolConfig"):
            value = _any(fields[name]) if name in fields else None
            listed = value.get("tools") if isinstance(value, dict) else value
            for tool in listed if isinstance(listed, list) else []:
                if (hosted := said.hosted(tool)) is not None:
                    self._surcharge(hosted)
            self.kinds |= of_value(value).kinds

    # ------------------------------------------------------------ values

    def _of_chat(self, request: ChatRequest) -> None:
        if request.max_tokens is not None:
            self._capped(request.max_tokens)
        if request.n is not None:
            self._chosen(request.n)
        self.thinks = request.thinking is not None
        size = 0
        if request.tools:
            size = len(msgspec.json.encode(request.tools)) + 3 * _TOOLS_TOKENS
            if any(isinstance(tool, HostedTool) for tool in request.tools):
                self._surcharge("a hosted tool")
            self.kinds |= of_value(
                [{"cache": getattr(one, "cache", None)} for one in request.tools]
            ).kinds
        if request.response_format is not None:
            size += len(msgspec.json.encode(request.response_format))
        if request.extra:
            self._of_extra(request)
            size += len(msgspec.json.encode(request.extra))
        text = _plain_bytes(request.messages)
        if text is not None:
            bytes_, ascii_ = text
            self.input_tokens = -(-(size + bytes_) // (3 if ascii_ else 2)) + _FRAME_TOKENS
            return
        said = msgspec.to_builtins(request.messages)
        weight = of_value(said)
        self._weighed(weight, size + weight.bytes, ascii_=weight.ascii)

    def _of_extra(self, request: ChatRequest) -> None:
        """Fields that we do not model: a cap among them may be taken or not, so it only raises ours."""
        said = SPELLINGS.get(request.extra_dialect or "", OTHER)
        fields = {
            name: msgspec.Raw(msgspec.json.encode(one)) for name, one in request.extra.items()
        }
        if not said.surcharged.isdisjoint(fields):
            self._of_surcharged(said, fields)
        if self._cap is not None:
            for name in said.caps:
                if name in fields:
                    self._capped(_count(fields[name]))
        for name in said.choices:
            if name in fields:
                self._chosen(_count(fields[name]))
        if "tools" in fields:
            self._of_tools(said, fields)

    # ------------------------------------------------------------ what both need

    def _capped(self, count: int | None) -> None:
        """A cap that makes no sense says nothing; of several the largest may be the one that holds."""
        if count is not None and count > 0:
            self._cap = max(count, self._cap or 0)

    def _chosen(self, count: int | None) -> None:
        if count is not None:
            self.choices = max(self.choices, count if count > 0 else _MOST_CHOICES)

    def _surcharge(self, what: str) -> None:
        self.surcharged = self.surcharged or what

    def _weighed(self, weight: Weight, size: int, *, ascii_: bool | None = None) -> None:
        ascii_ = weight.ascii if ascii_ is None else ascii_
        text = max(size - weight.data_bytes, weight.bytes)
        self.input_tokens = -(-text // (3 if ascii_ else 2)) + weight.tokens + _FRAME_TOKENS
        self.kinds |= weight.kinds
        if weight.elsewhere:
            self._surcharge(weight.elsewhere)


def _count(raw: msgspec.Raw) -> int | None:
    """A whole number, ``None`` for null, and -1 for anything else."""
    try:
        return _number(raw)
    except msgspec.MsgspecError:
        return None if bytes(raw) == b"null" else -1


def _plain_bytes(messages: Iterable[Message]) -> tuple[int, bool] | None:
    """The size of messages that are text alone, and whether it is ASCII."""
    size, ascii_ = 0, True
    for message in messages:
        size += _FRAME_BYTES
        for part in message.parts:
            if type(part) is not Text or part.cache is not None:
                return None
            if part.text.isascii():
                size += len(part.text)
            else:
                ascii_ = False
                size += len(part.text.encode())
    return size, ascii_
