"""The same market made dearer, to see whether a result survives it."""

from dataclasses import replace

from envs import V6Params

_MEAN_SLIPPAGE_BPS = 5.5  # of the "realistic" model, uniform over 1..10


def with_costs(params: V6Params, factor: float) -> V6Params:
    """The parameters with every cost of trading times `factor`, at least 1.

    Commission, fees, spread and the impact factor are multiplied. The drawn slippage of
    "realistic" has no factor: what it lacks in the mean is added to the spread, so each fill
    costs `factor` times as much on average, and the same draws are kept. The volatility term of
    "impact" stays as it is.

    Raises:
        ConfigError: a cost leaves the range of its parameter.
    """
    slippage = _MEAN_SLIPPAGE_BPS if params.slippage_model == "realistic" else 0.0
    return replace(
        params,
        commission=params.commission * factor,
        sec_fee=params.sec_fee * factor,
        finra_taf=params.finra_taf * factor,
        spread_bps=params.spread_bps * factor + slippage * (factor - 1.0),
        market_impact_factor=params.market_impact_factor * factor,
    )
