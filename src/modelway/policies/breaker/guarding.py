"""The middleware that asks a deployment's breaker before an attempt, and tells it how that ended."""

from __future__ import annotations

from modelway.call import Call, Deployment, Reply
from modelway.errors import APITimeoutError, CircuitOpenError, LLMError
from modelway.policies.breaker.breaker import Breaker
from modelway.ports import Handler, Middleware
from modelway.types import Usage


def guarding(deployment: Deployment, breaker: Breaker) -> Middleware:
    """Raises CircuitOpenError for an attempt that is not made."""
    patience_s = deployment.timeouts.first_byte_s

    async def guard(call: Call, inner: Handler) -> Reply:
        probing = False
        if not breaker.closed:
            match await breaker.claim():
                case "refused":
                    raise _refusal(deployment, breaker)
                case "probe":
                    probing = True
                case "closed":
                    pass
        try:
            reply = await inner(call)
        except LLMError as error:
            if not _impatient(call, error, patience_s):
                breaker.failed(error)
            elif probing:
                breaker.left()
            raise
        except BaseException:
            if probing:
                breaker.left()
            raise
        stream = reply.chunks or reply.events
        if stream is None:
            breaker.succeeded()
        else:
            breaker.alive()
            stream.on_settled.append(settled)
        return reply

    def settled(_: Usage | None, error: LLMError | None) -> None:
        if error is None:
            breaker.succeeded()
        else:
            breaker.failed(error)

    return guard


def _impatient(call: Call, error: LLMError, patience_s: float) -> bool:
    """Whether the time that the caller gave was over before the deployment's own for a first byte."""
    given_s = call.options.timeout_s
    if given_s is None or given_s >= patience_s:
        return False
    return isinstance(error, APITimeoutError) and error.code == "total"


def _refusal(deployment: Deployment, breaker: Breaker) -> CircuitOpenError:
    last = breaker.status().last_failure
    why = f" after {last.error}" if last else ""
    wait_s = breaker.retry_in_s()
    return CircuitOpenError(
        f"{deployment.id} is left alone{why}, and tried again in {wait_s:.0f} s",
        provider=deployment.provider.name,
        model=deployment.model,
        retry_after_s=wait_s,
    )
