"""Bars of two places contradict each other; simulated ones are asked for in two ways."""

from pathlib import Path
from typing import Any

import pytest

from cluster.errors import UsageError
from train.sweep.bars.choice import BarsChoice

FILE = Path("bars.parquet")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"file": FILE, "simulated": True}, "--bars and --simulated"),
        ({"file": FILE, "edge": 4.0}, "--bars and --edge"),
        ({"file": FILE, "source": "alpaca"}, "--bars and --source"),
        ({"simulated": True, "lake": "s3://b/lake"}, "--simulated and --lake"),
        ({"file": FILE, "edge": 0.0, "lake": "x"}, "--bars and --edge and --lake"),
    ],
)
def test_bars_come_from_one_place(given: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"{named} contradict"):
        BarsChoice(**given)


def test_an_edge_asks_for_the_simulated_market() -> None:
    assert BarsChoice(edge=0.0).is_simulated
    assert BarsChoice(simulated=True, edge=4.0).is_simulated
    assert not BarsChoice(source="alpaca", lake="here").is_simulated
