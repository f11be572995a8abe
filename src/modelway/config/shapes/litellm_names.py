"""What LiteLLM calls things, and what they are called here.

Source: https://docs.litellm.ai/docs/providers and …/docs/proxy/config_settings, 2026-11-21.
"""

from __future__ import annotations

from modelway.catalog import load as catalogue

_ROWS = {
    "azure": "azure-deployments",
    "azure_text": "azure-deployments",
    "azure_ai": "azure-ai",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "codestral": "mistral",
    "cohere_chat": "cohere",
    "custom_openai": "openai-compatible",
    "dashscope": "qwen",
    "fireworks_ai": "fireworks",
    "hosted_vllm": "vllm",
    "litellm_proxy": "openai-compatible",
    "llamafile": "llamacpp",
    "lm_studio": "lmstudio",
    "ollama_chat": "ollama",
    "openai_like": "openai-compatible",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "vertex",
    "vertex_ai_beta": "vertex",
}
_BEDROCK_FORMS = ("converse/", "invoke/", "converse_like/")


def row(prefix: str, model: str) -> str | None:
    """The row that a prefix of a model string means; ``None`` where there is none."""
    if prefix.startswith("vertex_ai") and model.startswith("claude"):
        return "vertex-anthropic"
    found = catalogue.provider(_ROWS.get(prefix, prefix))
    return None if found is None else found.name


def bare(prefix: str, model: str) -> str:
    """The model's name without what says how it is asked."""
    if prefix == "bedrock":
        for form in _BEDROCK_FORMS:
            model = model.removeprefix(form)
    return model


ACCOUNT = {
    "api_base": "base_url",
    "api_key": "api_key",
    "api_version": "api_version",
    "aws_access_key_id": "aws.access_key_id",
    "aws_profile_name": "aws.profile",
    "aws_region_name": "region",
    "aws_secret_access_key": "aws.secret_access_key",
    "aws_session_token": "aws.session_token",
    "base_url": "base_url",
    "client_id": "entra.client_id",
    "client_secret": "entra.client_secret",
    "extra_headers": "headers",
    "headers": "headers",
    "organization": "headers.openai-organization",
    "tenant_id": "entra.tenant_id",
    "vertex_credentials": "google.credentials_file",
    "vertex_location": "location",
    "vertex_project": "project",
}
"""``litellm_params`` that say whose account it is → a provider's field."""

KNOBS = {
    "frequency_penalty": "frequency_penalty",
    "max_retries": "retries",
    "max_tokens": "max_tokens",
    "num_retries": "retries",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop",
    "temperature": "temperature",
    "timeout": "timeout_s",
    "top_k": "top_k",
    "top_p": "top_p",
    "weight": "weight",
    "extra_body": "extra",
    "base_model": "base_model",
    "rpm": "limits.requests_per_minute",
    "tpm": "limits.tokens_per_minute",
    "max_parallel_requests": "limits.concurrent",
}
"""``litellm_params`` that say how a model is asked → a deployment's field."""

READ = frozenset(("model", "custom_llm_provider"))

SETTINGS = {
    "num_retries": "defaults.retries",
    "request_timeout": "defaults.timeout_s",
    "retry_after": "defaults.backoff.base_s",
    "timeout": "defaults.timeout_s",
    "allowed_fails": "breaker.failures",
    "cooldown_time": "breaker.open_s",
}

STRATEGIES = {
    "simple-shuffle": "weighted",
    "least-busy": "least_busy",
    "usage-based-routing": "least_busy",
    "usage-based-routing-v2": "least_busy",
    "latency-based-routing": "lowest_latency",
    "cost-based-routing": "cheapest",
}

FALLBACKS = {
    "fallbacks": "fallback",
    "context_window_fallbacks": "fallback_on.context_length",
    "content_policy_fallbacks": "fallback_on.content_filter",
}
"""Lists of fallbacks → a model's field."""

QUIET = frozenset(("drop_params", "set_verbose", "json_logs", "telemetry", "debug_level"))
"""What is so here anyway, or concerns LiteLLM alone."""
