"""The recorded traffic for the tests beside; skipped, with the reason, where it is absent."""

from __future__ import annotations

import pytest

from support import corpus


@pytest.fixture(scope="session")
def exchanges():
    found = corpus.exchanges()
    if not found:
        pytest.skip(f"no recorded traffic at {corpus.PATH.name} beside the repository")
    return found


@pytest.fixture(scope="session")
def answers(exchanges):
    """Whole answers with status 200."""
    return [
        one for one in exchanges if one.operation == "chat" and not one.stream and one.status < 400
    ]


@pytest.fixture(scope="session")
def streams(exchanges):
    """Streams that a provider brought to their end."""
    odd = corpus.ERROR_IN_STREAM.keys() | corpus.TWO_STREAMS.keys()
    return [
        one for one in exchanges if one.stream and one.operation == "chat" and one.id not in odd
    ]


@pytest.fixture(scope="session")
def refusals(exchanges):
    """Answers with an error's status."""
    return [one for one in exchanges if one.status >= 400]


@pytest.fixture(scope="session")
def questions(exchanges):
    """Recorded requests that a provider accepted."""
    return [
        one
        for one in exchanges
        if one.operation == "chat"
        and one.status < 400
        and isinstance(one.request, dict)
        and one.id not in corpus.REFUSED_HERE
    ]
