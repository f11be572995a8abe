"""Responses that are kept: whose, how long, how many, and chained."""

import asyncio

import pytest

from modelway.errors import NotFoundError
from modelway.gateway.stored import Kept, Responses
from modelway.types import Message, Text


def said(text):
    return (Message(role="user", parts=(Text(text=text),)),)


@pytest.fixture(params=["memory", "file"])
def place(request, tmp_path):
    return None if request.param == "memory" else tmp_path / "state" / "responses.sqlite"


async def test_what_was_said_along_a_chain(place):
    responses = Responses(place)
    for number in range(5):
        await responses.keep(
            Kept(
                id=f"r{number}",
                tenant="a",
                previous=f"r{number - 1}" if number else None,
                messages=said(str(number)),
                body=b'{"n":%d}' % number,
            )
        )
    assert await responses.said("r4", "a") == tuple(
        message for number in range(5) for message in said(str(number))
    )
    assert (await responses.find("r2", "a")).body == b'{"n":2}'
    responses.close()


async def test_another_tenant_s_response_is_not_there(place):
    responses = Responses(place)
    await responses.keep(Kept(id="r", tenant="a", messages=said("secret")))
    for ask in (responses.find, responses.said, responses.forget):
        with pytest.raises(NotFoundError):
            await ask("r", "b")
    # an id that somebody else has cannot be taken over
    await responses.keep(Kept(id="r", tenant="b", messages=said("mine")))
    assert (await responses.find("r", "a")).messages == said("secret")
    with pytest.raises(NotFoundError):
        await responses.find("r", "b")
    responses.close()


async def test_a_chain_that_has_a_gap_is_not_taken_for_whole(place):
    responses = Responses(place)
    await responses.keep(Kept(id="r1", tenant="a", messages=said("1")))
    await responses.keep(Kept(id="r2", tenant="a", previous="r1", messages=said("2")))
    await responses.forget("r1", "a")
    with pytest.raises(NotFoundError, match="r1"):
        await responses.said("r2", "a")
    responses.close()


async def test_they_end_and_are_bounded(place):
    ended = Responses(place, life_s=-1)
    await ended.keep(Kept(id="r", tenant="a"))
    with pytest.raises(NotFoundError):
        await ended.find("r", "a")
    ended.close()
    few = Responses(place, most=3)
    for number in range(6):
        await few.keep(Kept(id=f"r{number}", tenant="a"))
        await asyncio.sleep(0.002)
    for number in range(6):
        if number < 3:
            with pytest.raises(NotFoundError):
                await few.find(f"r{number}", "a")
        else:
            await few.find(f"r{number}", "a")
    few.close()


async def test_a_file_is_read_by_the_next_process_and_by_nobody_else(tmp_path):
    place = tmp_path / "responses.sqlite"
    first, second = Responses(place), Responses(place)
    await asyncio.gather(
        *[
            one.keep(Kept(id=f"{name}{number}", tenant="a"))
            for number in range(20)
            for name, one in (("f", first), ("s", second))
        ]
    )
    first.close()
    assert (await second.find("f7", "a")).id == "f7"
    second.close()
    assert place.stat().st_mode & 0o077 == 0
