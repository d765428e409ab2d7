import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.errors import DataError, UsageError
from envs import Market, Window, market_arrays

CLOSE = np.array([[10.0, 20.0], [11.0, 21.0], [12.0, 22.0]])
TS = np.array(["2024-01-02T14:30", "2024-01-02T15:30", "2024-01-03T14:30"], "datetime64[us]")


def build(**changes: Any) -> Market:
    arrays: dict[str, Any] = {"close": CLOSE, "ts": TS, "symbols": ["NVDA", "XOM"]}
    return Market.from_arrays(**(arrays | changes))


def with_value(bar: int, asset: int, value: float) -> np.ndarray:
    changed = CLOSE.copy()
    changed[bar, asset] = value
    return changed


def test_shapes_and_defaults() -> None:
    market = build(features=np.zeros((3, 2, 4)))
    assert (market.num_bars, market.num_assets, market.num_features) == (3, 2, 4)
    assert market.table.shape == (3, 8)
    assert market.features.dtype == np.float32
    assert np.diff(market.session).tolist() == [0, 1]
    assert market.tradable.all()
    assert market.open is None
    assert market.feature_names == ("feature0", "feature1", "feature2", "feature3")
    plain = Market.from_arrays(close=CLOSE)
    assert plain.symbols == ("asset0", "asset1")
    assert plain.session.tolist() == [0, 1, 2]
    assert plain.num_features == 0
    assert np.isnat(plain.ts).all()


def test_a_market_is_read_only_and_leaves_the_callers_array_writable() -> None:
    close = CLOSE.copy()
    market = build(close=close)
    with pytest.raises(ValueError, match="read-only"):
        market.close[0, 0] = 1.0
    assert close.flags.writeable
    assert np.shares_memory(market.close, close)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -3.0])
@pytest.mark.parametrize("name", ["close", "open"])
def test_a_bad_price_is_named_by_symbol_and_bar(name: str, value: float) -> None:
    with pytest.raises(DataError, match=rf"{name} of XOM at bar 1 \(2024-01-02T15:30.* UTC\) is"):
        build(**{name: with_value(1, 1, value)})


