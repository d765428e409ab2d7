from pathlib import Path

import pytest

from cluster.errors import UsageError
from envs.bench import bench_env


def test_the_bench_measures_both_observations_and_the_scalar_yardstick() -> None:
    scalar = Path(__file__).with_name("scalar_v6.py")
    result = bench_env(assets=3, num_envs=16, seconds=0.05, scalar_file=scalar)
    assert (result["assets"], result["num_envs"]) == (3, 16)
    for key in ("compact_steps_per_s", "full_steps_per_s", "scalar_steps_per_s", "ratio"):
        assert result[key] > 0


def test_without_the_tests_there_is_no_yardstick(tmp_path: Path) -> None:
    for file in (None, tmp_path / "absent.py"):
        result = bench_env(assets=2, num_envs=2, seconds=0.01, scalar_file=file)
        assert result["scalar_steps_per_s"] is None
        assert result["ratio"] is None


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to measure"):
        bench_env(num_envs=0)
