"""The catalogue: complete, documented, and the same as docs/reference/features.md."""

import re

import pytest

from cluster.errors import ConfigError
from features.compute.catalog import (
    feature_columns,
    feature_fingerprint,
    feature_names,
    feature_quantities,
    feature_scales,
    reference_page,
    warmup_bars,
)
from features.formulas.column import Column, Quantity
from places import ROOT

DOCS = ROOT / "docs"
FAMILIES = {
    "support/resistance",
    "mean reversion",
    "volume",
    "candles",
    "RSI divergence",
    "Bollinger",
    "entry score",
    "momentum",
    "trend strength",
    "volatility regime",
}
BARS = {"bar_number", "open", "high", "low", "close", "volume"}


def test_the_set_covers_every_family_with_at_least_60_columns() -> None:
    columns = feature_columns("v6")

    assert len(columns) >= 60
    assert {column.family for column in columns} == FAMILIES
    assert len(set(feature_names())) == len(columns)


@pytest.mark.parametrize("quantity", feature_quantities().values(), ids=lambda q: q.name)
def test_every_formula_is_named_documented_and_refers_to_known_names(quantity: Quantity) -> None:
    expression = quantity.formula()

    assert quantity.name == quantity.formula.__name__
    assert quantity.words.endswith(".")
    assert set(expression.meta.root_names()) <= BARS | set(feature_quantities())


def test_warmup_never_falls_short_of_the_columns_that_a_column_refers_to() -> None:
    known = feature_quantities()

    for column in feature_columns():
        for name in column.formula().meta.root_names():
            used = known.get(name)
            if isinstance(used, Column):
                assert column.warmup >= used.warmup, f"{column.name} refers to {name}"


def test_every_quantity_is_used_by_a_column() -> None:
    used: set[str] = set()
    for quantity in feature_quantities().values():
        used.update(quantity.formula().meta.root_names())

    shared = {q.name for q in feature_quantities().values() if not isinstance(q, Column)}

    assert shared <= used


def test_scales_are_positive_and_those_of_flags_are_1() -> None:
    for column, scale in zip(feature_columns(), feature_scales(), strict=True):
        assert scale > 0
        assert scale == 1.0 or not column.is_flag


def test_warmup_of_the_set_is_that_of_its_longest_column() -> None:
    assert warmup_bars() == 350
    assert {c.name for c in feature_columns() if c.warmup == 350} == {
        "plus_di_14",
        "minus_di_14",
        "adx_14",
    }


def test_fingerprint_is_a_sha256_that_stays() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", feature_fingerprint())
    assert feature_fingerprint() == feature_fingerprint("v6")


def test_an_unknown_set_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no feature set 'v7'") as refusal:
        feature_names("v7")

    assert refusal.value.exit_code == 3
    assert "v6" in str(refusal.value)


def test_the_reference_is_made_from_the_definitions() -> None:
    made = (DOCS / "reference" / "features.md").read_text()

    assert made == reference_page(), "python -m features.compute > docs/reference/features.md"
    for name in ("v6", "sectors"):
        assert all(f"| `{column}` |" in made for column in feature_names(name))


def test_the_explanation_says_the_numbers_of_the_catalogue() -> None:
    text = (DOCS / "features.md").read_text()

    assert f"The set's warm-up is {warmup_bars()} bars" in text
    assert f"{len(feature_columns())} columns a symbol and bar" in text
    assert "(reference/features.md)" in text
