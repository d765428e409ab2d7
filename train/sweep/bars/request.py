"""From a scenario and a choice of bars to a `SweepRequest`: the one place that decides."""

from cluster.settings import Home
from train.learners.factory import check_learner
from train.scenarios.scenario import PloutosConfig
from train.sweep.bars.choice import BarsChoice
from train.sweep.bars.from_bars import request_from_file, simulated_request
from train.sweep.bars.from_lake import lake_of, request_from_lake
from train.sweep.plan import SweepRequest
from train.sweep.plan_file import check_sweep_name


def requested(
    config: PloutosConfig, choice: BarsChoice, home: Home, *, name: str = ""
) -> SweepRequest:
    """A sweep as a command line asks for it; `SweepRequest.told` says on which bars.

    Bars come from the lake unless the choice says otherwise. The simulated market takes their
    place only in a home whose lake has no bars but simulated ones.

    Args:
        config: The scenario.
        choice: Of the bars.
        home: Where it is to run.
        name: Of the sweep or walk; "" for scenario and time.

    Raises:
        ConfigError: there is no such learner, or the bars have another interval.
        UsageError: several series of the lake have these bars; the name is taken, or is none.
        DataError: there are no such bars, or a sector scan lacks the home's universe.
    """
    check_learner(config)  # before the features are computed
    if name:
        check_sweep_name(home, name)
    if choice.file is not None:
        return request_from_file(config, choice.file, home, name=name)
    if choice.is_simulated:
        return simulated_request(config, home, name=name, edge=choice.edge or 0.0)
    lake, address = lake_of(choice, home, config.data.interval)
    if choice.source is None and not lake.has_real_bars():
        why = "the lake has simulated bars only" if lake.series() else "the lake is empty"
        return simulated_request(config, home, name=name, why=why)
    return request_from_lake(config, lake, home, address=address, source=choice.source, name=name)
