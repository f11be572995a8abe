"""What a recorder writes, a player plays: the same bytes at the same times, or the same error."""

import asyncio
import json
import multiprocessing
import os
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    ConfigError,
    ResponseError,
)
from modelway.transport.cassette import (
    Auto,
    Cassette,
    CassetteError,
    CassetteMissError,
    CassetteWriteError,
    Player,
    Recorder,
    read_cassette,
)
from modelway.transport.cassette import file as cassette_file
from support.cassettes import Scripted, ScriptedResponse, TestClock, read_all, wire

OUTCOMES = {
    "whole": [b"one"],
    "timed": [0.1, b"one", 0.2, b"two", 0.3, b"three"],
    "empty": [],
    "slow end": [b"one", 2.0],
    "not text": [b"\xff\x00", "é".encode()[:1], "é".encode()[1:]],
    "cut": [b"one", b"two", APIConnectionError("it broke", code="cut")],
    "silent": [b"one", 1.5, APITimeoutError("nothing came", code="idle")],
    "malformed": [ResponseError("not HTTP", code="malformed")],
    "refused": APIConnectionError("refuses", code="refused"),
    "late": APITimeoutError("no answer", code="first_byte"),
}


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
@pytest.mark.parametrize("whole", [False, True])
async def test_a_replay_is_what_was_recorded(tmp_path, outcome, whole):
    path = tmp_path / "c.jsonl"
    clock = TestClock()
    recorder = Recorder(Scripted(outcome, clock=clock), path, clock=clock)
    began = clock.now
    recorded = await read_all(recorder, wire(), whole=whole)
    took = clock.now - began
    clock = TestClock()
    began = clock.now
    assert await read_all(Player(path, clock=clock), wire(), whole=whole) == recorded
    assert clock.now - began == pytest.approx(took, abs=0.002)


async def test_head_status_and_headers_are_kept(tmp_path):
    path = tmp_path / "c.jsonl"
    headers = ((b"x-a", b"1"), (b"x-a", b"2"), (b"x-odd", b"\xe9"))
    answer = ScriptedResponse([b"{}"], TestClock(), status=418, headers=headers)
    await read_all(Recorder(Scripted(answer), path), wire())
    response = await Player(path).send(wire())
    assert (response.status, response.headers) == (418, headers)
    assert await response.read() == b"{}"


@pytest.mark.parametrize(
    ("speed", "slept"), [(1.0, [0.1, 0.2]), (2.0, [0.05, 0.1]), (0.5, [0.2, 0.4]), (0, [])]
)
async def test_chunks_come_when_they_came(tmp_path, speed, slept):
    path = tmp_path / "c.jsonl"
    clock = TestClock()
    scripted = Scripted([0.1, b"one", 0.2, b"two"], clock=clock)
    await read_all(Recorder(scripted, path, clock=clock), wire())
    clock = TestClock()
    await read_all(Player(path, speed=speed, clock=clock), wire())
    assert clock.slept == slept


async def test_a_reader_that_left_is_recorded_as_left(tmp_path):
    path = tmp_path / "c.jsonl"
    answer = ScriptedResponse([b"one", b"two"], TestClock())
    response = await Recorder(Scripted(answer), path).send(wire())
    assert await anext(aiter(response)) == b"one"
    await response.aclose()
    await response.aclose()
    assert answer.closed
    (recording,) = read_cassette(path).recordings
    assert recording.exchange.end == "left"
    assert await read_all(Player(path), wire()) == ([b"one"], None)


async def test_a_cancelled_reader_has_left(tmp_path):
    path = tmp_path / "c.jsonl"

    class Waiting(TestClock):
        async def sleep(self, seconds):
            await asyncio.Event().wait()

    recorder = Recorder(Scripted([b"one", 5], clock=Waiting()), path)
    reading = asyncio.create_task(read_all(recorder, wire()))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert [one.exchange.end for one in read_cassette(path).recordings] == ["left"]


@pytest.mark.parametrize("fault", [BadRequestError("bad header"), ConfigError("no CA")])
async def test_what_never_left_the_machine_is_not_recorded(tmp_path, fault):
    recorder = Recorder(Scripted(fault), tmp_path / "c.jsonl")
    with pytest.raises(type(fault)):
        await recorder.send(wire())
    assert not (tmp_path / "c.jsonl").exists()


