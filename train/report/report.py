"""The report of a verdict: one HTML file that needs nothing else, verdict first."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.errors import DataError
from cluster.files import write_atomic
from cluster.html.page import (
    Banner,
    Bullets,
    Chart,
    Facts,
    Note,
    Page,
    Section,
    Table,
    Tile,
    Tiles,
    render,
)
from cluster.html.style import Tone
from cluster.html.wording import count, number, percent, readable, short
from train.backtest.baselines import names_by_fold
from train.backtest.evaluation import Evaluation
from train.backtest.exposure import Exposure
from train.bundle.manifest import Manifest
from train.bundle.stress_record import StressRecord
from train.bundle.verdict_record import VerdictRecord
from train.diagnose.timing import Timing
from train.report.months import monthly_returns, months_table
from train.report.sections import (
    luck_section,
    search_section,
    stress_section,
    timing_section,
    trials_section,
)
from train.verdict.checks import MIN_DEFLATED_SHARPE

if TYPE_CHECKING:
    import polars as pl

SIMULATED = "SIMULATED"


@dataclass(frozen=True)
class FoldChoice:
    """What validation chose in one fold of a walk, and what came of it: Sharpe ratios, a year."""

    fold: int  # counted from 0
    test: tuple[date, date]  # first and last session, both included
    policy: str  # bundle id
    parameters: dict[str, Any]
    seed: int  # the median one of the chosen configuration
    seeds: int  # completed ones of that configuration
    validation_sharpe: float  # their median
    test_sharpe: float
    baselines: dict[str, float]  # on the same sessions

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"test": [day.isoformat() for day in self.test]}


@dataclass(frozen=True, eq=False)
class ReportInput:
    """Everything that a report tells; it computes nothing that a verdict hangs on."""

    verdict: VerdictRecord
    candidate: Evaluation
    baselines: Sequence[Evaluation]  # and any other path to draw beside, such as random
    trials: "pl.DataFrame"  # `TrialLedger.trials(problem)`
    manifest: Manifest
    stress: StressRecord | None = None
    folds: Sequence[FoldChoice] = ()  # of a walk-forward
    exposure: Exposure | None = None
    timing: Timing | None = None  # of a walk-forward: in its newest test window


def write_report(path: Path, given: ReportInput) -> Path:
    """Write the report; the same input gives the same bytes.

    Raises:
        DataError: the ledger table is empty, or the sessions have no dates.
        PloutosError: the file cannot be written.
    """
    write_atomic(path, render(report_page(given)).encode())
    return path


def report_page(given: ReportInput) -> Page:
    """The report as a value, verdict first.

    Raises:
        DataError: the ledger table is empty, or the sessions have no dates.
    """
    if given.trials.height == 0:
        raise DataError("no report without trials", "the ledger table is empty")
    sections = [
        _reasons(given.verdict),
        _equity(given),
        _excess(given.verdict),
        _months(given.candidate),
        _numbers(given),
        *([_exposure(given.exposure)] if given.exposure else []),
        timing_section(given.timing),
        luck_section(given.trials, given.verdict),
        search_section(given.verdict, given.manifest),
        stress_section(given.stress),
        trials_section(given.trials, given.manifest),
        _folds(given),
        _made_of(given),
    ]
    title = f"{given.verdict.label}: {given.manifest.scenario}"
    return Page(title, _banner(given), (_tiles(given), *sections))


def _banner(given: ReportInput) -> Banner:
    manifest, dates = given.manifest, given.candidate.dates()
    simulated = manifest.data.label == SIMULATED
    return Banner(
        given.verdict.label,
        f"Test window {dates[0]} to {dates[-1]}, {given.candidate.days} sessions, "
        "never seen in training or choice.",
        f"Ploutos · scenario {manifest.scenario} · bundle {manifest.bundle_id}",
        tone=Tone.GOOD if given.verdict.better else Tone.PLAIN,
        label="SIMULATED MARKET: NO REAL PRICES" if simulated else "",
    )


def _tiles(given: ReportInput) -> Tiles:
    verdict, performance = given.verdict, given.candidate.performance
    return Tiles(
        (
            Tile(
                number(verdict.sharpe),
                f"95 %: {number(verdict.sharpe_low)} to {number(verdict.sharpe_high)}",
                "Sharpe ratio, test",
            ),
            Tile(
                number(verdict.deflated_sharpe),
                f"needs {MIN_DEFLATED_SHARPE:.2f}",
                "Deflated Sharpe",
            ),
            Tile(
                number(verdict.deflation_threshold),
                f"best of {verdict.trials} trial(s)",
                "Luck alone reaches",
            ),
            Tile(
                percent(performance.total_return),
                f"worst drawdown {percent(performance.max_drawdown)}",
                "Return, test",
            ),
        )
    )


def _reasons(verdict: VerdictRecord) -> Section:
    if verdict.better:
        return Section("Why", (Note("Every condition was met."),))
    lead = Note(
        "All conditions must be met. Most policies on most data fail them, and should: "
        "a NO that is right costs nothing, a YES that is luck costs money."
    )
    return Section("What failed", (lead, Bullets([*map(readable, verdict.reasons)])))


def _equity(given: ReportInput) -> Section:
    from train.report.charts import equity_chart

    remark = Note("After slippage, spread and fees; the same costs and fills for all.")
    chart = Chart(equity_chart(given.candidate, given.baselines), "equity")
    return Section("Equity against the baselines", (remark, chart))


def _excess(verdict: VerdictRecord) -> Section:
    from train.report.charts import excess_chart

    remark = Note("The bar is the 95 % interval. Better means: all of it lies right of zero.")
    return Section("Sharpe above each baseline", (remark, Chart(excess_chart(verdict), "excess")))


def _months(candidate: Evaluation) -> Section:
    months = monthly_returns(candidate.dates(), candidate.daily_returns)
    remark = Note("Return of the policy in percent, after costs.")
    return Section("Month by month", (remark, months_table(months)))


def _exposure(exposure: Exposure) -> Section:
    from train.report.charts import exposure_chart

    remark = Note(
        "Share of equity at the end of each session, by sector, or by symbol where no sector is "
        "known; what is missing to 100 % is cash."
    )
    chart = Chart(exposure_chart(exposure), "exposure")
    return Section("What it was invested in", (remark, chart))


def _numbers(given: ReportInput) -> Section:
    paths = [given.candidate, *given.baselines]
    values = [path.to_dict() for path in paths]
    rows = [[name, *(form(value[key]) for value in values)] for name, key, form in _METRICS]
    return Section("Numbers", (Table(["", *(readable(path.name) for path in paths)], rows),))


def _folds(given: ReportInput) -> Section:
    rows = [
        [str(fold.index), *(f"{window.start:,} to {window.last:,}" for window in windows)]
        for fold in given.manifest.folds
        for windows in [(fold.train, fold.validation, fold.test)]
    ]
    remark = Note("Bar numbers; between two windows a purge and an embargo are left out.")
    windows = Table(["fold", "train", "validation", "test"], rows)
    return Section("Folds", (*_choices(given), remark, windows))


def _choices(given: ReportInput) -> tuple[Note | Table, ...]:
    """The choices of a walk, a row a fold."""
    if not given.folds:
        return ()
    names = names_by_fold(given.baselines)
    rows = [
        [
            f"{fold.fold}: {fold.test[0]} to {fold.test[1]}",
            number(fold.validation_sharpe),
            number(fold.test_sharpe),
            *(number(fold.baselines[name]) for name in names),
            str(fold.seeds),
            ", ".join(f"{name} {short(value)}" for name, value in fold.parameters.items()),
        ]
        for fold in given.folds
    ]
    head = ["fold", "validation", "test", *map(readable, names), "seeds", "parameters"]
    remark = Note(
        "Sharpe ratios. Each fold's choice was made by validation alone, the median over seeds, "
        "before the fold's test window was read; the test windows follow each other as one path."
    )
    return remark, Table(head, rows, text=len(head) - 1)


def _made_of(given: ReportInput) -> Section:
    manifest, data = given.manifest, given.manifest.data
    versions = ", ".join(given.trials["code_version"].unique().sort().to_list())
    pairs = [
        ("data", f"{data.label}, {data.interval}, {data.bars:,} bars"),
        ("span", f"{data.start:%Y-%m-%d} to {data.end:%Y-%m-%d}"),
        ("symbols", ", ".join(manifest.symbols)),
        ("data fingerprint", data.fingerprint),
        ("features", f"{manifest.feature_set}, {len(manifest.feature_names)} a symbol"),
        ("feature fingerprint", manifest.feature_fingerprint),
        ("learner", manifest.learner),
        ("trial", f"{manifest.lineage.trial} of sweep {manifest.lineage.sweep}"),
        ("seed", str(manifest.lineage.seed)),
        ("code", versions),
        ("problem", manifest.problem),
        ("bundle made", f"{manifest.created:%Y-%m-%d %H:%M} {manifest.created.tzname()}"),
    ]
    return Section("What it was made of", (Facts(pairs),))


_METRICS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("Sharpe ratio", "sharpe_ratio", number),
    ("Sortino ratio", "sortino_ratio", number),
    ("Calmar ratio", "calmar_ratio", number),
    ("return", "total_return", percent),
    ("CAGR", "cagr", percent),
    ("volatility", "volatility", percent),
    ("worst drawdown", "max_drawdown", percent),
    ("days that gained", "hit_rate", percent),
    ("turnover a year", "turnover", number),
    ("exposure", "exposure", percent),
    ("costs a year", "cost_drag", percent),
    ("fills", "fills", count),
)
