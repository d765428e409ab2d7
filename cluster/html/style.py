"""The look of every page and chart: colours for every kind of vision, and the Plotly template."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

INK, MUTED, LINE = "#1d2733", "#66727f", "#e1e5ea"
PAPER, GROUND = "#ffffff", "#f5f6f8"
BLUE, ORANGE, GREY, SKY, PALE = "#1f6fb4", "#e07b00", "#6b7480", "#56b4e9", "#b9c6d3"
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"

# What a chart is about comes first, then what it is compared with. The first seven stay apart for
# every kind of colour vision, the others at least from their neighbours.
SERIES = (
    *(BLUE, "#9aa4af", ORANGE, "#8f2bff", "#6b3a06", "#b4906c", "#3b3f46"),
    *("#e377c2", "#6d5a00", SKY, "#a3145a"),
)


class Tone(StrEnum):
    """How good news is: the ground of a banner or of a mark, with white text on it."""

    GOOD = "good"
    PLAIN = "plain"
    QUIET = "quiet"
    WARN = "warn"
    BAD = "bad"


TONES = {
    Tone.GOOD: "#0a5c4a",
    Tone.PLAIN: "#263341",
    Tone.QUIET: MUTED,
    Tone.WARN: "#a35c00",
    Tone.BAD: "#b3261e",
}

_AXIS = {
    "automargin": True,
    "gridcolor": LINE,
    "zeroline": False,
    "title": {"font": {"color": MUTED, "size": 13}},
}
TEMPLATE: dict[str, Any] = {
    "layout": {
        "colorway": SERIES,
        "font": {"family": FONT, "size": 13, "color": INK},
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.0},
        "hoverlabel": {"font": {"family": FONT}},
        "dragmode": False,  # a finger on a chart scrolls the page
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
}


def series_colour(index: int) -> str:
    """The colour of a series: 0 for what the chart is about, from 1 on for the others."""
    return SERIES[index % len(SERIES)]


def translucent(colour: str, opacity: float) -> str:
    """`#rrggbb` as CSS, with an opacity of 0..1."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:.2f})"


def styled(figure: "go.Figure", height: int, **layout: Any) -> "go.Figure":
    """The figure in the look of all charts.

    Args:
        figure: it is changed.
        height: pixels; the width is that of the page.
        layout: what is different in this chart.
    """
    return figure.update_layout(template=TEMPLATE, height=height, **layout)
