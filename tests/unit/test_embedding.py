"""Questions for vectors, and several asked as one."""

import asyncio

import pytest

from modelway.embedding import Coalescer, embed_request
from modelway.errors import BadRequestError, OverloadedError
from modelway.retrieval import EmbedResponse
from modelway.types import Usage


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ("one", ("one",)),
        (["one", "two"], ("one", "two")),
        ((1, 2, 3), ((1, 2, 3),)),
        ([(1, 2), "text"], ((1, 2), "text")),
        ([""], ("",)),
    ],
)
def test_inputs_in_any_form(inputs, told):
    assert embed_request(inputs).inputs == told


@pytest.mark.parametrize("inputs", [[], (), [3.5], [None], [()]])
def test_what_is_no_input_is_refused(inputs):
    with pytest.raises(BadRequestError):
        embed_request(inputs)


class Host:
    def __init__(self, error=None):
        self.asked = []
        self.error = error

    async def ask(self, request):
        self.asked.append(request.inputs)
        if self.error:
            raise self.error
        vectors = tuple((float(len(text)),) for text in request.inputs)
        return EmbedResponse(model="m", vectors=vectors, usage=Usage(input_tokens=9))


async def test_calls_within_the_window_are_one_and_each_gets_its_own_vectors():
    host, coalescer = Host(), Coalescer()
    answers = await asyncio.gather(
        *[
            coalescer.embed(embed_request(["x" * n, "y" * n], model="m"), host.ask, window_s=0.01)
            for n in range(1, 6)
        ],
        coalescer.embed(embed_request("z", model="other"), host.ask, window_s=0.01),
    )
    assert sorted(map(len, host.asked)) == [1, 10]
    assert [answer.vectors for answer in answers[:5]] == [((n,), (n,)) for n in range(1, 6)]
    assert answers[0].usage == Usage()
    assert "9 tokens" in answers[0].warnings[0].message
    assert answers[5].usage.input_tokens == 9
    assert not answers[5].warnings


async def test_one_who_leaves_does_not_take_the_others_along():
    host, coalescer = Host(), Coalescer()
    tasks = [
        asyncio.ensure_future(
            coalescer.embed(embed_request("x" * n, model="m"), host.ask, window_s=0.02)
        )
        for n in (1, 2)
    ]
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert (await tasks[1]).vectors == ((2.0,),)
    assert host.asked == [("xx",)]


async def test_an_error_is_everybodys():
    host, coalescer = Host(OverloadedError("busy")), Coalescer()
    answers = await asyncio.gather(
        *[coalescer.embed(embed_request("x", model="m"), host.ask, window_s=0) for _ in range(3)],
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [OverloadedError] * 3
    assert len(host.asked) == 1
