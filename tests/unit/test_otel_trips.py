"""Whatever becomes of its attempts, a call is one tree of spans, each of which ends once."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from modelway.call import Call, Deployment, Reply, Target
from modelway.catalog.load import providers
from modelway.engine import onion
from modelway.errors import LLMError, OverloadedError, StreamInterruptedError
from modelway.observe.otel.opening import open_telemetry
from modelway.observe.settings import TelemetrySettings
from modelway.types import Usage
from support.otlp_receiver import value_of

ROW = providers()["openai"]
OUTCOMES = st.sampled_from(["fails", "cancelled", "bug", "whole", "stream", "broken", "left"])
ATTEMPTS = st.lists(st.tuples(st.sampled_from("abc"), OUTCOMES), max_size=6)


class Stream:
    def __init__(self):
        self.on_settled = []
        self.on_batch = []


def deployment(model):
    return Deployment(
        id=f"openai/{model}",
        provider=ROW,
        dialect="openai-chat",
        target=Target(model=model),
        base_url=ROW.base_url,
    )


async def spans_of(attempts):
    """A walk that goes on after what may be gone on after, and how its spans came out."""
    settings = TelemetrySettings(enabled=True, endpoint="http://127.0.0.1:1", metrics=False)
    telemetry = open_telemetry(settings, environment={}, version="1", chance=random.Random(7))
    told: list[bytes] = []
    telemetry._exporting._put = lambda signal, item: told.append(item)
    made = []

    async def attempt(call, model, outcome):
        made.append((model, outcome))

        async def innermost(call):
            del call
            match outcome:
                case "fails":
                    raise OverloadedError("no", status=500)
                case "cancelled":
                    raise asyncio.CancelledError
                case "bug":
                    raise LookupError
                case "whole":
                    return Reply(deployment=deployment(model), usage=Usage(output_tokens=1))
                case _:
                    return Reply(deployment=deployment(model), events=Stream())

        around = telemetry.attempt(deployment(model), "chat")
        return await onion(innermost, around)(call)

    async def walk(call):
        for model, outcome in attempts:
            try:
                return await attempt(call, model, outcome)
            except LLMError:
                continue
        raise OverloadedError("nobody answered")

    try:
        reply = await onion(walk, telemetry.request)(Call(id="x", model="m", stream=True))
    except (LLMError, LookupError, asyncio.CancelledError):
        reply = None
    if reply is not None and reply.events is not None:
        error = {
            "stream": None,
            "broken": StreamInterruptedError("broken"),
            "left": StreamInterruptedError("left", code="left"),
        }[made[-1][1]]
        for settled in reply.events.on_settled:
            settled(Usage(output_tokens=2), error)
    await telemetry.aclose()
    return made, [Span.FromString(item) for item in told]


@given(ATTEMPTS)
def test_a_call_is_a_tree(attempts):
    made, found = asyncio.run(spans_of(attempts))
    *children, root = found
    said = [{pair.key: value_of(pair.value) for pair in span.attributes} for span in found]
    assert root.parent_span_id == b""
    assert len({span.span_id for span in found}) == len(found)
    assert {span.trace_id for span in found} == {root.trace_id}
    assert {span.parent_span_id for span in children} <= {root.span_id}
    assert len(children) == len(made)
    assert said[-1].get("modelway.attempts", 0) == len(made)
    seen: set[str] = set()
    for number, ((model, outcome), span, told) in enumerate(
        zip(made, children, said, strict=False), 1
    ):
        reason = "first" if number == 1 else "retry" if model in seen else "fallback"
        seen.add(model)
        assert (told["modelway.attempt.number"], told["modelway.attempt.reason"]) == (
            number,
            reason,
        )
        assert told["gen_ai.request.model"] == model
        assert (span.status.code == 2) is (outcome in ("fails", "bug", "broken"))
        assert ("error.type" in told) is (outcome not in ("whole", "stream"))
        assert root.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano
    if made and made[-1][1] in ("whole", "stream", "left", "broken"):
        assert said[-1]["modelway.deployment"] == f"openai/{made[-1][0]}"
        assert said[-1]["gen_ai.usage.output_tokens"] in (1, 2)
