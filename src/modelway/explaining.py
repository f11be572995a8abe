"""Why a call would be answered by whom: the decisions of its way, without the way.

It asks the functions that the call itself will ask, and moves nothing by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from modelway.accounting import Account
from modelway.asked import AskedCall, estimated_tokens
from modelway.call import Call
from modelway.engine import Engine
from modelway.errors import LLMError
from modelway.framing.fields import Fields, split
from modelway.plans import Tier
from modelway.policies.degrade import losses
from modelway.policies.limits import LimitStatus
from modelway.tracks import Track
from modelway.types import CallWarning


class Edits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of the client's own bytes on their way to a deployment."""

    dialect: str
    rewritten: bool
    """Whether they are said anew, in another dialect or form; else only these fields change."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    body_bytes: int = 0
    warnings: tuple[CallWarning, ...] = ()
    error: str = ""
    """Why it could not be sent at all."""


Verdict: TypeAlias = Literal["ask", "next", "wait", "skip"]


class Considered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A candidate, and what would become of it."""

    deployment: str
    provider: str
    model: str
    tier: str
    """The model of the configuration that it stands for."""
    verdict: Verdict
    """``ask``, ``next`` (should those before it fail), ``wait`` (for its limits) or ``skip``."""
    reason: str = ""
    wait_s: float = 0.0
    open_requests: int = 0
    latency_s: float | None = None
    most_pico_usd: int | None = None
    """What it may cost at the most, and budgets reserve for it; ``None``: that is not known."""
    remark: str = ""
    """What is not known of it, where that decided its place."""
    limits: tuple[LimitStatus, ...] = ()
    """Those that a request to it counts against."""
    lost: tuple[CallWarning, ...] = ()
    edits: Edits | None = None


