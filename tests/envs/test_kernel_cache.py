"""numba's cache on disk must notice a change of the rules, which lie in another file."""

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
env = TradingVectorEnv(Market.from_arrays(close=close, open=close), V6Params.default())
env.reset(seed=0, options={"start": 1})
print(env.step(np.array([[1]]))[4]["trade_terms"][0])
"""


def _run(folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.slow
def test_a_changed_rule_is_compiled_again(tmp_path: Path) -> None:
    for package in ("cluster", "envs"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    assert _run(tmp_path) == "0.1"
    rules = tmp_path / "envs" / "rules.py"
    rules.write_text(
        rules.read_text().replace("            return 0.1\n", "            return 0.7\n")
    )
    assert _run(tmp_path) == "0.7"
