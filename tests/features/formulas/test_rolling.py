"""Compiled windows against the plain Polars window of each symbol by itself."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.bench.bench_features import random_walks
from features.compute.catalog import FeatureSet
from features.compute.compute import BLOCK, bar_numbers, compute_features
from features.formulas.column import Quantity
from features.formulas.rolling import (
    before,
    change,
    deviation,
    highest,
    lowest,
    mean,
    percentile,
    quantile,
    time_covariance,
    wilder,
)

X = pl.col("x")
WINDOWS = st.integers(2, 60)
few_examples = settings(max_examples=25, deadline=None)


def plain_percentile(window: int) -> pl.Expr:
    ranked = X.round_sig_figs(10).rolling_rank(window, "average", min_samples=1)
    return (ranked - 1.0) / (window - 1)


def plain_quantile(share: float, window: int) -> pl.Expr:
    return X.rolling_quantile(share, interpolation="linear", window_size=window, min_samples=1)


def plain_covariance(window: int) -> pl.Expr:
    weights = [bar - (window - 1) / 2.0 for bar in range(window)]
    return X.rolling_sum(window, weights=weights).fill_null(0.0)


PAIRS: dict[str, Callable[[int], tuple[pl.Expr, pl.Expr]]] = {
    "before": lambda w: (before(X, w), X.shift(w)),
    "change": lambda w: (change(X, w), X.diff(w)),
    "mean": lambda w: (mean(X, w), X.rolling_mean(w, min_samples=1)),
    "highest": lambda w: (highest(X, w), X.rolling_max(w, min_samples=1)),
    "lowest": lambda w: (lowest(X, w), X.rolling_min(w, min_samples=1)),
    "deviation": lambda w: (deviation(X, w), X.rolling_std(w, min_samples=1).fill_null(0.0)),
    "quantile 0.2": lambda w: (quantile(X, 0.2, w), plain_quantile(0.2, w)),
    "quantile 0.7": lambda w: (quantile(X, 0.7, w), plain_quantile(0.7, w)),
    "percentile": lambda w: (percentile(X, w), plain_percentile(w)),
    "covariance": lambda w: (time_covariance(X, w), plain_covariance(w)),
    "wilder": lambda w: (wilder(X, w), X.ewm_mean(alpha=1.0 / w, adjust=True)),
}


def stacked(lengths: list[int], seed: int, *, ties: bool = False) -> pl.DataFrame:
    """Symbols of these lengths, one after the other, at levels far apart."""
    rng = np.random.default_rng(seed)
    parts = [rng.choice([-1.0, 1.0]) * rng.uniform(1, 500) + rng.normal(size=n) for n in lengths]
    x = np.concatenate(parts)
    names = np.repeat([f"S{number:02d}" for number in range(len(lengths))], lengths)
    bars = pl.DataFrame({"symbol": names, "x": x.round(0) if ties else x})
    return bars.with_columns(bar_numbers(bars))


@pytest.mark.parametrize("name", PAIRS)
@few_examples
@given(
    lengths=st.lists(st.integers(1, 150), min_size=1, max_size=5),
    window=WINDOWS,
    seed=st.integers(0, 2**32 - 1),
    ties=st.booleans(),
)
def test_a_window_is_the_plain_one_of_each_symbol(
    name: str, lengths: list[int], window: int, seed: int, ties: bool
) -> None:
    bars = stacked(lengths, seed, ties=ties)
    ours, plain = PAIRS[name](window)

    got = bars.select(ours.alias("y"))["y"]

    parts = bars.partition_by("symbol", maintain_order=True)
    wanted = pl.concat([part.select(plain.alias("y"))["y"] for part in parts])
    assert (got.is_null() == wanted.is_null()).all()
    size = float(np.abs(bars["x"].to_numpy()).max()) * window
    np.testing.assert_allclose(
        got.drop_nulls().to_numpy(), wanted.drop_nulls().to_numpy(), rtol=1e-9, atol=1e-11 * size
    )


@pytest.mark.parametrize("level", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("jump", [1e-9, 1.0, 1e9])
def test_what_has_left_a_window_leaves_no_trace(level: float, jump: float) -> None:
    """Polars' running sums keep a rounding error here; these windows add and never subtract."""
    x = [jump * 3.7] * 7 + [0.0] * 40 + [jump * 9.1] + [level] * 60
    bars = pl.DataFrame({"symbol": ["A"] * len(x), "x": x})
    bars = bars.with_columns(bar_numbers(bars))

    found = bars.select(mean=mean(X, 20), deviation=deviation(X, 20))

    assert (found["mean"][27:47] == 0.0).all()
    assert found["mean"][70:].to_numpy() == pytest.approx(level, rel=1e-15)
    assert (found["deviation"][27:47] == 0.0).all()
    assert (found["deviation"][67:] == 0.0).all()


@few_examples
@given(seed=st.integers(0, 2**32 - 1), window=WINDOWS)
def test_means_keep_the_order_of_their_values(seed: int, window: int) -> None:
    """Sums of smaller parts are never larger, to the last bit: no share exceeds 1."""
    rng = np.random.default_rng(seed)
    whole = rng.lognormal(0, 5, 300)
    part = whole * rng.choice([0.0, 1.0, 1.0 - 1e-16, 0.5], 300)
    bars = pl.DataFrame({"symbol": ["A"] * 300, "x": whole, "part": part})
    bars = bars.with_columns(bar_numbers(bars))

    found = bars.select(whole=mean(X, window), part=mean(pl.col("part"), window))

    assert (found["part"] <= found["whole"]).all()
    assert (found["part"] >= 0.0).all()


@few_examples
@given(
    lengths=st.lists(st.integers(1, 260), min_size=2, max_size=6), seed=st.integers(0, 2**32 - 1)
)
def test_a_symbol_has_the_same_features_whoever_stands_beside_it(
    lengths: list[int], seed: int
) -> None:
    walks = random_walks(len(lengths), max(lengths), seed)
    parts = [
        part.head(length)
        for part, length in zip(walks.partition_by("symbol"), lengths, strict=True)
    ]

    together = compute_features(pl.concat(parts))

    assert together.equals(pl.concat([compute_features(part) for part in parts]))


def test_blocks_of_symbols_change_nothing() -> None:
    walks = random_walks(70, 2000, seed=3)
    assert walks.height > BLOCK

    together = compute_features(walks)

    for symbol in ("W0000", "W0064", "W0065", "W0066", "W0069"):
        own = pl.col("symbol") == symbol
        assert together.filter(own).equals(compute_features(walks.filter(own)))


@pytest.mark.parametrize(
    "quantity", FeatureSet.of("sectors").quantities.values(), ids=lambda q: q.name
)
def test_no_formula_looks_at_another_bar_by_itself(quantity: Quantity) -> None:
    """Polars' own shifts and windows would reach over the end of a symbol."""
    text = str(quantity.formula())

    for native in ("rolling", "ewm_mean", ".diff(", "cum_"):
        assert native not in text
    assert text.count(".shift(") <= text.count("bar_number")
