"""The public contract suite over every dialect."""

from __future__ import annotations

import pytest

from modelway.dialects import NAMES, dialect
from modelway.testing.contracts import CONTRACTS


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_contract(name, contract):
    contract.check(dialect(name))
