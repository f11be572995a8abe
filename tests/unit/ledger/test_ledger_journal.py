"""A journal comes back as it was written, or cut where a kill cut it, or not at all."""

from __future__ import annotations

import os
import random
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.ledger.holding import new_owner, orphaned, owners, segments
from modelway.ledger.journal import MOST_BYTES, Journal, TooLongError
from modelway.ledger.reading import TamperedError, read_segment, segment_of
from modelway.ledger.records import MOST_ENTRY_BYTES, Begun, Granted, Returned, cut
from support.ledger_rows import row
from support.ledger_world import POOL, SECRET, spending


def journal(directory, **options):
    made = Journal(directory, new_owner("a node/€"), SECRET, node="node", **options)
    made.begin((), 1.0)
    return made


def entries(path, secret=SECRET):
    return list(read_segment(path, secret).entries())


def some(number=4):
    rows = [spending(at, user="ann", tags=("a", "b")) for at in range(number)]
    return [
        Granted(pool=POOL, grant=1, amount=1000),
        *[one.intent for one in rows],
        *[one.settlement for one in rows],
        Returned(pool=POOL.name, grant=1),
    ]


def written(directory, *, count=4):
    made = journal(directory)
    for entry in some(count):
        made.append(entry)
    made.close()
    return made.path


def test_what_is_written_is_read(tmp_path):
    begun, *found = entries(written(tmp_path))
    assert begun == Begun(node="node", time=1.0)
    assert found == some()


def test_only_its_owner_may_read_it(tmp_path):
    assert stat.S_IMODE(written(tmp_path).stat().st_mode) == 0o600


def test_the_next_segment_begins_with_what_is_carried_over(tmp_path):
    made = journal(tmp_path)
    made.append(spending(1).intent)
    size = made.path.stat().st_size
    closed = made.begin(some(), 2.0)
    os.close(closed.descriptor)
    made.append(spending(2).intent)
    made.close()
    assert entries(made.path) == [
        *some(),
        Begun(node="node", time=2.0, before_bytes=size),
        spending(2).intent,
    ]


def read(data, path):
    return segment_of(bytes(data), path.name, SECRET)


def test_it_ends_anywhere_and_what_is_whole_is_read(tmp_path):
    path = written(tmp_path)
    data = path.read_bytes()
    all_entries = entries(path)
    known = -1
    for end in range(len(data) + 1):
        segment = read(data[:end], path)
        found = list(segment.entries())
        assert found == all_entries[: len(found)]
        assert len(found) >= known
        assert segment.whole_bytes + segment.torn_bytes == end
        known = len(found)
    assert found == all_entries


def test_no_byte_of_it_can_be_changed(tmp_path):
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    for at in range(len(data)):
        for change in (1, 0x80):
            data[at] ^= change
            with pytest.raises(TamperedError):
                read(data, path)
            data[at] ^= change
    assert len(list(read(data, path).entries())) == len(some()) + 1


@settings(max_examples=300)
@given(st.data())
def test_no_piece_of_it_can_be_moved_doubled_or_left_out(whole_journal, data):
    path, whole, bytes_ = whole_journal
    start, end = sorted([data.draw(st.integers(0, len(bytes_))) for _ in range(2)])
    piece = bytes_[start:end]
    changed = data.draw(
        st.sampled_from(
            [
                bytes_[:start] + bytes_[end:],
                bytes_[:end] + piece + bytes_[end:],
                bytes_[:start] + bytes(len(piece)) + bytes_[end:],
                bytes_[:start] + piece[::-1] + bytes_[end:],
                bytes_ + piece,
            ]
        )
    )
    try:
        found = list(read(changed, path).entries())
    except TamperedError:
        return
    # a cut end is what a kill leaves; everything else is refused
    assert found == whole[: len(found)]


@pytest.fixture(scope="module")
def whole_journal(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("journal"))
    return path, entries(path), path.read_bytes()


def test_entries_cannot_change_places(tmp_path):
    path = written(tmp_path)
    segment = read_segment(path, SECRET)
    (first, second) = segment.places[2:4]
    assert first[1] - first[0] == second[1] - second[0]
    data = segment.data
    head, seal = 8, 16
    one = data[first[0] - head : first[1] + seal]
    other = data[second[0] - head : second[1] + seal]
    path.write_bytes(data[: first[0] - head] + other + one + data[second[1] + seal :])
    with pytest.raises(TamperedError):
        read_segment(path, SECRET)