async def test_a_response_that_was_let_go_is_not_read(tmp_path):
    path = tmp_path / "c.jsonl"
    await read_all(Recorder(Scripted([b"one", b"two"]), path), wire())
    response = await Player(path).send(wire())
    assert await anext(response) == b"one"
    await response.aclose()
    with pytest.raises(APIConnectionError, match="let go"):
        await response.read()


async def test_the_same_request_gets_the_next_recording_and_then_the_last(tmp_path):
    path = tmp_path / "c.jsonl"
    recorder = Recorder(Scripted([b"1"], [b"other"], [b"2"]), path)
    for body in (b'{"a":1}', b'{"b":1}', b'{"a":1}'):
        await read_all(recorder, wire(body))
    player = Player(path)
    played = [(await read_all(player, wire(b'{"a": 1}')))[0] for _ in range(4)]
    assert played == [[b"1"], [b"2"], [b"2"], [b"2"]]
    assert await read_all(player, wire(b'{"b":1}')) == ([b"other"], None)


async def test_a_miss_names_what_is_near_and_opens_nothing(tmp_path, monkeypatch):
    path = tmp_path / "c.jsonl"
    recorder = Recorder(Scripted([b""], [b""]), path)
    await read_all(recorder, wire(b'{"messages":[{"content":"Hi"}],"model":"m"}'))
    await read_all(recorder, wire(b"", target="/v1/models", method="GET"))
    monkeypatch.setattr(socket, "socket", None)
    player = Player(path)
    asked = wire(b'{"messages":[{"content":"Ho"}],"model":"m","temperature":1}')
    with pytest.raises(CassetteMissError) as caught:
        await player.send(asked)
    assert not caught.value.may_retry
    nearest = caught.value.nearest
    assert nearest[0] == (
        'line 2, POST /v1/x: body.messages[0].content was "Hi", is "Ho"; '
        "body.temperature was not there, is 1"
    )
    assert "GET /v1/models: method was" in nearest[1]
    assert str(path) in str(caught.value)


async def test_auto_plays_what_it_has_and_records_the_rest(tmp_path):
    path = tmp_path / "c.jsonl"
    await read_all(Recorder(Scripted([b"old"]), path), wire(b"1"))
    scripted = Scripted([b"new"])
    auto = Auto(Player(path), Recorder(scripted, path))
    assert (await read_all(auto, wire(b"1")))[0] == [b"old"]
    assert (await read_all(auto, wire(b"2")))[0] == [b"new"]
    await auto.aclose()
    assert len(scripted.requests) == 1
    assert scripted.closed
    player = Player(path)
    assert (await read_all(player, wire(b"1")))[0] == [b"old"]
    assert (await read_all(player, wire(b"2")))[0] == [b"new"]


def test_an_empty_cassette_misses():
    player = Player(Cassette("none.jsonl"))
    with pytest.raises(CassetteMissError, match="no exchange at all"):
        asyncio.run(player.send(wire()))


# ---------------------------------------------------------------- the file


async def test_a_half_written_line_is_cut_off_before_the_next(tmp_path):
    path = tmp_path / "c.jsonl"
    recorder = Recorder(Scripted([b"1"], [b"2"]), path)
    await read_all(recorder, wire(b"1"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"request":{"meth')
    with pytest.warns(UserWarning, match=r"c\.jsonl:3: .*half written"):
        Player(path)
    await read_all(recorder, wire(b"2"))
    assert path.read_bytes().startswith(whole)
    assert len(Player(path).cassette.recordings) == 2


@pytest.mark.parametrize("size", [0, 1, 10, 22, 40])
async def test_a_torn_header_is_written_again(tmp_path, size):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"modelway_cassette":1,"recorded_by":"modelway 0.1.0"}\n'[:size])
    with pytest.raises(CassetteError, match="half written"):
        Player(path)
    await read_all(Recorder(Scripted([b"1"]), path), wire())
    assert len(Player(path).cassette.recordings) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
async def test_a_full_disk_breaks_no_call_and_is_told(tmp_path, caplog):
    import resource

    path = tmp_path / "c.jsonl"
    recorder = Recorder(Scripted([b"1"], [b"x" * 5000], [b"3"]), path)
    await read_all(recorder, wire(b"1"))
    before = path.read_bytes()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, usual[1]))
    try:
        assert (await read_all(recorder, wire(b"2")))[0] == [b"x" * 5000]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert path.read_bytes() == before
    assert "cannot be written to the cassette" in caplog.text
    await read_all(recorder, wire(b"3"))
    with pytest.raises(CassetteWriteError, match="1 exchange is not in the cassette"):
        await recorder.aclose()
    await recorder.aclose()
    assert recorder.recorded == 2
    assert len(Player(path).cassette.recordings) == 2


