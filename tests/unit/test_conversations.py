"""Conversations grow by turns, and are kept whole or not at all."""

from __future__ import annotations

import asyncio
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

import modelway
from modelway.conversations import Conversation, ConversationError, Conversations, new_transcript
from modelway.simulator.mock import MockTransport
from modelway.simulator.script import Match, Reply, Rule, Script
from modelway.transcripts import Transcripts
from modelway.types import Inline, Reasoning, Text

CONFIG = {"providers": {"sim": {"like": "simulator"}}}
SCRIPT = Script(rules=(Rule(match=Match(model="echo"), reply=Reply(text="You said {question}")),))


@pytest.fixture
def kept(tmp_path):
    return Conversations(tmp_path / "kept")


def client(kind=modelway.Client):
    return kind(
        CONFIG,
        environment={},
        transport=MockTransport(SCRIPT),
        options=modelway.Options(retries=0),
    )


# ---------------------------------------------------------------- turns


async def test_a_turn_is_a_question_and_its_answer(kept):
    conversation = kept.start(model="sim/echo", system="Be brief.", metadata={"who": "me"})
    async with client() as asked:
        answer = await conversation.say(asked, "one.", temperature=0.5)
        await conversation.say(asked, modelway.user("two."))
    assert answer.text == "You said one."
    roles = [message.role for message in conversation.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    again = kept.resume(conversation.id)
    assert again.transcript == conversation.transcript
    assert again.metadata == {"who": "me"}
    assert not again.pending


def test_a_turn_with_the_sync_client(kept):
    conversation = kept.start(model="sim/echo")
    with client(modelway.SyncClient) as asked:
        assert conversation.say(asked, "one.").text == "You said one."
    assert len(kept.resume(conversation.id).messages) == 2


async def test_in_memory_nothing_is_kept():
    conversation = Conversation(new_transcript(model="sim/echo"))
    async with client() as asked:
        await conversation.say(asked, "one.")
    assert len(conversation.messages) == 2


async def test_a_streamed_turn(kept):
    conversation = kept.start(model="sim/echo")
    async with client() as asked, asked.stream(conversation.asking("one.")) as stream:
        assert conversation.pending
        conversation.answered(await stream.collect())
    assert kept.resume(conversation.id).messages == conversation.messages


async def test_a_failed_turn_is_taken_back(kept):
    conversation = kept.start(model="sim/sim-500", system="Be brief.")
    async with client() as asked:
        with pytest.raises(modelway.OverloadedError):
            await conversation.say(asked, "one.")
    assert [message.role for message in conversation.messages] == ["system"]
    assert kept.resume(conversation.id).transcript == conversation.transcript


async def test_a_question_that_a_crash_left_is_asked_again(kept):
    conversation = kept.start(model="sim/echo")
    conversation.asking("one.")
    again = kept.resume(conversation.id)
    assert again.pending
    with pytest.raises(ConversationError, match="no answer yet"):
        again.asking("two.")
    async with client() as asked:
        assert (await again.say(asked)).text == "You said one."
    with pytest.raises(ConversationError, match="nothing is pending"):
        again.asking()


def test_a_pending_question_can_be_forgotten(kept):
    conversation = kept.start(model="sim/echo")
    conversation.asking("one.")
    conversation.take_back()
    assert not kept.resume(conversation.id).messages


# ---------------------------------------------------------------- keeping


def test_everything_said_survives(kept):
    conversation = kept.start(id="all")
    said = modelway.user(
        "Grüße 👋\u2028",
        modelway.Image(source=Inline(media_type="image/png", data="aGk=")),
        modelway.Opaque(dialect="anthropic-messages", kind="x", data={"n": [1, None, 0.1]}),
    )
    conversation.asking(said)
    answer = modelway.Message(
        role="assistant",
        parts=(
            Reasoning(text="Hm.", signature="s"),
            Text(text="Hi"),
            modelway.ToolCall(id="1", name="look", arguments='{"a": 1.0}'),
        ),
    )
    conversation.answered(
        modelway.ChatResponse(choices=(modelway.Choice(message=answer, finish_reason="stop"),))
    )
    assert kept.resume("all").messages == (said, answer)


def test_conversations_are_listed_and_deleted(kept):
    assert kept.list() == ()
    first, second = kept.start(), kept.start()
    assert {one.id for one in kept.list()} == {first.id, second.id}
    kept.delete(first.id)
    kept.delete(first.id)
    assert [one.id for one in kept.list()] == [second.id]
    with pytest.raises(ConversationError, match="there is no conversation"):
        kept.resume(first.id)


def test_an_id_is_used_once(kept):
    kept.start(id="tea")
    with pytest.raises(ConversationError, match="already a conversation 'tea'"):
        kept.start(id="tea")


@pytest.mark.parametrize("id", ["", "../x", "a/b", ".hidden", "a\\b", "a\n", "é", "x" * 129, "a\0"])
def test_an_id_cannot_leave_its_directory(kept, id):
    for use in (lambda: kept.start(id=id), lambda: kept.resume(id), lambda: kept.delete(id)):
        with pytest.raises(ConversationError, match="letters, digits"):
            use()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_only_the_owner_reads_them(kept, tmp_path):
    kept.start(id="tea")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "kept").iterdir()}
    assert modes == {"tea.json": 0o600, ".lock": 0o600}
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda content: content[: len(content) // 2], "not a kept conversation"),
        (lambda content: b"", "not a kept conversation"),
        (lambda content: b"\xff" + content, "not a kept conversation"),
        (lambda content: content.replace(b"one.", b"two."), "checksum"),
        (lambda content: content.replace(b'"version":1', b'"version":2'), "has the form"),
        (lambda content: b"[" * 100_000, "not a kept conversation"),
        (lambda content: b"{}", "not a kept conversation"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(kept, tmp_path, damage, why):
    kept.start(id="tea").asking("one.")
    path = tmp_path / "kept" / "tea.json"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ConversationError, match=why) as caught:
        kept.resume("tea")
    assert str(path) in str(caught.value)
    with pytest.raises(ConversationError):
        kept.start(id="tea")


def test_a_file_under_another_name_is_an_error(kept, tmp_path):
    kept.start(id="tea")
    (tmp_path / "kept" / "tea.json").rename(tmp_path / "kept" / "coffee.json")
    with pytest.raises(ConversationError, match="holds the conversation 'tea'"):
        kept.resume("coffee")


def test_a_second_writer_is_told_and_nothing_is_lost(kept):
    mine = kept.start(id="tea")
    theirs = kept.resume("tea")
    theirs.asking("theirs.")
    with pytest.raises(ConversationError, match="went on elsewhere"):
        mine.asking("mine.")
    assert mine.messages == ()
    assert kept.resume("tea").messages == theirs.messages


def test_of_many_writers_exactly_one_wins_each_revision(tmp_path):
    store = Transcripts(tmp_path)
    store.keep(new_transcript(id="tea"))

    def write(number):
        won = 0
        while won < 5:
            try:
                store.keep(store.read("tea"))
            except ConversationError:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [5] * 4
    assert store.read("tea").revision == 21


def test_what_a_killed_writer_left_is_no_conversation(kept, tmp_path):
    kept.start(id="tea")
    (tmp_path / "kept" / ".tea.draft").write_bytes(b"half")
    assert [one.id for one in kept.list()] == ["tea"]
    kept.resume("tea").asking("one.")
    assert not (tmp_path / "kept" / ".tea.draft").exists()


async def test_two_turns_at_once_are_refused(kept):
    conversation = kept.start(model="sim/echo")
    async with client() as asked:
        turns = [conversation.say(asked, f"{n}.") for n in range(2)]
        ended = await asyncio.gather(*turns, return_exceptions=True)
    assert sum(isinstance(one, ConversationError) for one in ended) == 1
    assert all(a.role != b.role for a, b in pairwise(conversation.messages))
    assert kept.resume(conversation.id).messages == conversation.messages
