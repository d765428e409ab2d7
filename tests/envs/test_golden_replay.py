from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cluster.errors import ConfigError, DataError, UsageError
from envs.params import V6Params
from envs.replay import replay_golden

FILES = ("v6_random.npz", "v6_sparse.npz", "v6_trend_sector_params.npz")


@pytest.mark.parametrize("name", FILES)
def test_the_reference_preset_reproduces_the_original(golden_folder: Path, name: str) -> None:
    replay = replay_golden(golden_folder / name)
    with np.load(golden_folder / name) as golden:
        assert replay.steps.shape == golden["steps"].shape
        assert list(replay.columns) == list(golden["columns"])
    assert replay.matches
    assert max(replay.errors.values()) == 0.0


def _save(path: Path, golden: dict[str, Any], **changes: Any) -> Path:
    np.savez(path, **(golden | changes))
    return path


@pytest.fixture
def golden(golden_folder: Path) -> dict[str, Any]:
    with np.load(golden_folder / "v6_sparse.npz") as file:
        return dict(file)


def test_a_golden_row_that_differs_is_reported_by_column(
    tmp_path: Path, golden: dict[str, Any]
) -> None:
    steps = golden["steps"].copy()
    steps[700, 2] *= 1.0 + 1e-8
    replay = replay_golden(_save(tmp_path / "off.npz", golden, steps=steps))
    assert not replay.matches
    assert replay.errors["equity"] == pytest.approx(1e-8, rel=1e-3)
    assert replay.errors["cash"] == 0.0


def test_columns_come_in_the_files_own_order(tmp_path: Path, golden: dict[str, Any]) -> None:
    order = np.arange(golden["columns"].size)[::-1]
    changed = {"columns": golden["columns"][order], "steps": golden["steps"][:, order]}
    replay = replay_golden(_save(tmp_path / "reversed.npz", golden, **changed))
    assert replay.matches
    assert replay.columns[-1] == "step"


def test_a_nan_in_a_golden_file_is_no_match(tmp_path: Path, golden: dict[str, Any]) -> None:
    steps = golden["steps"].copy()
    steps[3, 1] = np.nan
    assert not replay_golden(_save(tmp_path / "nan.npz", golden, steps=steps)).matches


def test_ruin_ends_an_episode_and_freezes_it(tmp_path: Path, scalar_v6: ModuleType) -> None:
    # given one asset that loses 90 % at bar 6, everything invested in it
    close = np.full((300, 1), 50.0)
    close[6:] = 5.0
    actions = np.zeros((9, 1), np.int8)
    actions[0] = 1
    params = '{"env_defaults": true, "slippage": "none", "buy_pct": 0.9, "max_position_pct": 0.9}'
    golden = {
        "close": close,
        "actions": actions,
        "start": np.int64(2),
        "steps": np.zeros((9, 4)),
        "columns": np.array(["step", "reward", "equity", "done"]),
        "params": np.array(params),
        "tickers": np.array(["ONE"]),
    }
    # when it is replayed
    replay = replay_golden(_save(tmp_path / "ruin.npz", golden))
    # then it is done at the crash (the step of bar 6), and stands still afterwards
    done = replay.steps[:, 3]
    assert done.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert replay.steps[4:, 0].tolist() == [7] * 5
    assert replay.steps[5:, 1].tolist() == [0] * 4
    assert replay.steps[4, 1] == -10.0
    market = type("M", (), {"close": close, "open": None, "volume": None, "volatility": None})
    market.session, market.tradable = np.arange(300) // 78, np.ones((300, 1), bool)
    settings = V6Params.reference(slippage_model="none", buy_pct=0.9, max_position_pct=0.9)
    oracle = scalar_v6.ScalarV6(market, settings)
    oracle.reset(2)
    equities = [(oracle.step(row), oracle.equity)[1] for row in actions[:5]]
    np.testing.assert_allclose(replay.steps[:5, 2], equities, rtol=1e-12)


def test_max_steps_counts_bars_of_the_market(tmp_path: Path, golden: dict[str, Any]) -> None:
    params = '{"env_defaults": true, "slippage": "none", "day_length": 78, "max_steps": 1100}'
    replay = replay_golden(_save(tmp_path / "short.npz", golden, params=np.array(params)))
    done = replay.steps[:, list(replay.columns).index("done")]
    assert int(done.argmax()) == 1100 - int(golden["start"]) - 1


def test_what_is_no_golden_file_is_refused(tmp_path: Path, golden: dict[str, Any]) -> None:
    (tmp_path / "text.npz").write_text("not a zip")
    for path in (tmp_path / "text.npz", tmp_path / "missing.npz"):
        with pytest.raises(DataError, match="is no golden file"):
            replay_golden(path)
    wrong = np.array('{"buy_pc": 0.1}')
    with pytest.raises(ConfigError, match="buy_pct"):
        replay_golden(_save(tmp_path / "params.npz", golden, params=wrong))
    with pytest.raises(UsageError, match="start 5000"):
        replay_golden(_save(tmp_path / "start.npz", golden, start=np.int64(5000)))
    columns = golden["columns"].copy()
    columns[0] = "colour"
    with pytest.raises(DataError, match="colour"):
        replay_golden(_save(tmp_path / "columns.npz", golden, columns=columns))
