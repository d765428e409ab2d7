"""Moves that never happened: false adjustments, unadjusted splits, wrong units, spikes.

A crash and a false adjustment are the same number on the tape: a close far from the one before.
What differs is the trading. News that moves a price by twenty sigma is traded at five to fifteen
times the usual volume, and often its peers move too. An adjustment that was forgotten, or applied
on the wrong day, moves the price and nothing else: the market opens at the new level, trades its
usual volume there, and stays. So the size of the move, in sigma, is divided by the volume.
"""

import math

import numpy as np
import polars as pl

from features.quality.alarms import Level, no_alarms, percent, raised, rounded
from features.quality.thresholds import SPLIT_FACTORS, UNIT_FACTORS, Thresholds


def large_moves(measured: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """The bars to be judged, with `alone`: too few others made half the move on that session.

    Args:
        measured: From `features.quality.measures.measure`.
        limits: What is large.
    """
    moved = measured.filter(
        pl.max_horizontal(pl.col("move").abs(), pl.col("gap").abs()) >= limits.move,
        pl.col("skipped") == 0,  # after a halt a price may be anywhere
    )
    return _with_peers(moved, limits)


def find_jumps(measured: pl.DataFrame, moved: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Alarms for splits, unit errors, spikes and false jumps, at most one a bar.

    Args:
        measured: From `features.quality.measures.measure`.
        moved: Its `large_moves`.
        limits: When to raise.
    """
    found: list[pl.DataFrame] = [no_alarms()]
    for search in (_splits, _units, _spikes, _false_jumps):
        alarms = search(moved, limits)
        found.append(alarms)
        settled = alarms.select("symbol", "ts")
        if search is _spikes:
            settled = pl.concat([settled, _next_bars(measured, alarms)])
        moved = moved.join(settled, on=["symbol", "ts"], how="anti")
    return pl.concat(found)


def _next_bars(measured: pl.DataFrame, alarms: pl.DataFrame) -> pl.DataFrame:
    """The bars that follow alarms: the way back of a spike is no second finding."""
    after = measured.select("symbol", "ts", after=pl.col("ts").shift(-1).over("symbol"))
    return alarms.join(after, on=["symbol", "ts"]).select("symbol", ts="after")


def find_volume_units(measured: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Alarms where the volume's level changes for good and the price does not: lots for shares."""
    change = pl.col("level").log().abs()
    jump = (
        change.is_finite()
        & (change >= math.log(limits.volume_unit))
        & (pl.col("gap").abs() < limits.move)
    )
    jump &= (
        pl.int_range(pl.len()).over("symbol") >= limits.min_history
    )  # not the days before a listing
    first = jump & ~jump.shift(1, fill_value=False).over("symbol")
    reason = pl.format(
        "volume changes its level by a factor of {} at an unchanged price", rounded("level", 4)
    )
    return raised(measured.filter(first), "unit", Level.SUSPECT, reason)


def _with_peers(moved: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Column `alone`: at most `peers` other symbols made half the move, or half the gap."""
    for column in ("move", "gap"):
        sizes = moved.select("ts", other=pl.col(column), name=pl.col("symbol"))
        same = pl.col("other") * pl.col(column).sign() >= 0.5 * pl.col(column).abs()
        counts = (
            moved.select("symbol", "ts", column)
            .join(sizes, on="ts")
            .filter(same, pl.col("name") != pl.col("symbol"))
            .group_by("symbol", "ts")
            .agg(pl.len().alias(f"{column}_peers"))
        )
        moved = moved.join(counts, on=["symbol", "ts"], how="left")
    peers = (pl.col(f"{column}_peers").fill_null(0) for column in ("move", "gap"))
    return moved.with_columns(alone=pl.max_horizontal(*peers) <= limits.peers)


def _nearest(gap: pl.Series, values: tuple[float, ...]) -> pl.Series:
    """Log of the factor (or its inverse) that each overnight ratio is nearest to."""
    logs = np.log(np.array(values, dtype=np.float64))
    logs = np.concatenate([logs, -logs])
    distance = np.abs(gap.to_numpy()[:, None] - logs)
    return pl.Series(logs[np.argmin(distance, axis=1)], dtype=pl.Float64)


def _splits(moved: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    factor = _nearest(moved["gap"], SPLIT_FACTORS)
    found = moved.filter(
        (pl.col("gap") - factor).abs() <= limits.split_rounding,
        (pl.col("level").log() + factor).abs() <= limits.split_volume * factor.abs(),
        (pl.col("busy").log() + factor).abs() <= limits.split_busy,
        pl.col("alone"),
    )
    reason = pl.format(
        "opens at {} times the last close with {} times the volume: a split that is not adjusted",
        _times("gap"),
        rounded("level", 2),
    )
    return raised(found, "split", Level.BAD, reason)


def _units(moved: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    factor = _nearest(moved["gap"], UNIT_FACTORS)
    near = (pl.col("gap") - factor).abs() <= limits.unit_rounding
    quiet = pl.col("gap").abs() / pl.col("busy") > 0.7  # a crash by nine tenths is traded
    found = moved.filter(near, quiet, pl.col("alone"))
    reason = pl.format("opens at {} times the last close: a unit error", _times("gap"))
    return raised(found, "unit", Level.BAD, reason)


def _spikes(moved: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    back = (pl.col("move") + pl.col("next_move")).abs() <= limits.returned * pl.col("move").abs()
    found = moved.filter(
        pl.col("move").abs() >= limits.move,
        pl.col("move_sigma") / pl.col("busy") >= limits.bar_per_volume,
        back,
        pl.col("next_busy") < limits.quiet,
        pl.col("alone"),
    )
    reason = pl.format("moves by {} and back on the next bar, {}", percent("ratio"), _evidence())
    return raised(found, "spike", Level.SUSPECT, reason, wrong=True)


def _false_jumps(moved: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    same_way = (pl.col("move") * pl.col("gap") > 0) & (pl.col("gap").abs() >= limits.move)
    overnight = same_way & (pl.col("gap_sigma") / pl.col("busy") >= limits.gap_per_volume)
    stays = (pl.col("next_move") * pl.col("move").sign()).fill_null(0.0) > (
        -0.5 * pl.col("move").abs()
    )
    stitched = stays & (pl.col("move_sigma") / pl.col("busy") >= limits.bar_per_volume)
    found = moved.filter(
        pl.col("move").abs() >= limits.move,
        pl.col("busy") < limits.traded,
        overnight | stitched,
        pl.col("alone"),
    )
    reason = pl.format(
        "opens {} and closes {} from the last close, and stays; {}: a false adjustment?",
        percent("jump"),
        percent("ratio"),
        _evidence(),
    )
    return raised(found, "jump", Level.SUSPECT, reason)


def _evidence() -> pl.Expr:
    sigma = pl.max_horizontal("move_sigma", "gap_sigma").round(1).cast(pl.String)
    return pl.format("{} sigma on {} times the usual volume", sigma, rounded("busy", 2))


def _times(column: str) -> pl.Expr:
    return pl.col(column).exp().round(3).cast(pl.String)
