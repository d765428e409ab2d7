"""The quick half of `make learn`: one asset on a noisy sine, for each learner."""

import json
from pathlib import Path

import numpy as np
import pytest

from envs import Window
from train.controls.learning_check import Case, all_cases, main, pass_reward, run_sine, table
from train.controls.learning_markets import (
    halves,
    planted_market,
    sine_market,
    sine_oracle,
    sine_params,
)


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["sb3", "rllib"])
@pytest.mark.usefixtures("local_ray")
def test_a_learner_reaches_nine_tenths_of_the_optimal_reward(learner: str) -> None:
    numbers = run_sine(learner, seed=0)

    assert numbers["share"] >= 0.9


def test_who_always_buys_or_trades_at_random_is_far_from_optimal() -> None:
    place, random = sine_market(seed=0), np.random.default_rng(0)

    holding = pass_reward(lambda bar, seen: 1, place, sine_params())
    guessing = pass_reward(lambda bar, seen: int(random.integers(3)), place, sine_params())
    optimal = pass_reward(lambda bar, seen: sine_oracle(bar, seen[0, 8] > 0), place, sine_params())

    assert optimal > 800
    assert holding < 0.5 * optimal
    assert guessing < 0.5 * optimal


def test_the_oracle_is_in_while_the_clean_price_rises() -> None:
    clean = np.sin(2 * np.pi * np.arange(100) / 28)
    held, gained = False, 0.0
    for bar in range(98):
        held = {0: held, 1: True, 2: False}[sine_oracle(bar, held)]
        gained += held * (clean[bar + 2] - clean[bar + 1])

    assert gained == pytest.approx(np.diff(clean)[1:].clip(min=0).sum())


def test_the_sines_features_know_only_the_past() -> None:
    place = sine_market(seed=3, bars=280)
    price = np.log(place.market.close[:, 0])

    shown = place.market.features[100, 0, :3] * 0.01

    np.testing.assert_allclose(shown, np.diff(price)[[99, 98, 97]], rtol=1e-4)
    assert place.train.stop < place.test.start


def test_the_planted_market_is_split_with_a_gap() -> None:
    place = halves(planted_market(4.0, seed=1, symbols=3, sessions=120))

    assert place.market.num_assets == 3
    assert place.train.start > 0  # warm-up
    assert place.test == Window(place.train.stop + 21, place.market.num_bars)


class TestCommand:
    def test_cases_that_have_a_result_are_not_run_again(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], local_ray: None
    ) -> None:
        done = {"steps": 100, "seconds": 2.0, "share": 0.95}
        for seed in range(5):
            (tmp_path / f"sine-sb3-flat-{seed}.json").write_text(json.dumps(done))

        main(["sine/sb3", "--out", str(tmp_path)])

        assert "0.95" in capsys.readouterr().out

    def test_the_table_holds_medians_over_seeds(self) -> None:
        rows = [
            (
                Case("edge8", "sb3", "shared", seed),
                {"sharpe": float(seed), "equal_weight": 1.0, "random": 0.5}
                | {"steps": 10, "seconds": 1.0},
            )
            for seed in range(5)
        ]

        text = table(rows).splitlines()

        assert text[1].split() == ["edge8", "sb3", "shared", "5", "2.00", "1.00", "0.50", "10"]

    def test_names_are_unique(self) -> None:
        names = [case.name for case in all_cases()]

        assert len(names) == len(set(names)) == 70
