"""The one reading of the test window that a trial gets: when it has ended, for the ledger.

Neither the trial nor Tune, a scheduler or a search algorithm ever has a number of the test
window: it is walked here, by the driver, after nothing about the trial can change any more.
"""

from pathlib import Path
from typing import Any

from cluster.errors import DataError
from cluster.settings import Home
from envs import Market
from train.backtest.evaluation import Evaluation, evaluate
from train.bundle.inference import likeliest
from train.sweep.checkpoint import is_sound
from train.sweep.plan import SweepPlan
from train.sweep.trial import ONNX_FILE, sampled_parameters


def read_test_window(home: Home, plan: SweepPlan, trial: Any) -> Evaluation:
    """Walk the policy of an ended trial's last checkpoint through the test window of its fold.

    Raises:
        DataError: the checkpoint was damaged.
    """
    onnx = (sound_checkpoint(trial) / ONNX_FILE).read_bytes()
    scenario = plan.scenario().with_overrides(sampled_parameters(trial.config))
    low, high = plan.fold.test
    return evaluate(
        likeliest(onnx),
        Market.load(home.tables / plan.raw_market),
        scenario.v6_params(),
        (low, high - 1),
        seed=int(trial.config["seed"]),
    )


def sound_checkpoint(trial: Any) -> Path:
    """The folder of the last checkpoint that Tune has of a trial.

    Raises:
        DataError: it was damaged since it was written.
    """
    checkpoint = Path(trial.checkpoint.path)
    if not is_sound(checkpoint):
        raise DataError(
            f"{checkpoint} is damaged",
            "its files are not those that its checksums.json names",
            "restore the folder from a copy, then run the command again",
        )
    return checkpoint
