"""Base URLs, and names that become part of a host or path: read strictly, refused when in doubt."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

from modelway.errors import BadRequestError, ConfigError
from modelway.ports import Origin

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<authority>[^/?#\\]*)(?P<path>[^?#\\]*)(?P<query>\?[^#\\]*)?(?P<fragment>#.*)?"
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@]*)(:(?P<port>[0-9]{1,5}))?")
_PRINTABLE = re.compile(r"[!-~]*")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?")
_DOTS = re.compile(r"(\.|%2[eE]){1,2}")
_PORTS = {"http": 80, "https": 443}


def parse_base_url(url: str) -> tuple[Origin, str]:
    """Where to connect, and the path that every target begins with (no ``/`` at its end).

    ConfigError for anything but ``http(s)://host[:port][/path]``.
    """
    origin, path, query = split_url(url)
    if query:
        raise _bad("a base URL has no query; set query parameters on their own")
    return origin, path.rstrip("/")


def split_url(url: str) -> tuple[Origin, str, str]:
    """Origin, path and query (with its ``?``); ConfigError unless the URL can be read one way only.

    The message never has the URL, which may hold a key.
    """
    match = _URL.fullmatch(url)
    if match is None or _PRINTABLE.fullmatch(url) is None:
        raise _bad("it must be http:// or https://, a host, and a path, in plain ASCII")
    scheme = match["scheme"].lower()
    if scheme not in _PORTS:
        raise _bad(f"the scheme {scheme!r} is not http or https")
    if match["fragment"] is not None:
        raise _bad("it may not have a fragment ('#')")
    if "@" in match["authority"]:
        raise _bad("it may not hold a user or password; set the key on its own")
    authority = _AUTHORITY.fullmatch(match["authority"])
    if authority is None or not authority["host"]:
        raise _bad("its host or port is not valid")
    port = int(authority["port"]) if authority["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise _bad(f"{port} is not a port")
    path = match["path"]
    if any(_DOTS.fullmatch(segment) for segment in path.split("/")):
        raise _bad("its path may not have '.' or '..' segments")
    return Origin(scheme, parse_host(authority["host"]), port), path, match["query"] or ""


def parse_host(host: str) -> str:
    """A host in the one form we use: lower case, no brackets; ConfigError for other spellings.

    Octal, hexadecimal and shortened IPv4 addresses are refused, because what they mean depends on
    who reads them. Source: https://url.spec.whatwg.org/#ends-in-a-number-checker, 2025-11.
    """
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            raise _bad("its IPv6 address is not valid") from None
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) is not None or not labels[-1]:
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise _bad(
                "its host ends in a dot or a number but is not an IPv4 address a.b.c.d"
            ) from None
    if len(host) > 253 or any(_LABEL.fullmatch(label) is None for label in labels):
        raise _bad("its host is not a name; write international names in their xn-- form")
    return host.lower()


def check_name(value: str, what: str) -> str:
    """A resource, deployment, project or region that becomes part of a URL; BadRequestError unless safe.

    Letters, digits, ``.``, ``_`` and ``-``: nothing that could end a host or begin another segment.
    """
    if _NAME.fullmatch(value) is None or ".." in value:
        raise BadRequestError(
            f"the {what} may only have letters, digits, '.', '_' and '-', at most 128", param=what
        )
    return value


def check_label(value: str, what: str) -> str:
    """Like ``check_name``, for one label of a host: without dots, at most 63."""
    if _LABEL.fullmatch(value) is None:
        raise BadRequestError(
            f"the {what} may only have letters, digits, '_' and '-', at most 63", param=what
        )
    return value


def quote_segment(value: str, what: str = "model") -> str:
    """One segment of a path, percent-encoded: ``/``, ``:``, ``?`` and ``#`` too."""
    if value in {"", ".", ".."} or any(character < " " for character in value):
        raise BadRequestError(f"the {what} cannot be part of a URL's path", param=what)
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise BadRequestError(f"the {what} is not valid Unicode", param=what) from None


def _bad(why: str) -> ConfigError:
    return ConfigError(f"the URL cannot be used: {why}", code="url")
