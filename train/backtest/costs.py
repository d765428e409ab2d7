"""The same market made dearer, to see whether a result survives it."""

from dataclasses import replace

from envs import V6Params


def with_costs(params: V6Params, factor: float) -> V6Params:
    """The parameters with every cost of trading times `factor`, at least 1.

    Commission, fees, spread and the impact factor are multiplied. What a slippage model takes
    without a factor, as "realistic" does with its draws, is added to the spread in the mean: each
    fill costs `factor` times as much on average, and the same draws are kept. The volatility term
    of "impact" stays as it is.

    Raises:
        ConfigError: a cost leaves the range of its parameter.
    """
    return replace(
        params,
        commission=params.commission * factor,
        sec_fee=params.sec_fee * factor,
        finra_taf=params.finra_taf * factor,
        spread_bps=params.spread_bps * factor + params.slippage.fixed_mean_bps * (factor - 1.0),
        market_impact_factor=params.market_impact_factor * factor,
    )
