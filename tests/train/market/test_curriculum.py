import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError
from envs import Market, Window
from train.market.curriculum import EVERYWHERE, Stage, stage_at, start_weights
from train.market.regimes import MEMORY, market_returns
from train.scenarios.scenario import PloutosConfig
from train.scenarios.sections import Curriculum

PHASES = (
    {"starts": "easy", "share": 0.25},
    {"starts": "medium", "share": 0.25},
    {"starts": "hard", "share": 0.5},
)


def market_of(returns: np.ndarray, tradable: np.ndarray | None = None) -> Market:
    """Two assets of the same returns (T,)."""
    close = 100 * np.exp(np.cumsum(returns))
    features = np.zeros((len(returns), 2, 1), np.float32)
    return Market.from_arrays(
        close=np.column_stack([close, close]), features=features, tradable=tradable
    )


def regimes(calm: int = 600, wild: int = 300) -> np.ndarray:
    """Noise around a rise, then noise of twenty times that size, then the rise again."""
    rng = np.random.default_rng(0)
    parts = [(1e-3, calm), (2e-2, wild), (1e-3, calm)]
    return np.concatenate([2e-4 + size * rng.standard_normal(bars) for size, bars in parts])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(MEMORY + 2, 390),
    starts=st.sampled_from(["easy", "medium"]),
)
def test_what_follows_a_bar_does_not_change_its_weight(seed: int, cut: int, starts: str) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(3, 400) * 0.01
    other = np.concatenate([returns[:cut], rng.standard_t(3, 400 - cut) * 0.05])

    whole, changed, short = (
        start_weights(market_of(path), starts)  # type: ignore[arg-type]
        for path in (returns, other, returns[:cut])
    )

    np.testing.assert_array_equal(changed[:cut], whole[:cut])
    np.testing.assert_array_equal(short, whole[:cut])


def test_a_calm_rising_market_is_easy_and_a_wild_one_is_not_even_medium() -> None:
    market = market_of(regimes())

    easy, medium = start_weights(market, "easy"), start_weights(market, "medium")

    assert easy is not None
    assert medium is not None
    assert easy[MEMORY + 1 : 600].mean() > 0.2
    assert easy[620:900].sum() == 0
    assert medium[MEMORY + 1 : 600].mean() > 0.7
    assert medium[620 : 620 + MEMORY].sum() == 0
    assert medium[1100:].mean() == 1.0
    assert (easy <= medium).all()


def test_a_falling_market_is_not_easy() -> None:
    rng = np.random.default_rng(1)

    falling = start_weights(market_of(-1e-3 + 1e-4 * rng.standard_normal(600)), "easy")

    assert falling is not None
    assert falling.sum() == 0


def test_bars_without_enough_past_start_no_episode() -> None:
    weights = start_weights(market_of(np.full(400, 1e-3)), "medium")

    assert weights is not None
    assert weights[:MEMORY].sum() == 0


def test_hard_is_everywhere_alike() -> None:
    assert start_weights(market_of(regimes()), "hard") is None


def test_the_equal_weight_market_leaves_out_what_does_not_trade() -> None:
    tradable = np.ones((5, 2), bool)
    tradable[3, 1] = False
    returns = np.array([0.0, 0.01, -0.02, 0.03, 0.01])

    found = market_returns(market_of(returns, tradable))

    np.testing.assert_allclose(found, returns, atol=1e-12)


class TestStages:
    curriculum = Curriculum.model_validate({"phases": PHASES})

    @pytest.mark.parametrize(
        ("steps", "starts", "end"),
        [(0, "easy", 250), (249, "easy", 250), (250, "medium", 500), (500, "hard", np.inf)],
    )
    def test_phases_follow_the_steps(self, steps: int, starts: str, end: float) -> None:
        assert stage_at(self.curriculum, 1000, steps) == Stage(starts, end)  # type: ignore[arg-type]

    def test_the_last_one_never_ends(self) -> None:
        assert stage_at(self.curriculum, 1000, 10**9).starts == "hard"

    def test_without_phases_episodes_start_everywhere(self) -> None:
        assert stage_at(Curriculum(), 1000, 0) == EVERYWHERE

    def test_a_phase_without_a_bar_to_start_at_is_refused(self) -> None:
        falling = market_of(np.full(300, -1e-3))

        with pytest.raises(ConfigError, match="easy has no bar"):
            Stage("easy", 10).weights(falling, Window(0, 300))


class TestScenario:
    def test_the_built_in_scenarios_have_none(self) -> None:
        assert PloutosConfig.from_yaml("demo").curriculum.phases == ()

    def test_shares_must_make_the_whole(self) -> None:
        with pytest.raises(ConfigError, match="not to 1"):
            PloutosConfig.from_json(
                '{"curriculum": {"phases": [{"starts": "easy", "share": 0.5}]}}'
            )

    def test_an_unknown_phase_or_key_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="hard"):
            PloutosConfig.from_json('{"curriculum": {"phases": [{"starts": "harm", "share": 1}]}}')
        with pytest.raises(ConfigError, match="did you mean share"):
            PloutosConfig.from_json(
                '{"curriculum": {"phases": [{"starts": "easy", "share": 1, "shar": 1}]}}'
            )
