"""What a walk-forward is: its bars and its folds, written down once.

It is asked for by a `SweepRequest`, whose scenario names the folds and what is tried in each.
"""

from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict

from cluster.errors import ConfigError
from cluster.settings import Home
from envs import Market, Window
from features.lake.origins import Origin
from train.bundle.manifest import FoldSpan, SlotSpan
from train.ledger.code_version import code_version
from train.ledger.names import WALK_FILE, WalkFold
from train.market.folds import Fold, walk_forward
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan import SweepRequest, walk_problem
from train.sweep.plan_file import Plan, PlanFile, check_sweep_name

Days = tuple[date, date]


class PlannedFold(BaseModel):
    """One fold; the days are those of whole sessions, both ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: FoldSpan  # bars of the walk's market
    train: Days
    validation: Days
    test: Days


class WalkPlan(Plan):
    """All that it takes to go on with a walk."""

    market: str  # folder in `tables`, features as computed
    fingerprint: str
    slots: SlotSpan | None
    label: str
    interval: str
    folds: tuple[PlannedFold, ...]  # oldest first
    origins: tuple[Origin, ...] = ()
    bars: str = ""  # on which it is, in words

    def fold_sweep(self, fold: int) -> str:
        """The name of the sweep of one fold, counted from 0."""
        return WalkFold(self.name, fold).sweep

    def sweep_request(self, home: Home, fold: int) -> SweepRequest:
        """The sweep of one fold, counted from 0."""
        return SweepRequest(
            config=self.scenario(),
            market=home.tables / self.market,
            label=self.label,
            interval=self.interval,
            home=home,
            name=self.fold_sweep(fold),
            slots=self.slots.rules() if self.slots else None,
            fold=fold,
            walk=self.name,
            origins=self.origins,
            told=self.bars,
        )


WALK_PLANS = PlanFile(WALK_FILE, WalkPlan, noun="walk-forward", list_command="ploutos judge list")


def make_walk_plan(request: SweepRequest) -> WalkPlan:
    """Cut the clock into the scenario's folds and write the plan.

    Raises:
        UsageError: the name is taken, or is none.
        ConfigError: the search would not try the same in every fold.
        DataError: too few sessions for the folds.
    """
    created = datetime.now(UTC)
    config = same_in_every_fold(request.config)
    name = request.name_at(created)
    check_sweep_name(request.home, name)
    for fold in range(config.folds.count):
        check_sweep_name(request.home, WalkFold(name, fold).sweep, is_fold=True)
    market = Market.load(request.market)
    plan = WalkPlan(
        name=name,
        created=created,
        config=config.model_dump(mode="json"),
        market=market.save(request.home.tables).name,
        fingerprint=market.fingerprint,
        slots=request.slot_span(),
        label=request.label,
        interval=request.interval,
        problem=walk_problem(market, request.interval),
        code_version=code_version(),
        folds=tuple(_planned(market, fold) for fold in walk_forward(market.session, config.folds)),
        origins=request.origins,
        bars=request.told,
    )
    WALK_PLANS.write(request.home, plan)
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


def _planned(market: Market, fold: Fold) -> PlannedFold:
    def days(window: Window) -> Days:
        first, last = market.ts[[window.start, window.last]].astype("datetime64[D]").tolist()
        return first, last

    return PlannedFold(
        windows=FoldSpan(**vars(fold)),
        train=days(fold.train),
        validation=days(fold.validation),
        test=days(fold.test),
    )
