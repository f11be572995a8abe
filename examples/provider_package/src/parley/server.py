"""A server to try it against: ``python -m parley.server 8950``. It speaks by the client's half."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from modelway.errors import AuthenticationError, LLMError, NotFoundError, RateLimitError
from modelway.fold import unfold
from modelway.framing.fields import split
from modelway.types import ChatRequest, ChatResponse, Choice, Message, Text, Tool, ToolCall, Usage
from parley import DIALECT
from parley.downstream import Encoder
from parley.wire import STREAM_TYPE

KEY = "parley-key"
CHAT = DIALECT.downstream["chat"]


def answered(asked: ChatRequest) -> ChatResponse:
    """An echo, or a call of the first tool where one is required."""
    heard = [part for message in asked.messages for part in message.parts]
    text = Text(text=f"You said: {heard[-1].text}" if isinstance(heard[-1], Text) else "So it is.")
    names = [tool.name for tool in asked.tools if isinstance(tool, Tool)]
    calls = [ToolCall(id="call-1", name=names[0])] if asked.tool_choice == "required" else []
    choice = Choice(
        message=Message(role="assistant", parts=tuple(calls or [text])),
        finish_reason="tool_calls" if calls else "stop",
    )
    usage = Usage(input_tokens=len(heard), output_tokens=3)
    return ChatResponse(id="answer-1", model=asked.model, choices=(choice,), usage=usage)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            if self.headers["authorization"] != f"Bearer {KEY}":
                raise AuthenticationError("no such key")
            if self.path != "/v1/talk":
                raise NotFoundError("there is /v1/talk")
            fields = split(body)
            asked = CHAT.decode(fields)
            if asked.model == "parley-busy":
                raise RateLimitError("Parley is busy")
            answer = answered(asked)
            if bytes(fields.get("stream", b"")) != b"true":
                self._send(200, b"application/json", CHAT.encode(answer))
                return
            encoder = Encoder(fields)
            self._send(200, STREAM_TYPE, encoder.feed(unfold(answer)) + encoder.close())
        except LLMError as error:
            status, refusal = DIALECT.refuse(error)
            self._send(status, b"application/json", refusal)

    def _send(self, status: int, media_type: bytes, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type.decode())
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Nothing: the caller tells."""


def serving(port: int) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    with serving(int(sys.argv[1])) as server:
        print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
        server.serve_forever()
