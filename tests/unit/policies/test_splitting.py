"""Texts to embed, in as many requests as their host wants them."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.call import Call, Deployment, Reply, Target
from modelway.catalog.rows import Provider
from modelway.errors import RateLimitError, ResponseError
from modelway.policies.splitting import splitting
from modelway.retrieval import EmbedRequest, EmbedResponse
from modelway.types import Usage


def deployment(most):
    return Deployment(
        id="p/m",
        provider=Provider(
            name="p", base_url="http://h", dialects=("openai-chat",), embed_batch=most
        ),
        dialect="openai-chat",
        target=Target(model="m"),
        base_url="http://h",
    )


def answering(asked, tokens=1, model="m"):
    async def inner(call):
        texts = call.request.inputs
        asked.append(texts)
        await asyncio.sleep(0.001 * (5 - len(asked) % 5))
        value = EmbedResponse(
            model=model if isinstance(model, str) else next(model),
            vectors=tuple((float(text),) for text in texts),
            usage=Usage(input_tokens=tokens and tokens * len(texts)),
        )
        return Reply(deployment=deployment(None), value=value, usage=value.usage)

    return inner


class Leave:
    def done(self, used_tokens):
        assert used_tokens == 0


async def entering():
    return Leave()


def call(count):
    return Call(
        id="1",
        operation="embed",
        model="m",
        request=EmbedRequest(inputs=tuple(map(str, range(count)))),
    )


@given(st.integers(1, 60), st.one_of(st.none(), st.integers(1, 20)))
def test_every_input_is_asked_once_in_order(count, most):
    asked = []
    reply = asyncio.run(splitting(deployment(most), entering)(call(count), answering(asked)))
    assert reply.value.vectors == tuple((float(n),) for n in range(count))
    assert reply.usage.input_tokens == count
    assert all(len(texts) <= (most or count) for texts in asked)
    assert len(asked) == -(-count // (most or count))


async def test_usage_that_one_part_did_not_say_is_not_said():
    reply = await splitting(deployment(2), entering)(call(5), answering([], tokens=None))
    assert reply.usage.input_tokens is None


async def test_one_failure_ends_the_call_and_the_other_requests():
    ended = []

    async def inner(one):
        if one.request.inputs[0] == "0":
            await asyncio.sleep(0)
            raise RateLimitError("busy")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(one)
            raise

    with pytest.raises(RateLimitError):
        await splitting(deployment(1), entering)(call(8), inner)
    assert 3 <= len(ended) <= 4  # those that had begun


async def test_parts_of_different_models_are_not_joined():
    with pytest.raises(ResponseError, match="different models"):
        await splitting(deployment(2), entering)(call(4), answering([], model=iter("ab")))
