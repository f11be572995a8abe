"""An engine over scripted providers, with a clock that does not wait."""

import asyncio
import random

from modelway.call import Call, Options
from modelway.config.load import load
from modelway.engine import Engine
from modelway.messages import user
from modelway.types import ChatRequest

KEY = "canary~0123456789~of~no~known~form"
OK = (
    200,
    (
        b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'
    ),
)
BUSY = (503, b'{"error":{"message":"busy","type":"server_error"}}')
LIMITED = (429, b'{"error":{"message":"slow","type":"rate_limit_error"}}', (b"retry-after", b"7"))
BAD = (400, b'{"error":{"message":"no","type":"invalid_request_error"}}')
LONG = (400, b'{"error":{"message":"long","code":"context_length_exceeded"}}')
DENIED = (401, f'{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}'.encode())


class Answer:
    def __init__(self, status, body, *headers):
        self.status = status
        self.headers = ((b"content-type", b"application/json"), *headers)
        self._body = body

    async def read(self):
        return self._body

    async def aclose(self):
        pass


class Scripted:
    """A transport that gives each origin its answers in turn, the last one again and again."""

    def __init__(self, **answers):
        self.answers = {name: list(given) for name, given in answers.items()}
        self.sent = []

    async def send(self, request):
        self.sent.append(request)
        given = self.answers[request.origin.host]
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            await answer()
        return Answer(*answer)

    async def aclose(self):
        pass

    @property
    def hosts(self):
        return [request.origin.host for request in self.sent]


class Clock:
    def __init__(self):
        self.now = 0.0
        self.slept = []

    def monotonic(self):
        return self.now

    def time(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def engine(transport, clock=None, observers=(), config=(), **routes):
    """``config`` are top-level settings; what it says of providers is added to their places."""
    said = dict(config)
    beside = said.pop("providers", {})
    providers = {
        name: {
            "like": "openai",
            "base_url": f"http://{name}/v1",
            "api_key": KEY,
            **beside.get(name, {}),
        }
        for name in transport.answers
    }
    settings = load({"providers": providers, "models": routes, **said}, environment={})
    return Engine(
        settings,
        transport,
        clock=clock or Clock(),
        chance=random.Random(0),
        observers=observers,
    )


def call(model="m", stream=False, **options):
    request = ChatRequest(messages=(user("hello"),))
    return Call(id="1", model=model, request=request, stream=stream, options=Options(**options))
