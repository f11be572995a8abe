"""A cassette that the environment names: recorded to and replayed by every engine that is opened."""

import socket

import pytest

import modelway
from modelway.cassettes import Choice, as_environment, chosen
from modelway.errors import ConfigError, ForbiddenError, MissingKeyError
from modelway.opening import open_engine
from modelway.simulator.mock import MockTransport
from modelway.simulator.serve import SimulatorThread
from modelway.transport.cassette import CassetteError, CassetteMissError, read_cassette
from support.origin_server import plain, serve

KEY = "sk-canary-0123456789abcdef"


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread() as running:
        yield running.base_url


@pytest.fixture
def config(simulator):
    """A provider of one's own name, with a key from a variable."""
    house = {"like": "groq", "base_url": f"{simulator}/v1", "api_key": "${HOUSE_KEY}"}
    return {"providers": {"house": house}, "models": {"fast": "house/quick"}}


def variables(path, mode="replay", **more):
    return as_environment(Choice(path=path, mode=mode, speed=0, **more))


async def ask(config, environment, model="fast", question="Hi", **kwargs):
    async with modelway.Client(config, environment=environment, **kwargs) as client:
        return await client.chat(question, model=model)


@pytest.fixture
async def recorded(config, tmp_path):
    path = tmp_path / "c.jsonl"
    environment = {**variables(path, "record"), "HOUSE_KEY": KEY}
    return path, await ask(config, environment)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_nothing_is_asked_for():
    assert chosen({}) is None
    assert chosen({"MODELWAY_CASSETTE": " "}) is None


def test_the_environment_says_all_of_a_choice(tmp_path):
    choice = Choice(path=tmp_path / "c", mode="auto", matching="lenient", speed=0.5)
    assert chosen(as_environment(choice)) == choice
    assert chosen({"MODELWAY_CASSETTE": "c"}) == Choice(path=type(tmp_path)("c"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODE", "rewind"),
        ("MATCHING", "loose"),
        ("SPEED", "fast"),
        ("SPEED", "-1"),
        ("SPEED", "nan"),
    ],
)
def test_what_means_nothing_is_refused(name, value):
    variable = f"MODELWAY_CASSETTE_{name}"
    with pytest.raises(ConfigError, match=f"{variable} is '{value}'"):
        chosen({"MODELWAY_CASSETTE": "c", variable: value})


async def test_a_configuration_is_replayed_without_its_keys(recorded, config, no_network):
    path, answer = recorded
    assert KEY not in path.read_text()
    with pytest.raises(MissingKeyError):
        await ask(config, {})
    replayed = await ask(config, variables(path))
    assert modelway_equal(replayed, answer)


async def test_without_a_configuration_the_cassettes_providers_are_there(recorded, no_network):
    path, answer = recorded
    for model in ("house/quick", "quick", None):
        assert modelway_equal(await ask(None, variables(path), model=model), answer)
    opened = await open_engine({}, environment=variables(path))
    assert opened.notices == (f"answers come from {path}: 1 recorded exchange",)
    provider = opened.engine.settings.providers["house"]
    assert (provider.row.key_prefix, provider.row.models) == ("gsk_", ("quick",))
    await opened.aclose()


async def test_keys_that_are_made_up_are_nobodys(recorded):
    """A gateway's key from a variable that is not set must not be one that can be guessed."""
    path, _ = recorded
    said = {"providers": {"house": {"like": "groq"}}, "gateway": {"keys": ["${TEAM_KEY}"]}}
    keys = []
    for _ in range(2):
        opened = await open_engine(said, environment=variables(path))
        keys += [one.credential.secret for one in opened.engine.settings.gateway.keys]
        await opened.aclose()
    assert len(set(keys)) == 2
    assert all(len(key) > 32 for key in keys)


async def test_only_the_recorded_providers_get_a_key(recorded):
    path, _ = recorded
    opened = await open_engine({}, environment=variables(path))
    assert "openai" not in opened.engine.settings.providers
    await opened.aclose()


async def test_a_miss_is_refused_at_once_and_never_sent(recorded, config, no_network):
    path, _ = recorded
    with pytest.raises(CassetteMissError, match=r'content was "Hi", is "Ho"'):
        await ask(config, variables(path), question="Ho")


