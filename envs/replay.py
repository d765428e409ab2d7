"""Replay a golden file: the original V6, recorded row by row, against the kernel."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import DataError
from envs.arrays import Float64
from envs.batch import EnvironmentBatch
from envs.market import Market
from envs.params import V6Params

# What the original recorded, in the order of the golden files; the observation's tail follows.
_ACCOUNT_COLUMNS = {
    "step": "bar",
    "equity": "equity",
    "cash": "cash",
    "peak": "peak",
    "total_trades": "total_trades",
    "winning": "wins",
    "losing": "losses",
    "trades_today": "trades_today",
}
_TAIL_COLUMNS = ("cash_pct", "total_return", "drawdown")
MONEY_TOLERANCE = 1e-9  # relative
TAIL_TOLERANCE = 1e-6  # relative, float32
_UNUSED_BARS = 100  # the original ends every episode this many bars before its data does


@dataclass(frozen=True)
class GoldenReplay:
    """What the kernel made of a golden file."""

    columns: tuple[str, ...]
    steps: Float64  # (steps, columns), the golden file's own columns
    errors: dict[str, float]  # largest relative error of each column
    matches: bool  # money, reward and counters within 1e-9, the observation's tail within 1e-6


def replay_golden(path: Path) -> GoldenReplay:
    """Run the recorded actions through the kernel under the `reference` preset.

    Raises:
        DataError: the file is no golden file.
        ConfigError: its parameters are not V6's.
        UsageError: its start or its actions do not fit its bars.
    """
    golden = _read(path)
    columns = tuple(str(name) for name in golden["columns"])
    params = json.loads(str(golden["params"]))
    batch = _batch(golden, params)
    batch.begin(np.array([0]), np.array(batch.given_start({"start": int(golden["start"])})))
    rows: list[dict[str, float]] = []
    for actions in golden["actions"]:
        # The original stands still once it is done.
        rows.append(
            {**rows[-1], "reward": 0.0} if rows and rows[-1]["done"] else _row(batch, actions)
        )
    try:
        steps = np.array([[row[name] for name in columns] for row in rows])
    except KeyError as error:
        raise DataError(f"{path} has a column {error} that V6 does not know") from error
    wanted = golden["steps"]
    errors = {name: _error(steps[:, i], wanted[:, i]) for i, name in enumerate(columns)}
    return GoldenReplay(columns, steps, errors, _all_within(errors))


def _read(path: Path) -> dict[str, NDArray[Any]]:
    names = ("close", "actions", "start", "steps", "columns", "params", "tickers")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is no golden file", str(error), f"give an .npz that holds {', '.join(names)}"
        ) from error


def _batch(golden: dict[str, NDArray[Any]], params: dict[str, Any]) -> EnvironmentBatch:
    close = golden["close"]
    bars = close.shape[0]
    overrides = {
        name: value
        for name, value in params.items()
        if name not in ("env_defaults", "slippage", "day_length")
    }
    overrides.setdefault("slippage_model", params.get("slippage", "none"))
    settings = V6Params.reference(**overrides)
    settings = V6Params.reference(
        **{**overrides, "max_steps": min(settings.max_steps, max(bars - _UNUSED_BARS, 1))}
    )
    market = Market.from_arrays(
        close=close,
        session=np.arange(bars) // int(params.get("day_length", 78)),
        symbols=[str(ticker) for ticker in golden["tickers"]],
    )
    return EnvironmentBatch(market, settings, num_envs=1)


def _row(batch: EnvironmentBatch, actions: NDArray[Any]) -> dict[str, float]:
    """One step, as the original recorded it."""
    out = batch.step(actions[None])
    row = {name: float(getattr(batch.state, of)[0]) for name, of in _ACCOUNT_COLUMNS.items()}
    row["reward"] = float(out.reward[0])
    row["done"] = float(out.terminated[0] or out.truncated[0])
    tail_names = [*(f"position_{symbol}" for symbol in batch.market.symbols), *_TAIL_COLUMNS]
    row.update(zip(tail_names, out.observation[0, 1:].astype(float), strict=True))
    return row


def _error(ours: Float64, golden: Float64) -> float:
    """Largest relative error; against a golden 0 it is the absolute one."""
    gap = np.abs(ours - golden)
    scale = np.where(golden == 0.0, 1.0, np.abs(golden))
    return float(np.max(gap / scale, initial=0.0))


def _all_within(errors: dict[str, float]) -> bool:
    return all(
        error <= (TAIL_TOLERANCE if _is_tail(name) else MONEY_TOLERANCE)
        for name, error in errors.items()
    )


def _is_tail(column: str) -> bool:
    return column in _TAIL_COLUMNS or column.startswith("position_")
