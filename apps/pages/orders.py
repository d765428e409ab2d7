"""Orders: how many intents became fills, and why the others did not."""

import polars as pl
import streamlit as st

from apps.pages import charts
from apps.pages.status_strip import current_session
from apps.pages.tiles import Tile, show_tiles
from cluster.settings import home

_SCHEMA = {
    "bar_ts": pl.String,
    "symbol": pl.String,
    "side": pl.String,
    "leg": pl.String,
    "status": pl.String,
    "quantity": pl.Float64,
    "price": pl.Float64,
    "fees": pl.Float64,
    "reason": pl.String,
}


def show() -> None:
    """Draw the page."""
    view, _ = current_session(home())
    if view is None:
        st.info("No trading session yet.", icon=":material/receipt_long:")
        st.code("ploutos trade replay --help", language="bash")
        return
    show_tiles(*(Tile(name.capitalize(), f"{count:,}") for name, count in view.stages.items()))
    if view.stages["orders"]:
        flow = {name: view.stages[name] for name in ("intents", "orders", "fills")}
        st.plotly_chart(charts.funnel(flow))
    if view.denials:
        st.subheader("Denials by reason", anchor=False)
        st.plotly_chart(charts.counts(view.denials))
    st.subheader("Orders and denials, newest first", anchor=False)
    statuses = sorted({row["status"] for row in view.orders})
    chosen = st.pills("Status", statuses, selection_mode="multi", default=statuses)
    rows = [row for row in view.orders if row["status"] in chosen]
    st.dataframe(
        pl.DataFrame(rows, schema=_SCHEMA),
        hide_index=True,
        placeholder="",
        column_config={
            "bar_ts": st.column_config.DatetimeColumn("bar", format="YYYY-MM-DD HH:mm"),
            "quantity": st.column_config.NumberColumn(format="%.4f"),
            "price": st.column_config.NumberColumn(format="dollar"),
            "fees": st.column_config.NumberColumn(format="dollar"),
        },
    )


show()
