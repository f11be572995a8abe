"""Law 5 over recorded errors: each lands in the class that its provider's documentation means."""

from __future__ import annotations

from modelway import errors
from modelway.dialects import dialect
from modelway.errors import LLMError
from support.checks import check_all

BY_STATUS = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    500: errors.OverloadedError,
    503: errors.OverloadedError,
    529: errors.OverloadedError,
}
"""Source: https://platform.openai.com/docs/guides/error-codes,
https://docs.claude.com/en/api/errors, https://openrouter.ai/docs/api-reference/errors, 2026-11-21.
"""

BY_CODE = {
    ("openai", "model_not_found"): errors.NotFoundError,
    ("openai", "context_length_exceeded"): errors.ContextLengthError,
    ("llamacpp", "not_supported_error"): errors.UnsupportedError,
    ("groq", "model_decommissioned"): errors.NotFoundError,
    ("groq", "tool_use_failed"): errors.BadRequestError,
    ("mistral", "invalid_model"): errors.NotFoundError,
    ("mistral", "1500"): errors.NotFoundError,
    ("deepseek", "authentication_error"): errors.AuthenticationError,
    ("gemini", "API_KEY_INVALID"): errors.AuthenticationError,
}
"""Codes that say more than the status. Source: https://console.groq.com/docs/errors, 2026-11-21;
Mistral's has no page: `type: invalid_model` in the recordings themselves.
"""

EITHER = {
    "50ec9fcb86fd923f": (errors.PermissionDeniedError, errors.ContentFilterError),
}
"""OpenRouter passes xAI's 403 on; its own page calls any 403 moderation."""


def test_every_error_lands_in_its_class(refusals):
    def check(one):
        error = dialect(one.dialect).error(one.status, one.headers, one.body)
        said = one.json
        inner = said.get("error", said) if isinstance(said, dict) else said
        inner = inner if isinstance(inner, dict) else said
        codes = [str(inner.get(name)) for name in ("code", "type")]
        codes += [detail["reason"] for detail in inner.get("details") or () if "reason" in detail]
        expected = next(
            (BY_CODE[one.provider, code] for code in codes if (one.provider, code) in BY_CODE),
            BY_STATUS.get(one.status),
        )
        assert type(error) in EITHER.get(one.id, (expected,)), type(error)
        assert isinstance(error, LLMError)
        assert error.status == one.status
        assert error.message
        waits = [value for name, value in one.headers if name == b"retry-after"]
        if waits and (b"retry-after-ms", b"0") not in one.headers:
            assert error.retry_after_s == float(waits[0])
        known = (said.get("request_id") if isinstance(said, dict) else None) or dict(
            one.headers
        ).get(b"request-id")
        if known:
            assert error.request_id == (known if isinstance(known, str) else known.decode())

    check_all("law 5, errors", refusals, check, at_least=150)


def test_every_error_goes_to_a_client_of_either_dialect(refusals):
    def check(one):
        error = dialect(one.dialect).error(one.status, one.headers, one.body)
        for name in ("openai-chat", "openai-responses", "anthropic-messages", "gemini"):
            client = dialect(name)
            status, body = client.refuse(error)
            again = client.error(status, (), body)
            wanted = type(error)
            unsaid = (errors.ContextLengthError, errors.UnsupportedError)
            if wanted in unsaid and name in ("anthropic-messages", "gemini"):
                wanted = errors.BadRequestError  # these wires have no word for it
            assert type(again) is wanted, f"{name}: {type(again)} of {body!r}"
            if not isinstance(error, errors.CredentialError):
                # Of the operator's key a client is told only that it was not accepted.
                assert error.message[:40] in again.message

    check_all("law 6, errors to clients", refusals, check, at_least=150)
