"""The report's section on how a result held under stress."""

from train import report_page as html
from train.stress_file import Spread, StressRecord


def stress_section(stress: StressRecord | None) -> str:
    """Costs, delay, regimes, seeds and starts; says what measures them where nobody has."""
    title = "Under stress"
    if stress is None:
        remark = "Not measured yet: ploutos backtest stress measures it on the same test window."
        return html.section(title, html.note(remark))
    return html.section(
        title,
        html.note("The same test window on worse terms, for the policy and for equal weight."),
        _harder(stress),
        html.heading("By the kind of market before the session"),
        _regimes(stress),
        html.heading("Of several walks the median and the range, never the best"),
        html.facts(
            [
                ("Sharpe, seeds of the configuration", _spread(stress.seeds)),
                ("Sharpe, begun up to a month later", _spread(stress.starts)),
            ]
        ),
    )


def _harder(stress: StressRecord) -> str:
    rows = [
        [
            row.name,
            _number(row.sharpe),
            _percent(row.total_return),
            _percent(row.max_drawdown),
            _number(row.equal_weight),
        ]
        for row in stress.harder
    ]
    columns = ["", "Sharpe ratio", "return", "worst drawdown", "Sharpe, equal weight"]
    return html.table(columns, rows)


def _regimes(stress: StressRecord) -> str:
    rows = [
        [
            row.name,
            str(row.sessions),
            _number(row.sharpe),
            _percent(row.mean_return, digits=3),
            _number(row.equal_weight),
        ]
        for row in stress.regimes
    ]
    columns = ["", "sessions", "Sharpe ratio", "mean return a session", "Sharpe, equal weight"]
    return html.table(columns, rows)


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "not measured: the ledger knows no other seed"
    low, high = _number(spread.low), _number(spread.high)
    return f"median {_number(spread.median)}, from {low} to {high} ({spread.count} walks)"


def _number(value: float | None) -> str:
    return html.minus("–" if value is None else f"{value:.2f}")


def _percent(value: float, digits: int = 1) -> str:
    return html.minus(f"{100.0 * value:.{digits}f} %")
