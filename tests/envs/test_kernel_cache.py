"""numba's cache on disk must notice a change of what the kernel calls, wherever it lies."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

PROGRAM = """
import numpy as np
from envs import Market, TradingVectorEnv, V6Params
close = np.full((9, 1), 10.0)
params = V6Params.default(slippage_model="none")
env = TradingVectorEnv(Market.from_arrays(close=close, open=close), params)
env.reset(seed=0, options={"start": 1})
infos = env.step(np.array([[1]]))[4]
print(infos["trade_terms"][0], round(infos["costs"][0] / infos["turnover"][0], 3))
"""


def _run(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def _replace(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.slow
def test_what_the_kernel_calls_is_compiled_again_once_it_changes(tmp_path: Path) -> None:
    for package in ("cluster", "features", "envs"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    envs = tmp_path / "envs"
    assert _run(tmp_path) == "0.1 0.0"
    # when a rule changes, and a class that the kernel takes has moved away from where a cache
    # of before would look for it
    _replace(envs / "rules.py", "            return 0.1\n", "            return 0.7\n")
    for file in envs.rglob("*.py"):
        file.write_text(file.read_text().replace("RuleParams", "RuleNumbers"))
    assert _run(tmp_path) == "0.7 0.0"
    # when a slippage model changes
    _replace(envs / "slippage" / "none.py", "    return 0.0\n", "    return 0.25\n")
    assert _run(tmp_path) == "0.7 0.25"
