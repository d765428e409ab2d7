"""Scenarios, learners, sweeps, the trial ledger, verdicts and policy bundles."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.bundle import PolicyBundle as PolicyBundle
    from train.evaluation import Evaluation as Evaluation
    from train.evaluation import evaluate as evaluate
    from train.ledger import TrialLedger as TrialLedger
    from train.ledger import TrialRecord as TrialRecord
    from train.scenario import PloutosConfig as PloutosConfig
    from train.verdict import judge as judge
    from train.verdict_file import VerdictRecord as VerdictRecord

_HOMES = {
    "Evaluation": "train.evaluation",
    "PloutosConfig": "train.scenario",
    "PolicyBundle": "train.bundle",
    "TrialLedger": "train.ledger",
    "TrialRecord": "train.ledger",
    "VerdictRecord": "train.verdict_file",
    "evaluate": "train.evaluation",
    "judge": "train.verdict",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: a server needs no learner."""
    if name not in _HOMES:
        raise AttributeError(f"package train has no {name}")
    return getattr(import_module(_HOMES[name]), name)
