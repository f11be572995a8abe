"""Errors, both ways: AWS's refusals → the tree, the tree → a client's error.

The class is said by the header ``x-amzn-errortype``, else by ``__type`` in the body; in a stream by
the frame's own headers. Bedrock has no code for a prompt that does not fit the window, and messages
are never read for meaning, so such a refusal is a BadRequestError.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html, the service model
of bedrock-runtime and recorded refusals; 2026-11-21.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import msgspec

from modelway.dialects import refusals
from modelway.dialects.reading import UNREADABLE
from modelway.dialects.told import for_caller
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigError,
    CredentialError,
    ForbiddenError,
    LimitExceededError,
    LLMError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    RefusedError,
    RequestError,
    ResponseError,
    StoreDownError,
    StreamInterruptedError,
    UnauthorizedError,
    UnavailableError,
    UnknownModelError,
    UnsupportedError,
)
from modelway.ports import Headers

_CLASSES: dict[str, type[LLMError]] = {
    "AccessDenied": PermissionDeniedError,
    "ExpiredToken": AuthenticationError,
    "IncompleteSignature": AuthenticationError,
    "InternalFailure": OverloadedError,
    "InternalServer": OverloadedError,
    "InvalidClientTokenId": AuthenticationError,
    "InvalidSignature": AuthenticationError,
    "MissingAuthenticationToken": AuthenticationError,
    "ModelError": OverloadedError,
    "ModelNotReady": OverloadedError,
    "ModelStreamError": OverloadedError,
    "ModelTimeout": APITimeoutError,
    "NotAuthorized": PermissionDeniedError,
    "OptInRequired": PermissionDeniedError,
    "RequestEntityTooLarge": PayloadTooLargeError,
    "RequestExpired": AuthenticationError,
    "ResourceNotFound": NotFoundError,
    "ServiceQuotaExceeded": RateLimitError,
    "ServiceUnavailable": OverloadedError,
    "SignatureDoesNotMatch": AuthenticationError,
    "Throttling": RateLimitError,
    "TooManyRequests": RateLimitError,
    "UnrecognizedClient": AuthenticationError,
    "Validation": BadRequestError,
    "ValidationError": BadRequestError,
}
"""By name, without the ``Exception`` that most end in."""

_WORD = re.compile(r"[A-Za-z0-9]{1,100}")


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """A refusal of AWS, by its exception, then by its status."""
    try:
        answer = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    said = dict(headers).get(b"x-amzn-errortype", b"").decode("latin-1")
    code = _code(said) or _code(answer.get("__type")) or _code(answer.get("code"))
    message = answer.get("message") or answer.get("Message")
    error_class = _class(code) or refusals.by_status(status)
    return error_class(
        refusals.scrub(message)
        if isinstance(message, str) and message
        else refusals.unexplained(status, body),
        status=status,
        code=code,
        request_id=refusals.request_id(headers),
        retry_after_s=refusals.retry_after_s(
            headers, time.time, limited=error_class is RateLimitError
        ),
    )


def stream_error(headers: Mapping[str, object], payload: bytes) -> LLMError:
    """A frame that is no event: an exception of the service, or an error of the connection."""
    code = _code(headers.get(":exception-type")) or _code(headers.get(":error-code"))
    try:
        answer = msgspec.json.decode(payload.decode("utf-8", "replace"))
    except UNREADABLE:
        answer = None
    message = answer.get("message") if isinstance(answer, dict) else None
    if not isinstance(message, str) or not message:
        said = headers.get(":error-message")
        message = said if isinstance(said, str) and said else "the service ended the stream"
    return (_class(code) or OverloadedError)(refusals.scrub(message), code=code)


def _code(value: object) -> str | None:
    """``com.amazon.coral.service#ThrottlingException:http://…`` → ``ThrottlingException``."""
    if not isinstance(value, str):
        return None
    name = value.partition(":")[0].rpartition("#")[2].strip()
    return name[0].upper() + name[1:] if _WORD.fullmatch(name) else None


def _class(code: str | None) -> type[LLMError] | None:
    return _CLASSES.get(code.removesuffix("Exception")) if code else None


# ---------------------------------------------------------------- to a client

_REFUSALS: tuple[tuple[type[LLMError], int, str], ...] = (
    # The first that an error is an instance of: status, exception.
    (UnknownModelError, 404, "ResourceNotFoundException"),
    (UnsupportedError, 400, "ValidationException"),
    (ConfigError, 500, "InternalServerException"),
    (PayloadTooLargeError, 413, "RequestEntityTooLargeException"),
    (NotFoundError, 404, "ResourceNotFoundException"),
    (RequestError, 400, "ValidationException"),
    (AuthenticationError, 403, "UnrecognizedClientException"),
    (CredentialError, 403, "AccessDeniedException"),
    (RateLimitError, 429, "ThrottlingException"),
    (APITimeoutError, 408, "ModelTimeoutException"),
    (APIConnectionError, 503, "ServiceUnavailableException"),
    (StreamInterruptedError, 424, "ModelStreamErrorException"),
    (UnavailableError, 503, "ServiceUnavailableException"),
    (UnauthorizedError, 403, "UnrecognizedClientException"),
    (ForbiddenError, 403, "AccessDeniedException"),
    (BudgetExceededError, 400, "ServiceQuotaExceededException"),
    (LimitExceededError, 429, "ThrottlingException"),
    (CircuitOpenError, 503, "ServiceUnavailableException"),
    (StoreDownError, 503, "ServiceUnavailableException"),
    (RefusedError, 400, "ValidationException"),
    (ResponseError, 424, "ModelErrorException"),
    (LLMError, 500, "InternalServerException"),
)

_IN_STREAM = {
    "ValidationException": "validationException",
    "ResourceNotFoundException": "validationException",
    "RequestEntityTooLargeException": "validationException",
    "ThrottlingException": "throttlingException",
    "ServiceQuotaExceededException": "throttlingException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "InternalServerException": "internalServerException",
}
"""What a stream has events for. Source: ``ConverseStreamOutput`` of the service model, 2026-11-21."""


def refuse(error: LLMError) -> tuple[int, bytes]:
    """An error as Bedrock would answer it; AWS's clients read the class from ``__type`` too."""
    status, code = _refusal(error)
    return status, msgspec.json.encode({"__type": code, "message": _message(error)})


def stream_refusal(error: LLMError) -> tuple[str, bytes]:
    """The exception of a stream that ends with this error: its type and payload."""
    code = _IN_STREAM.get(_refusal(error)[1], "modelStreamErrorException")
    return code, msgspec.json.encode({"message": _message(error)})


def _refusal(error: LLMError) -> tuple[int, str]:
    return next(row[1:] for row in _REFUSALS if isinstance(error, row[0]))


def _message(error: LLMError) -> str:
    # this dialect has no field for the path
    path = f"{error.param}: " if error.param and error.param not in error.message else ""
    return for_caller(error, prefix=path)
