"""The report's sections on stress and on timing."""

from datetime import date

import pytest

from cluster.html.page import Bullets, Chart, Facts, Note, Section, Table
from train.bundle.stress_record import Harder, RegimeResult, Spread, StressRecord
from train.diagnose.timing import MissedRow, Timing, TimingRow
from train.report.sections import stress_section, timing_section, timing_words


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


def parts(section: Section, kind: type) -> list[object]:
    return [part for part in section.parts if isinstance(part, kind)]


def test_it_tells_every_number_and_never_only_the_best(stress: StressRecord) -> None:
    section = stress_section(stress)

    rows = [[*row] for table in parts(section, Table) for row in table.rows]
    assert rows == [
        ["costs x1", "0.90", "−5.0 %", "12.0 %", "0.60"],
        ["costs x5", "−1.25", "−5.0 %", "12.0 %", "0.60"],
        ["rising", "80", "1.50", "0.123 %", "1.00"],
        ["wild", "4", "–", "0.000 %", "–"],
    ]
    (spreads,) = parts(section, Facts)
    assert [fact for _, fact in spreads.pairs] == [
        "median 0.40, from −0.20 to 1.10 (5 walks)",
        "median 0.80, from 0.70 to 0.90 (8 walks)",
    ]


def test_without_a_measurement_it_names_the_command() -> None:
    (note,) = stress_section(None).parts

    assert isinstance(note, Note)
    assert "ploutos backtest stress" in note.text


def test_a_single_seed_is_said_to_be_one(stress: StressRecord) -> None:
    section = stress_section(stress.model_copy(update={"seeds": None}))

    (spreads,) = parts(section, Facts)
    assert spreads.pairs[0][1] == "not measured: the ledger knows no other seed"


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
    note, words, chart = timing_section(timing).parts

    assert "more than 50% good buys" in note.text
    assert words == Bullets(timing_words(timing))
    assert isinstance(chart, Chart)
    assert list(chart.figure.data[1].x) == [0.41]  # of all buys


def test_without_trades_there_is_no_number() -> None:
    (note,) = timing_section(None).parts

    assert note == Note("Too few trades to say anything of their timing.")
