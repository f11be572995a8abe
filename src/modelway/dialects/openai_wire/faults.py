"""Errors, both ways: a provider's refusal → the tree, and the tree → OpenAI's error object.

A refusal is classified by its code, then its type, then the HTTP status; never by its message.
Source: https://platform.openai.com/docs/guides/error-codes, 2026-11-21, and the hosts' own pages.
"""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec

from modelway.dialects.refusals import by_status, request_id, retry_after_s, scrub
from modelway.dialects.told import for_caller
from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    CredentialError,
    ForbiddenError,
    GuardrailError,
    LimitExceededError,
    LLMError,
    MissingKeyError,
    NoCandidateError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
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
from modelway.types import JSON

_CODES: dict[type[LLMError], tuple[str, ...]] = {
    ContextLengthError: (
        "context_length_exceeded",
        "exceed_context_size_error",  # llama.cpp
        "model_max_prompt_tokens_exceeded",  # GitHub Models, Copilot
        "context_window_exceeded",
        "max_context_length_exceeded",
    ),
    ContentFilterError: (
        "content_filter",
        "content_policy_violation",
        "responsibleaipolicyviolation",  # Azure
        "moderation_blocked",
        "image_content_policy_violation",
        "bio_policy",
        "invalid_prompt",  # OpenAI: a prompt that its safety system stopped
        "data_inspection_failed",  # Alibaba
        "datainspectionfailed",
        "1301",  # Z.AI
        "1026",  # MiniMax
        "1027",
    ),
    PermissionDeniedError: (
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "exceeded_current_quota_error",  # Moonshot
        "access_terminated",
        "account_deactivated",
        "permission_denied",
        "permission_error",
        "permission_denied_error",
        "unsupported_country_region_territory",
        "arrearage",  # Alibaba
        "1113",  # Z.AI
        "1008",  # MiniMax
    ),
    RateLimitError: (
        "rate_limit_exceeded",
        "rate_limit_error",
        "ratelimitreached",  # Azure
        "rate_limit_reached_error",  # Moonshot
        "too_many_requests",
        "too_many_requests_error",  # Cerebras
        "toomanyrequests",
        "requests",  # OpenAI names the exhausted window as the type
        "tokens",
        "1302",  # Z.AI
        "1002",  # MiniMax
    ),
    NotFoundError: (
        "model_not_found",
        "deploymentnotfound",  # Azure
        "model_decommissioned",  # Groq
        "model_not_available",  # Together
        "invalid_model",  # Mistral
        "unknown_model",
        "not_found_error",
        "1211",  # Z.AI
    ),
    AuthenticationError: (
        "invalid_api_key",
        "authentication_error",
        "invalid_authentication_error",  # Moonshot
        "incorrect_api_key_error",
        "missing_api_key",
        "unauthorized",
        "1004",  # MiniMax
    ),
    UnsupportedError: (
        "not_supported_error",  # llama.cpp: not started for this
        "unsupported",  # modelway itself
    ),
    BadRequestError: (
        # What the Responses API says of an image, in a response that failed with status 200.
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "invalid_image_mode",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_file_too_large",
        "image_file_not_found",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
    ),
    OverloadedError: (
        "overloaded_error",
        "engine_overloaded",
        "engine_overloaded_error",  # Moonshot
        "server_overloaded",
        "service_unavailable",
        "server_error",
        "internal_server_error",
        "queue_exceeded",  # Cerebras
    ),
}
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}


# ---------------------------------------------------------------- provider → tree


def error(status: int, headers: Headers, body: bytes) -> LLMError:
    """The error that an HTTP refusal stands for."""
    told = _parse(body)
    found = from_object(told, status) if told is not None else _from_text(status, body)
    found.request_id = request_id(headers)
    found.retry_after_s = retry_after_s(
        headers, time.time, limited=isinstance(found, RateLimitError)
    )
    return found


def from_object(told: Any, status: int) -> LLMError:
    """The error in a parsed body, or in one chunk of a stream (then ``status`` is 200)."""
    facts = _facts(told)
    code, kind_name = _word(facts.get("code")), _word(facts.get("type"))
    if status < 400:
        told_status = (facts.get("status"), facts.get("code"))
        status = next((n for n in told_status if isinstance(n, int) and 400 <= n < 600), 500)
    names = [(name or "").lower() for name in (_word(facts.get("inner")), code, kind_name)]
    known = [_BY_CODE[name] for name in names if name in _BY_CODE]
    kind = known[0] if known and status != 413 else by_status(status)
    if facts.get("moderated"):
        kind = ContentFilterError
    param = facts.get("param")
    return kind(
        scrub(facts.get("message") or _without_message(status)),
        status=status,
        code=code or kind_name,
        param=param[:200] if isinstance(param, str) else None,
    )


