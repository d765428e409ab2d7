"""What a bundle must not have known: three faults that make any result look better than it is.

Orders filled at a price that was seen before they were sent; features scaled by bars after the
training window; symbols chosen from the index as it became. Each is checked from what the bundle
leaves behind, and `ploutos model promote` refuses it (`train.verdict.promotion_gate`).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from envs import Market, V6Params, Window
from envs.arrays import Float32
from features import SimulatedMarket
from train.backtest.evaluation import Evaluation
from train.bundle.bundle import PolicyBundle
from train.bundle.manifest import Manifest
from train.bundle.windows import judged_window
from train.diagnose.fill_check import fill_fault
from train.policy.normaliser import Normaliser
from train.verdict.promotion_gate import Leaks

CLOSE = 1e-3  # of a standard deviation: more than rounding, less than what other bars change
_NAMED = 3
_SIMULATED = 1089  # 99 of each sector: more than any simulated market has had


def find_leaks(bundle: PolicyBundle, market: Market, walk: Evaluation, universe: Path) -> Leaks:
    """Look for all three.

    Args:
        bundle: a whole one, with a fold.
        market: the bars it was made on, with raw features.
        walk: of its test window, seed 0.
        universe: folder of the home's universe; need not exist.
    """
    manifest = bundle.manifest
    params = V6Params.from_dict(manifest.v6_params)
    onnx = (bundle.path / "policy.onnx").read_bytes()
    return Leaks(
        fills=fill_fault(walk, market, params, judged_window(manifest)),
        normaliser=normaliser_fault(manifest, onnx, market),
        universe=universe_fault(manifest, market, universe),
    )


def normaliser_fault(manifest: Manifest, onnx: bytes, market: Market) -> str:
    """Whether the scale of the features is that of the training window, and of nothing else.

    It is measured again on the last fold's training window and compared with the manifest; and
    the manifest with the numbers inside the model, where the model is one that Ploutos wrote.
    """
    stated = Normaliser.from_dict(manifest.normaliser.model_dump())
    window = manifest.folds[-1].train
    fitted = Normaliser.fit(market.features, market.tradable, window)
    column = _differs(stated, fitted)
    if column is not None:
        everything = Normaliser.fit(market.features, market.tradable, Window(0, market.num_bars))
        of_all = _differs(stated, everything) is None
        return (
            f"{market.feature_names[column]} is scaled by mean {stated.mean[column]:.6g} and "
            f"deviation {stated.std[column]:.6g}; over the training window, bars {window.start} to "
            f"{window.last}, they are {fitted.mean[column]:.6g} and {fitted.std[column]:.6g}"
            + ("; the scale is that of all bars, those of the test among them" if of_all else "")
        )
    inside = scale_inside(onnx)
    if inside is None:
        return ""
    tiled = (np.tile(part, market.num_assets) for part in (stated.mean, stated.std))
    if all(np.array_equal(*pair) for pair in zip(inside, tiled, strict=True)):
        return ""
    return "policy.onnx scales the features by other numbers than its manifest says"


def scale_inside(onnx: bytes) -> tuple[Float32, Float32] | None:
    """Mean and deviation (A*F,) that `train.policy.export` wrote into a model; None in others."""
    from onnx import load_model_from_string, numpy_helper

    graph = load_model_from_string(onnx).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found: dict[str, Any] = {}
    for node in graph.node:
        if node.op_type in ("Sub", "Div") and node.input[-1] in constants:
            found.setdefault(node.op_type, numpy_helper.to_array(constants[node.input[-1]]))
    return (found["Sub"], found["Div"]) if len(found) == 2 else None


def universe_fault(manifest: Manifest, market: Market, folder: Path) -> str | None:
    """Whether the symbols could have been chosen before validation began.

    In a market of slots: whether each name could have been chosen the day before it sat down.

    None where that cannot be told: there is no universe, and the symbols are not made up.

    Raises:
        DataError: the universe is damaged.
    """
    from features.universe.check import universe_faults
    from features.universe.store import UNIVERSE_FILE, load_universe

    if _made_up(manifest):
        return ""
    if not (folder / UNIVERSE_FILE).exists():
        return None
    universe = load_universe(folder)
    until = _day(market, -1)
    faults = [
        fault
        for day, symbols in _choices(manifest, market)
        for fault in universe_faults(universe, symbols, day, until)
    ]
    more = f"; and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
    return "; ".join(faults[:_NAMED]) + more


def _choices(manifest: Manifest, market: Market) -> Iterator[tuple[date, Sequence[str]]]:
    """Symbols that were chosen together, and the last day that their choice may have known."""
    if market.occupant is None:
        yield _day(market, manifest.folds[-1].validation.start - 1), manifest.symbols
        return
    before = np.vstack([np.full_like(market.occupant[:1], -1), market.occupant[:-1]])
    sat_down = (market.occupant != before) & (market.occupant >= 0)  # (T, A)
    for bar in np.flatnonzero(sat_down.any(axis=1)).tolist():
        newcomers = market.occupant[bar][sat_down[bar]].tolist()
        yield _day(market, max(bar - 1, 0)), [market.names[who] for who in newcomers]


def _made_up(manifest: Manifest) -> bool:
    """Whether the symbols are the simulated market's, which no index holds."""
    simulated = SimulatedMarket(symbols=_SIMULATED).tickers()
    return manifest.data.label == SimulatedMarket.label or set(manifest.symbols) <= set(simulated)


def _day(market: Market, bar: int) -> date:
    day: date = market.ts[bar].astype("datetime64[D]").item()
    return day


def _differs(stated: Normaliser, fitted: Normaliser) -> int | None:
    """The column that differs most, in deviations; None when all are close."""
    gap = np.maximum(np.abs(stated.mean - fitted.mean), np.abs(stated.std - fitted.std))
    gap /= fitted.std
    worst = int(np.argmax(gap))
    return worst if gap[worst] > CLOSE else None
