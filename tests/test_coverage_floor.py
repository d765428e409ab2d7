from typing import Any

import pytest
from coverage_floor import verdict


@pytest.mark.parametrize(("lines", "enough"), [(90.0, True), (89.96, False)])
def test_the_floor_asks_for_lines_and_tells_branches(lines: float, enough: bool) -> None:
    totals: dict[str, Any] = {
        "percent_statements_covered": lines,
        "num_statements": 12345,
        "percent_branches_covered": 71.25,
        "num_branches": 400,
    }

    said, held = verdict(totals, 90.0)

    assert held == enough
    assert "of 12,345 lines and 71.2 % of 400 branches" in said
    assert said.endswith("must be") != enough
