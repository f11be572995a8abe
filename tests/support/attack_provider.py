"""A provider in a thread of its own that speaks every dialect, takes whatever is asked, and bills it.

Every answer is billed as ``READ`` and ``MADE`` tokens, whatever it says. What it was sent is kept.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

READ, MADE = 11, 7
INPUT_USD, OUTPUT_USD = 1.0, 10.0
"""Per million tokens."""
COST = READ * 10**6 + MADE * 10**7
"""Of an answer, in pico-dollars."""
EMBEDDED = READ * 10**6
OWN_CAP = 1000
"""Of its models' output."""
CANARY = "canary~provider~key~4711"


class Sent(NamedTuple):
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


_USAGE = {"prompt_tokens": READ, "completion_tokens": MADE, "total_tokens": READ + MADE}


class Provider:
    """``status`` and ``slow_s`` hold for what comes next; ``failing`` counts down to 0."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.billed = 0
        """Answers that it began."""
        self.slow_s = 0.0
        self.failing = 0
        self.status = 500
        self.words = 6
        """Of a stream, each an event."""
        self.word_s = 0.0
        self.finish = "stop"
        self.usage: Any = dict(_USAGE)
        """Of a chat in OpenAI's words."""
        self.hang_up = False
        self.url = ""


def _chat(text: str, finish: str, usage: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
            }
        ],
        "usage": usage,
    }


_SPOKEN = {"input_tokens": READ, "output_tokens": MADE}
_COHERE = {
    "billed_units": {"input_tokens": READ, "output_tokens": MADE},
    "tokens": _SPOKEN,
}
_ANSWERS: dict[str, Any] = {
    "/messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": _SPOKEN,
    },
    "/responses": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
            }
        ],
        "usage": {**_SPOKEN, "total_tokens": READ + MADE},
    },
    ":generateContent": {
        "candidates": [
            {
                "index": 0,
                "content": {"role": "model", "parts": [{"text": "Hello."}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {
            "promptTokenCount": READ,
            "candidatesTokenCount": MADE,
            "totalTokenCount": READ + MADE,
        },
        "modelVersion": "m",
    },
    ":batchEmbedContents": {"embeddings": [{"values": [0.5, 0.5]}]},
    "/converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": READ, "outputTokens": MADE, "totalTokens": READ + MADE},
        "metrics": {"latencyMs": 1},
    },
    "/v2/chat": {
        "id": "c1",
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
        "usage": _COHERE,
    },
    "/v2/embed": {
        "id": "e1",
        "embeddings": {"float": [[0.5, 0.5]]},
        "texts": ["hi"],
        "meta": {"billed_units": {"input_tokens": READ}},
    },
    "/v2/rerank": {
        "id": "r1",
        "results": [{"index": 0, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 1}},
    },
    "/api/chat": {
        "model": "m",
        "created_at": "2026-11-21T00:00:00Z",
        "message": {"role": "assistant", "content": "Hello."},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": READ,
        "eval_count": MADE,
    },
    "/api/generate": {
        "model": "m",
        "created_at": "2026-11-21T00:00:00Z",
        "response": "Hello.",
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": READ,
        "eval_count": MADE,
    },
    "/api/embed": {"model": "m", "embeddings": [[0.5, 0.5]], "prompt_eval_count": READ},
    "/completions": {
        "id": "c1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "text": "Hello.", "finish_reason": "stop", "logprobs": None}],
        "usage": _USAGE,
    },
    "/embeddings": {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}],
        "usage": {"prompt_tokens": READ, "total_tokens": READ},
    },
    "/images/generations": {"created": 1, "data": [{"b64_json": "AAAA"}]},
}
"""By the end of a path; the first that fits."""


