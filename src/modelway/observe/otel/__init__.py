"""OpenTelemetry: spans and metrics of calls, by the conventions for generative AI.

What is here is imported only where telemetry is enabled: it needs the extra ``modelway[otel]``.

The conventions are those of the last release that has them, v1.41.1; since then they are kept in a
repository of their own, of which no release is known.
Source: https://github.com/open-telemetry/semantic-conventions/tree/v1.41.1/docs/gen-ai, 2026-11-21.
Source: https://github.com/open-telemetry/semantic-conventions/releases/tag/v1.42.0, 2026-11-21.
"""
