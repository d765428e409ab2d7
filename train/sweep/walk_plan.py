"""What a walk-forward is: its bars and its folds, written down once.

It is asked for by a `SweepRequest`, whose scenario names the folds and what is tried in each.
"""

from datetime import UTC, date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from cluster.errors import ConfigError, UsageError
from cluster.files import write_atomic
from cluster.settings import Home
from envs import Market
from train.bundle.manifest import FoldSpan, SlotSpan
from train.ledger.names import WALK_FILE, fold_sweep
from train.market.folds import Fold, walk_forward
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan import SweepRequest, check_sweep_name, code_version, parsed_plan, walk_problem

Days = tuple[date, date]


class PlannedFold(BaseModel):
    """One fold; the days are those of whole sessions, both ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: FoldSpan  # bars of the walk's market
    train: Days
    validation: Days
    test: Days


class WalkPlan(BaseModel):
    """All that it takes to go on with a walk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    created: AwareDatetime
    config: dict[str, Any]  # a PloutosConfig
    market: str  # folder in `tables`, features as computed
    fingerprint: str
    slots: SlotSpan | None
    label: str
    interval: str
    problem: str  # of the trial ledger
    code_version: str
    folds: tuple[PlannedFold, ...]  # oldest first

    def scenario(self) -> PloutosConfig:
        """The scenario that every fold runs."""
        return PloutosConfig.model_validate(self.config)

    def sweep_request(self, home: Home, fold: int) -> SweepRequest:
        """The sweep of one fold, counted from 0."""
        return SweepRequest(
            config=self.scenario(),
            market=home.tables / self.market,
            label=self.label,
            interval=self.interval,
            home=home,
            name=fold_sweep(self.name, fold),
            slots=self.slots.rules() if self.slots else None,
            fold=fold,
            walk=self.name,
        )


def make_walk_plan(request: SweepRequest) -> WalkPlan:
    """Cut the clock into the scenario's folds and write the plan.

    Raises:
        UsageError: the name is taken, or is none.
        ConfigError: the search would not try the same in every fold.
        DataError: too few sessions for the folds.
    """
    created = datetime.now(UTC)
    config = same_in_every_fold(request.config)
    name = request.name or f"{config.name}-{created:%Y%m%d-%H%M%S}"
    for taken in (name, *(fold_sweep(name, fold) for fold in range(config.folds.count))):
        check_sweep_name(request.home, taken)
    market = Market.load(request.market)
    plan = WalkPlan(
        name=name,
        created=created,
        config=config.model_dump(mode="json"),
        market=market.save(request.home.tables).name,
        fingerprint=market.fingerprint,
        slots=SlotSpan.model_validate(request.slots.to_dict()) if request.slots else None,
        label=request.label,
        interval=request.interval,
        problem=walk_problem(market, request.interval),
        code_version=code_version(),
        folds=tuple(_planned(market, fold) for fold in walk_forward(market.session, config.folds)),
    )
    text = plan.model_dump_json(indent=2).encode()
    write_atomic(request.home.sweeps / name / WALK_FILE, text)
    return plan


def same_in_every_fold(config: PloutosConfig) -> PloutosConfig:
    """The scenario with a search whose configurations are drawn once, whatever the folds show.

    Raises:
        ConfigError: a population changes its configurations on the way.
    """
    if config.search.scheduler == "pbt":
        raise ConfigError(
            "a walk-forward cannot run a population",
            "pbt changes parameters on the way, so no configuration is the same in two folds",
            "--set search.scheduler=none",
        )
    search = config.search.model_copy(update={"algorithm": "random"})
    return config.model_copy(update={"search": search})


def read_walk(home: Home, name: str) -> WalkPlan:
    """The plan of a walk.

    Raises:
        UsageError: there is no such walk.
        DataError: its plan was damaged.
    """
    path = home.sweeps / name / WALK_FILE
    if not path.is_file():
        raise UsageError(f"no walk-forward {name}", f"{path} is not there", "ploutos judge list")
    return parsed_plan(path, WalkPlan)


def walk_names(home: Home) -> list[str]:
    """The walks of a home, newest first."""
    found = home.sweeps.glob(f"*/{WALK_FILE}")
    dated = sorted(((path.stat().st_mtime_ns, path.parent.name) for path in found), reverse=True)
    return [name for _, name in dated]


def _planned(market: Market, fold: Fold) -> PlannedFold:
    def days(window: tuple[int, int]) -> Days:
        first, last = market.ts[[window[0], window[1] - 1]].astype("datetime64[D]").tolist()
        return first, last

    return PlannedFold(
        windows=FoldSpan(**vars(fold)),
        train=days(fold.train),
        validation=days(fold.validation),
        test=days(fold.test),
    )
