"""The charts of a report, as Plotly figures."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from train.backtest.baselines import BASELINES
from train.backtest.evaluation import Evaluation
from train.bundle.verdict_record import VerdictRecord
from train.stats.metrics import drawdowns
from train.stats.significance import bootstrap_band

if TYPE_CHECKING:
    import polars as pl

INK, MUTED, GRID = "#1d2733", "#6b7785", "#e6e9ed"
CANDIDATE = "#0a6c74"
BAND = "rgba(10, 108, 116, 0.10)"
# of baselines, in the order of their registration
PALETTE = (
    *("#9aa4af", "#c77d1e", "#7b5cc4", "#b4475c", "#4f7f3a", "#3d6fb6"),
    *("#8a6d3b", "#5aa5a0", "#d9a441", "#a18ad1", "#7d96b8", "#b9c6d3"),
)
COLOURS = dict(zip(BASELINES, cycle(PALETTE), strict=False))  # by kind
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
BINS = 24


def readable(name: str) -> str:
    """`buy_and_hold SPY` -> `buy and hold SPY`."""
    return name.replace("_", " ")


def equity_chart(candidate: Evaluation, baselines: Sequence[Evaluation]) -> go.Figure:
    """Growth of 100 for all, and how far each lies below its own peak.

    The band is where the candidate's own days would have led in 95 % of resampled orders.
    """
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06)
    _add_band(figure, candidate)
    for row in [*baselines, candidate]:
        chosen = row is candidate
        colour = CANDIDATE if chosen else COLOURS.get(row.kind, MUTED)
        line = {"color": colour, "width": 3 if chosen else 1.6}
        trace: dict[str, Any] = {
            "x": row.dates(),
            "name": readable(row.name),
            "line": line,
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
            **edge, y=100.0 * low, fill="tonexty", fillcolor=BAND, name="95 % band of the policy"
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
        x=values, xbins=edges, marker_color="#b9c6d3", hovertemplate="%{y} trial(s)<extra></extra>"
    )
    lines = (
        (verdict.deflation_threshold, "best of luck", PALETTE[1], "dash", 1.30),
        (verdict.sharpe, "chosen", CANDIDATE, "solid", 1.14),
    )
    for value, name, colour, dash, height in lines:
        stroke = {"color": colour, "width": 2.5, "dash": dash}
        figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=top * height, line=stroke)
        figure.add_annotation(
            x=value,
            y=top * height,
            text=f"{name} {value:.2f}",
            font={"color": colour, "size": 13},
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
                "color": [CANDIDATE if row.low > 0 else PALETTE[1] for row in rows],
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


def styled(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    """The looks that every chart of a report has; height in pixels."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 12, "t": 12, "b": 8},
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.0},
        hoverlabel={"font_family": FONT},
        dragmode=False,
        **layout,
    )
    axis = {
        "automargin": True,
        "gridcolor": GRID,
        "zeroline": False,
        "title_font": {"color": MUTED, "size": 13},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure
