"""Several real processes on one SQLite file."""

from __future__ import annotations

import pytest

from modelway.testing.stores.processes import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_sqlite_file(check, tmp_path):
    check(f"sqlite://{tmp_path}/store.sqlite")
