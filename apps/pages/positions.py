"""Positions: what is held, what it is worth, and where it will be closed."""

from typing import Any

import polars as pl
import streamlit as st

from apps.pages.status_strip import current_session
from cluster.settings import home

_MONEY = "dollar"


def show() -> None:
    """Draw the page."""
    view, _ = current_session(home())
    if view is None:
        st.info("No trading session yet.", icon=":material/account_balance_wallet:")
        st.code("ploutos trade replay --help", language="bash")
        return
    if not view.positions:
        st.info(f"No open positions; cash ${view.summary['cash']:,.2f}.")
        return
    st.caption(
        f"{len(view.positions)} positions, {view.exposure:.1%} of ${view.equity:,.2f} invested."
    )
    st.dataframe(pl.DataFrame(view.positions), hide_index=True, column_config=_columns())


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "symbol": "Symbol",
        "quantity": number("Quantity", format="%.4f"),
        "entry_price": number("Entry", format=_MONEY),
        "price": number("Last", format=_MONEY),
        "value": number("Value", format=_MONEY),
        "share": number("Share of equity", format="percent"),
        "gain": number("Profit and loss", format=_MONEY),
        "stop": number("Stop-loss", format=_MONEY),
        "target": number("Take-profit", format=_MONEY),
    }


show()