def _answer(provider: Provider, path: str) -> Any:
    if path.endswith("/chat/completions"):
        return _chat("Hello.", provider.finish, provider.usage)
    for end, answer in _ANSWERS.items():
        if path.endswith(end):
            return answer
    return None


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """One that listens until the block ends."""
    state = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.sent.append(Sent(path, headers, body))
            with contextlib.suppress(OSError):
                self._play(path, body)

        def _play(self, path: str, body: bytes) -> None:
            time.sleep(state.slow_s)
            if state.failing:
                state.failing -= 1
                self._say({"error": {"message": f"no, {CANARY}", "type": "x"}}, state.status)
                return
            state.billed += 1
            if state.hang_up:
                self.close_connection = True
                return
            if path.endswith("/chat/completions") and json.loads(body).get("stream"):
                self._stream()
                return
            answer = _answer(state, path)
            if answer is None:
                self._say({"error": {"message": f"no {path}"}}, 404)
            else:
                self._say(answer)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            start = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            for number in range(state.words):
                delta = {"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}
                self._event({**start, "choices": [delta]})
                time.sleep(state.word_s)
            end = {"index": 0, "delta": {}, "finish_reason": state.finish}
            self._event({**start, "choices": [end]})
            time.sleep(state.word_s)
            self._event({**start, "choices": [], "usage": state.usage})
            self.wfile.write(b"data: [DONE]\n\n")

        def _event(self, value: Any) -> None:
            self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")
            self.wfile.flush()

        def _say(self, value: Any, status: int = 200) -> None:
            said = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


DIALECTS = (
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini",
    "bedrock-converse",
    "cohere",
    "ollama",
)


def configured(up: Provider, folder: Any, **more: Any) -> dict[str, Any]:
    """A gateway before it: ``m-<dialect>`` is the model that speaks it natively; books are kept."""
    fact = {
        "max_output_tokens": OWN_CAP,
        "context_tokens": 100_000,
        "price": {"input": INPUT_USD, "output": OUTPUT_USD},
    }
    return {
        "providers": {
            f"p-{name}": {
                "base_url": f"{up.url}/v1" if name != "bedrock-converse" else up.url,
                "dialect": name,
                "api_key": CANARY,
                "retries": 0,
            }
            for name in DIALECTS
        },
        "models": {f"m-{name}": f"p-{name}/upstream" for name in DIALECTS},
        "catalogue": {f"p-{name}/*": fact for name in DIALECTS},
        "ledger": {
            "enabled": True,
            "url": f"sqlite://{folder / 'ledger.sqlite'}",
            "journal": str(folder / "journal"),
            "ship_s": 0.05,
        },
        "metrics": {"enabled": True},
        "breaker": {"failures": 1000},
        **more,
    }


HELLO = [{"role": "user", "content": "hi there"}]


class Question(NamedTuple):
    """How a dialect's client asks: ``fields`` with a model's name where the path has none."""

    path: str
    fields: dict[str, Any]
    named: bool = True

    def asked(self, model: str) -> tuple[str, dict[str, Any]]:
        if self.named:
            return self.path, {"model": model, **self.fields}
        return self.path.format(model=model), dict(self.fields)


QUESTIONS: dict[str, Question] = {
    "openai-chat": Question("/v1/chat/completions", {"messages": HELLO}),
    "openai-responses": Question("/v1/responses", {"input": "hi there"}),
    "anthropic-messages": Question("/v1/messages", {"max_tokens": 50, "messages": HELLO}),
    "gemini": Question(
        "/v1beta/models/{model}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hi there"}]}]},
        named=False,
    ),
    "bedrock-converse": Question(
        "/model/{model}/converse",
        {"messages": [{"role": "user", "content": [{"text": "hi there"}]}]},
        named=False,
    ),
    "cohere": Question("/v2/chat", {"messages": HELLO}),
    "ollama": Question("/api/chat", {"messages": HELLO, "stream": False}),
}
"""Chat, by the client's dialect."""
OTHERS: dict[str, tuple[str, Question, int]] = {
    "completions": ("openai-chat", Question("/v1/completions", {"prompt": "hi"}), COST),
    "embeddings": ("openai-chat", Question("/v1/embeddings", {"input": "hi"}), EMBEDDED),
    "gemini embed": (
        "gemini",
        Question(
            "/v1beta/models/{model}:batchEmbedContents",
            {
                "requests": [
                    {"model": "models/m-gemini", "content": {"parts": [{"text": "hi"}]}},
                ]
            },
            named=False,
        ),
        EMBEDDED,
    ),
    "cohere embed": (
        "cohere",
        Question(
            "/v2/embed",
            {"texts": ["hi"], "input_type": "search_query", "embedding_types": ["float"]},
        ),
        EMBEDDED,
    ),
    "ollama generate": (
        "ollama",
        Question("/api/generate", {"prompt": "hi", "stream": False}),
        COST,
    ),
    "ollama embed": ("ollama", Question("/api/embed", {"input": "hi"}), EMBEDDED),
}
"""Operation → the dialect, the question and what it is to cost."""