def test_a_place_that_cannot_be_written_is_said_before_anything_is_sent(tmp_path):
    with pytest.raises(CassetteError, match="no directory"):
        Recorder(Scripted(), tmp_path / "nowhere" / "c.jsonl")
    with pytest.raises(CassetteError, match=r"cannot be used: Is a directory"):
        Recorder(Scripted(), tmp_path)
    other = tmp_path / "README.md"
    other.write_text("# Mine\n")
    with pytest.raises(CassetteError, match="not a cassette"):
        Recorder(Scripted(), other)
    assert other.read_text() == "# Mine\n"


def _append_many(path, word):
    for number in range(50):
        line = {"request": {"method": "POST", "origin": word, "target": "x" * 3000}}
        line |= {"end": "complete", "end_ms": number}
        cassette_file.append(path, json.dumps(line).encode() + b"\n")


def test_processes_append_side_by_side(tmp_path):
    path = tmp_path / "c.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(path, word)) for word in "abcd"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    cassette = read_cassette(path)
    assert len(cassette.recordings) == 200
    for word in "abcd":
        told = [e.end_ms for _, e in cassette.recordings if e.request.origin == word]
        assert told == list(range(50))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
async def test_only_its_owner_reads_a_new_cassette(tmp_path):
    path = tmp_path / "c.jsonl"
    await read_all(Recorder(Scripted([b"1"]), path), wire())
    assert path.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------- any truncation


def _sample(tmp_path):
    path = tmp_path / "sample.jsonl"

    async def record():
        recorder = Recorder(Scripted([b"1", "é".encode()], [b"\xff" * 9], [b"3"]), path)
        for body in (b'{"a":"\xc3\xa9"}', b"\x00\xff", b"3"):
            await read_all(recorder, wire(body))

    asyncio.run(record())
    return path


def test_a_truncated_cassette_keeps_every_whole_line(tmp_path):
    """At every byte: as many recordings as whole lines are there, a notice, or a clear error."""
    content = _sample(tmp_path).read_bytes()
    header_bytes = content.index(b"\n")
    path = tmp_path / "cut.jsonl"
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        if size < header_bytes:
            with pytest.raises(CassetteError, match=r"half written"):
                read_cassette(path)
            continue
        cassette = read_cassette(path)
        lines = content[:size].split(b"\n")
        complete = content.startswith(content[:size] + b"\n")  # but for its line break
        torn = bool(lines[-1]) and not complete
        assert len(cassette.recordings) == len([x for x in lines if x]) - 1 - torn
        assert bool(cassette.notices) == torn


@given(st.data())
def test_a_damaged_line_is_named(tmp_path_factory, data):
    tmp_path = tmp_path_factory.mktemp("damaged")
    lines = _sample(tmp_path).read_bytes().splitlines(keepends=True)
    number = data.draw(st.integers(1, len(lines) - 1))
    damage = data.draw(st.sampled_from([b"nonsense\n", b"{}\n", b"[1]\n", b'{"end":"never"}\n']))
    lines[number] = damage
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(b"".join(lines))
    with pytest.raises(CassetteError, match=rf"damaged\.jsonl:{number + 1}: .*not an exchange"):
        read_cassette(path)


def test_other_files_and_versions_are_refused(tmp_path):
    with pytest.raises(CassetteError, match=r"no cassette .*modelway record"):
        read_cassette(tmp_path / "none.jsonl")
    path = tmp_path / "c.jsonl"
    path.write_text('{"modelway_cassette":2}\n')
    with pytest.raises(CassetteError, match="version 2, and this modelway reads 1"):
        read_cassette(path)
    path.write_text('{"interactions":[]}\n')
    with pytest.raises(CassetteError, match="not a cassette"):
        read_cassette(path)
