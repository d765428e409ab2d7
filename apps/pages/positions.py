"""Positions: what is held, what it is worth, and where it will be closed."""

import polars as pl
import streamlit as st

from apps.status_strip import current_session
from cluster.settings import home

_MONEY = "$%.2f"


def show() -> None:
    """Draw the page."""
    view, _ = current_session(home())
    if view is None:
        st.info("No trading session yet.", icon=":material/account_balance_wallet:")
        st.code("ploutos trade replay --help", language="bash")
        return
    rows = view.positions()
    if not rows:
        st.info(f"No open positions; cash ${view.state.account.cash:,.2f}.")
        return
    st.caption(f"{len(rows)} positions, {view.exposure:.1%} of ${view.equity:,.2f} invested.")
    st.dataframe(pl.DataFrame(rows), hide_index=True, column_config=_columns())


def _columns() -> dict[str, object]:
    number = st.column_config.NumberColumn
    return {
        "symbol": "Symbol",
        "quantity": number("Quantity", format="%.4f"),
        "entry": number("Entry", format=_MONEY),
        "last": number("Last", format=_MONEY),
        "value": number("Value", format=_MONEY),
        "profit": number("Profit and loss", format=_MONEY),
        "profit_share": number("P&L %", format="percent"),
        "equity_share": st.column_config.ProgressColumn(
            "Share of equity", format="percent", min_value=0.0, max_value=1.0
        ),
        "stop_loss": number("Stop-loss", format=_MONEY),
        "take_profit": number("Take-profit", format=_MONEY),
    }


show()
