"""A raw ASGI application that reads a request and gives a fixed answer of 766 bytes."""

from __future__ import annotations

_BODY = b'{"choices":[]}' + b" " * 752
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"766")],
}
_ANSWER = {"type": "http.response.body", "body": _BODY}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send(_ANSWER)
