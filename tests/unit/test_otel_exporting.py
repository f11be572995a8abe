"""What waits for a collector is sent in batches, bounded, and never waited for by a call."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from modelway.observe.otel import exporting
from modelway.observe.otel.destination import SIGNALS, Destination, Way
from modelway.observe.otel.exporting import Delivery, Exporting, Line
from support.otlp_receiver import collector
from support.ports import free_port
from support.servers_valkey import _certificate


def way(url="http://127.0.0.1:1/v1/traces", **more):
    return Way(url=url, timeout_s=2.0, **more)


def opened(url, **more):
    ways = {signal: way(f"{url}/v1/{signal}", **more) for signal in SIGNALS}
    to = Destination(ways=ways, resource={"service.name": "test"})
    return Exporting(to, "1", metrics=list, now=time.monotonic)


def test_a_line_is_bounded_in_bytes_and_keeps_its_order():
    line = Line()
    items = [b"%06d" % number + b"x" * 994 for number in range(20_000)]
    for item in items:
        line.put(item)
    taken = []
    while batch := line.take():
        assert len(batch) <= 512
        taken += batch
    assert taken == items[: exporting._MOST_BYTES // 1000]
    assert line.put(b"one more") == 1


def test_a_collector_that_is_down_is_said_once(caplog):
    delivery = Delivery("traces", way(f"http://user:canary@127.0.0.1:{free_port()}/v1/traces"))
    with caplog.at_level(logging.DEBUG):
        pauses = []
        for _ in range(6):
            assert delivery.send(b"body") is False, "it is worth another try"
            pauses.append(delivery.pause_s)
    (record,) = caplog.records
    assert record.name == "modelway"
    assert "does not take traces" in record.getMessage()
    assert "canary" not in caplog.text
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0]


def test_and_once_that_it_is_there_again(caplog):
    with collector() as receiver, caplog.at_level(logging.WARNING):
        delivery = Delivery("traces", way(f"{receiver.url}/v1/traces"))
        for receiver.status in (200, 503, 503, 200, 200, 503):
            delivery.send(b"")
    told = [record.getMessage() for record in caplog.records]
    assert [("takes traces again" in one) for one in told] == [False, True, False]
    assert "status 503" in told[0]


@pytest.mark.parametrize("status", [307, 400, 401, 404, 408, 413, 500])
def test_what_is_refused_for_good_is_dropped(status):
    with collector() as receiver:
        receiver.status = status
        assert Delivery("traces", way(f"{receiver.url}/v1/traces")).send(b"body")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_is_refused_for_now_is_tried_again(status):
    with collector() as receiver:
        receiver.status = status
        assert not Delivery("traces", way(f"{receiver.url}/v1/traces")).send(b"body")


def test_a_redirect_is_not_told_the_headers():
    with collector() as receiver:
        receiver.status = 307
        delivery = Delivery("traces", way(f"{receiver.url}/v1/traces", headers={"x-key": "canary"}))
        assert delivery.send(b"body")
        assert len(receiver.headers) == 1


def test_a_collector_s_certificate_is_checked(tmp_path, caplog):
    file = _certificate(tmp_path)
    with collector(file) as receiver:
        place = f"{receiver.url}/v1/traces"
        assert not Delivery("traces", way(place)).send(b"")
        assert receiver.bodies == []
        assert "SSLCertVerificationError" in caplog.text
        assert Delivery("traces", way(place, certificate=str(file))).send(b"")
        assert len(receiver.bodies) == 1


def test_a_certificate_that_is_not_there_is_said(tmp_path, caplog):
    missing = way("https://127.0.0.1:1/v1/traces", certificate=str(tmp_path / "none.pem"))
    assert not Delivery("traces", missing).send(b"")
    assert "FileNotFoundError" in caplog.text


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_headers_and_compression(compression):
    with collector() as receiver:
        said = {"X-Team": "blue"}
        Delivery(
            "logs", way(f"{receiver.url}/v1/logs", headers=said, compression=compression)
        ).send(b"body" * 100)
        ((path, body),) = receiver.bodies
        (headers,) = receiver.headers
    assert (path, body) == ("/v1/logs", b"body" * 100)
    assert headers["x-team"] == "blue"
    assert headers["content-type"] == "application/x-protobuf"


async def test_closing_sends_what_waits_and_may_be_repeated():
    with collector() as receiver:
        sending = opened(receiver.url)
        for _ in range(1_200):
            sending.span(b"")
        sending.event(b"")
        await sending.aclose()
        await sending.aclose()
        spans = [
            len(scoped.spans)
            for request in receiver.requests("/v1/traces")
            for whole in request.resource_spans
            for scoped in whole.scope_spans
        ]
        assert sum(spans) == 1_200
        assert max(spans) <= 512
        assert len(receiver.requests("/v1/logs")) == 1


async def test_closing_waits_for_a_bounded_time(monkeypatch, caplog):
    monkeypatch.setattr(exporting, "_CLOSE_S", 0.05)
    with _deaf() as url:
        sending = opened(url)
        sending.span(b"")
        began = time.monotonic()
        await sending.aclose()
        assert time.monotonic() - began < 1.0
    for thread in threading.enumerate():
        if thread.name == "modelway telemetry":
            thread.join(10)  # it says that nobody answered, and is not to say it to the next test
    assert "does not take traces" in caplog.text


async def test_a_batch_that_is_not_taken_is_sent_when_it_can_be(monkeypatch, caplog):
    monkeypatch.setattr(exporting, "_EVERY_S", 0.01)
    with collector() as receiver:
        receiver.status = 503
        sending = opened(receiver.url)
        sending.span(b"\x2a\x05first")
        assert receiver.asked.wait(5)
        sending.span(b"\x2a\x06second")
        receiver.status = 200
        await sending.aclose()
        assert [span.name for span in receiver.spans] == ["first", "second"]
    assert len(caplog.records) == 2


class _deaf:  # noqa: N801
    """A place that takes connections, and says nothing."""

    def __enter__(self):
        import socket

        self.place = socket.socket()
        self.place.bind(("127.0.0.1", 0))
        self.place.listen()
        return f"http://127.0.0.1:{self.place.getsockname()[1]}"

    def __exit__(self, *said):
        self.place.close()


FORKED = """
    import asyncio, os, sys, time
    from modelway.call import Call, Deployment, Reply, Target
    from modelway.catalog.load import providers
    from modelway.engine import onion
    from modelway.observe.otel.opening import open_telemetry
    from modelway.observe.settings import TelemetrySettings

    row = providers()["openai"]
    one = Deployment(id="a/b", provider=row, dialect="openai-chat", target=Target(model="b"),
                     base_url=row.base_url)

    async def handler(call):
        return Reply(deployment=one)

    settings = TelemetrySettings(enabled=True, endpoint=sys.argv[1])
    telemetry = open_telemetry(settings, environment={}, version="1")
    told = onion(handler, telemetry.request)
    asyncio.run(told(Call(id="of the parent", model="b")))
    child = os.fork()
    if not child:
        asyncio.run(told(Call(id="of the child", model="b")))
    asyncio.run(telemetry.aclose())
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_sends_its_own_spans_and_no_other(tmp_path):
    script = tmp_path / "forked.py"
    script.write_text(textwrap.dedent(FORKED))
    with collector() as receiver:
        subprocess.run(
            [sys.executable, "-W", "ignore", script, receiver.url], check=True, timeout=60
        )
        spans = receiver.spans
    assert sorted(one["modelway.call.id"] for one in spans) == ["of the child", "of the parent"]
    assert len({one.id for one in spans}) == 2
    assert len({one.trace for one in spans}) == 2
