"""The catalogue: complete, documented, and the same as docs/reference/features.md."""

import pytest

from cluster.errors import ConfigError
from features import SimulatedMarket, compute_features
from features.compute.catalog import (
    FEATURE_SETS,
    FeatureSet,
    feature_fingerprint,
    feature_names,
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
    columns = FeatureSet.of("v6").columns

    assert len(columns) >= 60
    assert {column.family for column in columns} == FAMILIES
    assert len(set(feature_names())) == len(columns)


@pytest.mark.parametrize("quantity", FeatureSet.of("v6").quantities.values(), ids=lambda q: q.name)
def test_every_formula_is_named_documented_and_refers_to_known_names(quantity: Quantity) -> None:
    expression = quantity.formula()

    assert quantity.name == quantity.formula.__name__
    assert quantity.words.endswith(".")
    assert set(expression.meta.root_names()) <= BARS | set(FeatureSet.of("v6").quantities)


def test_warmup_never_falls_short_of_the_columns_that_a_column_refers_to() -> None:
    known = FeatureSet.of("v6").quantities

    for column in FeatureSet.of("v6").columns:
        for name in column.formula().meta.root_names():
            used = known.get(name)
            if isinstance(used, Column):
                assert column.warmup >= used.warmup, f"{column.name} refers to {name}"


def test_every_quantity_is_used_by_a_column() -> None:
    used: set[str] = set()
    for quantity in FeatureSet.of("v6").quantities.values():
        used.update(quantity.formula().meta.root_names())

    shared = {q.name for q in FeatureSet.of("v6").quantities.values() if not isinstance(q, Column)}

    assert shared <= used


def test_scales_are_positive_and_those_of_flags_are_1() -> None:
    for column, scale in zip(FeatureSet.of("v6").columns, FeatureSet.of("v6").scales, strict=True):
        assert scale > 0
        assert scale == 1.0 or not column.is_flag


def test_warmup_of_the_set_is_that_of_its_longest_column() -> None:
    assert warmup_bars() == 350
    assert {c.name for c in FeatureSet.of("v6").columns if c.warmup == 350} == {
        "plus_di_14",
        "minus_di_14",
        "adx_14",
    }


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("v6", "996bad290ed85c2c18e7561e9d5df31f924fe621c75b14b80cd8c2b6e89790f5"),
        ("sectors", "3a19510aca479aa9d3140fdabc553994ec818a3c448723a2d6ef7a3f4f2f74c3"),
    ],
)
def test_fingerprints_stay_what_bundles_carry(name: str, fingerprint: str) -> None:
    assert feature_fingerprint(name) == FeatureSet.of(name).fingerprint == fingerprint


def test_every_set_has_its_fingerprint_tested() -> None:
    assert set(FEATURE_SETS) == {"v6", "sectors"}
    assert feature_fingerprint() == feature_fingerprint("v6")


def test_a_set_is_looked_up_once_and_carried() -> None:
    chosen = FeatureSet.of("sectors")

    assert FeatureSet.of(chosen) is FeatureSet.of("sectors") is chosen
    assert (len(chosen.names), len(chosen.scales), chosen.warmup) == (89, 89, 350)
    assert len(chosen.of_scope("symbol")) + len(chosen.of_scope("panel")) == 89
    assert (chosen.compares_symbols, FeatureSet.of("v6").compares_symbols) == (True, False)


def test_features_are_those_of_the_set_by_name_or_by_value() -> None:
    bars = SimulatedMarket(symbols=2, sessions=20).bars()

    by_value = compute_features(bars, FeatureSet.of("sectors"))

    assert by_value.equals(compute_features(bars, "sectors"))


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
    assert f"{len(FeatureSet.of('v6').columns)} columns a symbol and bar" in text
    assert "(reference/features.md)" in text