def test_a_segment_is_none_under_another_name_and_with_another_secret(tmp_path):
    path = written(tmp_path)
    with pytest.raises(TamperedError, match="seal"):
        read_segment(path, bytes(32))
    renamed = path.with_name(path.name.replace("00000001", "00000002"))
    path.rename(renamed)
    with pytest.raises(TamperedError, match="seal"):
        read_segment(renamed, SECRET)


def test_what_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "n-1-aa.00000001.journal"
    for data in (b"x", b"mwj2" + bytes(40), b"\x80\x04cos\nsystem\n", os.urandom(200)):
        path.write_bytes(data)
        with pytest.raises(TamperedError):
            read_segment(path, SECRET)
    with path.open("wb") as file:
        file.truncate(3 * MOST_BYTES)
    with pytest.raises(TamperedError, match="bytes"):
        read_segment(path, SECRET)


def test_blocks_that_a_power_failure_left_empty_are_an_end(tmp_path):
    path = written(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data + bytes(4096))
    segment = read_segment(path, SECRET)
    assert len(list(segment.entries())) == len(some()) + 1
    assert segment.torn_bytes == 4096


def test_an_entry_that_is_too_long_is_cut_and_fits(tmp_path):
    made = journal(tmp_path)
    long = row(1, user="x" * MOST_ENTRY_BYTES, tags=("t" * 1000,) * 1000, asked="\ud800").intent
    with pytest.raises(ValueError):
        made.append(long)
    with pytest.raises(TooLongError):
        made.append(row(1, user="x" * MOST_ENTRY_BYTES).intent)
    made.append(cut(long))
    made.close()
    assert entries(made.path)[1].user == "x" * 200


def test_a_removed_file_needs_another(tmp_path):
    made = journal(tmp_path, segment_bytes=2000)
    assert not made.needs_another
    made.path.unlink()
    assert made.needs_another
    os.close(made.begin((), 1.0).descriptor)
    assert not made.needs_another
    for entry in some(8):
        made.append(entry)
    assert made.needs_another
    made.close()


def test_who_lives_is_no_orphan_and_who_died_is_once(tmp_path):
    made = journal(tmp_path)
    (owner,) = owners(tmp_path)
    with orphaned(tmp_path, owner) as found:
        assert found == []
    closed = made.begin((), 1.0)
    with orphaned(tmp_path, owner) as found:
        assert found == []
    os.close(closed.descriptor)
    with orphaned(tmp_path, owner) as found:
        assert found == []
    made.close()
    with orphaned(tmp_path, owner) as found:
        assert found == segments(tmp_path, owner)
        assert len(found) == 2
        with orphaned(tmp_path, owner) as again:
            assert again == []
    for path in found:
        path.unlink()
    with orphaned(tmp_path, owner) as found:
        assert found == []


def test_a_segment_that_was_taken_for_an_orphan_is_not_written(tmp_path, monkeypatch):
    """Between making a file and locking it another process may come by."""
    from modelway.ledger import journal as module

    taken = []
    real = module.lock

    def late(descriptor, path):
        if len(taken) < 3:
            with orphaned(tmp_path, "me") as found:
                taken.append(found)
                held = real(descriptor, path)
                for one in found[: len(taken) - 1]:
                    one.unlink()
                return held
        return real(descriptor, path)

    monkeypatch.setattr(module, "lock", late)
    made = Journal(tmp_path, "me", SECRET)
    made.begin((), 1.0)
    assert len(taken) == 3
    assert segments(tmp_path, "me") == [made.path]
    made.append(spending(1).intent)
    with orphaned(tmp_path, "me") as found:
        assert found == []
    made.close()


def test_owners_are_different_and_named_for_who_looks(tmp_path):
    names = {new_owner("héllo wörld/../" + "x" * 100) for _ in range(50)}
    assert len(names) == 50
    assert all("/" not in name and "." not in name and len(name) < 80 for name in names)


def test_torn_and_tampered_at_random_never_raise_anything_else(tmp_path):
    chance = random.Random(5)
    path = written(tmp_path, count=2)
    data = path.read_bytes()
    whole = entries(path)
    for _ in range(2000):
        changed = bytearray(data[: chance.randrange(len(data) + 1)])
        for _ in range(chance.randrange(4)):
            if changed:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            found = list(read(changed, path).entries())
        except TamperedError:
            continue
        assert found == whole[: len(found)]
