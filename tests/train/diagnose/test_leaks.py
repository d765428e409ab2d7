"""What a bundle must not have known, looked for from what it leaves behind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError
from envs import Market, Window
from features.universe.store import UNIVERSE_FILE, save_universe
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe
from train.bundle.manifest import FoldSpan, Manifest, ManifestFields, Normalisation, complete
from train.diagnose.leaks import normaliser_fault, scale_inside, universe_fault
from train.policy.export import actor_to_onnx
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.policy.normaliser import Normaliser

FOLD = FoldSpan(index=0, train=(0, 140), validation=(147, 210), test=(217, 420))


@pytest.fixture
def manifest(stated: ManifestFields) -> Callable[..., Manifest]:
    """Makes a manifest with this scale; keywords replace other fields."""

    def make(scale: Normaliser | None = None, **fields: Any) -> Manifest:
        if scale is not None:
            fields["normaliser"] = Normalisation.model_validate(scale.to_dict())
        made = stated.model_copy(update={"folds": (FOLD,), **fields})
        return complete(made, {"policy.onnx": "ab" * 32})

    return make


def onnx_with(scale: Normaliser, kind: str = "flat") -> bytes:
    shape = NetworkShape(num_assets=3, num_features=2, hidden=(4,), kind=kind)
    return actor_to_onnx(Actor(PolicyNet(shape)), scale)


def fitted(market: Market, low: int, high: int) -> Normaliser:
    return Normaliser.fit(market.features, market.tradable, Window(low, high))


class TestNormaliser:
    @pytest.mark.parametrize("kind", ["flat", "shared"])
    def test_the_scale_of_the_training_window_is_clean(
        self, market: Market, manifest: Callable[..., Manifest], kind: str
    ) -> None:
        scale = fitted(market, FOLD.train.start, FOLD.train.stop)

        assert normaliser_fault(manifest(scale), onnx_with(scale, kind), market) == ""

    def test_a_scale_of_everything_is_called_that(
        self, market: Market, manifest: Callable[..., Manifest]
    ) -> None:
        scale = fitted(market, 0, market.num_bars)

        told = normaliser_fault(manifest(scale), onnx_with(scale), market)

        assert "over the training window, bars 0 to 139, they are" in told
        assert told.endswith("the scale is that of all bars, those of the test among them")

    def test_validation_bars_in_the_fit_are_told_and_the_column_named(
        self, market: Market, manifest: Callable[..., Manifest]
    ) -> None:
        scale = fitted(market, 0, FOLD.validation.stop)

        told = normaliser_fault(manifest(scale), onnx_with(scale), market)

        assert told.split()[0] in market.feature_names
        assert "all bars" not in told

    def test_rounding_is_no_fault_and_a_hundredth_of_a_deviation_is(
        self, market: Market, manifest: Callable[..., Manifest]
    ) -> None:
        scale = fitted(market, FOLD.train.start, FOLD.train.stop)
        near = replace(scale, mean=scale.mean * np.float32(1.0 + 1e-6))
        far = replace(scale, mean=scale.mean + np.float32(0.01) * scale.std)

        assert normaliser_fault(manifest(near), onnx_with(near), market) == ""
        assert normaliser_fault(manifest(far), onnx_with(far), market) != ""

    def test_a_model_that_scales_otherwise_than_it_says(
        self, market: Market, manifest: Callable[..., Manifest]
    ) -> None:
        scale, everything = (
            fitted(market, FOLD.train.start, FOLD.train.stop),
            fitted(market, 0, market.num_bars),
        )

        told = normaliser_fault(manifest(scale), onnx_with(everything), market)

        assert told == "policy.onnx scales the features by other numbers than its manifest says"

    def test_the_numbers_inside_are_those_that_were_written(self, market: Market) -> None:
        scale = fitted(market, FOLD.train.start, FOLD.train.stop)

        inside = scale_inside(onnx_with(scale))

        assert inside is not None
        np.testing.assert_array_equal(inside[0], np.tile(scale.mean, 3))
        np.testing.assert_array_equal(inside[1], np.tile(scale.std, 3))

    def test_another_makers_model_has_no_scale_to_compare(
        self, policy_onnx: Callable[..., bytes], weights: np.ndarray[Any, Any]
    ) -> None:
        assert scale_inside(policy_onnx(weights)) is None


class TestUniverse:
    def test_made_up_symbols_need_no_universe(
        self, market: Market, manifest: Callable[..., Manifest], tmp_path: Path
    ) -> None:
        data = manifest().data.model_copy(update={"label": "edge"})
        named = manifest(data=data, symbols=("SIMK01", "SIMRE12", "SIMB02"))

        assert universe_fault(manifest(), market, tmp_path) == ""  # labelled SIMULATED
        assert universe_fault(named, market, tmp_path) == ""

    def test_without_a_universe_it_cannot_be_told(
        self, market: Market, manifest: Callable[..., Manifest], tmp_path: Path
    ) -> None:
        data = manifest().data.model_copy(update={"label": "daily"})

        assert universe_fault(manifest(data=data), market, tmp_path) is None

    @pytest.mark.parametrize("later", [0, 1])
    def test_the_choice_may_know_the_day_before_validation_and_no_more(
        self, market: Market, manifest: Callable[..., Manifest], tmp_path: Path, later: int
    ) -> None:
        data = manifest().data.model_copy(update={"label": "daily"})
        day = market.ts[FOLD.validation.start - 1].astype("datetime64[D]").item()
        joined = day + timedelta(days=later)
        save_universe(universe_of([("XLK", joined, None, "XLK")]), tmp_path)

        found = universe_fault(manifest(data=data), market, tmp_path)

        told = f"XLK was not in the index on {day}: it joined on {joined}"
        assert found == (told if later else "")

    def test_no_more_than_three_are_named(
        self, market: Market, manifest: Callable[..., Manifest], tmp_path: Path
    ) -> None:
        names = ("A", "B", "C", "D", "E")
        data = manifest().data.model_copy(update={"label": "daily"})
        joined = date(2030, 1, 2)
        save_universe(universe_of([(name, joined, None, name) for name in names]), tmp_path)

        found = universe_fault(manifest(data=data, symbols=names), market, tmp_path)

        assert found is not None
        assert found.count("was not in the index") == 3
        assert found.endswith("; and 2 more")

    def test_a_name_in_a_slot_must_have_been_in_the_day_before_it_sat_down(
        self, market: Market, manifest: Callable[..., Manifest], tmp_path: Path
    ) -> None:
        # given: in slot 1, OLD gives way to NEW at bar 300
        data = manifest().data.model_copy(update={"label": "daily"})
        occupant = np.tile(np.array([0, 1, -1]), (market.num_bars, 1))
        occupant[300:, 1] = 2
        slots = replace(market, occupant=occupant, names=("STAY", "OLD", "NEW"))
        day = market.ts[299].astype("datetime64[D]").item()
        others = [("STAY", None, None, ""), ("OLD", None, None, "")]

        def told(joined: date) -> str | None:
            save_universe(universe_of([*others, ("NEW", joined, None, "")]), tmp_path)
            return universe_fault(manifest(data=data), slots, tmp_path)

        late = day + timedelta(days=1)
        assert told(day) == ""
        assert told(late) == f"NEW was not in the index on {day}: it joined on {late}"

    def test_a_damaged_universe_is_no_missing_one(
        self, market: Market, manifest: Callable[..., Manifest], tmp_path: Path
    ) -> None:
        data = manifest().data.model_copy(update={"label": "daily"})
        (tmp_path / UNIVERSE_FILE).write_text("{")

        with pytest.raises(DataError, match="is damaged"):
            universe_fault(manifest(data=data), market, tmp_path)


def universe_of(spells: list[tuple[str, date | None, date | None, str]]) -> Universe:
    return Universe(
        pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row"),
        pl.DataFrame([], schema=SECTOR_SCHEMA),
        "a test",
        datetime(2026, 1, 1, tzinfo=UTC),
    )