async def test_whichever_deployment_was_asked_is_found(recorded, config, no_network):
    """A strategy that leaves it to chance may ask the other one first."""
    path, answer = recorded
    house = config["providers"]["house"]
    other = {**house, "base_url": "https://other.example/v1"}
    route = {"deployments": ["other/quick", "house/quick"]}
    both = {"providers": {"house": house, "other": other}, "models": {"fast": route}}
    assert modelway_equal(await ask(both, variables(path)), answer)


async def test_lenient_is_asked_for_by_a_variable(recorded, config, simulator):
    path, answer = recorded
    elsewhere = {"like": "groq", "base_url": "https://elsewhere.example/v1", "api_key": "x"}
    moved = {"providers": {"house": elsewhere}, "models": config["models"]}
    with pytest.raises(CassetteMissError, match="origin was"):
        await ask(moved, variables(path))
    assert modelway_equal(await ask(moved, variables(path, matching="lenient")), answer)


async def test_what_a_url_holds_is_recorded_too(tmp_path, monkeypatch):
    """For hosts that take pictures as bytes: the picture is not fetched again."""
    picture = b"\x89PNG\r\n\x1a\n\xff"
    answer = plain(picture, b"content-type: image/png")
    path = tmp_path / "c.jsonl"
    async with serve(answer) as origin:
        place = f"http://127.0.0.1:{origin.port}"
        url = f"{place}/cat.png?sig=0123456789canary"
        config = {"providers": {}, "transport": {"fetch_trusted": [place]}}
        opened = await open_engine(config, environment=variables(path, "record"))
        fetched = await opened.engine._fetch(url)
        assert fetched == ("image/png", picture)
        with pytest.raises(ForbiddenError):
            await opened.engine._fetch("http://10.0.0.1/")
        with pytest.raises(ForbiddenError):
            await opened.engine._fetch("ftp://h/x")
        await opened.aclose()
        asked = len(origin.requests)
    assert "canary" not in path.read_text()
    for mode in ("replay", "auto"):
        opened = await open_engine(config, environment=variables(path, mode))
        assert await opened.engine._fetch(url) == fetched
        await opened.aclose()
    assert len(origin.requests) == asked == 1
    opened = await open_engine(config, environment=variables(path))
    with pytest.raises(CassetteMissError):
        await opened.engine._fetch(f"{place}/dog.png")
    await opened.aclose()


async def test_auto_records_what_is_missing(config, tmp_path):
    path = tmp_path / "c.jsonl"
    environment = {**variables(path, "auto"), "HOUSE_KEY": KEY}
    first = await ask(config, environment)
    assert modelway_equal(await ask(config, environment), first)
    assert len(read_cassette(path).recordings) == 1
    await ask(config, environment, question="Ho")
    assert len(read_cassette(path).recordings) == 2


async def test_looking_around_is_not_recorded(tmp_path):
    path = tmp_path / "c.jsonl"
    opened = await open_engine({}, environment=variables(path, "record"))
    assert f"recording to {path}" in opened.notices
    await opened.aclose()
    assert not path.exists()


async def test_a_transport_that_is_given_is_not_replaced(tmp_path):
    transport = MockTransport()
    await ask(None, variables(tmp_path / "none"), model="simulator/any", transport=transport)
    assert transport.simulator.requests


async def test_a_missing_cassette_says_how_to_make_one(tmp_path):
    with pytest.raises(CassetteError, match=r"there is no cassette .*modelway record"):
        await open_engine(environment=variables(tmp_path / "c.jsonl"))


async def test_a_half_written_line_is_a_notice(recorded):
    path, _ = recorded
    with path.open("ab") as file:
        file.write(b'{"request"')
    opened = await open_engine({}, environment=variables(path))
    assert "half written" in opened.notices[1]
    await opened.aclose()


async def test_a_host_that_needs_more_than_its_address_is_left_out(recorded):
    path, _ = recorded
    path.write_text(path.read_text().replace('"like":"groq"', '"like":"no-such-row"'))
    opened = await open_engine({}, environment=variables(path))
    assert opened.engine.settings.providers["house"].row.key_prefix is None
    await opened.aclose()


def modelway_equal(replayed, answer):
    """Equal but for how long it took."""
    from msgspec.structs import replace

    return replace(replayed, latency_s=None) == replace(answer, latency_s=None)
