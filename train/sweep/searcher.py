"""Every configuration with every seed: what Tune asks for the next trial."""

import pickle
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from ray.tune.search import Searcher

from train.scenarios.sections import Distribution, Search


class ConfigurationSearcher(Searcher):  # type: ignore[misc]  # ray is untyped
    """Draws a configuration once for all its seeds, and learns from their median.

    A seed whose trial failed without a result does not count; a configuration without any result
    has failed. A choice is drawn by its place in the list, so that lists can be chosen, too.
    """

    def __init__(self, search: Search, *, metric: str) -> None:
        super().__init__(metric=metric, mode="max")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._search = search
        self._study = optuna.create_study(direction="maximize", sampler=_sampler(search))
        self._space = {name: _drawn(drawn) for name, drawn in search.parameters.items()}
        self._configurations: list[optuna.Trial] = []
        self._order: list[str] = []  # trial ids, as they were asked for
        self._results: dict[str, float | None] = {}

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """The parameters and the seed of the next trial."""
        configuration, place = divmod(len(self._order), len(self._search.seeds))
        if place == 0:
            self._configurations.append(self._study.ask(self._space))
        self._order.append(trial_id)
        drawn = self._configurations[configuration].params
        values = {name: self._value(name, value) for name, value in drawn.items()}
        return values | {"seed": self._search.seeds[place]}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take a trial's last result; at a configuration's last seed, its median."""
        self._results[trial_id] = (result or {}).get(self.metric)
        seeds = len(self._search.seeds)
        configuration = self._order.index(trial_id) // seeds
        members = self._order[configuration * seeds : (configuration + 1) * seeds]
        if len(members) < seeds or any(member not in self._results for member in members):
            return
        asked = self._configurations[configuration]
        told = [value for member in members if (value := self._results[member]) is not None]
        if self._study.trials[asked.number].state.is_finished():
            return  # a resumed trial ends once more
        if told:
            self._study.tell(asked, median(told))
        else:
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)

    def save(self, checkpoint_path: str) -> None:
        """Write all of it, for a resumed sweep to go on with the same draws."""
        Path(checkpoint_path).write_bytes(pickle.dumps(vars(self)))

    def restore(self, checkpoint_path: str) -> None:
        """The opposite of `save`."""
        vars(self).update(pickle.loads(Path(checkpoint_path).read_bytes()))

    def _value(self, name: str, drawn: Any) -> Any:
        choice = self._search.parameters[name].choice
        if choice is None:
            return drawn
        value = choice[drawn]
        return list(value) if isinstance(value, tuple) else value


def _sampler(search: Search) -> BaseSampler:
    seed = search.seeds[0]
    if search.algorithm == "random":
        return RandomSampler(seed=seed)
    configurations = -(-search.trials // len(search.seeds))
    # Optuna's ten random draws before the first guess would be all of a small sweep.
    return TPESampler(seed=seed, n_startup_trials=min(10, max(2, configurations // 3)))


def _drawn(drawn: Distribution) -> BaseDistribution:
    if drawn.choice is not None:
        return CategoricalDistribution(range(len(drawn.choice)))
    if drawn.uniform is not None:
        return FloatDistribution(*drawn.uniform)
    assert drawn.loguniform is not None
    return FloatDistribution(*drawn.loguniform, log=True)
