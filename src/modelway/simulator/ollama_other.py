"""What else Ollama answers: embeddings, its models, and its version.

Source: https://docs.ollama.com/api/embed, https://docs.ollama.com/api/tags,
https://docs.ollama.com/api-reference/show-model-details, 2026-11-21.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from modelway.simulator import tokens
from modelway.simulator.ollama_read import check_model, worded
from modelway.simulator.ollama_write import moment
from modelway.simulator.question import Asked, Envelope, Question, refuse
from modelway.simulator.script import ListedModel
from modelway.simulator.strict import fitted, parse
from modelway.simulator.vectors import vector

_DIMENSIONS = 768
_CAPABILITIES = ("completion", "tools", "vision", "thinking", "embedding")
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "simulated",
    "families": ["simulated"],
    "parameter_size": "0B",
    "quantization_level": "F32",
}


class Embed(msgspec.Struct, frozen=True, kw_only=True):
    model: str = ""
    input: str | list[str] | None = None
    prompt: str | None = None
    truncate: bool | None = None
    dimensions: int | None = None


class Show(msgspec.Struct, frozen=True, kw_only=True):
    model: str = ""
    name: str = ""
    verbose: bool | None = None


def read_embed(asked: Asked) -> Question:
    """What is to be embedded, of the present API and of the one before it."""
    request = fitted(parse(asked.body, worded), Embed, asked, worded)
    check_model(asked, request.model)
    given = request.prompt if request.input is None else request.input
    if given is None:
        raise refuse("invalid input type")
    texts = (given,) if isinstance(given, str) else tuple(given)
    return Question(
        dialect="ollama",
        model=request.model,
        text=texts[0] if texts else "",
        texts=texts,
        input_tokens=sum(map(tokens.count, texts)),
        told={"dimensions": request.dimensions or _DIMENSIONS},
    )


def embedded(envelope: Envelope) -> bytes:
    """All vectors."""
    body = {
        "model": envelope.question.model,
        "embeddings": _vectors(envelope),
        "total_duration": 20_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": envelope.counts.input_tokens,
    }
    return msgspec.json.encode(body)


def embedded_before(envelope: Envelope) -> bytes:
    """The one vector of ``/api/embeddings``."""
    return msgspec.json.encode({"embedding": _vectors(envelope)[0]})


def tags(asked: Asked) -> bytes:
    """The models that are there."""
    return msgspec.json.encode({"models": [_model(each) for each in asked.listed.values()]})


def running(asked: Asked) -> bytes:
    """The models that are loaded: the first."""
    loaded = [
        {
            **_model(each),
            "expires_at": "2318-11-21T00:00:00Z",
            "size_vram": 0,
            "context_length": each.context_tokens or 4096,
        }
        for each in list(asked.listed.values())[:1]
    ]
    return msgspec.json.encode({"models": loaded})


def version(asked: Asked) -> bytes:  # noqa: ARG001  it depends on nothing
    """The version."""
    return msgspec.json.encode({"version": "0.13.0"})


def show(asked: Asked) -> bytes:
    """What is known of a model."""
    request = fitted(parse(asked.body, worded), Show, asked, worded)
    name = request.model or request.name
    check_model(asked, name)
    listed = asked.listed.get(name) or ListedModel(id=name)
    body = {
        "license": "",
        "modelfile": f"FROM {name}\n",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {
            "general.architecture": "simulated",
            "general.parameter_count": 0,
            "simulated.context_length": listed.context_tokens or 131_072,
            "simulated.embedding_length": _DIMENSIONS,
        },
        "capabilities": _CAPABILITIES,
        "modified_at": moment(listed.created),
    }
    return msgspec.json.encode(body)


def _vectors(envelope: Envelope) -> list[list[float]]:
    asked = envelope.question
    return [vector(text, asked.told["dimensions"]) for text in asked.texts]


def _model(listed: ListedModel) -> dict[str, Any]:
    return {
        "name": listed.id,
        "model": listed.id,
        "modified_at": moment(listed.created),
        "size": 0,
        "digest": sha256(listed.id.encode()).hexdigest(),
        "details": _DETAILS,
    }
