"""A sweep's trials on Ray Tune, from the plan to Tune's own trials."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster.atomic_filesystem import atomic_storage
from cluster.ray_runtime import RaySession
from cluster.settings import Home
from train.learners.resources import trial_resources
from train.sweep.broadcast import broadcast
from train.sweep.plan import SweepPlan
from train.sweep.progress import TrialListener, tune_callback
from train.sweep.search import (
    METRIC,
    MODE,
    TIME,
    parameter_space,
    search_algorithm,
    trial_scheduler,
)
from train.sweep.trial import run_trial

MAX_FAILURES = 2  # restarts of a trial from its last checkpoint
_KEPT = {"none": 2, "asha": 2, "pbt": 4}  # a population copies checkpoints that are not the last
_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "1",  # a trial that started after the last snapshot is forgotten
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "0",
}


def tune_trials(
    home: Home, plan: SweepPlan, listener: TrialListener, ray_session: RaySession, *, resume: bool
) -> list[Any]:
    """Tune's trials, when all have ended or Ctrl-C was pressed.

    `tune.run` and not `tune.Tuner`: the Tuner pickles the callbacks with the experiment, and a
    resumed one would report to where the first one did.
    """
    import ray
    from ray import tune

    config = plan.scenario()
    told = {"home": str(home.root), "sweep": plan.name}
    tables = [] if ray_session.owned else broadcast(home, plan)
    cluster = ray.cluster_resources()  # type: ignore[no-untyped-call]
    with _tune_settings():
        analysis = tune.run(
            tune.with_parameters(run_trial, tables=tables),
            name=plan.name,
            config=parameter_space(config) | told,
            metric=METRIC,
            mode=MODE,
            stop={TIME: config.training.total_timesteps},
            num_samples=config.search.trials,
            search_alg=search_algorithm(config),
            scheduler=trial_scheduler(config),
            storage_path=str(home.sweeps),
            storage_filesystem=atomic_storage(),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=_KEPT[config.search.scheduler]),
            resources_per_trial=trial_resources(config, cluster),
            max_failures=MAX_FAILURES,
            max_concurrent_trials=plan.max_concurrent,
            reuse_actors=True,
            raise_on_failed_trial=False,
            resume="AUTO" if resume else None,
            callbacks=[tune_callback(listener)],
            trial_dirname_creator=lambda trial: str(trial.trial_id),
            verbose=0,
        )
    return list(analysis.trials)


@contextmanager
def _tune_settings() -> Iterator[None]:
    """Tune's output and buffering are set by environment variables only; the user's win."""
    added = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
