"""docs/metrics.md has every metric with its labels, and no other."""

import re
from pathlib import Path

from modelway.observe.families import FAMILIES

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_has_what_is_told():
    told = {
        f"{family.name}_{family.unit}" if family.unit else family.name: family.labels
        for family in FAMILIES
    }
    written = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[1].startswith("`modelway_"):
            for name in re.findall(r"`(modelway_\w+)`", cells[1]):
                written[name] = tuple(re.findall(r"`(\w+)`", cells[2]))
    assert written == told
