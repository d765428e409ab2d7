"""The report's section on how a result held under stress."""

from train.bundle.stress_record import Spread, StressRecord
from train.report import html as html


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
            html.number(row.sharpe),
            html.percent(row.total_return),
            html.percent(row.max_drawdown),
            html.number(row.equal_weight),
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
            html.number(row.sharpe),
            html.percent(row.mean_return, digits=3),
            html.number(row.equal_weight),
        ]
        for row in stress.regimes
    ]
    columns = ["", "sessions", "Sharpe ratio", "mean return a session", "Sharpe, equal weight"]
    return html.table(columns, rows)


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "not measured: the ledger knows no other seed"
    low, high = html.number(spread.low), html.number(spread.high)
    return f"median {html.number(spread.median)}, from {low} to {high} ({spread.count} walks)"
