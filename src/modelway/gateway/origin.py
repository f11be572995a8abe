"""For a gateway without keys: requests that a web page of somebody else made are refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from modelway.errors import ForbiddenError
from modelway.gateway.authorise import is_loopback


def refuse_foreign(headers: list[tuple[bytes, bytes]]) -> None:
    """ForbiddenError unless Host, and Origin where there is one, are this machine's own.

    A page can make a browser send a request here, or point its own name at 127.0.0.1; neither can
    make the browser claim a loopback origin.
    """
    for name, value in headers:
        if name == b"host" and not _local("//" + value.decode("latin-1")):
            raise ForbiddenError("without keys, only requests to a loopback host are answered")
        if name == b"origin" and not _local(value.decode("latin-1")):
            raise ForbiddenError("without keys, requests of web pages are not answered")


def _local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)
