"""The `search` section of a scenario in Ray Tune's terms."""

from collections.abc import Callable, Mapping
from typing import Any

from train.scenarios.scenario import PloutosConfig
from train.scenarios.sections import Distribution
from train.sweep.trial import EVALUATIONS

METRIC = "validation_sharpe"
MODE = "max"
TIME = "num_timesteps"
_RUNGS = 3  # halvings of the field, at most, before the last step
_EXPLOITS = EVALUATIONS // 2  # times, at most, that a population is compared on its way


def search_algorithm(config: PloutosConfig) -> Any:
    """What proposes a trial's parameters and seed; seeded by the scenario's first seed.

    Random draws, or a tree-structured Parzen estimator: Bergstra et al., Algorithms for
    Hyper-Parameter Optimization (2011). The members of a population draw both independently.
    """
    from ray.tune.search import BasicVariantGenerator

    from train.sweep.searcher import ConfigurationSearcher

    if config.search.scheduler == "pbt":
        return BasicVariantGenerator(random_state=config.search.seeds[0])
    return ConfigurationSearcher(config.search, metric=METRIC)


def parameter_space(config: PloutosConfig) -> dict[str, Any]:
    """What Tune itself draws for a trial: all for a population, else nothing."""
    from ray import tune

    if config.search.scheduler != "pbt":
        return {}
    space = {name: _domain(drawn) for name, drawn in config.search.parameters.items()}
    return space | {"seed": tune.choice(list(config.search.seeds))}


def trial_scheduler(config: PloutosConfig) -> Any:
    """Who goes on, at which number of environment steps.

    `asha`: Li et al., A System for Massively Parallel Hyperparameter Tuning (2020), arXiv
    1810.05934. `pbt`: Jaderberg et al., Population Based Training (2017), arXiv 1711.09846, in
    its synchronous form: a quarter of the population copies another quarter at fixed steps.
    """
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, PopulationBasedTraining

    total = config.training.total_timesteps
    if config.search.scheduler == "asha":
        return ASHAScheduler(
            time_attr=TIME,
            max_t=total,
            grace_period=max(1, total // 2**_RUNGS),
            reduction_factor=2,
        )
    if config.search.scheduler == "pbt":
        return PopulationBasedTraining(
            time_attr=TIME,
            perturbation_interval=max(1, total // _EXPLOITS),
            hyperparam_mutations={
                name: _mutation(drawn) for name, drawn in config.search.parameters.items()
            },
            custom_explore_fn=_within(config.search.parameters),
            synch=True,
        )
    return FIFOScheduler()  # type: ignore[no-untyped-call]


def _within(
    parameters: Mapping[str, Distribution],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Brings explored values back into the ranges that the scenario gives."""

    def explore(config: dict[str, Any]) -> dict[str, Any]:
        for name, drawn in parameters.items():
            bounds = drawn.uniform or drawn.loguniform
            if bounds:
                config[name] = min(max(config[name], bounds[0]), bounds[1])
        return config

    return explore


def _mutation(drawn: Distribution) -> Any:
    """A range is scaled by 0.8 or 1.2 or drawn anew; a list is stepped along."""
    return list(drawn.choice) if drawn.choice is not None else _domain(drawn)


def _domain(drawn: Distribution) -> Any:
    from ray import tune

    if drawn.choice is not None:
        return tune.choice(list(drawn.choice))
    if drawn.uniform is not None:
        return tune.uniform(*drawn.uniform)
    assert drawn.loguniform is not None
    return tune.loguniform(*drawn.loguniform)
