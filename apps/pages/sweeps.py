"""Sweeps: every trial of the ledger, its parameters against what it reached on validation.

The test window is told of trials that were chosen and judged there, of no other.
"""

import json

import polars as pl
import streamlit as st

from apps.cli.output import cell
from apps.cli.readers import read_trials
from apps.pages import charts
from apps.pages.tiles import Tile, show_tiles
from cluster.settings import home
from train.ledger.record import TrialEnd

_SHOWN = (
    "trial_id",
    "status",
    "validation_sharpe",
    "test_sharpe",
    "test_days",
    "steps",
    "learner",
    "seed",
    "config",
    "created",
)
_MIN_LINES = 3  # fewer trials make no picture


def show() -> None:
    """Draw the page."""
    trials = read_trials(home())
    for fault in trials.faults:
        st.error(fault, icon=":material/error:")
    if trials.table is None:
        st.info("The ledger holds no trials yet.", icon=":material/tune:")
        st.code("ploutos tune run --scenario demo", language="bash")
        return
    table = _chosen(trials.table)
    _show_best(table)
    _show_parameters(table)
    st.subheader("Trials", anchor=False)
    st.dataframe(
        table.select(_SHOWN)
        .with_columns(pl.col("config").map_elements(_short, return_dtype=pl.String))
        .sort("validation_sharpe", descending=True, nulls_last=True),
        hide_index=True,
        placeholder="",
        column_config={
            "validation_sharpe": st.column_config.NumberColumn(format="%.2f"),
            "test_sharpe": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def _chosen(table: pl.DataFrame) -> pl.DataFrame:
    """The trials of one sweep, the newest by default."""
    newest = table.group_by("sweep").agg(pl.col("created").max()).sort("created", descending=True)
    sweep = st.selectbox("Sweep", newest["sweep"].to_list())
    return table.filter(pl.col("sweep") == sweep)


def _show_best(table: pl.DataFrame) -> None:
    completed = table.filter(pl.col("status") == TrialEnd.COMPLETED)
    figures = [
        Tile("Trials", f"{table.height:,}"),
        Tile("Completed", f"{completed.height:,}"),
        Tile("Steps in all", f"{table['steps'].sum():,}"),
    ]
    ranked = completed.drop_nulls("validation_sharpe").sort("validation_sharpe", descending=True)
    if ranked.is_empty():
        show_tiles(*figures)
        return
    best = ranked.row(0, named=True)
    show_tiles(*figures, Tile("Best validation Sharpe", f"{best['validation_sharpe']:.2f}"))
    st.caption(
        f"Best trial `{best['trial_id']}`. Validation chooses; the test window has no say, and "
        "is shown of trials whose bundle was judged in it."
    )


def _show_parameters(table: pl.DataFrame) -> None:
    configs = [json.loads(text) for text in table["config"]]
    names = sorted({name for config in configs for name, value in config.items() if _number(value)})
    varied = [name for name in names if len({config.get(name) for config in configs}) > 1]
    if not varied:
        return
    parameter = st.selectbox("Parameter", varied)
    values = [config.get(parameter) for config in configs]
    sharpes = table["validation_sharpe"].to_list()
    st.plotly_chart(charts.parameter_scatter(values, sharpes, parameter))
    kept = [
        (config, sharpe)
        for config, sharpe in zip(configs, sharpes, strict=True)
        if sharpe is not None and all(name in config for name in varied)
    ]
    if len(kept) >= _MIN_LINES:
        columns = {name: [config[name] for config, _ in kept] for name in varied}
        st.caption("All parameters; one line a trial, blue is the better validation Sharpe.")
        st.plotly_chart(charts.parallel_coordinates(columns, [sharpe for _, sharpe in kept]))


def _short(config: str) -> str:
    """The sampled parameters, rounded to be read."""
    return cell(json.loads(config))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


show()
