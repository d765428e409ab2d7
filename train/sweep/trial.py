"""One trial of a sweep: train, evaluate on validation, leave everything in a checkpoint."""

import errno
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.errors import PloutosError
from cluster.settings import Home
from envs import Market
from envs.arrays import Float32, Int64
from train.backtest.evaluation import evaluate
from train.learners.factory import create_learner
from train.learners.resources import cap_gpu_memory
from train.learners.spec import Learner, LearnerSpec
from train.ledger.ledger import TrialLedger
from train.ledger.record import TrialEnd, TrialRecord
from train.market.stored import open_market
from train.policy.networks import Actor
from train.policy.normaliser import Normaliser
from train.sweep.broadcast import LocalMarkets, local_markets
from train.sweep.checkpoint import LEARNER_FOLDER, Outcome, last_sound, write_checkpoint
from train.sweep.plan import SWEEP_PLANS, SweepPlan

if TYPE_CHECKING:
    from ray import ObjectRef

EVALUATIONS = 8  # of each trial, evenly over its steps
FAULT = "fault"
_STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_RESERVED = ("home", "sweep", "seed")  # "home" in old ones; the rest of a configuration is sampled


def sampled_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a trial's configuration that the search chose."""
    return {name: value for name, value in config.items() if name not in _RESERVED}


def run_trial(
    config: dict[str, Any], home: Home, tables: Sequence["ObjectRef[Market]"] = ()
) -> None:
    """Tune's trainable.

    It goes on from the furthest sound checkpoint. A trial that the ledger has already, because it
    ended after Tune's last snapshot, is not trained again: it only ends once more.

    Args:
        config: Sweep and seed, and the sampled parameters.
        home: Where the driver found the sweep, which may have been moved since it began.
        tables: The market with raw features in Ray's object store, for machines that lack it;
            empty where every worker sees the driver's files.

    Raises:
        PloutosError: the trial is in the ledger as failed.
    """
    from ray import tune

    with _faults_told():
        plan = SWEEP_PLANS.read(home, config["sweep"])
        trial = tune.get_context().get_trial_id()
        folder = home.sweeps / plan.name / trial
        given = tune.get_checkpoint()
        start = last_sound(folder, Path(given.path) if given else None)
        recorded = TrialLedger(home.ledger).find(plan.problem, plan.trial_id(trial))
        if recorded is None:
            markets = local_markets(home, plan, tables)
            for table in (markets.raw, markets.normalised):
                Market.load(table)
    if recorded is not None:
        _end_again(recorded, start)
        return
    cap_gpu_memory(plan.scenario())
    with _storage_faults_told():
        with _faults_told() if start and start.parent == folder else nullcontext():
            run = TrialRun(markets, plan, config, folder)
            if start:
                run.learner.load(start / LEARNER_FOLDER)
        try:
            _train(run, start)
        finally:
            run.learner.close()


def _train(run: "TrialRun", start: Path | None) -> None:
    if start and run.is_done:
        _report(start, Outcome.read(start).metrics())
    for outcome, learned in run.outcomes():
        with run.checkpoint(outcome) as made:
            _report(made, {**learned, **outcome.metrics()})


def _end_again(recorded: TrialRecord, start: Path | None) -> None:
    if start is None or recorded.status == TrialEnd.FAILED:
        raise PloutosError(f"trial {recorded.trial_id} has failed before", "the ledger has it")
    _report(start, Outcome.read(start).metrics())


def _report(checkpoint: Path, metrics: Mapping[str, float]) -> None:
    """Hand a sealed checkpoint and its numbers to Tune, which copies it to the trial's folder."""
    from ray import tune

    tune.report(dict(metrics), checkpoint=tune.Checkpoint.from_directory(str(checkpoint)))


@contextmanager
def _faults_told() -> Iterator[None]:
    """What fails before a trial can begin, or go on, is no attempt: it stops the sweep."""
    try:
        yield
    except Exception as error:  # whatever it is, it says nothing of the trial's parameters
        _stop_the_sweep(str(error).partition("\n")[0] or type(error).__name__)


@contextmanager
def _storage_faults_told() -> Iterator[None]:
    """Where a checkpoint or a log cannot be written, the sweep stops, and can be resumed."""
    try:
        yield
    except (OSError, PloutosError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _STORAGE_ERRORS:
            raise
        _stop_the_sweep(f"cannot write: {os.strerror(cause.errno)}")


def _stop_the_sweep(why: str) -> None:
    """Give Tune the reason, as `FAULT`, and wait until it ends this worker: nothing is trained."""
    from ray import tune

    no_result = {"validation_sharpe": 0.0, "num_timesteps": 0}
    tune.report({**no_result, FAULT: why})
    threading.Event().wait()


class TrialRun:
    """A learner between its evaluations."""

    def __init__(
        self, markets: LocalMarkets, plan: SweepPlan, config: Mapping[str, Any], folder: Path
    ) -> None:
        scenario = plan.scenario().with_overrides(sampled_parameters(config))
        self._training = scenario.training
        self._params = scenario.v6_params()
        self._raw = open_market(markets.raw, plan.raw_fingerprint)
        self._scale = plan.scale()
        self._plan = plan
        self._seed = int(config["seed"])
        self.learner: Learner = create_learner(
            LearnerSpec(
                config=scenario,
                market=markets.normalised,
                fingerprint=plan.fingerprint,
                window=plan.fold.train,
                seed=self._seed,
                log_folder=folder / "tensorboard",
            )
        )

    @property
    def is_done(self) -> bool:
        """Whether all steps have been taken."""
        return self.learner.num_timesteps >= self._training.total_timesteps

    def outcomes(self) -> Iterator[tuple[Outcome, Mapping[str, float]]]:
        """Train to the end; each part's outcome and what the learner logged."""
        total = self._training.total_timesteps
        part = -(-total // EVALUATIONS)
        while not self.is_done:
            before, started = self.learner.num_timesteps, time.perf_counter()
            learned = self.learner.train(min(part, total - before))
            rate = (self.learner.num_timesteps - before) / (time.perf_counter() - started)
            yield self._outcome(rate), learned

    def _outcome(self, steps_per_second: float) -> Outcome:
        act = raw_act(self.learner.actor(), self._scale, self._raw)
        window = self._plan.fold.validation
        found = evaluate(act, self._raw, self._params, window, seed=self._seed)
        return Outcome(
            steps=self.learner.num_timesteps,
            steps_per_second=steps_per_second,
            validation_sharpe=found.sharpe_ratio,
        )

    @contextmanager
    def checkpoint(self, outcome: Outcome) -> Iterator[Path]:
        """A sealed checkpoint of the present policy; its folder lasts as long as the context."""
        with tempfile.TemporaryDirectory() as name:
            write_checkpoint(Path(name), self.learner, self._scale, outcome)
            yield Path(name)


Act = Callable[[Float32], Int64]


def raw_act(actor: Actor, scale: Normaliser, market: Market) -> Act:
    """The policy on raw full observations (B, D), as a bundle takes them."""
    width = market.num_assets * market.num_features
    assets = market.num_assets

    def act(observation: Float32) -> Int64:
        features = observation[:, :width].reshape(len(observation), assets, -1)
        scaled = scale.apply(features).reshape(len(observation), width)
        return actor.act(np.concatenate([scaled, observation[:, width:]], axis=1))

    return act
