"""The error tree, grouped by what to do next. Errors are plain data: no client, no socket, no key.

LLMError                 provider, model, status, code, request_id, retry_after_s
├─ ConfigError           fix it:  UnknownModelError, MissingKeyError, UnsupportedError*, OfflineError*
├─ RequestError          fix it:  BadRequestError, PayloadTooLargeError, ContextLengthError*,
│                                 ContentFilterError*, NotFoundError*
├─ CredentialError*      AuthenticationError, PermissionDeniedError
├─ UnavailableError*†    RateLimitError, OverloadedError, APITimeoutError, APIConnectionError,
│                        StreamInterruptedError
├─ RefusedError          by us:   BudgetExceededError, LimitExceededError (StepLimitError),
│                                 CircuitOpenError*, NoCandidateError, StoreDownError,
│                                 GuardrailError, UnauthorizedError, ForbiddenError
└─ ResponseError*        unreadable answer, or not of the form asked for: InvalidAnswerError,
                         TruncatedAnswerError, ModelRefusalError
     * may fall back    † may retry (except StreamInterruptedError)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelway.types import ChatResponse, Message


class LLMError(Exception):
    """Anything that went wrong, with what a program needs to decide what to do next.

    ``message`` says what happened and what to do; ``param`` is the path of the fault in the request.
    """

    may_fall_back: ClassVar[bool] = False
    may_retry: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.earlier: Sequence[LLMError] = ()
        """Errors of the attempts before this one, when several were made."""
        self.partly_answered = False
        """Whether the provider had done a part of the work, which it may bill, before this came."""

    def __str__(self) -> str:
        where = "/".join([name for name in (self.provider, self.model) if name])
        facts = [
            f"{name} {value}"
            for name, value in (
                ("status", self.status),
                ("code", self.code),
                ("request id", self.request_id),
                (
                    "retry after",
                    None if self.retry_after_s is None else f"{self.retry_after_s:g} s",
                ),
            )
            if value is not None
        ]
        head = f"{where}: {self.message}" if where else self.message
        return f"{head} ({', '.join(facts)})" if facts else head

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class ConfigError(LLMError):
    """The configuration, or how modelway was called, must change."""


class UnknownModelError(ConfigError):
    """No route, provider or known model has this name."""


class MissingKeyError(ConfigError):
    """A provider is used whose key is not set."""


class UnsupportedError(ConfigError):
    """The target cannot do what was asked; nothing was sent."""

    may_fall_back = True


class OfflineError(ConfigError):
    """No socket may be opened, and nothing that is here has the answer; nothing was sent."""

    may_fall_back = True


class RequestError(LLMError):
    """The request must change."""


class BadRequestError(RequestError):
    """The request is malformed or has a value that the provider refuses."""


class PayloadTooLargeError(RequestError):
    """The request's body is over a limit."""


class ContextLengthError(RequestError):
    """The prompt, or prompt and output cap, do not fit the model's window."""

    may_fall_back = True


class ContentFilterError(RequestError):
    """The provider's safety system refused the prompt or the answer."""

    may_fall_back = True


class NotFoundError(RequestError):
    """The provider has no such model, route or object."""

    may_fall_back = True


class CredentialError(LLMError):
    """A provider does not accept our credential."""

    may_fall_back = True


class AuthenticationError(CredentialError):
    """The provider does not know the key."""


class PermissionDeniedError(CredentialError):
    """The provider knows the key, but it may not do this (or the account has no credit)."""


class UnavailableError(LLMError):
    """The provider cannot answer now."""

    may_fall_back = True
    may_retry = True


class RateLimitError(UnavailableError):
    """The provider's own limit is reached."""


class OverloadedError(UnavailableError):
    """The provider failed or has no capacity (5xx)."""


class APITimeoutError(UnavailableError):
    """A deadline passed. ``code`` says which: ``connect``, ``first_byte``, ``idle`` or ``total``."""


class APIConnectionError(UnavailableError):
    """No connection, or it broke before an answer had begun."""


class StreamInterruptedError(UnavailableError):
    """A stream ended before its end. ``partial`` is what had arrived; it is never retried."""

    may_fall_back = False
    may_retry = False
    partial: ChatResponse | None = None


class RefusedError(LLMError):
    """modelway itself refused."""


class BudgetExceededError(RefusedError):
    """A budget would be passed."""


class LimitExceededError(RefusedError):
    """One of our own limits is reached; ``code`` says which."""


class CircuitOpenError(RefusedError):
    """The deployment is being left alone after failures."""

    may_fall_back = True


class StoreDownError(RefusedError):
    """The store that processes share cannot be reached, or did not answer in time."""


class NoCandidateError(RefusedError):
    """Every deployment was kept out by a filter of the strategy; the message says why, one by one."""


class StepLimitError(LimitExceededError):
    """A tool loop came to its last step, and the model still asks for tools."""

    messages: Sequence[Message] = ()
    """The conversation so far, the last answer included; its tool calls have not been run."""
    responses: Sequence[ChatResponse] = ()


class GuardrailError(RefusedError):
    """A guardrail blocked the request or the answer."""


class UnauthorizedError(RefusedError):
    """The caller's modelway key is absent or unknown."""


class ForbiddenError(RefusedError):
    """The caller may not do this, or a place may not be connected to."""


class ResponseError(LLMError):
    """The provider's answer cannot be read, or does not have the promised form."""

    may_fall_back = True


class InvalidAnswerError(ResponseError):
    """The answer is not of the form asked for. ``faults`` say why; ``response`` is the last one."""

    response: ChatResponse | None = None
    faults: Sequence[str] = ()


class TruncatedAnswerError(ResponseError):
    """The answer was cut at its token cap before it was whole. ``response`` is what there is."""

    response: ChatResponse | None = None


class ModelRefusalError(ResponseError):
    """The model declined to answer, in words that ``response`` holds."""

    response: ChatResponse | None = None
