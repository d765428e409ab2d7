"""The charts of the app, as Plotly figures."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go

from cluster.html.style import BLUE, GREY, ORANGE, PALE, SKY, styled

HEIGHT = 320


def _plain(
    figure: go.Figure, y_title: str, *, height: int = HEIGHT, hovermode: str = "x unified"
) -> go.Figure:
    """The look of all charts, with room above for Streamlit's buttons."""
    figure.update_yaxes(title=y_title)
    return styled(figure, height, margin_t=32, dragmode="zoom", hovermode=hovermode)


def equity_curve(
    times: Sequence[datetime], equity: Sequence[float], reference: Sequence[float] | None = None
) -> go.Figure:
    """Equity over time, USD, and what equal weight would have made of the same money."""
    figure = go.Figure()
    if reference is not None:
        figure.add_scatter(
            x=times, y=reference, name="equal weight", line={"color": GREY, "dash": "dot"}
        )
    figure.add_scatter(x=times, y=equity, name="equity", line={"color": BLUE, "width": 2})
    return _plain(figure, "USD")


def drawdown_curve(times: Sequence[datetime], drawdown: Sequence[float]) -> go.Figure:
    """Loss since the highest equity so far, a share, zero or negative."""
    figure = go.Figure()
    figure.add_scatter(
        x=times, y=drawdown, name="drawdown", fill="tozeroy", line={"color": ORANGE, "width": 1}
    )
    figure.update_yaxes(tickformat=".1%")
    return _plain(figure, "drawdown", height=180)


def counts(by_name: Mapping[str, int], color: str = ORANGE) -> go.Figure:
    """Counts by name as horizontal bars, the largest on top."""
    ordered = sorted(by_name.items(), key=lambda item: item[1])
    figure = go.Figure()
    figure.add_bar(
        x=[count for _, count in ordered],
        y=[name for name, _ in ordered],
        orientation="h",
        marker={"color": color},
        text=[f"{count:,}" for _, count in ordered],
    )
    figure.update_xaxes(title="count")
    return _plain(figure, "", height=80 + 34 * len(ordered), hovermode="closest")


def funnel(stages: Mapping[str, int]) -> go.Figure:
    """How many intents became orders and fills."""
    figure = go.Figure()
    figure.add_funnel(
        y=list(stages),
        x=list(stages.values()),
        textinfo="value+percent initial",
        marker={"color": [BLUE, SKY, GREY, ORANGE][: len(stages)]},
    )
    return _plain(figure, "", hovermode="closest")


def parameter_scatter(
    values: Sequence[float], sharpes: Sequence[float | None], parameter: str
) -> go.Figure:
    """One searched parameter against the validation Sharpe ratios of its trials."""
    figure = go.Figure()
    figure.add_scatter(x=values, y=sharpes, mode="markers", marker={"color": BLUE, "size": 11})
    figure.update_xaxes(title=parameter)
    return _plain(figure, "validation Sharpe ratio, a year", hovermode="closest")


def parallel_coordinates(
    columns: Mapping[str, Sequence[float]], scored: Sequence[float]
) -> go.Figure:
    """One line a trial through all its parameters, coloured by its Sharpe ratio."""
    dimensions: list[dict[str, Any]] = [
        {"label": name, "values": list(values)} for name, values in columns.items()
    ]
    line = {"color": list(scored), "colorscale": [[0, ORANGE], [0.5, PALE], [1, BLUE]]}
    figure = go.Figure()
    figure.add_parcoords(dimensions=dimensions, line={**line, "showscale": True})
    return styled(figure, HEIGHT, margin={"l": 64, "r": 24, "t": 56, "b": 36})
