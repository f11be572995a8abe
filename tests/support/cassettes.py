"""Transports and a clock for the tests of cassettes: a provider that is a list of steps."""

from __future__ import annotations

from modelway.call import Timeouts
from modelway.errors import LLMError
from modelway.ports import Origin, WireRequest

ORIGIN = Origin("https", "api.example.com", 443)


class TestClock:
    """Time that passes only by sleeping, and is written down."""

    __test__ = False

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_795_000_000.0 + self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


class ScriptedResponse:
    """Plays steps: bytes, seconds, or an error to raise."""

    def __init__(self, steps, clock, status=200, headers=((b"content-type", b"text/plain"),)):
        self.status = status
        self.headers = headers
        self._steps = iter(steps)
        self._clock = clock
        self.closed = False

    async def read(self):
        return b"".join([piece async for piece in self])

    async def __aiter__(self):
        for step in self._steps:
            match step:
                case bytes():
                    yield step
                case LLMError():
                    raise step
                case _:
                    await self._clock.sleep(step)

    async def aclose(self):
        self.closed = True


class Scripted:
    """The n-th request gets the n-th answer: steps, a response, or an error at once."""

    def __init__(self, *answers, clock=None):
        self.answers = list(answers)
        self.clock = clock or TestClock()
        self.requests = []
        self.closed = False

    async def send(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, LLMError):
            await self.clock.sleep(0.25)
            raise answer
        if isinstance(answer, ScriptedResponse):
            return answer
        return ScriptedResponse(answer, self.clock)

    async def aclose(self):
        self.closed = True


def wire(body=b'{"a":1}', *, target="/v1/x", headers=(), method="POST", origin=ORIGIN):
    return WireRequest(method, origin, target, tuple(headers), body, Timeouts())


async def read_all(transport, request, *, whole=False):
    """What a reader gets of one exchange: pieces, and the error that ended it."""
    pieces = []
    try:
        response = await transport.send(request)
        if whole:
            pieces.append(await response.read())
        else:
            pieces += [piece async for piece in response]
    except LLMError as error:
        return pieces, (type(error), error.message, error.code)
    return pieces, None
