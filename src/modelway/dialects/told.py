"""What a caller is told of an error, in whichever dialect: no key, account or host of the operator's."""

from __future__ import annotations

import re

from modelway.dialects.refusals import scrub
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    CredentialError,
    LLMError,
    MissingKeyError,
    ResponseError,
    StreamInterruptedError,
    UnavailableError,
)

_FIXED: tuple[tuple[type[LLMError], str], ...] = (
    # What the operator's side said may name its hosts and accounts; a caller is told the kind of fault.
    (MissingKeyError, "no key is configured for this model's provider; its operator must set one"),
    (AuthenticationError, "the model's provider does not accept the key that is configured for it"),
    (CredentialError, "the key that is configured for this model's provider may not do this"),
    (APITimeoutError, "the model's provider did not answer in time; try again"),
    (APIConnectionError, "the model's provider cannot be reached; try again"),
    (StreamInterruptedError, "the model's provider ended the stream before its end"),
    (ResponseError, "the model's provider sent an answer that cannot be read"),
)

_ACCOUNT = re.compile(
    r"\b(?:org|proj|team|user)[-_][A-Za-z0-9]{6,}|https?://\S+|\b\d{1,3}(?:\.\d{1,3}){3}\b\S*"
)


def for_caller(error: LLMError, *, prefix: str = "") -> str:
    """One line of valid Unicode. ``prefix`` stands before a message that is the error's own."""
    for kind, sentence in _FIXED:
        if isinstance(error, kind):
            return sentence
    message = scrub(prefix + error.message)
    if isinstance(error, UnavailableError):
        message = _ACCOUNT.sub("***", message)
    return message.encode("utf-8", "replace").decode()
