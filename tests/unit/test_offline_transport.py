"""What stands where the network would."""

import pytest

from modelway.errors import ConfigError, OfflineError
from modelway.ports import Origin, WireRequest
from modelway.transport.offline import OfflineTransport, fetch_nothing


def asked(host="api.example", target="/v1/chat?key=secret"):
    return WireRequest("POST", Origin("https", host, 443), target, ())


async def test_nothing_is_sent_and_it_says_what_was_missed():
    transport = OfflineTransport()
    with pytest.raises(OfflineError) as caught:
        await transport.send(asked())
    assert caught.value.code == "offline"
    assert caught.value.message.startswith("POST https://api.example:443/v1/chat is not asked")
    for source in ("cache", "models in this process", "cassettes"):
        assert source in caught.value.message
    await transport.aclose()


async def test_nothing_is_fetched():
    with pytest.raises(OfflineError, match=r"^https://x\.example/a\.png is not asked"):
        await fetch_nothing("https://x.example/a.png?token=secret")


async def test_what_a_query_holds_is_not_told():
    with pytest.raises(OfflineError) as caught:
        await OfflineTransport().send(asked("::1"))
    assert "secret" not in str(caught.value)
    assert "https://[::1]:443/v1/chat" in str(caught.value)


def test_it_is_for_the_operator_and_another_deployment_may_answer():
    assert issubclass(OfflineError, ConfigError)
    assert OfflineError.may_fall_back
    assert not OfflineError.may_retry
