"""The timing diagnosis as a Plotly figure."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from train.diagnose.timing import SIDES, TARGET, Timing, TimingRow
from train.report.charts import CANDIDATE, INK, MUTED, styled

_RANDOM = "#b9c6d3"
_ROW = 26  # pixels


def timing_chart(found: Timing, measure: str = "band") -> go.Figure:
    """Share of good buys (left) and sells (right) by group, over where 95 % of random trades lie.

    Args:
        found: the diagnosis.
        measure: `band` or `scaled`.
    """
    names = _names(found, measure)
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.05)
    for column, side in enumerate(SIDES, start=1):
        rows = [row for row in found.rows if (row.side, row.measure) == (side, measure)]
        figure.add_trace(_random_bars(rows, first=column == 1), 1, column)
        figure.add_trace(_points(rows, first=column == 1), 1, column)
        figure.add_vline(x=TARGET, line_dash="dot", line_color=MUTED, row=1, col=column)
        figure.update_xaxes(title_text=f"good {side}s", row=1, col=column)
    figure.update_xaxes(tickformat=".0%", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75])
    edges = [-0.7, len(names) - 0.3]
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], range=edges)
    return styled(figure, 110 + _ROW * len(names), barmode="overlay")


def _names(found: Timing, measure: str) -> list[str]:
    """Groups in their order, each once."""
    return list(dict.fromkeys(_label(row) for row in found.rows if row.measure == measure))


def _label(row: TimingRow) -> str:
    return "all trades" if row.by == "all" else f"{row.by} {row.name}"


def _random_bars(rows: list[TimingRow], *, first: bool) -> go.Bar:
    told = [row for row in rows if row.random_low is not None and row.random_high is not None]
    return go.Bar(
        y=[_label(row) for row in told],
        base=[row.random_low for row in told],
        x=[(row.random_high or 0.0) - (row.random_low or 0.0) for row in told],
        orientation="h",
        marker_color=_RANDOM,
        name="random trades, 95 %",
        showlegend=first,
        hovertemplate="random %{base:.0%} to %{x:.0%}<extra></extra>",
    )


def _points(rows: list[TimingRow], *, first: bool) -> go.Scatter:
    error: dict[str, Any] = {
        "type": "data",
        "symmetric": False,
        "array": [row.high - row.good for row in rows],
        "arrayminus": [row.good - row.low for row in rows],
        "color": INK,
        "thickness": 1.5,
        "width": 4,
    }
    return go.Scatter(
        x=[row.good for row in rows],
        y=[_label(row) for row in rows],
        customdata=[[row.trades, row.bad] for row in rows],
        mode="markers",
        marker={"size": 9, "color": CANDIDATE},
        error_x=error,
        name="good, with 95 % interval",
        showlegend=first,
        hovertemplate="good %{x:.1%}, bad %{customdata[1]:.1%} of %{customdata[0]}<extra></extra>",
    )
