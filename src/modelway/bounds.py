"""What a call may use at the most, found out once, before it is sent: money is reserved by it.

It is read off the request alone; the caps and prices of a deployment come from ``facts``. What cannot
be bounded by reading a request is said in ``surcharged``, never left out.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec

from modelway.call import Body, Call, Deployment
from modelway.dialects import requested
from modelway.errors import LLMError
from modelway.plain import plain
from modelway.retrieval import EmbedRequest, RerankRequest
from modelway.spelling import HARMLESS, OTHER, SPELLINGS, STANDARD, Names, Spelling
from modelway.types import ChatRequest, HostedTool, Text
from modelway.weighing import IMAGE_TOKENS, Weight

if TYPE_CHECKING:
    from modelway.catalog.pricing import Class

_FRAME_TOKENS = 80
"""What hosts put around any question: roles, separators, a date; 70 at the most in recorded traffic."""
_TOOLS_TOKENS = 750
"""What a model that has tools is told beside their definitions: 690 in recorded traffic, and 530 said.

Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing, 2026-11-21.
"""
_SHAPE_TOKENS = 300
"""What a model is told beside the schema of its answer: 210 in recorded traffic."""
_MOST_CHOICES = 128
_TURN_TOKENS = 8
"""Role and separators of one message."""
_DENSE = 16
"""Text with fewer than one space in so many bytes is no prose: keys, numbers, base64."""
_SHORT = 256
_PLACES = 64
"""At which a text is looked at, at the least, before all of it is."""
_MOST_NAME = 40


_tools = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None).decode
_any = msgspec.json.Decoder().decode


class Bound:
    """The most that one call may use, at any deployment."""

    dialect = ""
    """Of a client's own bytes; ``""``: it is a value."""
    input_tokens = 0
    """Never below what its text is by its bytes, and what is seen and heard by its rules."""
    images = 0
    """How many, each of which is in ``input_tokens`` as ``IMAGE_TOKENS``."""
    documents = 0
    """How many are to be ranked."""
    choices = 1
    service = "standard"
    """The terms that it names."""
    kinds: frozenset[Class] = frozenset()
    """Classes of tokens that it may have beside plain ones."""
    surcharged = ""
    """What is billed beside its own tokens, or by tokens that are not in it; ``""``: nothing."""
    thinks = False
    """Whether it says how much is to be thought."""

    _cap: int | None = None
    _raised_to = 0
    """By caps that may be left out on the way: they bound nothing."""
    _nonsense = False
    _prompts = 1
    _named_in = ""
    """The dialect in whose words terms are named; ``""``: in those of whoever is asked."""
    _predicted = 0
    _told = _FRAME_TOKENS

    def __init__(self, call: Call) -> None:
        self.operation = call.operation
        body = call.body
        if body is not None:
            try:
                self._of_body(call, body)
            except RecursionError:  # it was split where the stack was not as deep
                self._unread("a question that is nested too deeply", body)
            except msgspec.ValidationError:
                requested(call)  # its face refuses it, in its own words
                self._unread("a number that is out of range", body)
        elif call.passing is not None:
            self.input_tokens = -(-len(call.passing.body) // 2)
        else:
            self._of_value(call.request)

    def output_tokens(self, own_cap: int | None) -> int | None:
        """Of all its choices. The model's ``own_cap`` stands for one that is not said, or is nonsense."""
        if self.operation in ("embed", "rerank"):
            return 0
        cap = self._cap
        if cap is None:
            cap = own_cap
        elif self._nonsense:
            cap = None if own_cap is None else max(cap, own_cap)
        if self._raised_to and cap is not None:
            cap = max(cap, self._raised_to)
        return None if cap is None else (cap + self._predicted) * self.choices

    def service_at(self, deployment: Deployment) -> str:
        """The terms that it names there: those that are left out in translation are not."""
        if self._named_in in ("", deployment.dialect) or self._named_in in deployment.also:
            return self.service
        return "standard"

    def under(self, deployment: Deployment) -> Bound:
        """The same with what the operator adds to every call of this deployment."""
        if not deployment.target.body and not deployment.defaults:
            return self
        more = copy(self)
        more.add(deployment)
        return more

    def add(self, deployment: Deployment) -> None:
        """Count what the operator adds: of defaults, only where no client's bytes go on as they are."""
        defaults, body = deployment.defaults, deployment.target.body
        if self.dialect != deployment.dialect:
            if self._cap is None and defaults.get("max_tokens") is not None:
                self._capped(defaults["max_tokens"])
            self._read(OTHER, "n", "choices", defaults.get("n"))
        spelling = SPELLINGS.get(deployment.dialect, OTHER)
        for name in body.keys() & spelling.names.keys():
            self._read(spelling, name, spelling.names[name], body[name])

    # ------------------------------------------------------------ a client's own bytes

    def _of_body(self, call: Call, body: Body) -> None:
        self.dialect = self._named_in = body.dialect
        spelling = SPELLINGS.get(body.dialect)
        if spelling is None:
            self._of_unknown(call, body.size_bytes)
            return
        said: list[tuple[str, msgspec.Raw]] = []
        names = spelling.names
        for name, raw in body.fields.items():
            meaning = names.get(name)
            if meaning is None:
                continue
            if meaning == "content":
                said.append((name, raw))
            elif meaning == "cap":
                self._capped(_any(raw))
            elif meaning == "tools":
                self._of_tools(spelling, _listed(raw))
            elif meaning == "prompts":
                said.append((name, raw))
                self._of_prompts(_any(raw))
            else:
                self._read(spelling, name, meaning, _any(raw))
        tokens, rest = self._told, body.size_bytes
        for name, raw in said:
            text = bytes(raw)
            rest -= len(text)
            if name == "messages" and not self.kinds and text.find(b"[", 1) < 0:
                # what is no text in messages is in lists; a spoken history goes with sound
                tokens += _tokens(len(text), text.isascii(), text)
            else:
                tokens += self._text_or_more(text)
        self.input_tokens += tokens + (-(-rest // 3) if rest > 0 else 0)
        if self.operation == "rerank" and "documents" in body.fields:
            documents = _any(body.fields["documents"])
            self.documents = len(documents) if isinstance(documents, list) else 1

    def _text_or_more(self, raw: bytes) -> int:
        """The tokens of what is said, as JSON: of text at once, else of what is found in it."""
        size = len(raw)
        try:
            plain(raw)
        except msgspec.ValidationError:
            weight = Weight()
            weight.put(_any(raw))
            self._weighed(weight)
            size = max(size - weight.data_bytes, 0)
        return _tokens(size, raw.isascii(), raw)

    def _of_unknown(self, call: Call, size: int) -> None:
        """Of a dialect that is not ours: by what it says as a value."""
        try:
            self._of_value(requested(call))
        except LLMError:
            self._surcharge("a question that cannot be read")
        self.input_tokens = max(self.input_tokens, -(-size // 3))

    # ------------------------------------------------------------ fields

    def _read(self, spelling: Spelling, name: str, meaning: str | Names, value: Any) -> None:
        if value is None:
            return
        if meaning == "cap":
            self._capped(value)
        elif meaning == "tools":
            self._of_tools(spelling, value)
        elif meaning == "raises":
            self._raised_to = max(self._raised_to, _whole(value) or 0)
        elif meaning == "choices":
            self.choices = max(self.choices, (_whole(value) or _MOST_CHOICES) * self._prompts)
        elif meaning == "thinks":
            self.thinks = True
        elif meaning == "shaped":
            self._told += _SHAPE_TOKENS
        elif meaning == "service":
            self.service = _service(value)
        elif meaning == "modalities":
            self._of_modalities(value)
        elif meaning == "predicted":
            self._predicted += -(-len(msgspec.json.encode(value)) // 2)
        elif meaning == "cached":
            self._weigh({name: value})
        elif meaning == "surcharged":
            if value and not (isinstance(value, str) and value in HARMLESS):
                self._surcharge(name)
        elif isinstance(value, dict) and not isinstance(meaning, str):
            for inner in meaning.keys() & value.keys():
                self._read(spelling, inner, meaning[inner], value[inner])

    def _capped(self, value: Any) -> None:
        """Of several caps the largest may be the one that holds, and a host may take any nonsense."""
        cap = _whole(value)
        if cap is not None:
            if self._cap is None or cap > self._cap:
                self._cap = cap
        elif value is not None:
            self._nonsense = True

    def _of_prompts(self, value: Any) -> None:
        """Of texts, and of lists of tokens, each is answered; tokens alone are one prompt."""
        if isinstance(value, list):
            self._prompts = max(1, sum([type(one) is not int for one in value]))
            self.choices *= self._prompts

    def _of_tools(self, spelling: Spelling, tools: Any) -> None:
        self._told += _TOOLS_TOKENS
        for tool in tools if isinstance(tools, list) else [tools]:
            hosted = spelling.hosted(tool)
            if hosted is not None:
                self._surcharge(hosted)
            elif "cache_control" in tool or "cachePoint" in tool:
                self._weigh([_read_whole(tool[name]) for name in _CACHED & tool.keys()])

    def _of_modalities(self, value: Any) -> None:
        for one in value if isinstance(value, list) else [value]:
            kind = str(one).lower()
            if kind == "audio":
                self.kinds |= {"output_audio"}
            elif kind != "text":
                self._surcharge(f"output of {kind[:_MOST_NAME]}")

    # ------------------------------------------------------------ values

    def _of_value(self, request: Any) -> None:
        if isinstance(request, ChatRequest):
            self._of_chat(request)
        elif isinstance(request, EmbedRequest | RerankRequest):
            said: Any
            if isinstance(request, EmbedRequest):
                said = msgspec.to_builtins(request.inputs)
            else:
                self.documents = len(request.documents)
                said = [request.query, *request.documents]
            self.input_tokens += self._told + self._weigh(said)

    def _of_chat(self, request: ChatRequest) -> None:
        if request.max_tokens is not None:
            self._capped(request.max_tokens)
        if request.n is not None:
            self._read(OTHER, "n", "choices", request.n)
        self.thinks = request.thinking is not None
        size = 0
        if request.tools:
            self._told += _TOOLS_TOKENS
            size = len(msgspec.json.encode(request.tools))
            for tool in request.tools:
                if isinstance(tool, HostedTool):
                    self._surcharge("a hosted tool")
                elif tool.cache is not None:
                    self._weigh({"cache": tool.cache})
        if request.response_format is not None:
            self._told += _SHAPE_TOKENS
            size += len(msgspec.json.encode(request.response_format))
        if request.extra:
            size += len(msgspec.json.encode(request.extra))
            self._of_extra(request)
        said = self._of_text(request)
        if said is None:
            said = self._weigh(msgspec.to_builtins(request.messages))
        self.input_tokens += self._told + said + -(-size // 3)

    def _of_text(self, request: ChatRequest) -> int | None:
        """The tokens of messages that are text alone."""
        tokens = 0
        for message in request.messages:
            for part in message.parts:
                if type(part) is not Text or part.cache is not None:
                    return None
                text = part.text.encode("utf-8", "surrogatepass")
                tokens += _tokens(len(text), text.isascii(), text)
        return tokens + _TURN_TOKENS * len(request.messages)

    def _of_extra(self, request: ChatRequest) -> None:
        """Fields that are not modelled: a cap among them may be taken or not, so it only raises ours."""
        cap = self._cap
        self._named_in = request.extra_dialect or ""
        spoken = SPELLINGS.get(request.extra_dialect or "")
        for spelling in SPELLINGS.values() if spoken is None else [spoken]:
            for name in request.extra.keys() & spelling.names.keys():
                self._read(spelling, name, spelling.names[name], request.extra[name])
        self._cap, self._raised_to = cap, self._cap or 0

    # ------------------------------------------------------------ what both need

    def _weigh(self, said: Any) -> int:
        """The tokens of the text in a decoded value; what else is in it is counted here."""
        weight = Weight()
        weight.put(said)
        self._weighed(weight)
        return _tokens(weight.bytes, weight.ascii, b" ")

    def _weighed(self, weight: Weight) -> None:
        self.images += weight.images
        self.input_tokens += weight.tokens + weight.images * IMAGE_TOKENS
        self.kinds |= weight.kinds
        if weight.elsewhere:
            self._surcharge(weight.elsewhere)

    def _unread(self, why: str, body: Body) -> None:
        self._surcharge(why)
        self.input_tokens = max(self.input_tokens, body.size_bytes)

    def _surcharge(self, what: str) -> None:
        self.surcharged = self.surcharged or what


def named_service(dialect: str, body: dict[str, Any]) -> str:
    """The terms that a body names; ``""``: none."""
    names = SPELLINGS.get(dialect, OTHER).names
    for name in body.keys() & names.keys():
        if names[name] == "service":
            return _service(body[name])
    return ""


def _service(value: Any) -> str:
    named = value.lower() if isinstance(value, str) else "unknown"
    return "standard" if named in STANDARD else named[:_MOST_NAME]


def _whole(value: Any) -> int | None:
    """A number that can be counted to: 1e9 is one, and sent on as one; ``None``: nonsense."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and value > 0 else None


def _listed(raw: msgspec.Raw) -> Any:
    """Tools by their names alone, for their schemas are long; ``None`` for null."""
    try:
        return _tools(raw) or []
    except msgspec.ValidationError:
        return _any(raw)


def _read_whole(value: Any) -> Any:
    return _any(value) if isinstance(value, msgspec.Raw) else value


_CACHED = frozenset(["cache_control", "cachePoint"])


def _tokens(size: int, ascii_: bool, text: bytes) -> int:
    """The most that text of so many bytes has, as far as tokenizers of words go.

    English has 4 bytes a token and code 3; other scripts have 2 to 3 bytes a character and up to a
    token of each; what has no words at all, by its spaces, has been seen at 1.5 bytes a token.
    """
    if not ascii_:
        return -(-size // 2)
    if size > _SHORT:
        some = text[:: len(text) // _PLACES | 1]
        if some.count(b" ") * _DENSE < len(some) and text.count(b" ") * _DENSE < len(text):
            return -(-2 * size // 3)
    return -(-size // 3)
