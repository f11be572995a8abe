"""Alerts of budgets, POSTed to whom an operator wants told. Nothing waits for it.

The body is JSON: the alert's fields, and ``type``. ``x-modelway-signature`` is ``sha256=`` and the
hexadecimal HMAC-SHA256, under the secret, of ``x-modelway-timestamp``, a full stop and the body.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import msgspec

from modelway.errors import ConfigError, LLMError
from modelway.policies.budget.values import BudgetAlert, Webhook
from modelway.ports import Clock

Send: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""POST these bytes with these headers; the status of the answer."""

_PAUSES_S = (1.0, 5.0, 30.0, 120.0)
"""Before another attempt, after which there is none."""
_MOST_OPEN = 100
_log = logging.getLogger(__name__)


class Webhooks:
    """At most so many alerts at a time; what is beyond is in the log only, as every alert is."""

    def __init__(self, send: Send, clock: Clock, *, timeout_s: float = 10.0) -> None:
        self._send = send
        self._clock = clock
        self._timeout_s = timeout_s
        self._open: set[asyncio.Task[None]] = set()

    def tell(self, alert: BudgetAlert, webhook: Webhook) -> None:
        """Send it, soon."""
        if len(self._open) >= _MOST_OPEN:
            _log.warning("budgets.webhook: too many are open; not told of budget %r", alert.name)
            return
        task = asyncio.create_task(self._deliver(alert, webhook))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def aclose(self) -> None:
        """Those that have not arrived are given up."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _deliver(self, alert: BudgetAlert, webhook: Webhook) -> None:
        body = msgspec.json.encode({"type": "budget.alert", **msgspec.to_builtins(alert)})
        for pause_s in (*_PAUSES_S, None):
            headers = signed(body, webhook.secret, self._clock.time())
            try:
                async with asyncio.timeout(self._timeout_s):
                    status = await self._send(webhook.url, headers, body)
            except (LLMError, OSError, TimeoutError) as error:
                failure = type(error).__name__
            else:
                if 200 <= status < 300:
                    return
                failure = f"status {status}"
                if 400 <= status < 500 and status not in {408, 425, 429}:
                    break
            if pause_s is not None:
                await self._clock.sleep(pause_s)
        _log.warning("budgets.webhook: budget %r's could not be told: %s", alert.name, failure)


def signed(body: bytes, secret: str, now: float) -> dict[str, str]:
    """Headers that say who sent this body, and when."""
    if not secret.strip():
        raise ConfigError("a webhook needs a secret that is not empty: its body is signed with it")
    timestamp = str(int(now))
    text = timestamp.encode() + b"." + body
    signature = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-modelway-timestamp": timestamp,
        "x-modelway-signature": f"sha256={signature}",
    }
