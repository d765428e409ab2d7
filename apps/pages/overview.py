"""Overview: equity, profit, drawdown, exposure and cash, and what the risk gate denied."""

from datetime import datetime

import streamlit as st

from apps.pages import charts
from apps.pages.reference_curve import equal_weight
from apps.pages.session_view import SessionView
from apps.pages.status_strip import current_session
from apps.pages.tiles import Tile, show_tiles
from cluster.settings import home

MAX_POINTS = 5_000


def show() -> None:
    """Draw the page."""
    view, _ = current_session(home())
    if view is None:
        st.info("No trading session yet.", icon=":material/monitoring:")
        st.code("ploutos demo\nploutos trade replay --help", language="bash")
        return
    _show_figures(view)
    if view.curve:
        _show_curves(view)
    st.subheader("Denials by reason", anchor=False)
    if view.denials:
        st.plotly_chart(charts.counts(view.denials))
    else:
        st.caption("The risk gate denied nothing.")


def _show_figures(view: SessionView) -> None:
    show_tiles(
        Tile("Equity", f"${view.equity:,.2f}"),
        Tile(
            "Profit and loss", f"{view.profit:+,.2f} USD", f"{view.profit_share:+.2%}", signed=True
        ),
        Tile("Drawdown", f"{view.drawdown:.2%}"),
        Tile("Exposure", f"{view.exposure:.1%}"),
        Tile("Cash", f"${view.summary['cash']:,.2f}"),
    )


def _show_curves(view: SessionView) -> None:
    step = max(1, len(view.curve) // MAX_POINTS)
    points = [*view.curve[:-1:step], view.curve[-1]]
    times = [datetime.fromisoformat(point["bar_ts"]) for point in points]
    balance = float(view.summary["initial_balance"])
    reference = equal_weight(home(), view.summary["bundle_id"], times, balance)
    st.subheader("Equity", anchor=False)
    st.plotly_chart(charts.equity_curve(times, [row["equity"] for row in points], reference))
    st.plotly_chart(charts.drawdown_curve(times, [row["drawdown"] for row in points]))


show()
