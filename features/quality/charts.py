"""The charts of the quality report."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cluster.html.style import BLUE, INK, ORANGE, PALE, TONES, styled, translucent
from features.quality.alarms import TONE_OF, Level
from features.quality.thresholds import Thresholds

if TYPE_CHECKING:
    import plotly.graph_objects as go

_AROUND = timedelta(days=50)  # shown before and after an alarm


def draw_moves(moves: pl.DataFrame, alarms: pl.DataFrame, limits: Thresholds) -> "go.Figure":
    """Every large move: its size in sigma against its volume; false ones stand out above."""
    import plotly.graph_objects as go

    alone = moves.filter("alone", pl.col("gap_sigma").is_not_null(), pl.col("busy") > 0)
    chosen = alone.join(alarms.select("symbol", "ts", "check"), on=["symbol", "ts"], how="inner")
    rest = alone.join(alarms, on=["symbol", "ts"], how="anti")
    figure = go.Figure()
    _scatter(figure, rest, "judged real", PALE, 5)
    _scatter(figure, chosen, "alarm", ORANGE, 10)
    low, high = 0.2, 40.0
    line = [limits.gap_per_volume * busy for busy in (low, high)]
    figure.add_scatter(
        x=[low, high], y=line, mode="lines", name="threshold", line={"color": INK, "dash": "dot"}
    )
    figure.update_xaxes(
        type="log", title="volume, times the usual one", tickvals=[0.5, 1, 2, 5, 10, 20]
    )
    figure.update_yaxes(type="log", title="overnight gap, sigma", tickvals=[1, 3, 10, 30, 100])
    return styled(figure, 380, dragmode="zoom")


def _scatter(figure: "go.Figure", points: pl.DataFrame, name: str, colour: str, size: int) -> None:
    text = (points["symbol"] + " " + points["ts"].dt.to_string("%Y-%m-%d")).to_list()
    figure.add_scattergl(
        x=points["busy"].to_list(),
        y=points["gap_sigma"].clip(0.3).to_list(),
        mode="markers",
        name=name,
        text=text,
        hovertemplate="%{text}<br>%{y:.1f} sigma on %{x:.2f} times the volume<extra></extra>",
        marker={"color": colour, "size": size, "line": {"width": 0}},
    )


def draw_alarm(bars: pl.DataFrame, alarm: dict[str, Any]) -> "go.Figure":
    """Close and volume around an alarm, which is marked."""
    from plotly.subplots import make_subplots

    ts = alarm["ts"]
    near = bars.filter(
        pl.col("symbol") == alarm["symbol"],
        pl.col("ts").is_between(ts - _AROUND, ts + _AROUND),
    )
    near = near.gather_every(max(1, near.height // 400))
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04)
    times = near["ts"].to_list()
    figure.add_scatter(x=times, y=near["close"].to_list(), line={"color": BLUE, "width": 1.8})
    figure.add_bar(x=times, y=near["volume"].to_list(), marker={"color": PALE}, row=2, col=1)
    mark = TONES[TONE_OF[Level(alarm["level"])]]
    figure.add_vline(x=ts, line={"color": mark, "dash": "dot", "width": 1.5})
    figure.update_yaxes(nticks=4)
    figure.update_yaxes(showticklabels=False, row=2, col=1)
    figure.update_xaxes(tickformat="%b %Y", nticks=4)
    return styled(figure, 210, showlegend=False)


def draw_coverage(covered: pl.DataFrame) -> "go.Figure":
    """How many symbols have begun and not yet ended, month by month."""
    import plotly.graph_objects as go

    ends = covered.select(pl.col("first", "last").dt.truncate("1mo"))
    span = ends.select(pl.datetime_ranges(pl.col("first").min(), pl.col("last").max(), "1mo"))
    months = span.to_series().explode().to_list()
    alive = [int(((ends["first"] <= month) & (ends["last"] >= month)).sum()) for month in months]
    figure = go.Figure()
    figure.add_scatter(
        x=months,
        y=alive,
        line={"color": BLUE, "width": 2},
        fill="tozeroy",
        fillcolor=translucent(BLUE, 0.12),
        hovertemplate="%{x|%b %Y}: %{y} symbols<extra></extra>",
    )
    figure.update_yaxes(title="symbols", rangemode="tozero")
    return styled(figure, 220, showlegend=False)