class Explanation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole decision. It names no host and no key."""

    model: str
    operation: str
    strategy: str
    """Of the first tier."""
    deployment: str | None
    """Who would be asked; ``None``: nobody at once."""
    stream: bool = False
    experiment: str = ""
    arm: str = ""
    stays: bool = False
    """Whether it belongs to other calls, that are kept at one deployment."""
    input_tokens: int = 0
    output_tokens: int | None = None
    counted_tokens: int = 0
    """What limits count it as, before it is sent."""
    category: str = ""
    difficulty: str = ""
    sensitive: bool = False
    needs: tuple[str, ...] = ()
    cache_key: str = ""
    """What an answer is kept by and found again; ``""``: it would not be kept."""
    candidates: tuple[Considered, ...] = ()


async def explain(engine: Engine, call: Call) -> Explanation:
    """What would happen to this call. Raises what it would raise before anything is tried."""
    assigned = engine.assigned(call)
    call = assigned.call
    tiers = engine.tiers(call)
    account = engine.accounts.of(call)
    asked = AskedCall(call, account.left_pico_usd)
    first = tiers[0] if tiers else None
    kept = engine.state.kept
    considered = await _Decisions(engine, asked, account, first).of(tiers)
    asks = [one.deployment for one in considered if one.verdict == "ask"]
    usual = tiers[0].tracks[0].seen.output_tokens if tiers and tiers[0].tracks else 0.0
    return Explanation(
        model=call.model,
        operation=call.operation,
        strategy=tiers[0].spec if tiers else "",
        deployment=asks[0] if asks else None,
        stream=call.stream,
        experiment=assigned.experiment,
        arm=assigned.arm,
        stays=asked.place is not None,
        input_tokens=asked.input_tokens,
        output_tokens=asked.output_tokens,
        counted_tokens=estimated_tokens(call, usual),
        category=asked.category,
        difficulty=asked.difficulty,
        sensitive=asked.sensitive,
        needs=tuple(sorted(asked.needs)),
        cache_key="" if kept is None or not engine.settings.cache.enabled else kept.name(call),
        candidates=tuple(considered),
    )


class _Decisions:
    """The decisions about one call."""

    def __init__(
        self, engine: Engine, asked: AskedCall, account: Account, first: Tier | None
    ) -> None:
        self._engine = engine
        self._asked = asked
        self._account = account
        self._first = first
        self._limits = engine.state.limiter.status()
        self._filtered = 0

    async def of(self, tiers: Sequence[Tier]) -> list[Considered]:
        """Every candidate in the order in which it would be considered."""
        found: list[Considered] = []
        for tier in tiers:
            found += await self._in(tier, asked_before=_asks(found))
        if found and self._filtered == len(found):
            for tier in self._engine.default_tiers(self._first, self._asked.call):
                found += await self._in(tier, asked_before=_asks(found))
        return found

    async def _in(self, tier: Tier, *, asked_before: bool) -> list[Considered]:
        order: list[tuple[Track, str]] = []

        def passed_over(track: Track, reason: str) -> None:
            order.append((track, reason))

        tracks = self._engine.peeked(tier, self._asked, passed_over)
        only = self._asked.call.only is not None
        if self._first is not None and (only or tier is not self._first):
            tracks = self._first.allowed(self._asked, tracks, passed_over)
        for track in tracks:
            order.append((track, ""))  # noqa: PERF401 - what is passed over comes between
        found: list[Considered] = []
        for track, reason in order:
            one = await self._judged(tier, track, reason)
            if one.verdict == "ask" and asked_before:
                one = replace(one, verdict="next")
            asked_before = asked_before or one.verdict == "ask"
            found.append(one)
        return found

    async def _judged(self, tier: Tier, track: Track, reason: str) -> Considered:
        """A candidate, as the walk through the tiers would judge it."""
        call, asked, first = self._asked.call, self._asked, self._first
        plain = self._plain(tier, track)
        if reason:
            self._filtered += 1
            return replace(plain, verdict="skip", reason=reason)
        if first is not None and tier is not first and first.tracks:
            plain = replace(plain, lost=losses(asked, first.tracks[0].info, track.info))
        if plain.lost and call.options.strict:
            return replace(plain, verdict="skip", reason="strict: a fallback would lose something")
        if (retry_in_s := track.breaker.retry_in_s()) > 0.0:
            reason = "left alone after failures"
            return replace(plain, verdict="skip", reason=reason, wait_s=retry_in_s)
        edits = await _edits(self._engine, call, track)
        wait_s = track.gate.blocked_s(estimated_tokens(call, track.seen.output_tokens))
        if wait_s > 0.0:
            reason = "its limits are reached"
            waits = self._engine.settings.queue.on_limit == "wait"
            verdict: Verdict = "wait" if waits else "skip"
            return replace(plain, verdict=verdict, reason=reason, wait_s=wait_s, edits=edits)
        if refusal := self._account.refusal(track.deployment):
            return replace(plain, verdict="skip", reason=refusal, edits=edits)
        return replace(plain, edits=edits)

    def _plain(self, tier: Tier, track: Track) -> Considered:
        asked, deployment = self._asked, track.deployment
        counted = {(meter.kind, meter.subject) for meter in track.gate.meters}
        return Considered(
            deployment=deployment.id,
            provider=deployment.provider.name,
            model=deployment.model,
            tier=tier.name,
            verdict="ask",
            limits=tuple([one for one in self._limits if (one.kind, one.subject) in counted]),
            remark=tier.chooser.remark(track) or "",
            open_requests=track.open_requests,
            latency_s=track.latency_s(asked.call.stream),
            most_pico_usd=self._account.most(deployment),
        )


def _asks(found: Sequence[Considered]) -> bool:
    return any(one.verdict == "ask" for one in found)


async def _edits(engine: Engine, call: Call, track: Track) -> Edits:
    try:
        reply = await engine.preview(track.deployment, call)
    except LLMError as error:
        return Edits(dialect=track.deployment.dialect, rewritten=True, error=error.message)
    sent = reply.body or b""
    spoken = reply.deployment.dialect
    before = call.body
    if before is None or before.dialect != spoken:
        return Edits(dialect=spoken, rewritten=True, body_bytes=len(sent), warnings=reply.warnings)
    after = split(sent) if sent[:1] == b"{" else {}
    added, changed, removed = _compared(before.fields, after)
    return Edits(
        dialect=spoken,
        rewritten=False,
        added=added,
        changed=changed,
        removed=removed,
        body_bytes=len(sent),
        warnings=reply.warnings,
    )


def _compared(
    before: Fields, after: Fields
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names of top-level fields that came, changed and went."""
    added = [name for name in after if name not in before]
    removed = [name for name in before if name not in after]
    changed = [
        name for name in after if name in before and bytes(after[name]) != bytes(before[name])
    ]
    return tuple(added), tuple(changed), tuple(removed)
