"""What every registered model must keep, and the numbers of each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.kernel import compiled
from envs.slippage.draws import DrawKey
from envs.slippage.impact import IMPACT
from envs.slippage.model import Quote, SlippageModel
from envs.slippage.none import NONE
from envs.slippage.realistic import REALISTIC
from envs.slippage.registry import CODES, MODELS, coded_share

FACTOR = 1e-4
KEY = DrawKey(7, 0, 12, 3)
word = st.integers(0, 2**31 - 1)
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


@every_model
@settings(max_examples=60, deadline=None)
@given(
    notional=st.floats(1.0, 1e9),
    price=st.floats(0.01, 5e3),
    volatility=st.floats(0.0, 1.0),
    dollars=st.floats(0.0, 1e9),
    part=st.floats(0.0, 1.0),
    seed=word,
)
def test_a_model_keeps_what_its_specification_says(
    model: SlippageModel,
    notional: float,
    price: float,
    volatility: float,
    dollars: float,
    part: float,
    seed: int,
) -> None:
    quote, key = Quote(price, volatility, dollars), KEY._replace(seed=seed)
    share = model.share(notional, quote, key, FACTOR)
    # then it is a share of price that never helps the order
    assert 0.0 <= share < 1.0
    # and what a code asks for is this model, compiled and not, to the last bit
    asked = (CODES[model.name], notional, quote, key, FACTOR)
    assert coded_share(*asked) == compiled(coded_share)(*asked) == share
    # and a smaller order, drawn anew, pays no more than the bound
    bound = model.at_most(notional, quote, key, FACTOR)
    drawn_anew = key if model.highest is None else key._replace(bar=99)
    assert model.share(notional * part, quote, drawn_anew, FACTOR) <= bound
    # and it looks at the liquidity only if it says so
    if not model.reads_liquidity:
        assert model.share(notional, Quote(price, 0.0, 0.0), key, FACTOR) == share


@every_model
def test_the_fixed_mean_is_the_mean_where_nothing_scales_a_model(model: SlippageModel) -> None:
    # given orders without volatility and with no factor, in a liquid bar
    quote = Quote(50.0, 0.0, 1e12)
    paid = [model.share(1e4, quote, KEY._replace(bar=bar), 0.0) for bar in range(20_000)]
    assert np.mean(paid) * 1e4 == pytest.approx(model.fixed_mean_bps, abs=0.08)


def test_none_is_nothing() -> None:
    assert NONE.share(1e9, Quote(50.0, 0.9, 1.0), KEY, 0.05) == 0.0


def test_realistic_spreads_over_1_to_10_bps() -> None:
    quote = Quote(50.0, 0.0, 0.0)
    paid = np.array([REALISTIC.share(1.0, quote, KEY._replace(bar=b), 0.0) for b in range(20_000)])
    assert 1e-4 <= paid.min() < 1.02e-4
    assert 9.98e-4 < paid.max() <= REALISTIC.highest == 1e-4 + 9e-4
    assert paid.mean() == pytest.approx(5.5e-4, abs=8e-6)
    assert REALISTIC.fixed_mean_bps == 5.5


def test_impact_grows_with_the_square_root_of_participation_and_is_capped() -> None:
    quote = Quote(price=50.0, volatility=0.01, dollar_volume=1e6)
    small, large, huge = (IMPACT.share(usd, quote, KEY, FACTOR) for usd in (1e4, 4e4, 1e12))
    assert small == pytest.approx(0.0001 + 0.01 * 0.1)
    assert large - 0.0001 == pytest.approx(2 * (small - 0.0001))
    assert huge == 0.05
    assert IMPACT.share(1.0, quote._replace(dollar_volume=0.0), KEY, FACTOR) == 0.05
