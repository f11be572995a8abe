"""Servers that the tests of several files share, as they take a while to make."""

from __future__ import annotations

import pytest

from support.servers_postgres import postgres_server


@pytest.fixture(scope="session")
def postgres():
    """Who stops it, or sets it otherwise, puts that right; each has a database of its own."""
    with postgres_server() as server:
        yield server
