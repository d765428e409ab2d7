"""The `search` section of a scenario in Ray Tune's terms."""

from typing import Any

from train.scenario import PloutosConfig
from train.scenario_sections import Distribution

METRIC = "validation_sharpe"
MODE = "max"
TIME = "num_timesteps"
_RUNGS = 3  # halvings of the field, at most, before the last step


def parameter_space(config: PloutosConfig) -> dict[str, Any]:
    """What Tune draws for each trial: the searched parameters and the seed."""
    from ray import tune

    space = {name: _domain(drawn) for name, drawn in config.search.parameters.items()}
    return space | {"seed": tune.choice(list(config.search.seeds))}


def search_algorithm(config: PloutosConfig) -> Any:
    """Random draws, or Optuna's tree-structured Parzen estimator; seeded by the first seed."""
    seed = config.search.seeds[0]
    if config.search.algorithm == "optuna":
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return OptunaSearch(seed=seed)
    from ray.tune.search import BasicVariantGenerator

    return BasicVariantGenerator(random_state=seed)


def trial_scheduler(config: PloutosConfig) -> Any:
    """First come, first served; with `early_stopping`, asynchronous successive halving.

    Li et al., A System for Massively Parallel Hyperparameter Tuning (2020), arXiv 1810.05934.
    """
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    if not config.search.early_stopping:
        return FIFOScheduler()  # type: ignore[no-untyped-call]
    total = config.training.total_timesteps
    return ASHAScheduler(
        time_attr=TIME,
        max_t=total,
        grace_period=max(1, total // 2**_RUNGS),
        reduction_factor=2,
    )


def _domain(drawn: Distribution) -> Any:
    from ray import tune

    if drawn.choice is not None:
        return tune.choice(list(drawn.choice))
    if drawn.uniform is not None:
        return tune.uniform(*drawn.uniform)
    assert drawn.loguniform is not None
    return tune.loguniform(*drawn.loguniform)
