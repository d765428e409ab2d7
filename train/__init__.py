"""Scenarios, learners, sweeps, the trial ledger, verdicts and policy bundles."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.backtest.evaluation import Evaluation as Evaluation
    from train.backtest.evaluation import evaluate as evaluate
    from train.bundle.bundle import PolicyBundle as PolicyBundle
    from train.bundle.verdict_record import VerdictRecord as VerdictRecord
    from train.ledger.ledger import TrialLedger as TrialLedger
    from train.ledger.ledger import TrialRecord as TrialRecord
    from train.scenarios.scenario import PloutosConfig as PloutosConfig
    from train.verdict.verdict import judge as judge

_HOMES = {
    "Evaluation": "train.backtest.evaluation",
    "PloutosConfig": "train.scenarios.scenario",
    "PolicyBundle": "train.bundle.bundle",
    "TrialLedger": "train.ledger.ledger",
    "TrialRecord": "train.ledger.ledger",
    "VerdictRecord": "train.bundle.verdict_record",
    "evaluate": "train.backtest.evaluation",
    "judge": "train.verdict.verdict",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: a server needs no learner."""
    if name not in _HOMES:
        raise AttributeError(f"package train has no {name}")
    return getattr(import_module(_HOMES[name]), name)
