"""The exposure to sectors as a Plotly figure."""

import numpy as np
import plotly.graph_objects as go

from train.backtest.exposure import Exposure
from train.report.charts import styled

SHOWN = 11  # as many as there are sectors; the smaller ones are summed up
_COLOURS = (
    "#0a6c74",
    "#c77d1e",
    "#7b5cc4",
    "#3d6fb6",
    "#b4475c",
    "#4f7f3a",
    "#8a6d3b",
    "#5aa5a0",
    "#d9a441",
    "#a18ad1",
    "#7d96b8",
    "#b9c6d3",
)


def exposure_chart(found: Exposure) -> go.Figure:
    """Areas on top of each other, the largest group at the bottom; what is missing to 1 is cash."""
    order = np.argsort(-found.shares.mean(axis=0), kind="stable")
    rows = [(found.groups[at], found.shares[:, at]) for at in order[:SHOWN]]
    if len(order) > SHOWN:
        rows.append((f"{len(order) - SHOWN} others", found.shares[:, order[SHOWN:]].sum(axis=1)))
    figure = go.Figure()
    for (name, shares), colour in zip(rows, _COLOURS, strict=False):
        figure.add_scatter(
            x=found.dates,
            y=shares,
            name=name,
            mode="lines",
            line={"width": 0.5, "color": colour},
            stackgroup="one",
            hovertemplate="%{y:.1%}",
        )
    top = max(1.0, float(found.shares.sum(axis=1).max()))
    figure.update_yaxes(title_text="share of equity", tickformat=".0%", range=[0, top])
    return styled(figure, 380, hovermode="x unified")
