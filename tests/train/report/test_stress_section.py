"""The report's section on stress."""

import re

import pytest

from train.bundle.stress_record import Harder, RegimeResult, Spread, StressRecord
from train.report.stress_section import stress_section


@pytest.fixture
def stress() -> StressRecord:
    def harder(name: str, sharpe: float) -> Harder:
        return Harder(
            name=name, sharpe=sharpe, total_return=-0.05, max_drawdown=0.12, equal_weight=0.6
        )

    return StressRecord(
        bundle_id="b",
        seeds=Spread(count=5, median=0.4, low=-0.2, high=1.1),
        harder=(harder("costs x1", 0.9), harder("costs x5", -1.25)),
        regimes=(
            RegimeResult(
                name="rising", sessions=80, sharpe=1.5, mean_return=0.00123, equal_weight=1.0
            ),
            RegimeResult(name="wild", sessions=4, sharpe=None, mean_return=0.0, equal_weight=None),
        ),
        starts=Spread(count=8, median=0.8, low=0.7, high=0.9),
    )


def cells(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows if "<td" in row]


def test_it_tells_every_number_and_never_only_the_best(stress: StressRecord) -> None:
    page = stress_section(stress)

    assert cells(page) == [
        ["costs x1", "0.90", "−5.0 %", "12.0 %", "0.60"],
        ["costs x5", "−1.25", "−5.0 %", "12.0 %", "0.60"],
        ["rising", "80", "1.50", "0.123 %", "1.00"],
        ["wild", "4", "–", "0.000 %", "–"],
    ]
    assert "median 0.40, from −0.20 to 1.10 (5 walks)" in page
    assert "median 0.80, from 0.70 to 0.90 (8 walks)" in page


def test_without_a_measurement_it_names_the_command() -> None:
    page = stress_section(None)

    assert "ploutos backtest stress" in page
    assert "<td" not in page


def test_a_single_seed_is_said_to_be_one(stress: StressRecord) -> None:
    page = stress_section(stress.model_copy(update={"seeds": None}))

    assert "the ledger knows no other seed" in page
