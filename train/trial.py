"""One trial of a sweep: train, evaluate out of sample, leave everything in a checkpoint."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cluster.settings import Home
from envs import Market
from train.evaluation import Evaluation, evaluate
from train.learner import Learner, LearnerSpec, create_learner
from train.market_table import open_market
from train.networks import Actor
from train.normaliser import Normaliser
from train.sweep_plan import SweepPlan, read_plan

EVALUATIONS = 8  # of each trial, evenly over its steps
OUTCOME_FILE = "outcome.json"
ONNX_FILE = "policy.onnx"
ZIP_FILE = "sb3.zip"
_LEARNER_FOLDER = "learner"
_RESERVED = ("home", "sweep", "seed")  # the rest of a trial's configuration is sampled


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a checkpoint's policy earns on the windows that it was not trained on."""

    steps: int
    steps_per_second: float
    validation_sharpe: float
    test_sharpe: float
    test_dates: tuple[date, ...]  # (D,)
    test_returns: npt.NDArray[np.float64]  # (D,) simple returns a session

    def write(self, folder: Path) -> None:
        """Put it into a checkpoint."""
        values = vars(self) | {
            "test_dates": [day.isoformat() for day in self.test_dates],
            "test_returns": self.test_returns.tolist(),
        }
        (folder / OUTCOME_FILE).write_text(json.dumps(values))

    @classmethod
    def read(cls, folder: Path) -> "Outcome":
        """The opposite of `write`."""
        values = json.loads((folder / OUTCOME_FILE).read_text())
        values["test_dates"] = tuple(date.fromisoformat(day) for day in values["test_dates"])
        values["test_returns"] = np.asarray(values["test_returns"], np.float64)
        return cls(**values)

    def metrics(self) -> dict[str, float]:
        """The numbers that Tune compares and TensorBoard draws; no test result among them."""
        return {
            "validation_sharpe": self.validation_sharpe,
            "num_timesteps": self.steps,
            "steps_per_second": self.steps_per_second,
        }


def sampled_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a trial's configuration that the search chose."""
    return {name: value for name, value in config.items() if name not in _RESERVED}


def run_trial(config: dict[str, Any]) -> None:
    """Tune's trainable: `config` holds home, sweep and seed, and the sampled parameters."""
    from ray import tune

    home = Home(Path(config["home"]))
    plan = read_plan(home, config["sweep"])
    folder = home.sweeps / plan.name / tune.get_context().get_trial_id()
    run = TrialRun(home, plan, config, folder)
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            run.learner.load(Path(folder) / _LEARNER_FOLDER)
    try:
        for outcome, learned in run.outcomes():
            with run.checkpoint(outcome) as folder:
                report = tune.Checkpoint.from_directory(str(folder))
                tune.report({**learned, **outcome.metrics()}, checkpoint=report)
    finally:
        run.learner.close()


class TrialRun:
    """A learner between its evaluations."""

    def __init__(
        self, home: Home, plan: SweepPlan, config: Mapping[str, Any], folder: Path
    ) -> None:
        scenario = plan.scenario().with_overrides(sampled_parameters(config))
        self._training = scenario.training
        self._params = scenario.v6_params()
        self._raw = open_market(home.tables / plan.raw_market, plan.raw_fingerprint)
        self._scale = plan.scale()
        self._plan = plan
        self._seed = int(config["seed"])
        self.learner: Learner = create_learner(
            LearnerSpec(
                config=scenario,
                market=home.tables / plan.market,
                fingerprint=plan.fingerprint,
                window=plan.fold.train,
                seed=self._seed,
                log_folder=folder / "tensorboard",
            )
        )

    def outcomes(self) -> Iterator[tuple[Outcome, Mapping[str, float]]]:
        """Train to the end; each part's outcome and what the learner logged."""
        total = self._training.total_timesteps
        part = -(-total // EVALUATIONS)
        while self.learner.num_timesteps < total:
            before, started = self.learner.num_timesteps, time.perf_counter()
            learned = self.learner.train(min(part, total - before))
            rate = (self.learner.num_timesteps - before) / (time.perf_counter() - started)
            yield self._outcome(rate), learned

    def _outcome(self, steps_per_second: float) -> Outcome:
        act = raw_act(self.learner.actor(), self._scale, self._raw)
        validation, test = (
            self._evaluate(act, window)
            for window in (self._plan.fold.validation, self._plan.fold.test)
        )
        return Outcome(
            steps=self.learner.num_timesteps,
            steps_per_second=steps_per_second,
            validation_sharpe=validation.sharpe_ratio,
            test_sharpe=test.sharpe_ratio,
            test_dates=tuple(test.dates()),
            test_returns=test.daily_returns,
        )

    def _evaluate(self, act: "Act", window: tuple[int, int]) -> Evaluation:
        low, high = window
        return evaluate(act, self._raw, self._params, (low, high - 1), seed=self._seed)

    @contextmanager
    def checkpoint(self, outcome: Outcome) -> Iterator[Path]:
        """A folder with the learner's state, the exported policy and the outcome."""
        from train.export import actor_to_onnx, actor_to_sb3_zip

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            actor = self.learner.actor()
            self.learner.save(folder / _LEARNER_FOLDER)
            (folder / ONNX_FILE).write_bytes(actor_to_onnx(actor, self._scale))
            (folder / ZIP_FILE).write_bytes(actor_to_sb3_zip(actor, self._scale))
            outcome.write(folder)
            yield folder


Act = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]]


def raw_act(actor: Actor, scale: Normaliser, market: Market) -> Act:
    """The policy on raw full observations (B, D), as a bundle takes them."""
    width = market.num_assets * market.num_features
    assets = market.num_assets

    def act(observation: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        features = observation[:, :width].reshape(len(observation), assets, -1)
        scaled = scale.apply(features).reshape(len(observation), width)
        return actor.act(np.concatenate([scaled, observation[:, width:]], axis=1))

    return act