def test_before_its_first_bar_an_asset_may_have_no_price() -> None:
    late = np.array([[True, False], [True, True], [True, True]])
    assert build(close=with_value(0, 1, 0.0), tradable=late).close[0, 1] == 0.0
    gap = np.array([[True, True], [True, False], [True, True]])
    with pytest.raises(DataError, match="close of XOM at bar 1"):
        build(close=with_value(1, 1, 0.0), tradable=gap)
    with pytest.raises(DataError, match="close of XOM at bar 0"):
        build(close=with_value(0, 1, np.nan), tradable=late)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"close": CLOSE[0]}, "close has a wrong shape"),
        ({"close": CLOSE[:1]}, "close has a wrong shape"),
        ({"close": [["a", "b"], ["c", "d"]]}, "close is no float64 array"),
        ({"open": CLOSE[:2]}, "open has a wrong shape"),
        ({"volume": -CLOSE}, "volume of NVDA at bar 0"),
        ({"volatility": CLOSE * np.nan}, "volatility of NVDA at bar 0"),
        ({"session": [0, 0]}, "session has a wrong shape"),
        ({"session": [0, 2, 1]}, "session of bar 2 is before"),
        ({"session": [0.0, 0.5, 1.0]}, "session is no int64 array"),
        ({"tradable": np.ones((3, 2))}, "tradable is no bool array"),
        ({"ts": TS[[0, 2, 1]]}, "ts of bar 2 is not after"),
        ({"ts": TS[[0, 1, 1]]}, "ts of bar 2 is not after"),
        ({"symbols": ["NVDA"]}, "symbols do not fit"),
        ({"symbols": ["NVDA", "NVDA"]}, "symbols do not fit"),
        ({"features": np.zeros((3, 3, 1))}, "features have a wrong shape"),
        ({"features": np.full((3, 2, 1), 10.5)}, "feature feature0 of NVDA at bar 0"),
        ({"features": np.full((3, 2, 1), np.nan)}, "feature feature0 of NVDA at bar 0"),
        (
            {"features": np.zeros((3, 2, 2)), "feature_names": ["one"]},
            "features have a wrong shape",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        build(**changes)


def test_a_market_of_too_many_bars_is_refused() -> None:
    with pytest.raises(DataError, match="too many bars"):
        market_arrays.check_matrix(np.broadcast_to(1.0, (2**24 + 1, 1)))


def test_the_fingerprint_is_of_the_content() -> None:
    market = build(open=CLOSE, features=np.zeros((3, 2, 1)))
    same = build(open=CLOSE.copy(), features=np.zeros((3, 2, 1)))
    assert market.fingerprint == same.fingerprint
    assert len(market.fingerprint) == 64
    others = [
        build(open=with_value(2, 1, 22.5), features=np.zeros((3, 2, 1))),
        build(features=np.zeros((3, 2, 1))),
        build(open=CLOSE, features=np.ones((3, 2, 1))),
        build(open=CLOSE, features=np.zeros((3, 2, 1)), symbols=["NVDA", "CVX"]),
    ]
    assert len({each.fingerprint for each in (market, *others)}) == 5


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    market = build(open=CLOSE, features=np.ones((3, 2, 1)), feature_names=["rsi_14"])
    folder = market.save(tmp_path)
    assert folder == tmp_path / market.fingerprint[:16]
    loaded = Market.load(folder)
    assert loaded.header() == market.header()
    for name, array in market.arrays().items():
        np.testing.assert_array_equal(loaded.arrays()[name], array)
        assert not loaded.arrays()[name].flags.writeable
        assert isinstance(loaded.arrays()[name].base, np.memmap)
    assert loaded.fingerprint == market.fingerprint
    assert loaded.volume is None


def test_saving_twice_writes_once(tmp_path: Path) -> None:
    market = build()
    first = (market.save(tmp_path) / "close.npy").stat()
    second = (market.save(tmp_path) / "close.npy").stat()
    assert (first.st_ino, first.st_mtime_ns) == (second.st_ino, second.st_mtime_ns)
    assert [path.name for path in tmp_path.iterdir()] == [market.fingerprint[:16]]


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    folder = build().save(tmp_path)
    with pytest.raises(DataError, match="is not a saved Market"):
        Market.load(tmp_path)
    np.save(folder / "close.npy", CLOSE[:2])
    with pytest.raises(DataError, match="close is float64"):
        Market.load(folder)
    (folder / "close.npy").write_bytes(b"torn")
    with pytest.raises(DataError, match="is not a saved Market"):
        Market.load(folder)
    header = json.loads((folder / "market.json").read_text())
    (folder / "market.json").write_text(json.dumps(header | {"schema": 99}))
    with pytest.raises(DataError, match="schema 99"):
        Market.load(folder)


def test_another_table_makes_another_market() -> None:
    market = build(features=np.zeros((3, 2, 1)))
    normalised = market.with_features(np.ones((3, 2, 1)))
    assert normalised.close is market.close
    assert normalised.features.sum() == 6
    assert normalised.fingerprint != market.fingerprint
    with pytest.raises(DataError, match="features have a wrong shape"):
        market.with_features(np.zeros((3, 2, 2)))
    with pytest.raises(DataError, match="is nan"):
        market.with_features(np.full((3, 2, 1), np.nan))


def test_a_window_is_a_view() -> None:
    market = build(open=CLOSE)
    part = market.window(Window(1, 3))
    assert part.close.tolist() == CLOSE[1:].tolist()
    assert np.shares_memory(part.close, market.close)
    with pytest.raises(UsageError, match=r"window \[1, 4\)"):
        market.window(Window(1, 4))


def test_importing_envs_pulls_neither_the_compiler_nor_gymnasium() -> None:
    code = (
        "import sys; import envs; from envs import Market, V6Params; import envs.rules;"
        "import envs.observation;"
        "print([m for m in ('numba', 'gymnasium', 'polars', 'ray', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import envs

    with pytest.raises(AttributeError, match="Broker"):
        _ = envs.Broker