def _parse(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _facts(told: Any) -> JSON:
    """``code, type, status, param, message`` out of the forms that hosts wrap them in."""
    if isinstance(told, list):  # Gemini's compatible API
        return _facts(told[0]) if told else {}
    if not isinstance(told, dict):
        return {"message": str(told)} if told is not None else {}
    inside = told.get("error")
    if isinstance(inside, dict):
        return _facts_of(inside)
    if isinstance(inside, str):  # xAI, Ollama, Hugging Face
        return {**_facts_of(told), "message": inside}
    if "detail" in told:  # FastAPI: Mistral, vLLM
        return _facts_of_detail(told["detail"])
    return _facts_of(told)


def _facts_of(told: JSON) -> JSON:
    facts = {
        "code": told.get("code"),
        "type": told.get("type"),
        "status": told.get("status_code") or told.get("status"),
        "param": told.get("param"),
        "message": _sentence(told.get("message")),
    }
    inner = told.get("innererror")
    if isinstance(inner, dict):  # Azure
        facts["inner"] = inner.get("code")
    metadata = told.get("metadata")
    if isinstance(metadata, dict):  # OpenRouter
        facts["moderated"] = bool(metadata.get("reasons"))
        raw = metadata.get("raw")
        if isinstance(raw, str) and raw:
            facts["message"] = f"{facts['message'] or 'the provider behind it refused'}: {raw}"
    return facts


def _facts_of_detail(detail: Any) -> JSON:
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        loc = detail[0].get("loc")
        where = [str(step) for step in loc if step != "body"] if isinstance(loc, list) else []
        return {"message": _sentence(detail[0].get("msg")), "param": ".".join(where) or None}
    return _facts_of(detail) if isinstance(detail, dict) else {"message": _sentence(detail)}


def _sentence(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except RecursionError:
        return None


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return scrub(str(value))[:100] or None


def _from_text(status: int, body: bytes) -> LLMError:
    text = body[:4096].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        message = f"the provider answered status {status} with an HTML page"
    else:
        message = text or _without_message(status)
    return by_status(status)(scrub(message), status=status)


def _without_message(status: int) -> str:
    return f"the provider refused with status {status} and no message"


# ---------------------------------------------------------------- tree → client

_STATUSES: tuple[tuple[type[LLMError], int, str, str | None], ...] = (
    # The first that an error is an instance of: status, type, code.
    (UnknownModelError, 404, "invalid_request_error", "model_not_found"),
    (MissingKeyError, 500, "server_error", "missing_key"),
    (UnsupportedError, 400, "invalid_request_error", "unsupported"),
    (ConfigError, 500, "server_error", "configuration"),
    (PayloadTooLargeError, 413, "invalid_request_error", "request_too_large"),
    (ContextLengthError, 400, "invalid_request_error", "context_length_exceeded"),
    (ContentFilterError, 400, "invalid_request_error", "content_filter"),
    (NotFoundError, 404, "invalid_request_error", "not_found"),
    (RequestError, 400, "invalid_request_error", None),
    (AuthenticationError, 401, "invalid_request_error", "upstream_authentication"),
    (CredentialError, 403, "permission_error", "upstream_permission"),
    (RateLimitError, 429, "rate_limit_error", "rate_limit_exceeded"),
    (APITimeoutError, 504, "timeout_error", "timeout"),
    (APIConnectionError, 502, "server_error", "upstream_connection"),
    (StreamInterruptedError, 502, "server_error", "stream_interrupted"),
    (OverloadedError, 503, "server_error", "overloaded"),
    (UnavailableError, 503, "server_error", "unavailable"),
    (BudgetExceededError, 429, "insufficient_quota", "budget_exceeded"),
    (LimitExceededError, 429, "rate_limit_error", "limit_exceeded"),
    (CircuitOpenError, 503, "server_error", "circuit_open"),
    (NoCandidateError, 400, "invalid_request_error", "no_candidate"),
    (StoreDownError, 503, "server_error", "store_down"),
    (GuardrailError, 400, "invalid_request_error", "guardrail"),
    (UnauthorizedError, 401, "invalid_request_error", "invalid_api_key"),
    (ForbiddenError, 403, "permission_error", "forbidden"),
    (ResponseError, 502, "server_error", "bad_response"),
    (LLMError, 500, "server_error", None),
)


def refuse(error: LLMError) -> tuple[int, bytes]:
    """The status and the error object that OpenAI would answer with.

    Source: https://platform.openai.com/docs/guides/error-codes, 2026-11-21. ``code`` is the
    provider's own where the fault is in the request, but for a full context: clients look for that.
    """
    status, kind, code = next(row[1:] for row in _STATUSES if isinstance(error, row[0]))
    theirs = isinstance(error, RequestError | LimitExceededError | GuardrailError)
    if theirs and error.code and not isinstance(error, ContextLengthError):
        code = error.code
    body = {"message": for_caller(error), "type": kind, "param": error.param, "code": code}
    return status, msgspec.json.encode({"error": body})


def malformed(message: str, path: str) -> BadRequestError:
    return BadRequestError(f"{path}: {message}", param=path)
