"""What may not stand in a cassette, and how it is taken out of headers, targets and bodies.

It removes keys and credentials. It does not remove what people wrote: a cassette holds prompts and
answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote, unquote

import msgspec

from modelway.ports import Headers, WireRequest

REMOVED = b"(removed)"

_KEPT_REQUEST_HEADERS = frozenset(
    {b"accept", b"anthropic-beta", b"anthropic-version", b"content-type", b"openai-beta"}
)
"""Headers that say what is asked; a person's own may hold anything, so they are left out."""

_CARRIERS = frozenset(
    {
        b"authorization",
        b"proxy-authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-amz-security-token",
        b"ocp-apim-subscription-key",
        b"cookie",
    }
)
"""Request headers whose values are secrets, wherever else they turn up."""

_DROPPED_RESPONSE_HEADERS = frozenset(
    {
        *_CARRIERS,
        b"set-cookie",
        b"openai-organization",
        b"openai-project",
        b"anthropic-organization-id",
    }
)

_NAMES = (
    rb"client_secret|client_assertion|assertion|access_token|refresh_token|id_token|password|"
    rb"sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token"
)
_QUERY = re.compile(
    rb"(?:^|[?&])(?:key|api[-_]?key|token|" + _NAMES + rb")=([^&#\s\"'<>\\]+)", re.IGNORECASE
)
_FORM = re.compile(rb"(?:^|[?&])(?:" + _NAMES + rb")=([^&#\s\"'<>\\]+)", re.IGNORECASE)
_FIELD = re.compile(
    rb'"(?:access_token|refresh_token|id_token|client_secret|api_?key|SecretAccessKey|SessionToken|'
    rb'Token|secret_access_key|session_token|private_key)"\s*:\s*"((?:[^"\\]|\\.)+)"'
)
_KEY_LIKE = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:"
    rb"(?:sk|xai|pplx|csk|nvapi|tvly)-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}|mw-[A-Za-z0-9_-]{40,}"
    rb"|(?:gsk|hf|fw|r8|ghp|github_pat)_[A-Za-z0-9]{20,}[A-Za-z0-9_]*)"
    rb"|(?<![A-Za-z0-9_+/-])(?:AIza[A-Za-z0-9_-]{30,}|(?:AKIA|ASIA)[A-Z0-9]{16}|ABSK[A-Za-z0-9+/=]{40,})"
    rb"|\bya29\.[A-Za-z0-9_.-]{20,}"
    rb"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"
    rb"|\bAWS4-HMAC-SHA256 Credential=[^\r\n\"]+"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-(?!----))+"
)
"""Prefixes, and a length, and digits or letters in a row, that ``xai-responses-v1`` does not have."""

_BEARER = re.compile(rb"Bearer ([A-Za-z0-9._~+/=-]{12,})")
_PATTERNS = (_KEY_LIKE, _BEARER, _FIELD, _FORM)


class Redaction:
    """Takes these secrets out, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset([one for one in secrets if _tells(one)])
        written = sorted(
            {form for secret in self._secrets for form in _forms(secret)}, key=len, reverse=True
        )
        self._known = re.compile(b"|".join(map(re.escape, written))) if written else None

    def and_of(self, request: WireRequest) -> Redaction:
        """With the secrets that travel in this request's headers and query."""
        found = [
            part
            for name, value in request.headers
            if name in _CARRIERS
            for part in (value.decode("latin-1"), value.decode("latin-1").rpartition(" ")[2])
        ]
        found += [unquote(match[1].decode()) for match in _QUERY.finditer(_query(request.target))]
        new = [one for one in found if _tells(one) and one not in self._secrets]
        return Redaction([*self._secrets, *new]) if new else self

    def cleaned(self, data: bytes) -> bytes:
        return self.pieces([data])[0]

    def target(self, target: str) -> str:
        path, mark, query = target.partition("?")
        if mark:
            query = _QUERY.sub(_without_value, query.encode()).decode()
        return self.cleaned(f"{path}{mark}{query}".encode()).decode()

    def request_headers(self, headers: Headers) -> tuple[tuple[str, str], ...]:
        """The few that are kept, in the order of their names."""
        return tuple(sorted(self._texts(headers, lambda name: name in _KEPT_REQUEST_HEADERS)))

    def response_headers(self, headers: Headers) -> tuple[tuple[str, str], ...]:
        return tuple(self._texts(headers, lambda name: name not in _DROPPED_RESPONSE_HEADERS))

    def pieces(self, pieces: Sequence[bytes]) -> list[bytes]:
        """As many pieces, cleaned as one text; a removed value's place is where it began."""
        whole = b"".join(pieces)
        spans = self._spans(whole)
        if not spans:
            return list(pieces)
        cleaned: list[bytes] = []
        start = 0
        for piece in pieces:
            end = start + len(piece)
            here = [
                (max(first, start) - start, min(last, end) - start, first >= start)
                for first, last in spans
                if first < end and last > start
            ]
            cleaned.append(_replaced(piece, here))
            start = end
        return cleaned

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        found = [match.span() for match in self._known.finditer(data)] if self._known else []
        for pattern in _PATTERNS:
            found += [match.span(pattern.groups) for match in pattern.finditer(data)]
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            elif data[start:end] != REMOVED:
                merged.append((start, end))
        return merged

    def _texts(self, headers: Headers, wanted: Callable[[bytes], bool]) -> list[tuple[str, str]]:
        return [
            (name.decode("latin-1"), self.cleaned(value).decode("latin-1"))
            for name, value in headers
            if wanted(name)
        ]


def _tells(secret: str) -> bool:
    """Whether a text is a secret and no stand-in for one, such as ``lm-studio``.

    What is too short, or a plain word, would be taken out of prompts where it means nothing.
    """
    return len(secret) >= 16 or (len(secret) >= 8 and any(map(str.isdigit, secret)))


def _forms(secret: str) -> set[bytes]:
    """A secret as it stands in text, in JSON and in a URL."""
    in_json = msgspec.json.encode(secret)[1:-1]
    plain = secret.encode("utf-8", "surrogateescape")
    return {plain, in_json, in_json.replace(b"/", b"\\/"), quote(secret, safe="").encode()}


def _query(target: str) -> bytes:
    return target.partition("?")[2].encode()


def _without_value(found: re.Match[bytes]) -> bytes:
    return found[0][: found.start(1) - found.start()] + REMOVED


def _replaced(piece: bytes, spans: Iterable[tuple[int, int, bool]]) -> bytes:
    """The piece without these spans; those that begin in it leave a mark."""
    kept: list[bytes] = []
    at = 0
    for start, end, begins in spans:
        kept += [piece[at:start], REMOVED if begins else b""]
        at = end
    return b"".join([*kept, piece[at:]])
