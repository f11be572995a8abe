"""X-K1 to X-K3: a key is in nothing that is shown, told or kept, but for the request it is for."""

import json
import logging

import pytest

from modelway.call import Credential
from modelway.config.load import load
from modelway.dialects import NAMES
from modelway.gateway.stored import Responses
from support.direct import (
    ASKING,
    KEY,
    PROVIDER_KEY,
    Told,
    asked,
    configuration,
    direct,
    dumped,
    example,
    named,
    place,
)

CANARIES = (PROVIDER_KEY, KEY)


class Watching:
    def __init__(self):
        self.events = []

    def observe(self, events):
        self.events += events


def clean(*shown):
    for one in shown:
        for canary in CANARIES:
            assert canary not in (one if isinstance(one, str) else repr(one))


@pytest.mark.parametrize("route", [route for route in ASKING if route.action == "ask"], ids=named)
@pytest.mark.parametrize("status", [200, 401, 429, 500])
async def test_no_event_log_or_answer_holds_a_key(route, status, caplog):
    caplog.set_level(logging.DEBUG)
    watching = Watching()
    told = dumped({"error": {"message": f"Incorrect key {PROVIDER_KEY}, of {KEY}"}})
    for target in NAMES:
        gateway, transport = direct(
            lambda _: Told(status, ((b"content-type", b"application/json"),), told),
            observers=[watching],
        )
        model = f"m-{target}"
        got = await asked(gateway, "POST", place(route, model), dumped(example(route, model)))
        assert PROVIDER_KEY.encode() not in got.body + b"".join(got.headers.values())
        for request in transport.sent:
            assert KEY not in repr(request)
            assert PROVIDER_KEY not in request.target
            assert PROVIDER_KEY.encode() not in request.body
    for event in watching.events:
        assert PROVIDER_KEY not in repr(event)
    assert PROVIDER_KEY not in caplog.text


def test_settings_and_credentials_show_no_key():
    settings = load(configuration(), environment={})
    clean(settings, *settings.providers.values(), *settings.routes.values())
    clean(Credential(name="x", secret=PROVIDER_KEY), str(Credential(name="x", secret=PROVIDER_KEY)))
    for route in settings.routes.values():
        clean(*route.deployments, str(route))


async def test_what_is_kept_on_disk_holds_no_key(tmp_path):
    responses = Responses(tmp_path / "responses.sqlite")
    body = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": []}
    gateway, _ = direct(
        lambda _: Told(200, ((b"content-type", b"application/json"),), dumped(body)),
        responses=responses,
    )
    asking = {"model": "m-openai-responses", "input": "x", "store": True}
    got = await asked(gateway, "POST", b"/v1/responses", dumped(asking))
    assert got.status == 200
    responses.close()
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert PROVIDER_KEY.encode() not in data
        assert KEY.encode() not in data
        assert path.stat().st_mode & 0o077 == 0, path


async def test_a_wrong_key_is_not_told_back():
    for key in ("sk-pasted-by-mistake-0123456789", "mw-wrong-0123456789", "x" * 5000, "é"):
        for path in (
            b"/v1/models",
            b"/v1/messages",
            b"/v1beta/models",
            b"/providers/openai-chat/x",
        ):
            gateway, _ = direct()
            got = await asked(
                gateway,
                "GET",
                path,
                headers={"authorization": f"Bearer {key}"},
                query=b"key=" + key.encode(),
            )
            assert got.status in (401, 405)
            assert key.encode("latin-1")[:12] not in got.body + b"".join(got.headers.values())
            assert b"Traceback" not in got.body
            assert json.loads(got.body)


def test_a_gateway_s_keys_are_not_shown_by_repr():
    gateway, _ = direct()
    clean(gateway, gateway.keys, gateway.engine, vars(gateway.keys))
