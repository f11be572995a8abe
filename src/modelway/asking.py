"""One attempt at one deployment: it is asked once, and all who count on it are told what came of it."""

from __future__ import annotations

from functools import partial

from modelway.accounting import Account, Booking
from modelway.around import Around
from modelway.call import Call, Reply
from modelway.errors import LLMError
from modelway.policies.breaker import impatient
from modelway.policies.limits import Ticket
from modelway.settling import failed, refused, settled
from modelway.tracks import Track


class Leave:
    """To ask a deployment once: of its limits and its breaker, and then of the budgets.

    It is used up by ``ask``, or by ``unsent``.
    """

    __slots__ = ("_around", "_booking", "_probes", "_ticket", "took_s", "track")

    def __init__(self, around: Around, track: Track, ticket: Ticket, probes: float = 0.0) -> None:
        self.track = track
        self.took_s = 0.0
        """From being asked to the answer's beginning, or its failure."""
        self._around = around
        self._ticket = ticket
        self._probes = probes
        """Until when the breaker waits for this to say how the deployment is."""
        self._booking: Booking | None = None

    def book(self, account: Account) -> bool:
        """Book it out of what is held here; False: ``enter`` may know more, or say why not."""
        try:
            self._booking = account.admit(self.track.deployment)
        except BaseException:
            self.unsent()
            raise
        return self._booking is not None

    async def enter(self, account: Account) -> None:
        """Book it. What budgets raise says why not: then it is used up."""
        try:
            self._booking = await account.enter(self.track.deployment)
        finally:
            if self._booking is None:
                self.unsent()

    def unsent(self) -> None:
        """Nothing is asked after all."""
        self._ticket.unsent()
        if self._is_probe():
            self.track.breaker.left()

    async def ask(self, call: Call, *, raced: bool = False) -> Reply:
        """Ask. One of those that are ``raced`` is cut because another was faster: it may be billed whole."""
        around, track, ticket, booking = self._around, self.track, self._ticket, self._booking
        assert booking is not None  # noqa: S101 - what is not booked is not asked
        seen, counted = track.seen, around.state.breakers.settings.counted
        seen.open_requests += 1
        began = around.now()
        try:
            reply = await around.attempt(track.deployment, call)(call)
        except LLMError as error:
            seen.open_requests -= 1
            self.took_s = around.now() - began
            if not impatient(error, call.options.timeout_s, track.deployment.timeouts):
                failed(track, error, counted, probes=self._is_probe())
                around.saw(track, None, error)
            elif self._is_probe():
                track.breaker.left()
            refused(track, ticket, error)
            booking.failed(error, self.took_s)
            raise
        except BaseException:
            seen.open_requests -= 1
            if self._is_probe():
                track.breaker.left()
            ticket.done(None)
            booking.given_up(around.now() - began, streams=call.stream and not raced)
            raise
        now = around.now()
        took_s = self.took_s = now - began
        stream = reply.chunks or reply.events
        if stream is None:
            booking.answered(reply.usage, took_s)
            settled(track, ticket, reply.usage, None, counted=counted)
            seen.answers.observe(took_s, now)
        else:
            given_s = call.options.timeout_s
            stream.on_settled[:0] = [  # before whoever only looks on, whose fault would end it
                partial(booking.streamed, stream, began, took_s),
                partial(settled, track, ticket, counted=counted, given_s=given_s),
                partial(around.broke, track, given_s),
            ]
            seen.first_events.observe(took_s, now)
            track.breaker.alive()
        if reply.headers:
            track.learn(reply.status, reply.headers)
        around.saw(track, took_s, None)
        return reply

    def _is_probe(self) -> bool:
        return self._around.now() < self._probes
