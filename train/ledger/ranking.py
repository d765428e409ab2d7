"""Which configuration of a sweep is best: by the median over its seeds, never by one lucky seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from cluster.files import canonical_json
from train.ledger.record import TrialEnd, TrialRecord


@dataclass(frozen=True)
class Configuration:
    """The trials with the same sampled parameters, one a seed."""

    sampled: dict[str, Any]
    trials: tuple[TrialRecord, ...]

    @property
    def completed(self) -> tuple[TrialRecord, ...]:
        """Its trials that took all their steps, the best validation first."""
        done = [trial for trial in self.trials if trial.status == TrialEnd.COMPLETED]
        return tuple(sorted(done, key=lambda trial: (-_validation(trial), trial.seed)))

    @property
    def score(self) -> float | None:
        """Median validation Sharpe ratio of the completed trials, None when there are none."""
        return median(map(_validation, self.completed)) if self.completed else None

    @property
    def median_trial(self) -> TrialRecord:
        """The completed trial in the middle; of an even number the worse of the two."""
        return self.completed[len(self.completed) // 2]


def ranked(records: Iterable[TrialRecord]) -> list[Configuration]:
    """Every configuration of a sweep, the best first.

    More completed seeds come before fewer, since one with pruned or failed seeds was found worse
    on its way; then the higher median. The test window has no say, nor has the order of ends.
    """
    groups: dict[bytes, list[TrialRecord]] = {}
    for record in records:
        groups.setdefault(canonical_json(record.config), []).append(record)
    found = [Configuration(trials[0].config, tuple(trials)) for _, trials in sorted(groups.items())]
    return sorted(found, key=_rank, reverse=True)


def _rank(configuration: Configuration) -> tuple[int, float]:
    seeds = {trial.seed for trial in configuration.completed}
    score = configuration.score
    return len(seeds), float("-inf") if score is None else score


def _validation(trial: TrialRecord) -> float:
    assert trial.validation_sharpe is not None, "a completed trial was evaluated"
    return trial.validation_sharpe
