"""An engine from what there is: a configuration, keys, local servers, or the simulator."""

from __future__ import annotations

import socket

import pytest

from modelway.call import Call
from modelway.config.load import load
from modelway.config.problems import InvalidConfigError
from modelway.errors import ConfigError, UnknownModelError
from modelway.messages import user
from modelway.opening import SIMULATOR, open_engine
from modelway.simulator.mock import MockTransport
from modelway.simulator.script import ListedModel, Script
from modelway.simulator.serve import SimulatorThread, serve
from modelway.types import ChatRequest


def call(engine, model=""):
    request = ChatRequest(model=model, messages=(user("Hi"),))
    return Call(id=engine.new_id(), model=model, request=request)


async def ask(opened, model=""):
    return (await opened.engine.handle(call(opened.engine, model))).value.text


@pytest.mark.parametrize("form", ["mapping", "settings", "path", "string"])
async def test_a_configuration_in_any_form(form, tmp_path):
    said = {"providers": {"sim": {"like": "simulator"}}}
    path = tmp_path / "modelway.yaml"
    path.write_text("providers: {sim: {like: simulator}}")
    forms = {
        "mapping": said,
        "settings": load(said, environment={}),
        "path": path,
        "string": str(path),
    }
    opened = await open_engine(forms[form], environment={}, transport=MockTransport())
    assert "simulator" in await ask(opened, "sim/any")
    assert opened.notices == ()
    await opened.aclose()


async def test_a_bad_configuration_says_all(tmp_path):
    with pytest.raises(InvalidConfigError, match="2 problems"):
        await open_engine({"providers": {"nobody": {}}, "models": 3}, environment={})


async def test_with_nothing_there_is_no_model():
    locked = MockTransport(Script(api_keys=("k",)))  # it would pass for a local server
    opened = await open_engine(environment={}, transport=locked, embedded="never")
    with pytest.raises(UnknownModelError, match="set a provider's key"):
        await ask(opened)
    await opened.aclose()


async def test_with_nothing_the_simulator_says_so(unused_ports):
    opened = await open_engine(environment={}, embedded="if_nothing_else")
    assert "simulator" in await ask(opened)
    assert len(opened.notices) == 1
    assert "OPENAI_API_KEY" in opened.notices[0]
    await opened.aclose()


@pytest.fixture
def unused_ports():
    """Skips where a local server, which would rightly be used, runs on this machine."""
    for port in (11434, 1234, 8000, 8080, 30000, 4999):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"something listens on port {port}")


async def test_a_key_keeps_the_simulator_away():
    opened = await open_engine(
        environment={"OPENAI_API_KEY": "sk-test"},
        transport=MockTransport(),
        embedded="if_nothing_else",
    )
    assert opened.notices == ()
    reply = await opened.engine.handle(call(opened.engine))
    assert reply.deployment.provider.name == "openai"
    await opened.aclose()


async def test_a_local_server_is_found_and_its_first_model_used():
    script = Script(models=(ListedModel(id="found-model"),))
    async with serve(script) as url:
        opened = await open_engine(
            environment={"LOCAL_LLM_URL": f"{url}/v1"}, embedded="if_nothing_else"
        )
        reply = await opened.engine.handle(call(opened.engine))
        assert reply.deployment.model == "found-model"
        assert opened.notices == ()
        await opened.aclose()


async def test_the_simulator_starts_when_it_is_named():
    opened = await open_engine({"providers": {"openai": {"api_key": "sk-x"}}}, environment={})
    assert "simulator" in await ask(opened, f"{SIMULATOR}/any")
    await opened.aclose()
    await opened.aclose()


async def test_a_simulator_on_the_usual_port_is_used_instead(monkeypatch):
    from modelway import opening

    with SimulatorThread() as running:
        port = int(running.base_url.rpartition(":")[2])
        usual = opening.parse_base_url(running.base_url)[0]
        real = opening._unconfigured
        provider = real(SIMULATOR, {})
        there = opening.replace(provider, base_url=f"{running.base_url}/v1")
        monkeypatch.setattr(
            opening,
            "_unconfigured",
            lambda name, environment: there if name == SIMULATOR else real(name, environment),
        )
        opened = await open_engine({}, environment={})
        await ask(opened, f"{SIMULATOR}/any")
        assert usual.port == port
        assert len(running.simulator.requests) == 1
        await opened.aclose()


async def test_a_transport_that_is_given_gets_everything():
    transport = MockTransport()
    opened = await open_engine(environment={}, transport=transport)
    await ask(opened, f"{SIMULATOR}/any")
    assert transport.simulator.requests[-1].path.endswith("/chat/completions")
    await opened.aclose()
    assert transport.closed


async def test_tls_files_of_the_configuration_are_used():
    said = {
        "providers": {
            "o": {"like": "openai", "api_key": "sk-x", "base_url": "https://127.0.0.1:9"}
        },
        "transport": {"ca_file": "/nonexistent/ca.pem"},
    }
    opened = await open_engine(said, environment={})
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        await ask(opened, "o/gpt-4o")
    await opened.aclose()


async def test_a_simulator_elsewhere_is_named_by_its_variable():
    with SimulatorThread() as running:
        for config in ({}, {"providers": {"openai": {"api_key": "sk-none"}}}):
            opened = await open_engine(config, environment={"SIMULATOR_URL": running.base_url})
            await ask(opened, f"{SIMULATOR}/any")
            await opened.aclose()
        assert len(running.simulator.requests) == 2
