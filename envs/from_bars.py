"""From bars to a Market."""

from collections.abc import Mapping, Sequence

from envs.market import Market
from features import aligned_table
from features.bars.checks import Bars
from features.compute.catalog import FeatureSet
from features.slots.bars import SlottedBars


def market_from_bars(
    bars: Bars,
    feature_set: str | FeatureSet = "v6",
    symbols: Sequence[str] | None = None,
    sectors: Mapping[str, str] | None = None,
) -> Market:
    """Put bars and their features on one clock and check them.

    Args:
        bars: Hourly or daily, checked or as `features.check_bars` takes them.
        feature_set: The feature set, or its name.
        symbols: Which symbols, in slot order; all, sorted, when None.
        sectors: Sector of each symbol, as `features.compute_features` takes it.

    Raises:
        DataError: a bad bar, or a symbol without enough bars, by name.
    """
    table = aligned_table(bars, feature_set, symbols, sectors)
    return Market.from_arrays(
        close=table.close,
        open=table.open,
        session=table.session,
        volume=table.volume,
        volatility=table.volatility,
        tradable=table.tradable,
        features=table.features,
        ts=table.ts,
        symbols=table.symbols,
        feature_names=table.feature_names,
    )


def market_from_slots(slotted: SlottedBars) -> Market:
    """The Market of the slots."""
    table, seating = slotted.names, slotted.seating
    arrays = {
        name: seating.gathered(getattr(table, name))
        for name in ("close", "open", "volume", "volatility", "tradable", "features")
    }
    return Market.from_arrays(
        **arrays,
        session=table.session,
        ts=table.ts,
        symbols=seating.slots,
        feature_names=table.feature_names,
        occupant=seating.occupant,
        exit_price=seating.exit_price,
        names=table.symbols,
    )
