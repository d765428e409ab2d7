"""What a sweep is: asked for by `SweepRequest`, written down once as a `SweepPlan`.

The plan lies in `sweeps/<name>/sweep.json` of its home. Trials, a resumed driver and readers all
read it from there, so nothing large ever travels inside a configuration.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cluster.errors import UsageError
from cluster.settings import Home
from envs import Market
from features.lake.origins import Origin
from features.slots.bars import SlotRules
from train.bundle.manifest import DataSpan, FoldSpan, Normalisation, SlotSpan
from train.learners.factory import check_learner
from train.ledger.code_version import code_version
from train.ledger.ledger import problem_id
from train.ledger.names import PLAN_FILE, WalkFold
from train.market.folds import Fold, walk_forward
from train.policy.normaliser import Normaliser
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan_file import Plan, PlanFile, check_sweep_name


@dataclass(frozen=True)
class SweepRequest:
    """A sweep to run: `config.search` says what is tried and how often.

    Raises:
        ConfigError: the scenario names a learner that there is not.
    """

    config: PloutosConfig
    market: Path  # a saved Market with raw features
    label: str  # where the bars are from: "SIMULATED", or a source
    interval: str
    home: Home
    name: str = ""  # default: scenario and time
    slots: SlotRules | None = None  # where the market's assets are slots
    origins: tuple[Origin, ...] = ()  # who its bars were had from, where the lake says so
    told: str = ""  # on which bars it is, in words
    fold: int = -1  # which of the scenario's folds; the last one is the newest
    walk: str = ""  # the walk-forward that this is a fold of
    max_concurrent: int | None = None  # trials at a time; default: as many as there are CPUs

    def __post_init__(self) -> None:
        check_learner(self.config)

    def name_at(self, created: datetime) -> str:
        """The name that it was given, else scenario and time."""
        return self.name or f"{self.config.name}-{created:%Y%m%d-%H%M%S}"

    def slot_span(self) -> SlotSpan | None:
        """The rules of its slots as a plan and a manifest hold them."""
        return SlotSpan.model_validate(self.slots.to_dict()) if self.slots else None


class SweepPlan(Plan):
    """All that a trial needs to know, and where its arrays lie."""

    raw_market: str  # folder in `tables`, features as computed
    raw_fingerprint: str
    market: str  # folder in `tables`, features normalised
    fingerprint: str
    normaliser: Normalisation
    fold: FoldSpan
    data: DataSpan
    walk: str = ""  # the walk-forward whose fold this sweep is
    max_concurrent: int | None = None
    slots: SlotSpan | None = None
    bars: str = ""  # on which it is, in words

    @property
    def walk_fold(self) -> WalkFold | None:
        """What it is a fold of; None for a sweep that stands alone, whatever its name."""
        return WalkFold(self.walk, self.fold.index) if self.walk else None

    def trial_id(self, trial: str) -> str:
        """The ledger's name of one of Tune's trials; unique over all sweeps of a home."""
        return f"{self.name}-{trial}"

    def scale(self) -> Normaliser:
        """The normaliser of the training window."""
        return Normaliser.from_dict(self.normaliser.model_dump())


SWEEP_PLANS = PlanFile(PLAN_FILE, SweepPlan, noun="sweep", list_command="ploutos tune list")


def make_plan(request: SweepRequest) -> SweepPlan:
    """Split the clock, measure the features and save the normalised market, then the plan.

    Raises:
        UsageError: the name is taken, or is none.
        DataError: too few sessions for the folds of the scenario.
    """
    created = datetime.now(UTC)
    name = request.name_at(created)
    check_sweep_name(request.home, name, is_fold=bool(request.walk))
    raw = Market.load(request.market)
    fold = _chosen_fold(raw, request)
    scale = Normaliser.fit(raw.features, raw.tradable, fold.train)
    normalised = raw.with_features(scale.apply(raw.features))
    tables = request.home.tables
    plan = SweepPlan(
        name=name,
        created=created,
        config=request.config.model_dump(mode="json"),
        raw_market=raw.save(tables).name,
        raw_fingerprint=raw.fingerprint,
        market=normalised.save(tables).name,
        fingerprint=normalised.fingerprint,
        normaliser=Normalisation.model_validate(scale.to_dict()),
        fold=FoldSpan(
            index=fold.index, train=fold.train, validation=fold.validation, test=fold.test
        ),
        data=_data_span(raw, request),
        problem=walk_problem(raw, request.interval)
        if request.walk
        else problem_id(raw.fingerprint, raw.symbols, request.interval, str(fold)),
        code_version=code_version(),
        walk=request.walk,
        max_concurrent=request.max_concurrent,
        slots=request.slot_span(),
        bars=request.told,
    )
    SWEEP_PLANS.write(request.home, plan)
    return plan


def walk_problem(market: Market, interval: str) -> str:
    """The problem of a walk: the same data, universe and interval, however they are cut."""
    return problem_id(market.fingerprint, market.symbols, interval, "walk")


def _chosen_fold(market: Market, request: SweepRequest) -> Fold:
    folds = walk_forward(market.session, request.config.folds)
    if not -len(folds) <= request.fold < len(folds):
        raise UsageError(
            f"no fold {request.fold}", f"the scenario has {len(folds)}, counted from 0"
        )
    return folds[request.fold]


def _data_span(market: Market, request: SweepRequest) -> DataSpan:
    first, last = (market.ts[index].item().replace(tzinfo=UTC) for index in (0, -1))
    return DataSpan(
        label=request.label,
        interval=request.interval,
        start=first,
        end=last,
        fingerprint=market.fingerprint,
        bars=market.num_bars,
        origins=request.origins or None,
    )
