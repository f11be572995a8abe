"""The public contract suite over every dialect with two halves: Replicate's has none for clients."""

from __future__ import annotations

import pytest

from modelway.dialects import NAMES, dialect
from modelway.testing.contracts import CONTRACTS


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
@pytest.mark.parametrize("name", [name for name in NAMES if dialect(name).downstream])
def test_contract(name, contract):
    contract.check(dialect(name))
