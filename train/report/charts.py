"""The charts of a report, as Plotly figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cluster.html.style import BLUE, INK, MUTED, ORANGE, PALE, series_colour, styled, translucent
from cluster.html.wording import readable
from train.backtest.baselines import BASELINES
from train.backtest.evaluation import Evaluation
from train.backtest.exposure import Exposure
from train.bundle.verdict_record import VerdictRecord
from train.diagnose.timing import SIDES, TARGET, Timing, TimingRow
from train.stats.metrics import drawdowns
from train.stats.significance import bootstrap_band

if TYPE_CHECKING:
    import polars as pl

COLOURS = {kind: series_colour(at) for at, kind in enumerate(BASELINES, start=1)}
BINS = 24
GROUPS_DRAWN = 11  # as many as there are sectors; the smaller ones are summed up
ROW_HEIGHT = 26  # pixels


def equity_chart(candidate: Evaluation, baselines: Sequence[Evaluation]) -> go.Figure:
    """Growth of 100 for all, and how far each lies below its own peak.

    The policy has the first colour, the baselines have the others in the order of their
    registration. The band is where the policy's own days would have led in 95 % of resampled
    orders.
    """
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06)
    _add_band(figure, candidate)
    lines = [(row, COLOURS.get(row.kind, MUTED), 1.6) for row in baselines]
    for row, colour, width in [*lines, (candidate, BLUE, 3)]:
        trace: dict[str, Any] = {
            "x": row.dates(),
            "name": readable(row.name),
            "line": {"color": colour, "width": width},
            "legendgroup": row.name,
            "mode": "lines",
        }
        growth = 100.0 * np.cumprod(1.0 + row.daily_returns)
        below = -100.0 * drawdowns(row.daily_returns)
        figure.add_trace(go.Scatter(**trace, y=growth, hovertemplate="%{y:.2f}"), 1, 1)
        under = go.Scatter(**trace, y=below, showlegend=False, hovertemplate="%{y:.2f} %")
        figure.add_trace(under, 2, 1)
    figure.update_yaxes(title_text="growth of 100", row=1, col=1)
    figure.update_yaxes(title_text="drawdown", ticksuffix=" %", row=2, col=1)
    return styled(figure, 520, hovermode="x unified")


def _add_band(figure: go.Figure, candidate: Evaluation) -> None:
    low, high = bootstrap_band(candidate.daily_returns)
    edge = {"x": candidate.dates(), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(**edge, y=100.0 * high, showlegend=False), 1, 1)
    figure.add_trace(
        go.Scatter(
            **edge,
            y=100.0 * low,
            fill="tonexty",
            fillcolor=translucent(BLUE, 0.1),
            name="95 % band of the policy",
        ),
        1,
        1,
    )


def trials_chart(trials: "pl.DataFrame", verdict: VerdictRecord) -> go.Figure:
    """Test Sharpe of every trial, against what luck alone reaches and what the choice reached."""
    values = trials["test_sharpe"].drop_nulls().to_numpy()
    marks = [*values, verdict.sharpe, verdict.deflation_threshold, 0.0]
    low, high = float(min(marks)), float(max(marks))
    room = 0.08 * (high - low) or 1.0
    edges = {"start": low - room, "end": high + room, "size": (high - low + 2 * room) / BINS}
    counts = np.histogram(values, bins=BINS, range=(edges["start"], edges["end"]))[0]
    top = max(int(counts.max()), 1)
    figure = go.Figure()
    figure.add_histogram(
        x=values, xbins=edges, marker_color=PALE, hovertemplate="%{y} trial(s)<extra></extra>"
    )
    lines = (
        (verdict.deflation_threshold, "best of luck", ORANGE, "dash", 1.30),
        (verdict.sharpe, "chosen", BLUE, "solid", 1.14),
    )
    for value, name, colour, dash, height in lines:
        stroke = {"color": colour, "width": 2.5, "dash": dash}
        figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=top * height, line=stroke)
        figure.add_annotation(
            x=value,
            y=top * height,
            text=f"{name} {value:.2f}",
            showarrow=False,
            yanchor="bottom",
            xanchor="right" if value > (low + high) / 2 else "left",
        )
    figure.update_xaxes(
        title_text="Sharpe ratio a year, test window", range=[low - room, high + room]
    )
    figure.update_yaxes(title_text="trials", range=[0, top * 1.5], rangemode="tozero", nticks=6)
    return styled(figure, 340, bargap=0.06, showlegend=False)


def excess_chart(verdict: VerdictRecord) -> go.Figure:
    """Sharpe difference to each baseline with its interval; all must lie right of zero."""
    rows = verdict.excess[::-1]
    centre = np.array([row.excess for row in rows])
    figure = go.Figure(
        go.Scatter(
            x=centre,
            y=[readable(row.baseline) for row in rows],
            mode="markers",
            marker={
                "size": 12,
                "color": [BLUE if row.low > 0 else ORANGE for row in rows],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.array([row.high for row in rows]) - centre,
                "arrayminus": centre - np.array([row.low for row in rows]),
                "color": MUTED,
                "thickness": 2,
                "width": 7,
            },
            hovertemplate="%{x:+.2f}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line_color=INK, line_width=1.2)
    figure.update_xaxes(title_text="Sharpe difference a year", tickformat="+.1f")
    figure.update_yaxes(range=[-0.6, len(rows) - 0.4])
    return styled(figure, 130 + 56 * len(rows), showlegend=False)


def exposure_chart(exposure: Exposure) -> go.Figure:
    """Areas on top of each other, the largest group at the bottom; what is missing to 1 is cash."""
    order = np.argsort(-exposure.shares.mean(axis=0), kind="stable")
    rows = [(exposure.groups[at], exposure.shares[:, at]) for at in order[:GROUPS_DRAWN]]
    if len(order) > GROUPS_DRAWN:
        small = order[GROUPS_DRAWN:]
        rows.append((f"{len(small)} others", exposure.shares[:, small].sum(axis=1)))
    figure = go.Figure()
    for at, (name, shares) in enumerate(rows):
        figure.add_scatter(
            x=exposure.dates,
            y=shares,
            name=name,
            mode="lines",
            line={"width": 0.5, "color": series_colour(at) if at < GROUPS_DRAWN else PALE},
            stackgroup="one",
            hovertemplate="%{y:.1%}",
        )
    top = max(1.0, float(exposure.shares.sum(axis=1).max()))
    figure.update_yaxes(title_text="share of equity", tickformat=".0%", range=[0, top])
    legend = {"maxheight": 0.6, "font_size": 11}  # all groups in view, on a phone too
    return styled(figure, 420, hovermode="x unified", legend=legend)


def timing_chart(timing: Timing, measure: str = "band") -> go.Figure:
    """Share of good buys (left) and sells (right) by group, over where 95 % of random trades lie.

    Args:
        timing: the diagnosis.
        measure: `band` or `scaled`.
    """
    names = _names(timing, measure)
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.05)
    for column, side in enumerate(SIDES, start=1):
        rows = [row for row in timing.rows if (row.side, row.measure) == (side, measure)]
        figure.add_trace(_random_bars(rows, first=column == 1), 1, column)
        figure.add_trace(_points(rows, first=column == 1), 1, column)
        figure.add_vline(x=TARGET, line_dash="dot", line_color=MUTED, row=1, col=column)
        figure.update_xaxes(title_text=f"good {side}s", row=1, col=column)
    figure.update_xaxes(tickformat=".0%", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75])
    edges = [-0.7, len(names) - 0.3]
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], range=edges)
    return styled(figure, 110 + ROW_HEIGHT * len(names), barmode="overlay")


def _names(timing: Timing, measure: str) -> list[str]:
    """Groups in their order, each once."""
    return list(dict.fromkeys(_label(row) for row in timing.rows if row.measure == measure))


def _label(row: TimingRow) -> str:
    return "all trades" if row.by == "all" else f"{row.by} {row.name}"


def _random_bars(rows: list[TimingRow], *, first: bool) -> go.Bar:
    drawn = [row for row in rows if row.random_low is not None and row.random_high is not None]
    return go.Bar(
        y=[_label(row) for row in drawn],
        base=[row.random_low for row in drawn],
        x=[(row.random_high or 0.0) - (row.random_low or 0.0) for row in drawn],
        orientation="h",
        marker_color=PALE,
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
        marker={"size": 9, "color": BLUE},
        error_x=error,
        name="good, with 95 % interval",
        showlegend=first,
        hovertemplate="good %{x:.1%}, bad %{customdata[1]:.1%} of %{customdata[0]}<extra></extra>",
    )
