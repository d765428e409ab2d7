"""Whole sweeps on a private Ray: what they leave behind, and what they survive."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cluster.errors import PloutosError
from cluster.processes import descendants
from cluster.settings import Home
from envs import Market, Window
from train.backtest.evaluation import evaluate
from train.bundle.bundle import PolicyBundle
from train.ledger.ledger import TrialLedger
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan import SweepRequest, make_plan
from train.sweep.progress import SweepEvent
from train.sweep.sweep import (
    SweepInterruptedError,
    SweepResult,
    resume_sweep,
    run_sweep,
)

pytestmark = pytest.mark.slow

Small = Callable[..., PloutosConfig]


@pytest.fixture
def ask(random_market: Market, tmp_path: Path) -> Callable[[PloutosConfig], SweepRequest]:
    """Makes a request on the random market, in a home of its own, named after the test."""

    def make(config: PloutosConfig) -> SweepRequest:
        home = Home(tmp_path / "home")
        market = random_market.save(home.tables)
        return SweepRequest(config, market, "SIMULATED", "1h", home, name=tmp_path.name)

    return make


Ask = Callable[[PloutosConfig], SweepRequest]


def check_what_is_left(result: SweepResult, market: Market) -> None:
    """Two completed trials in the ledger, and a bundle that earns what the ledger says."""
    records = TrialLedger(result.home.ledger).records(result.plan.problem)
    assert sorted(record.trial_id for record in records) == sorted(t.trial for t in result.trials)
    assert [record.status for record in records] == ["completed", "completed"]
    assert all(len(record.test_returns) == 20 for record in records)

    bundle = PolicyBundle.load(result.bundle)
    low, high = result.plan.fold.test.start, result.plan.fold.test.stop
    params = result.plan.scenario().v6_params()
    run = evaluate(bundle.act, market, params, Window(low, high), seed=result.best.seed)
    (best,) = [record for record in records if record.trial_id == result.best.trial]
    np.testing.assert_allclose(run.daily_returns, best.test_returns, atol=1e-12)
    assert "test_sharpe" not in bundle.manifest.metrics
    assert bundle.manifest.lineage.trial == best.trial_id
    validations = [trial.validation_sharpe or -9.0 for trial in result.trials]
    one_configuration = result.trials[0].sampled == result.trials[1].sampled
    assert result.best.validation_sharpe == (min if one_configuration else max)(validations)


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize("learner", ["sb3", "rllib"])
def test_a_sweep_leaves_a_ledger_and_a_bundle(
    learner: str, random_market: Market, small: Small, ask: Ask
) -> None:
    events: list[SweepEvent] = []
    request = ask(small(learner))

    result = run_sweep(request, events.append)

    check_what_is_left(result, random_market)
    kinds = [event.kind for event in events]
    assert (kinds.count("started"), kinds.count("completed")) == (2, 2)
    assert {event.number for event in events} == {1, 2}
    progress = [event for event in events if event.kind == "progress"]
    assert all(event.steps > 0 and event.steps_per_second > 0 for event in progress)
    assert result.steps >= 2 * 2048
    boards = list((request.home.sweeps / result.plan.name).rglob("events.out.tfevents.*"))
    assert len(boards) >= 2
    assert json.loads(json.dumps(result.to_dict()))["completed"] == 2
    assert resume_sweep(request.home, result.plan.name).best == result.best


@pytest.mark.usefixtures("local_ray")
def test_a_killed_worker_costs_no_trial(random_market: Market, small: Small, ask: Ask) -> None:
    killed: list[int] = []

    def kill_once(event: SweepEvent) -> None:
        if event.kind == "progress" and not killed:
            workers = [p.pid for p in descendants(os.getpid()) if is_trial(p.pid)]
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    result = run_sweep(ask(small(total_timesteps=16_384)), kill_once)

    assert killed
    check_what_is_left(result, random_market)


def is_trial(pid: int) -> bool:
    try:
        return b"ImplicitFunc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("local_ray")
def test_trials_that_fail_are_in_the_ledger_too(small: Small, ask: Ask) -> None:
    values = small().model_dump(mode="json")
    values["search"]["parameters"] = {"n_steps": {"choice": [1]}}  # no room for a minibatch
    request = ask(PloutosConfig.model_validate(values))

    with pytest.raises(PloutosError, match="was completed"):
        run_sweep(request)

    (problem,) = TrialLedger(request.home.ledger).problems()
    records = TrialLedger(request.home.ledger).records(problem)
    assert [record.status for record in records] == ["failed", "failed"]
    assert all(record.validation_sharpe is None for record in records)


@pytest.mark.usefixtures("local_ray")
def test_pruned_trials_leave_their_returns(small: Small, ask: Ask) -> None:
    values = small(total_timesteps=4096).model_dump(mode="json")
    values["search"] |= {"trials": 6, "scheduler": "asha", "seeds": [0, 1], "algorithm": "optuna"}
    request = ask(PloutosConfig.model_validate(values))

    result = run_sweep(request)

    records = TrialLedger(request.home.ledger).records(result.plan.problem)
    pruned = [record for record in records if record.status == "pruned"]
    assert len(records) == 6
    assert pruned
    assert all(len(record.test_returns) == 20 for record in pruned)
    assert all(record.steps < 4096 for record in pruned)
    assert result.best.status == "completed"


@pytest.mark.usefixtures("local_ray")
def test_a_sweep_goes_on_in_a_home_that_was_moved(small: Small, ask: Ask) -> None:
    # given: a sweep that is interrupted once a trial has a checkpoint
    def ctrl_c(event: SweepEvent) -> None:
        if event.kind == "progress":
            signal.raise_signal(signal.SIGINT)

    request = ask(small(total_timesteps=4096))
    with pytest.raises(SweepInterruptedError) as interrupted:
        run_sweep(request, ctrl_c)
    name = interrupted.value.what.split()[1]

    # when: its home gets another name, and for a while its markets are lost
    home = Home(request.home.root.rename(request.home.root.parent / "run [1]*"))
    lost = home.tables.rename(home.root / "lost")
    with pytest.raises(PloutosError, match=f"sweep {name} stopped: .* is not a saved Market"):
        resume_sweep(home, name)
    lost.rename(home.tables)
    result = resume_sweep(home, name)

    # then: that was no attempt of any trial, and nothing went to the former place
    records = TrialLedger(home.ledger).records(result.plan.problem)
    assert [(record.status, record.steps) for record in records] == [("completed", 4096)] * 2
    assert result.bundle.is_relative_to(home.root)
    assert not request.home.root.exists()


STEPS = 65_536


class TestCommand:
    @pytest.fixture
    def scenario(self, small: Small, tmp_path: Path) -> Path:
        path = tmp_path / "small.yaml"
        sizes = {"n_envs": 64, "n_steps": 32, "batch_size": 1024}
        values = small(total_timesteps=STEPS, **sizes).model_dump(mode="json")
        values["data"]["period"] = "1y"
        path.write_text(yaml.safe_dump(values))
        return path

    def start(self, folder: Path, *arguments: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "train.sweep", "--home", folder / "home", *arguments]
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        return subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def until_progress(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if "progress" in line:
                return
        pytest.fail(f"the sweep ended without progress: {process.communicate()[1]}")

    def finish(self, folder: Path) -> dict[str, Any]:
        output, complaint = self.start(folder, "--resume", "killed").communicate(timeout=200)
        assert complaint == ""
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        return result

    @pytest.mark.chaos
    def test_a_killed_driver_goes_on_from_checkpoints(self, tmp_path: Path, scenario: Path) -> None:
        process = self.start(tmp_path, "--scenario", scenario, "--name", "killed")
        self.until_progress(process)
        process.kill()
        process.communicate()

        result = self.finish(tmp_path)

        assert (result["completed"], result["steps"]) == (2, 2 * STEPS)
        records = TrialLedger(tmp_path / "home" / "ledger").records(result["problem"])
        assert [record.steps for record in records] == [STEPS, STEPS]
        PolicyBundle.load(result["bundle"])

    def test_a_wrong_scenario_is_one_message(self, tmp_path: Path) -> None:
        process = self.start(tmp_path, "--scenario", "demmo")
        _, complaint = process.communicate(timeout=60)

        assert process.returncode == 3
        assert complaint.startswith("error: no scenario demmo")

    def test_a_taken_name_is_refused_before_ray_starts(
        self, tmp_path: Path, scenario: Path, ask: Ask
    ) -> None:
        make_plan(ask(PloutosConfig.from_yaml(scenario)))

        process = self.start(tmp_path, "--scenario", scenario, "--name", tmp_path.name)
        _, complaint = process.communicate(timeout=60)

        assert process.returncode == 2
        assert f"ploutos tune resume {tmp_path.name}" in complaint
