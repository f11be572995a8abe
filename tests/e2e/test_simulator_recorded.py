"""What the providers accepted, the simulator accepts, and it answers in the shape that they did."""

from __future__ import annotations

import base64
import json
import lzma
import struct
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from modelway.simulator.app import Simulator

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "recorded" / "dev.jsonl.xz"
AS_SENT = ""
ROUTES = {
    ("openai", "chat"): "/v1/chat/completions",
    ("azure", "chat"): "/v1/chat/completions",
    ("openai", "responses"): "/v1/responses",
    ("azure", "responses"): "/v1/responses",
    ("openai", "responses_input_tokens"): "/v1/responses/input_tokens",
    ("openai", "completions"): "/v1/completions",
    ("openai", "embeddings"): "/v1/embeddings",
    ("azure", "embeddings"): "/v1/embeddings",
    ("anthropic", "messages"): "/v1/messages",
    ("anthropic", "count_tokens"): "/v1/messages/count_tokens",
    ("gemini", "generate"): AS_SENT,
    ("gemini", "stream_generate"): AS_SENT,
    ("gemini", "count_tokens"): AS_SENT,
    ("gemini", "embeddings"): AS_SENT,
    ("vertex", "generate"): AS_SENT,
    ("vertex", "stream_generate"): AS_SENT,
    ("bedrock", "converse"): AS_SENT,
    ("bedrock", "converse_stream"): AS_SENT,
    ("bedrock", "invoke"): AS_SENT,
    ("bedrock", "invoke_with_response_stream"): AS_SENT,
    ("bedrock", "count_tokens"): AS_SENT,
    ("cohere", "v2_chat"): AS_SENT,
    ("cohere", "v2_embed"): AS_SENT,
    ("cohere", "rerank"): AS_SENT,
    ("ollama", "api_chat"): AS_SENT,
    ("ollama", "api_generate"): AS_SENT,
    ("ollama", "api_embed"): AS_SENT,
    ("ollama", "api_embeddings"): AS_SENT,
    ("replicate", "predictions"): AS_SENT,
}
EXCEPT = {
    "22a75f6dad604947": "a vision preview of 2023 took an image part without its image",
    "733e3ce388409ff3": "Titan took two user messages in a row",
    "a222a9062cb4d389": "Titan took two user messages in a row",
}
PREFIXES = {
    "vertex": "gemini",
    **{name: name for name in ("gemini", "bedrock", "cohere", "ollama", "replicate")},
}
OPTIONAL = {
    *("refusal", "annotations", "logprobs", "obfuscation", "service_tier", "citations", "stop"),
    *(
        "system_fingerprint",
        "p",
        "safetyRatings",
        "groundingMetadata",
        "index",
        "logs",
        "web",
        "thought",
    ),
}
"""What is there only sometimes, or only in padding."""

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="../shared/recorded is not here")


@pytest.fixture(scope="module")
def records():
    """The recorded exchanges of the simulator's wires that went well, with their paths."""
    found = []
    with lzma.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            path = ROUTES.get((record["provider"], record["api"]))
            body = record["request"]["json"]
            if path is None or not isinstance(body, dict) or record["id"] in EXCEPT:
                continue
            if "/invoke" in record["request"]["path"] and "anthropic_version" not in body:
                continue  # a model of another maker, whose body is its own
            if record["response"]["status"] in {200, 201}:
                query = "&".join([f"{name}={value}" for name, value in record["request"]["query"]])
                sent = f"/{PREFIXES.get(record['provider'])}{record['request']['path']}?{query}"
                found.append((record, path or sent))
    return found


def ask(simulator, record, path):
    """(status, body) of a recorded request."""
    body = record["request"]["json"]
    if ROUTES[record["provider"], record["api"]]:
        body = {"model": "m", **body}  # Azure's model is in its path
    method = record["request"]["method"]
    headers = ((b"anthropic-version", b"v"),) if record["provider"] == "anthropic" else ()
    response = simulator.handle(method, path, headers, json.dumps(body).encode())
    return response.status, b"".join(list(response.steps))


def test_accepted_requests_are_accepted(records):
    simulator = Simulator(keep=1)
    refused = []
    for record, path in records:
        status, answer = ask(simulator, record, path)
        if status not in {200, 201}:
            refused.append((record["id"], answer))
    print(f"{len(records)} recorded requests")
    assert len(records) > 1000
    assert refused == []


# ---------------------------------------------------------------- shapes


def frames(data: bytes) -> list[Any]:
    found = []
    while data:
        length, headers_length, _ = struct.unpack(">III", data[:12])
        payload = json.loads(data[12 + headers_length : length - 4])
        if set(payload) <= {"bytes", "p"}:
            payload = json.loads(base64.b64decode(payload["bytes"]))
        found.append(payload)
        data = data[length:]
    return found


def values(data: bytes, kind: str) -> list[Any]:
    """The JSON values of a body."""
    match kind:
        case "sse":
            lines = data.replace(b"\r", b"").split(b"\n")
            said = [line.partition(b":")[2].strip() for line in lines if line.startswith(b"data:")]
            return [json.loads(each) for each in said if each.startswith(b"{")]
        case "ndjson":
            return [json.loads(line) for line in data.splitlines() if line]
        case "aws-eventstream":
            return frames(data)
        case "json-array-stream":
            found: list[Any] = json.loads(data)
            return found
        case _:
            return [json.loads(data)]


def shape(value: Any, at: str, found: dict[str, set[str]]) -> None:
    """The kinds of value at each path; events of a kind, and parts of a kind, are apart."""
    if isinstance(value, dict):
        kind = value.get("type")
        at = f"{at}<{kind}>" if isinstance(kind, str) else at
        for name, each in value.items():
            if name not in {
                "top_logprobs",
                "args",
                "input",
                "arguments",
                "parameters",
                "schema",
                "tools",
                "text",
            }:
                shape(each, f"{at}.{name}", found)
    elif isinstance(value, list):
        for each in value[:3]:
            shape(each, f"{at}[]", found)
    found[at].add(KINDS.get(type(value), type(value).__name__))


KINDS = {int: "number", float: "number"}


def test_answers_have_no_shape_that_was_never_recorded(records):
    """Every value of ours stands, with its kind, where a provider's answer had one of that kind."""
    recorded: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    ours: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    simulator = Simulator(keep=1)
    for record, path in records:
        host = {"azure": "openai", "vertex": "gemini"}.get(record["provider"], record["provider"])
        wire = (host, record["api"].split("_with")[0])
        said = record["response"]
        data = said.get("body_text", "").encode() or base64.b64decode(said.get("body_base64") or "")
        for value in values(data, said["kind"]):
            shape(value, said["kind"], recorded[wire])
        status, answer = ask(simulator, record, path)
        assert status in {200, 201}
        for value in values(answer, said["kind"]):
            shape(value, said["kind"], ours[wire])
    strange = [
        f"{'/'.join(wire)}: {at} is {kind}, recorded {sorted(recorded[wire].get(at, ()))}"
        for wire, shapes in ours.items()
        for at, kinds in shapes.items()
        for kind in sorted(kinds - recorded[wire].get(at, set()))
        if at.rpartition(".")[2].strip("[]") not in OPTIONAL
    ]
    print("\n".join(strange))
    assert strange == []
