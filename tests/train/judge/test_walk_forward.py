"""Whole walks on a private Ray: the same twice, and the same after an interruption."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.settings import Home
from envs import Market
from train.judge.walk_forward import WalkResult, resume_walk, run_walk
from train.ledger.ledger import TrialLedger
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan import SweepRequest
from train.sweep.progress import SweepEvent
from train.sweep.state import sweep_state
from train.sweep.sweep import SweepInterruptedError

pytestmark = pytest.mark.slow

Ask = Callable[[str], SweepRequest]


@pytest.fixture
def ask(random_market: Market, small: Callable[..., PloutosConfig], tmp_path: Path) -> Ask:
    """Makes a request for two folds of two trials, in a home of that name."""
    values = small(total_timesteps=1024).model_dump(mode="json")
    values["folds"] |= {"count": 2, "purge_bars": 7}
    values["search"] |= {"seeds": [0, 1], "trials": 2}
    config = PloutosConfig.model_validate(values)

    def make(home: str) -> SweepRequest:
        place = Home(tmp_path / home)
        market = random_market.save(place.tables)
        return SweepRequest(config, market, "SIMULATED", "1h", place, name="w")

    return make


def numbers(result: WalkResult) -> dict[str, Any]:
    """All that a verdict and a report say, but for ids and times of writing."""
    told = result.judgement.verdict.model_dump(exclude={"ledger"})
    folds = [fold.to_dict() for fold in result.folds]
    for fold in folds:
        del fold["policy"]
    rows = [result.judgement.candidate, *result.judgement.baselines]
    return told | {"folds": folds, "paths": [row.to_dict() for row in rows]}


@pytest.mark.usefixtures("local_ray")
def test_the_same_walk_twice_and_after_ctrl_c_is_the_same(ask: Ask) -> None:
    # given: one walk, and the same that is interrupted in its second fold
    events: list[tuple[int, SweepEvent]] = []
    whole = run_walk(ask("whole"), lambda fold, event: events.append((fold, event)))

    pressed: list[int] = []

    def interrupt(fold: int, event: SweepEvent) -> None:
        if fold == 1 and event.kind == "progress" and not pressed:
            pressed.append(event.steps)
            signal.raise_signal(signal.SIGINT)

    request = ask("cut")
    with pytest.raises(SweepInterruptedError, match="walk w was interrupted") as stopped:
        run_walk(request, interrupt)

    # when
    state = sweep_state(request.home, "w")
    resumed = resume_walk(request.home, "w")

    # then
    assert stopped.value.next_command == state.next_command == "ploutos judge run --resume w"
    assert "fold 2 of 2" in stopped.value.why
    assert numbers(resumed) == numbers(whole)
    assert whole.judgement.verdict.readings == 1
    for result in (whole, resumed):
        home = result.bundle.parent.parent
        table = TrialLedger(home / "ledger").trials(result.plan.problem)
        assert sorted(table["status"]) == ["completed"] * 4  # no trial twice
        assert sweep_state(Home(home), "w").standing == "finished"
    assert [fold for fold, event in events if event.kind == "completed"] == [0, 0, 1, 1]


@pytest.mark.chaos
class TestKilled:
    @pytest.fixture
    def scenario(self, small: Callable[..., PloutosConfig], tmp_path: Path) -> Path:
        sizes = {"n_envs": 64, "n_steps": 32, "batch_size": 1024}
        values = small(total_timesteps=16_384, **sizes).model_dump(mode="json")
        values["data"]["period"] = "1y"
        values["folds"] |= {"count": 2}
        values["search"] |= {"seeds": [0, 1], "trials": 2}
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    def command(self, home: Path, *arguments: Any) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        return subprocess.Popen(
            [sys.executable, "-m", "apps.cli", "judge", "run", "--json", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=kept | {"PLOUTOS_HOME": str(home)},
        )

    def result(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        output, complaint = process.communicate(timeout=280)
        assert process.returncode in (0, 6), complaint
        document: dict[str, Any] = json.loads(output)
        return document

    @pytest.mark.timeout(900)
    def test_kill_9_in_the_second_fold_costs_nothing(self, tmp_path: Path, scenario: Path) -> None:
        start = ("--scenario", scenario, "--name", "w")
        whole = self.result(self.command(tmp_path / "whole", *start))
        process = self.command(tmp_path / "killed", *start)
        assert process.stderr is not None
        for line in process.stderr:
            if "fold 2/2" in line and "progress" in line:
                break
        process.kill()
        process.wait()

        again = self.result(self.command(tmp_path / "killed", "--resume", "w"))

        records = TrialLedger(tmp_path / "killed" / "ledger").records(again["problem"])
        assert [record.steps for record in records] == [16_384] * 4
        assert again["verdict"] == whole["verdict"]
        assert (again["verdict"]["trials"], again["verdict"]["readings"]) == (2, 1)
