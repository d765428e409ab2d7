"""`python -m train.bench.gpu` on the CPU, at a tiny size."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cluster.errors import DataError
from envs import Market
from envs.bench import random_market
from places import ROOT
from train.bench.gpu import Workload, bench_gpu
from train.bench.gpu_market import read_market, simulated_market, write_market
from train.scenarios.scenario import PloutosConfig

TINY = Workload(hidden=(8, 8), n_envs=4, n_steps=32, batch_size=32, n_epochs=2, target_kl=None)
ABSENT = ("ray", "polars", "pydantic", "pydantic_settings", "pyarrow", "duckdb", "pandas", "yaml")
# On a machine without those packages: Python's own finder does not see them.
WITHOUT_PACKAGES = """
import sys
from importlib.machinery import PathFinder

class Fewer:
    @staticmethod
    def find_spec(name, path=None, target=None):
        absent = name.split(".")[0] in {absent}
        return None if absent else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Fewer
from pathlib import Path
from train.bench.gpu import Workload, bench_gpu
from train.bench.gpu_market import read_market
tiny = Workload(hidden=(8,), n_envs=2, n_steps=8, batch_size=8, n_epochs=1)
print(bench_gpu(read_market(Path({file!r})), tiny, 16)["steps"])
"""


@pytest.fixture
def market() -> Market:
    return random_market(assets=3, bars=300)


@pytest.fixture(autouse=True)
def _full_precision_afterwards() -> Any:
    yield
    torch.set_float32_matmul_precision("highest")


def test_the_workload_is_the_scenario_as_it_stands() -> None:
    scenario = PloutosConfig.from_yaml("v7_sp500_sectors")
    workload = Workload()

    theirs = scenario.training.model_dump(exclude={"total_timesteps", "n_envs"})
    assert workload.ppo() == theirs
    assert workload.n_envs == scenario.training.n_envs
    assert workload.hidden == scenario.network.net_arch
    assert workload.params().to_dict() == scenario.v6_params().to_dict()


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_it_reports_rates_shares_and_memory(market: Market, precision: Any) -> None:
    found = bench_gpu(market, TINY, 300, precision=precision)

    assert found["steps"] == 384  # three whole rollouts of 4 x 32
    assert found["epochs_per_rollout"] == 2.0
    assert 0.9 < found["sampling_share"] + found["learning_share"] <= 1.001
    assert 0.0 < found["gather_share"] < found["learning_share"]
    assert found["env_steps_per_s"] > 0
    assert (found["assets"], found["bars"], found["precision"]) == (3, 300, precision)
    if not torch.cuda.is_available():
        assert (found["device"], found["peak_device_mb"]) == ("cpu", None)
        assert found["gpu_figure"].startswith("missing")


def test_a_market_travels_as_one_file(market: Market, tmp_path: Path) -> None:
    size = write_market(market, tmp_path / "market.npz")

    found = read_market(tmp_path / "market.npz")

    assert size == (tmp_path / "market.npz").stat().st_size
    np.testing.assert_array_equal(found.close, market.close)
    np.testing.assert_array_equal(found.session, market.session)
    np.testing.assert_allclose(found.features, market.features, atol=5e-3)  # half precision


def test_v7s_market_fits_into_forty_megabytes(tmp_path: Path) -> None:
    """Noise does not compress; features of a market do, a little."""
    assert write_market(random_market(assets=22), tmp_path / "market.npz") < 40_000_000


@pytest.mark.parametrize("content", [b"", b"no market", b"PK\x03\x04"])
def test_a_file_that_is_no_market_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "market.npz").write_bytes(content)

    with pytest.raises(DataError, match="no market file"):
        read_market(tmp_path / "market.npz")


def test_pickled_objects_in_a_market_file_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "market.npz", close=np.array([object()], dtype=object))

    with pytest.raises(DataError, match="no market file"):
        read_market(tmp_path / "market.npz")


@pytest.mark.slow
class TestInAnotherProcess:
    def test_it_runs_without_rays_and_datas_packages(self, market: Market, tmp_path: Path) -> None:
        write_market(market, tmp_path / "market.npz")
        script = WITHOUT_PACKAGES.format(absent=set(ABSENT), file=str(tmp_path / "market.npz"))

        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
        )

        assert run.returncode == 0, run.stderr[-2000:]
        assert run.stdout.strip() == "16"

    def test_a_missing_market_is_said_in_one_line(self, tmp_path: Path) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "train.bench.gpu", "--market", str(tmp_path / "none.npz")],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

        assert run.returncode == 1
        assert "no market file" in run.stderr
        assert "--make-market" in run.stderr

    def test_the_make_target_names_what_exists(self) -> None:
        run = subprocess.run(
            ["make", "-n", "bench-gpu", "MARKET=some.npz", "STEPS=64"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            cwd=ROOT,
        )

        assert "train.bench.gpu --make-market some.npz" in run.stdout
        assert "train.bench.gpu --market some.npz --steps 64 --precision tf32" in run.stdout


def test_a_simulated_market_is_written_on_a_machine_with_everything(tmp_path: Path) -> None:
    write_market(simulated_market(symbols=2, sessions=80), tmp_path / "made.npz")

    made = read_market(tmp_path / "made.npz")

    assert made.num_assets == 2
    assert made.num_features > 50
    assert made.open is not None
