"""The report's sentences on timing."""

from datetime import date

import pytest

from train.diagnose.timing import MissedRow, Timing, TimingRow
from train.report.timing_section import timing_section, timing_words


def row(side: str, **changes: object) -> TimingRow:
    values: dict[str, object] = {
        "by": "all",
        "name": "all",
        "side": side,
        "measure": "band",
        "trades": 1234,
        "good": 0.41,
        "bad": 0.33,
        "low": 0.38,
        "high": 0.44,
        "random": 0.4,
        "random_low": 0.37,
        "random_high": 0.43,
    }
    return TimingRow(**values | changes)  # type: ignore[arg-type]


@pytest.fixture
def timing() -> Timing:
    missed = MissedRow(move="fall", bars=900, wrong=0.5, low=0.4, high=0.6, usual=0.52)
    rows = (row("buy"), row("sell", good=0.2, random=None), row("buy", measure="scaled", good=0.9))
    return Timing(date(2024, 1, 2), date(2024, 6, 3), 2500, 3, rows, (missed,), ())


def test_each_side_stands_beside_random_trades(timing: Timing) -> None:
    assert timing_words(timing) == [
        "Good buys: 41% of 1,234 (95 %: 38% to 44%), bad 33%; random buys 40%.",
        "Good sells: 20% of 1,234 (95 %: 38% to 44%), bad 33%.",
        "Strong falls: held in 50% of 900 asset-bars (40% to 60%); at any bar 52%.",
    ]


def test_the_chart_follows_the_words(timing: Timing) -> None:
    page = timing_section(timing, "<figure>drawn</figure>")

    assert page.index("Good buys") < page.index("<figure>drawn</figure>")
    assert "more than 50% good buys" in page


def test_without_trades_there_is_no_number() -> None:
    assert "Too few trades" in timing_section(None, "")
