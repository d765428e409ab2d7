"""Sweeps as their users run them: a process of its own, to be killed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.processes import descendants, end
from cluster.settings import Home
from train.ledger.ledger import TrialLedger
from train.scenarios.scenario import PloutosConfig

STEPS = 65_536
TRIALS = 2
NAME = "storm"


class Sweep:
    """One sweep in a home of its own, driven by one process after another."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.home = Home(folder / "home")
        self._folder = folder
        self.variables = variables
        self._drivers: list[subprocess.Popen[str]] = []

    def scenario(self, **search: Any) -> Path:
        values = PloutosConfig.from_yaml("demo").model_dump(mode="json")
        values["training"] |= {"n_envs": 64, "n_steps": 32, "batch_size": 1024}
        values["training"]["total_timesteps"] = STEPS
        values["network"] = {"kind": "flat", "net_arch": [32]}
        values["data"]["period"] = "1y"
        values["folds"] |= {"train_sessions": 100, "validation_sessions": 20, "test_sessions": 20}
        values["search"] |= {"trials": TRIALS, "seeds": [0]} | search
        path = self._folder / "storm.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    def start(self, **search: Any) -> subprocess.Popen[str]:
        return self._drive("--scenario", self.scenario(**search), "--name", NAME)

    def _drive(self, *arguments: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "train.sweep", "--home", self.home.root, *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        driver = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=kept | {"OMP_NUM_THREADS": "1"} | self.variables,
        )
        self._drivers.append(driver)
        return driver

    def until_progress(self, driver: subprocess.Popen[str], times: int = 1) -> None:
        assert driver.stdout is not None
        for line in driver.stdout:
            times -= " progress " in line
            if times == 0:
                return
        pytest.fail(f"the sweep ended without progress: {driver.communicate()[1]}")

    def result(self, driver: subprocess.Popen[str]) -> dict[str, Any]:
        """What a driver says that comes to the end."""
        output, complaint = driver.communicate(timeout=280)
        assert driver.returncode == 0, complaint
        said: dict[str, Any] = json.loads(output.splitlines()[-1])
        return said

    def resume(self) -> dict[str, Any]:
        return self.result(self._drive("--resume", NAME))

    def checkpoints(self) -> list[Path]:
        """Of all trials, the oldest first."""
        found = (self.home.sweeps / NAME).glob("*/checkpoint_*")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def check_whole(self, result: dict[str, Any]) -> None:
        """Every trial took all its steps and is in the ledger exactly once."""
        records = TrialLedger(self.home.ledger).records(result["problem"])
        assert [record.status for record in records] == ["completed"] * TRIALS
        assert [record.steps for record in records] == [STEPS] * TRIALS
        assert result["completed"] == TRIALS
        assert not (self.home.sweeps / NAME / "RESUME.txt").exists()

    def close(self) -> None:
        for driver in self._drivers:
            left = descendants(driver.pid)
            driver.kill()
            driver.communicate()
            end(left, grace_s=1.0)


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """Makes a sweep; takes variables of its environment."""
    sweeps: list[Sweep] = []

    def make(**variables: str) -> Sweep:
        sweeps.append(Sweep(tmp_path, **variables))
        return sweeps[-1]

    yield make
    for sweep in sweeps:
        sweep.close()
