"""A row of figures that wraps on a narrow screen."""

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Tile:
    """One figure.

    Args:
        label: What it is.
        value: As shown.
        note: Below the value; "" for none.
        signed: Whether the note is a change, coloured by its sign.
    """

    label: str
    value: str
    note: str = ""
    signed: bool = False


def show_tiles(*tiles: Tile) -> None:
    """Draw the figures side by side."""
    with st.container(horizontal=True, gap="large"):
        for tile in tiles:
            st.metric(
                tile.label,
                tile.value,
                tile.note or None,
                delta_color="normal" if tile.signed else "off",
                delta_arrow="auto" if tile.signed else "off",
                width="content",
            )
